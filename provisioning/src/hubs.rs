//! Where the hubs stand: the next root document, in which a hub joins, changes its addresses, comes
//! back or is retired. Offices follow it by themselves.

use crate::{
    city::{HubKeys, HubSpec, serves_all, write_hub},
    deny::publish,
    folder::City,
    hub::HubConsole,
    lookup::office,
    outcome::{Exit, Failure},
};
use motcua_core::{
    id::OfficeId,
    key::SecretKey,
    time::Timestamp,
    trust::{HubRecord, RootDocument, SignedRoot},
};
use motcua_shell::identity::{load_key, replace_file};
use serde::Serialize;
use std::{fs, path::PathBuf};

/// What to change.
#[derive(Debug, Clone, Default)]
pub struct WantedHubs {
    /// Hubs that are to stand at these addresses.
    pub set: Vec<HubSpec>,
    /// Their machines are lost: they get new keys, and a new folder.
    pub new_machine: bool,
    /// Offices, by code, id or name, that are to have no hub.
    pub retire: Vec<String>,
    /// Files of root keys beside those in the city folder.
    pub root_keys: Vec<PathBuf>,
    /// Hubs to publish at.
    pub hubs: Vec<HubConsole>,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// Number of the root document that says so.
    pub number: u64,
    /// Codes of the hubs that were set.
    pub set: Vec<String>,
    /// Codes of those retired.
    pub retired: Vec<String>,
    /// Folders of hubs with new keys, to be copied to them.
    pub folders: Vec<String>,
    /// Hubs that have the document.
    pub published: Vec<String>,
    /// Hubs that could not be told, and why.
    pub not_published: Vec<String>,
}

/// Makes, keeps and publishes the next root document.
///
/// # Errors
/// [`Failure`] in words; nothing is changed then.
pub fn change(city: &mut City, wanted: &WantedHubs, now: Timestamp) -> Result<Done, Failure> {
    let before = city.trust.root().clone();
    let keys = root_keys(city, &wanted.root_keys)?;
    let mut root = before.clone();
    let (mut set, mut retired, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
    for spec in &wanted.set {
        let office = office(&city.trust, &spec.code)?;
        let known = known_hub(city, office.id);
        let record = match known.filter(|_| !wanted.new_machine) {
            Some(known) => HubRecord {
                addresses: spec.addresses.clone(),
                recovery_addresses: spec.recovery_addresses.clone(),
                ..known
            },
            None => {
                let keys = HubKeys::new(spec, office)?;
                root.issuers.push(keys.issuer());
                let record = keys.record();
                fresh.push(keys);
                record
            }
        };
        root.hubs.retain(|hub| hub.office != office.id);
        root.hubs.push(record);
        set.push(office.code.clone());
    }
    for name in &wanted.retire {
        let office = office(&city.trust, name)?;
        root.hubs.retain(|hub| hub.office != office.id);
        retired.push(office.code.clone());
    }
    // In the order of before, so that nothing else of the document changes.
    let place = |hub: &HubRecord| before.hubs.iter().position(|old| old.office == hub.office);
    root.hubs.sort_by_key(|hub| place(hub).unwrap_or(usize::MAX));
    if root.hubs == before.hubs {
        return Err(Failure::new(Exit::Nothing, "the root document says so already"));
    }
    let number = before.number.saturating_add(1);
    let last = city.trust.roots_after(before.number.saturating_sub(1)).last();
    let previous = last.map(|signed| signed.hash()).ok_or_else(|| {
        Failure::failed("the city folder holds no root document; restore its file trust")
    })?;
    let root = RootDocument { number, previous, issued_at: now, ..root };
    let signed = SignedRoot::sign(&root, &keys.iter().collect::<Vec<_>>());
    let mut trust = city.trust.clone();
    signed.and_then(|signed| trust.adopt_root(signed)).map_err(Failure::failed)?;
    serves_all(&trust)?;
    let mut done = Done {
        number,
        set,
        retired,
        folders: Vec::new(),
        published: Vec::new(),
        not_published: Vec::new(),
    };
    for keys in fresh {
        let plan = keys.finish(&trust, now)?;
        let folder = city.dir.join("hubs").join(&plan.spec.code);
        if folder.symlink_metadata().is_ok() {
            let message = format!(
                "{} exists already: it holds the keys of the hub's machine of before; move it away",
                folder.display()
            );
            return Err(Failure::new(Exit::Refused, message));
        }
        write_hub(&folder, &plan)?;
        done.folders.push(folder.display().to_string());
    }
    replace_file(&city.dir.join("trust"), &trust.to_bytes()).map_err(Failure::failed)?;
    city.trust = trust;
    for hub in &wanted.hubs {
        match publish(city, hub) {
            Ok(_) => done.published.push(hub.to_string()),
            Err(failure) => done.not_published.push(failure.message),
        }
    }
    Ok(done)
}

/// The hub of an office in the newest root document that named one: a hub that comes back is the
/// machine it was.
fn known_hub(city: &City, office: OfficeId) -> Option<HubRecord> {
    let chain = city.trust.roots_after(0).iter().rev();
    let documents = chain.filter_map(|signed| signed.read().ok());
    documents.flat_map(|root| root.hubs).find(|hub| hub.office == office)
}

/// Root keys that are here and in force, as many as must sign.
fn root_keys(city: &City, beside: &[PathBuf]) -> Result<Vec<SecretKey>, Failure> {
    let secret = city.dir.join("secret");
    let mut files: Vec<PathBuf> = fs::read_dir(&secret)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.retain(|file| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("root-") && name.ends_with(".key")
    });
    files.extend_from_slice(beside);
    files.sort();
    let root = city.trust.root();
    let mut keys: Vec<SecretKey> = Vec::new();
    for file in files {
        let key = load_key(&file).map_err(Failure::failed)?;
        let public = key.public();
        let known = keys.iter().any(|other| other.public() == public);
        if !known && root.roots.contains(&public) {
            keys.push(key);
        }
    }
    if keys.len() >= usize::from(root.threshold) {
        return Ok(keys);
    }
    let message = format!(
        "{} root keys of this city are here and {} must sign: fetch them from their safes and name \
         each with --root-key FILE",
        keys.len(),
        root.threshold
    );
    Err(Failure::new(Exit::Refused, message))
}
