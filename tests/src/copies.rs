//! Data directories copied and put back behind a process's back, as a snapshot, a backup of the whole
//! disk or a cloned stick does it.

use crate::{
    binaries::Binaries,
    city::{City, Site},
    ports,
    process::{Process, Recipe},
};
use anyhow::{Context, ensure};
use motcua_shell::program::TOKEN_FILE;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A data directory as it was at one moment.
#[derive(Debug)]
pub struct Copy {
    dir: PathBuf,
}

impl Copy {
    /// Copies the data directory of a site, which must not run.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(city: &mut City, code: &str, name: &str) -> anyhow::Result<Self> {
        let dir = city.dir.join("copies").join(format!("{code}-{name}"));
        let site = city.site(code);
        ensure!(site.process.id().is_none(), "{} runs; a copy would be of no moment", site.name);
        copy_folder(&site.data, &dir)?;
        Ok(Self { dir })
    }

    /// Puts it where the site's data directory is, which is thrown away. The site must not run.
    ///
    /// # Errors
    /// What the system says.
    pub fn put_back(&self, site: &Site) -> anyhow::Result<()> {
        ensure!(site.process.id().is_none(), "{} runs", site.name);
        fs::remove_dir_all(&site.data).with_context(|| format!("{}", site.data.display()))?;
        copy_folder(&self.dir, &site.data)
    }

    /// The copy is not needed any more.
    pub fn discard(self) {
        // What is left takes room until the city's folder goes, and nothing else.
        let _ = fs::remove_dir_all(&self.dir);
    }

    /// A second machine from the same disk, on a page of its own; not started yet.
    ///
    /// # Errors
    /// What the system says.
    pub fn clone_node(&self, city: &City, code: &str) -> anyhow::Result<Process> {
        let data = city.dir.join("nodes").join(format!("{code}-twin"));
        copy_folder(&self.dir, &data)?;
        let (file, http) = (data.join("node.toml"), ports::free()?);
        let settings = format!("data_dir = \".\"\nhttp_listen = \"{http}\"\nlog = \"info\"\n");
        fs::write(&file, settings)?;
        Ok(Process::new(Recipe {
            name: format!("the copied machine of {code}"),
            program: Binaries::ready()?.node.clone(),
            args: vec!["run".into(), "--config".into(), file.display().to_string()],
            http,
            log: city.dir.join("logs").join(format!("{code}-twin.log")),
            token: None,
        }))
    }

    /// Puts a hub's copy on another machine: the site is that machine from now on, reached without
    /// a line of the harness. Gives its addresses as the provisioning tool takes them.
    ///
    /// # Errors
    /// What the system says.
    pub fn promote(&self, city: &mut City, code: &str) -> anyhow::Result<String> {
        let data = city.dir.join("standby").join(code);
        copy_folder(&self.dir, &data)?;
        let file = data.join("hub.toml");
        let (links, recovery, http) = (ports::free()?, ports::free()?, ports::free()?);
        let settings = format!(
            "data_dir = \".\"\nlisten = \"{links}\"\nrecovery_listen = \"{recovery}\"\n\
             http_listen = \"{http}\"\nlog = \"info\"\n"
        );
        fs::write(&file, settings)?;
        let log = city.dir.join("logs").join(format!("{code}-standby.log"));
        let site = city.site(code);
        site.process = Process::new(Recipe {
            name: format!("the standby of {}", site.name),
            program: Binaries::ready()?.hub.clone(),
            args: vec!["run".into(), "--config".into(), file.display().to_string()],
            http,
            log,
            token: Some(data.join(TOKEN_FILE)),
        });
        (site.data, site.page) = (data, http);
        Ok(format!("{code}={links},recovery={recovery}"))
    }
}

/// Everything in it, times and locks aside.
fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("{}", from.display()))? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| format!("{}", path.display()))?;
        }
    }
    Ok(())
}
