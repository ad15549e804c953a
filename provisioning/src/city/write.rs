//! A city on disk: everything in a folder beside the wanted one, synced, then renamed. A cut leaves
//! no city or a whole one.

use super::{HubPlan, Plan};
use crate::{
    codes::INVENTED,
    outcome::{Exit, Failure},
};
use motcua_core::trust::TrustView;
use motcua_shell::identity::{IdentityError, replace_file, save_key};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

impl Plan {
    /// Writes the city folder; an existing one is never replaced.
    ///
    /// # Errors
    /// [`Failure`] in words; nothing is left behind.
    pub fn write(&self, out: &Path) -> Result<(), Failure> {
        if out.symlink_metadata().is_ok() {
            let message =
                format!("{} exists already and is not replaced; give another --out", out.display());
            return Err(Failure::new(Exit::Refused, message));
        }
        let beside = beside(out)?;
        let done = self.write_into(&beside).and_then(|()| {
            fs::rename(&beside, out)
                .and_then(|()| sync(parent(out)))
                .map_err(|error| Failure::failed(format!("{}: {error}", out.display())))
        });
        if done.is_err() {
            // Holds fresh secrets that nobody will use.
            let _ = fs::remove_dir_all(&beside);
        }
        done
    }

    fn write_into(&self, dir: &Path) -> Result<(), Failure> {
        for folder in ["", "secret", "hubs", "tokens"] {
            make(&dir.join(folder))?;
        }
        for (number, key) in (1..).zip(&self.roots) {
            save(&dir.join(format!("secret/root-{number}.key")), key)?;
        }
        save(&dir.join("secret/registrar.key"), &self.registrar)?;
        save(&dir.join("secret/denial.key"), &self.denial)?;
        for hub in &self.hubs {
            write_hub(&dir.join("hubs").join(&hub.spec.code), hub)?;
        }
        file(&dir.join("offices.csv"), &offices_csv(&self.trust)?)?;
        file(&dir.join("trust"), &self.trust.to_bytes())
    }
}

pub(crate) fn write_hub(dir: &Path, hub: &HubPlan) -> Result<(), Failure> {
    make(dir)?;
    hub.identity.save(dir).map_err(failed)?;
    file(&dir.join("hub.toml"), hub_toml(hub).as_bytes())
}

fn hub_toml(hub: &HubPlan) -> String {
    let port = |addresses: &[String]| {
        addresses.first().and_then(|a| a.rsplit_once(':')).map(|(_, port)| port.to_owned())
    };
    let data = port(&hub.spec.addresses).unwrap_or_else(|| "4433".to_owned());
    let recovery = port(&hub.spec.recovery_addresses).filter(|port| *port != data);
    let recovery = recovery.map_or_else(String::new, |port| {
        format!(
            "# UDP and TCP address of the recovery ALPN.\nrecovery_listen = \"0.0.0.0:{port}\"\n"
        )
    });
    format!(
        "# Identity and data of the hub, relative to this file.\ndata_dir = \".\"\n\
         # UDP and TCP address of links; must be reachable as {}.\nlisten = \"0.0.0.0:{data}\"\n\
         {recovery}\
         # TCP address of console, metrics and public look-up. Who may log in at the console:\n\
         # motcua-hub operator add NAME --config hub.toml\nhttp_listen = \"127.0.0.1:8080\"\n\
         log = \"info\"\n",
        hub.spec.addresses.join(", ")
    )
}

fn offices_csv(trust: &TrustView) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut row = |fields: [&str; 6]| writer.write_record(fields).map_err(failed);
    row(["gso_code", "org_code", "office_id", "name", "tier", "parent_gso_code"])?;
    for office in trust.catalogue().map_or(&[][..], |catalogue| catalogue.offices.as_slice()) {
        let parent = office.parent.and_then(|parent| trust.office(parent));
        let parent = parent.map_or("", |parent| parent.code.as_str());
        let id = office.id.to_string();
        row([&office.code, &office.org_code, &id, &office.name, office.tier.word(), parent])?;
    }
    let rows = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    Ok([format!("# {INVENTED}\n").as_bytes(), &rows].concat())
}

/// A folder of our own on the same file system.
fn beside(out: &Path) -> Result<PathBuf, Failure> {
    let name = out.file_name().ok_or_else(|| {
        Failure::usage(format!("{} is not a name for a new folder", out.display()))
    })?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.new", std::process::id()));
    Ok(parent(out).join(hidden))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make(dir: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .mode(0o700)
        .create(dir)
        .and_then(|()| sync(parent(dir)))
        .map_err(|error| Failure::failed(format!("{} cannot be made: {error}", dir.display())))
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn save(path: &Path, key: &motcua_core::key::SecretKey) -> Result<(), Failure> {
    save_key(path, key).map_err(failed)
}

fn file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace_file(path, bytes).map_err(|error: IdentityError| failed(error))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::failed(error)
}
