//! Join bundles for machines, and the list of what was made.

use crate::{
    folder::City,
    lookup::{full_name, office},
    outcome::{Exit, Failure},
};
use motcua_core::{
    id::Nonce,
    time::Timestamp,
    trust::{JoinBundle, JoinToken, NodeKind, Signed},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// What to make.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// Code, id or unique name of the office.
    pub office: String,
    /// Which machine of the office, from 1.
    pub slot: u16,
    /// How many machines the office is to have.
    pub slots: u16,
    /// How long it may be used, in milliseconds.
    pub lifetime_ms: i64,
    /// The bundle file to write.
    pub out: PathBuf,
}

/// What was made; kept in `tokens/`, without the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Token id, hex.
    pub token: String,
    /// Administrative code of the office.
    pub code: String,
    /// Office id, hex.
    pub office: String,
    /// Name with that of the office above.
    pub name: String,
    /// Which machine, from 1.
    pub slot: u16,
    /// Of how many.
    pub slots: u16,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// Whether a machine with these numbers, or some of them, may have been there before.
    #[serde(default)]
    pub replaces: bool,
    /// Where the bundle was written.
    pub file: String,
}

/// Whether two machines, each (which from 0, of how many), are given a number in common: machine
/// `slot` of `slots` takes every block of the day that leaves the remainder `slot`.
fn shares_numbers((a, of_a): (u16, u16), (b, of_b): (u16, u16)) -> bool {
    let (mut common, mut rest) = (of_a.max(1), of_b.max(1));
    while rest > 0 {
        (common, rest) = (rest, common % rest);
    }
    a % common == b % common
}

/// Makes a join bundle. An existing file is never replaced.
///
/// # Errors
/// [`Failure`] in words; nothing is left behind.
pub fn create(city: &City, wanted: &CreateToken, now: Timestamp) -> Result<TokenRecord, Failure> {
    let trust = &city.trust;
    if wanted.slot == 0 || wanted.slot > wanted.slots {
        let (slot, slots) = (wanted.slot, wanted.slots);
        return Err(Failure::usage(format!("slot {slot} is not between 1 and {slots} (--slots)")));
    }
    let office = office(trust, &wanted.office)?;
    let name = full_name(trust, office);
    let hub = trust.hub_for(office.id).ok_or_else(|| {
        Failure::new(Exit::Refused, format!("no hub serves {name}; add one to the root document"))
    })?;
    let registrar = city.registrar()?;
    let mine = (wanted.slot - 1, wanted.slots);
    let replaces = list(city)?.iter().any(|old| {
        old.office == office.id.to_string()
            && shares_numbers((old.slot.saturating_sub(1), old.slots), mine)
    });
    let token = JoinToken {
        domain: trust.domain(),
        id: random_id()?,
        office: office.id,
        kind: NodeKind::Node,
        slot: wanted.slot - 1,
        slots: wanted.slots,
        expires_at: Timestamp(now.0.saturating_add(wanted.lifetime_ms)),
    };
    let bundle = JoinBundle {
        domain: trust.domain(),
        root_pin: trust.pin(),
        hub_key: hub.key,
        hub_addresses: hub.recovery().to_vec(),
        office_name: name.clone(),
        token: Signed::sign(&registrar, &token).map_err(Failure::failed)?,
        replaces,
    };
    let text = bundle.to_text().map_err(Failure::failed)?;
    let record = TokenRecord {
        token: token.id.to_string(),
        code: office.code.clone(),
        office: office.id.to_string(),
        name,
        slot: wanted.slot,
        slots: wanted.slots,
        created_at: now.0,
        expires_at: token.expires_at.0,
        replaces,
        file: wanted.out.display().to_string(),
    };
    write_both(city, &record, &wanted.out, &text)?;
    Ok(record)
}

/// Every token made from this folder, oldest first.
///
/// # Errors
/// [`Failure`] if a record cannot be read.
pub fn list(city: &City) -> Result<Vec<TokenRecord>, Failure> {
    let folder = city.tokens();
    let unreadable = |file: &Path, why: &dyn std::fmt::Display| {
        Failure::failed(format!("{}: {why}", file.display()))
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(unreadable(&folder, &error)),
    };
    let mut records = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| unreadable(&folder, &error))?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            let bytes = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
            let record: TokenRecord =
                serde_json::from_slice(&bytes).map_err(|error| unreadable(&file, &error))?;
            records.push(record);
        }
    }
    records.sort_by(|a, b| (a.created_at, &a.token).cmp(&(b.created_at, &b.token)));
    Ok(records)
}

/// The bundle last: a record without a bundle is a line too many, a bundle without a record would
/// be a key nobody knows of.
fn write_both(city: &City, record: &TokenRecord, out: &Path, text: &str) -> Result<(), Failure> {
    let taken = || {
        let message =
            format!("{} exists already and is not replaced; give another --out", out.display());
        Failure::new(Exit::Refused, message)
    };
    if out.exists() {
        return Err(taken());
    }
    let json = serde_json::to_vec_pretty(record).map_err(Failure::failed)?;
    let file = city.tokens().join(format!("{}.json", record.token));
    write_new(&file, &json).map_err(|error| {
        Failure::failed(format!("{} cannot be written: {error}", file.display()))
    })?;
    write_new(out, text.as_bytes()).map_err(|error| {
        let _ = fs::remove_file(&file);
        match error.kind() {
            io::ErrorKind::AlreadyExists => taken(),
            _ => {
                let _ = fs::remove_file(out);
                Failure::failed(format!("{} cannot be written: {error}", out.display()))
            }
        }
    })
}

/// A new file for the owner only, on disk before this returns.
fn write_new(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    opened.write_all(bytes)?;
    opened.sync_all()?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn random_id() -> Result<Nonce, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(format!("the system gave no random bytes: {error}")))?;
    Ok(Nonce(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_share_numbers_as_their_blocks_meet() {
        for of_a in 1..6 {
            for of_b in 1..6 {
                for (a, b) in (0..of_a).flat_map(|a| (0..of_b).map(move |b| (a, b))) {
                    let meets =
                        (0..of_a * of_b).any(|block| block % of_a == a && block % of_b == b);
                    assert_eq!(
                        shares_numbers((a, of_a), (b, of_b)),
                        meets,
                        "{a}/{of_a} {b}/{of_b}"
                    );
                }
            }
        }
    }
}
