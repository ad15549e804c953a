//! Finding the office somebody means. Names repeat (*Phường 1* ten times in one city), so a name
//! that means several is never guessed.

use crate::outcome::{Candidate, Exit, Failure};
use motcua_core::{
    id::OfficeId,
    trust::{OfficeRecord, TrustView},
};
use unicode_normalization::UnicodeNormalization;

/// The office with this code, id, or unique name (in any case).
///
/// # Errors
/// [`Failure`] of usage if there is none, or several, which are then listed.
pub fn office<'a>(trust: &'a TrustView, wanted: &str) -> Result<&'a OfficeRecord, Failure> {
    let offices = trust.catalogue().map_or(&[][..], |catalogue| catalogue.offices.as_slice());
    let wanted = wanted.trim();
    if let Some(office) = wanted.parse::<OfficeId>().ok().and_then(|id| trust.office(id)) {
        return Ok(office);
    }
    let by_code: Vec<&OfficeRecord> = offices.iter().filter(|o| o.code == wanted).collect();
    let folded = fold(wanted);
    let found = if by_code.is_empty() {
        offices.iter().filter(|office| fold(&office.name) == folded).collect()
    } else {
        by_code
    };
    match found.as_slice() {
        [office] => Ok(office),
        [] => {
            let message = format!("no office has the code, id or name {wanted:?}");
            Err(Failure::usage(message))
        }
        several => {
            let message = format!(
                "{wanted:?} means {} offices; give the code or the id of one:",
                several.len()
            );
            let candidates = several.iter().map(|office| candidate(trust, office)).collect();
            Err(Failure { candidates, ..Failure::new(Exit::Usage, message) })
        }
    }
}

/// Name with that of the office above: `Phường 1, Quận 3`.
pub fn full_name(trust: &TrustView, office: &OfficeRecord) -> String {
    match office.parent.and_then(|parent| trust.office(parent)) {
        Some(parent) => format!("{}, {}", office.name, parent.name),
        None => office.name.clone(),
    }
}

fn candidate(trust: &TrustView, office: &OfficeRecord) -> Candidate {
    Candidate {
        code: office.code.clone(),
        id: office.id.to_string(),
        name: office.name.clone(),
        parent: office.parent.and_then(|parent| trust.office(parent)).map(|p| p.name.clone()),
    }
}

fn fold(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).collect()
}
