//! Registrar's acts: offices join or leave a dossier although nobody who takes part can say so any
//! more. Written as a file that any hub carries in.

use crate::{
    folder::City,
    lookup::office,
    outcome::{Exit, Failure},
};
use motcua_core::{
    entry::Role,
    id::{DossierId, Nonce},
    time::Timestamp,
    trust::{ActStep, RegistrarAct, Signed},
};
use std::path::Path;

/// What to say.
#[derive(Debug, Clone)]
pub struct WantedAct {
    /// Which dossier.
    pub dossier: DossierId,
    /// Offices that join, each as `OFFICE` or `OFFICE:ROLE`.
    pub assign: Vec<String>,
    /// Offices that leave, likewise; without a role, in all of them.
    pub release: Vec<String>,
    /// Why.
    pub reason: String,
}

const ROLES: [(&str, Role); 4] = [
    ("desk", Role::Desk),
    ("received", Role::ReceivedBy),
    ("competent", Role::Competent),
    ("returns", Role::Returns),
];

/// The signed act.
///
/// # Errors
/// [`Failure`] in words.
pub fn sign(city: &City, wanted: &WantedAct, now: Timestamp) -> Result<Signed, Failure> {
    let registrar = city.registrar()?;
    let mut steps = Vec::new();
    for text in &wanted.assign {
        let (office, role) = place(city, text)?;
        steps.push(ActStep { joins: true, role: role.unwrap_or(Role::Desk).byte(), office });
    }
    for text in &wanted.release {
        let (office, role) = place(city, text)?;
        let roles = ROLES.into_iter().map(|(_, one)| one);
        let roles = roles.filter(|one| role.is_none_or(|role| role == *one));
        steps.extend(roles.map(|role| ActStep { joins: false, role: role.byte(), office }));
    }
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| Failure::failed(format!("the system gave no random bytes: {error}")))?;
    let act = RegistrarAct {
        domain: city.trust.domain(),
        id: Nonce(id),
        root: city.trust.root().number,
        dossier: wanted.dossier,
        steps,
        reason: wanted.reason.clone(),
        issued_at: now,
    };
    Signed::sign(&registrar, &act).map_err(|error| Failure::usage(error.to_string()))
}

/// Writes the act to a new file.
///
/// # Errors
/// [`Failure`] if the file exists or cannot be written.
pub fn write(out: &Path, act: &Signed) -> Result<(), Failure> {
    if out.exists() {
        let message = format!("{} exists already and is not replaced", out.display());
        return Err(Failure::new(Exit::Refused, message));
    }
    motcua_shell::identity::replace_file(out, &act.encode()).map_err(Failure::failed)
}

fn place(city: &City, text: &str) -> Result<(motcua_core::id::OfficeId, Option<Role>), Failure> {
    let (name, role) = match text.rsplit_once(':') {
        None => (text, None),
        Some((name, word)) => {
            let known = ROLES.into_iter().find(|(known, _)| *known == word);
            let (_, role) = known.ok_or_else(|| {
                Failure::usage(format!(
                    "{word:?} is no role; one of desk, received, competent, returns"
                ))
            })?;
            (name, Some(role))
        }
    };
    Ok((office(&city.trust, name)?.id, role))
}
