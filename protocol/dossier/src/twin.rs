//! Dossiers that may be one registered twice: the same procedure for the same person within a few days.
//! They are shown beside each other, and nothing else happens to them: both have a printed code, and
//! whether they are one only a person can tell.

use crate::{search::fold, view::View};
use motcua_core::hash::{Context, derive};

/// How far apart two receptions may be. A lost answer is repeated within minutes, a citizen who was
/// sent away with the wrong receipt comes back within the week; what comes later is a new matter.
pub const APART_MILLIS: i64 = 7 * 86_400_000;

/// What is compared: eight bytes for name and procedure, when it was received, and what tells people
/// of one name apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twin {
    /// Stands for name and procedure.
    pub group: [u8; 8],
    /// Reception, Unix milliseconds.
    pub received: i64,
    /// Identity card, birth date and telephone, four bytes of a hash each; zero where none was given.
    pub person: [[u8; 4]; 3],
}

impl Twin {
    /// Of a dossier; none where it has no name, was not received, or is void.
    pub fn of(view: &View) -> Option<Self> {
        if view.standing.is_void() {
            return None;
        }
        let applicant = &view.applicant;
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        Some(Self {
            group: group(&applicant.name, &view.summary.procedure)?,
            received: view.summary.received?,
            person: [
                brief(&digits(&applicant.id_number)),
                brief(applicant.birth_date.as_deref().unwrap_or_default()),
                brief(&digits(&applicant.phone)),
            ],
        })
    }

    /// Whether both may be the same matter of the same person.
    pub fn may_be(&self, other: &Self) -> bool {
        let near = self.received.abs_diff(other.received) <= APART_MILLIS.unsigned_abs();
        let pairs = || self.person.iter().zip(&other.person);
        let both = |(one, other): &(&[u8; 4], &[u8; 4])| **one != [0; 4] && **other != [0; 4];
        // A telephone may be anybody's in the family; a card or a birth date is not.
        let apart = pairs().take(2).filter(both).any(|(one, other)| one != other);
        let agree = pairs().filter(both).any(|(one, other)| one == other);
        let unknown = self.person == [[0; 4]; 3] || other.person == [[0; 4]; 3];
        self.group == other.group && near && !apart && (agree || unknown)
    }
}

/// Stands for a name, however it is spelt, and a procedure; none without a name.
pub fn group(name: &str, procedure: &str) -> Option<[u8; 8]> {
    let name = fold(name);
    if name.is_empty() {
        return None;
    }
    let hash = derive(Context::Document, &[b"twin", name.as_bytes(), b"\0", procedure.as_bytes()]);
    hash.0[..8].try_into().ok()
}

fn brief(text: &str) -> [u8; 4] {
    if text.is_empty() {
        return [0; 4];
    }
    let hash = derive(Context::Document, &[b"twin", text.as_bytes()]).0;
    [hash[0], hash[1], hash[2], hash[3].max(1)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{fact::Applicant, view::view};

    fn twin(name: &str, card: &str, birth: &str, phone: &str, received: i64) -> Twin {
        let mut view = view(&[]);
        view.applicant = Applicant {
            name: name.into(),
            id_number: card.into(),
            birth_date: Some(birth.to_owned()).filter(|text| !text.is_empty()),
            phone: phone.into(),
            ..Applicant::default()
        };
        view.summary.procedure = "1.001193".into();
        view.summary.received = Some(received);
        Twin::of(&view).unwrap()
    }

    #[test]
    fn the_same_person_twice_is_found_and_a_namesake_is_not() {
        let one = twin("Nguyễn Văn Mẫu", "079185001235", "1990", "0909", 0);
        let may = |other: Twin| one.may_be(&other) && other.may_be(&one);
        assert!(may(one));
        assert!(may(twin("NGUYEN VAN MAU", "079 185 001 235", "", "", 5)), "spelt otherwise");
        assert!(may(twin("Nguyễn Văn Mẫu", "", "", "", 5)), "nothing else is known");
        assert!(!may(twin("Nguyễn Văn Mẫu", "079185001236", "1990", "0909", 5)), "another card");
        assert!(!may(twin("Nguyễn Văn Mẫu", "", "1991", "0909", 5)), "another birth");
        assert!(!may(twin("Nguyễn Văn Mẫu", "", "", "0910", 5)), "nothing agrees");
        assert!(!may(twin("Nguyễn Văn Mậu", "079185001235", "1990", "0909", APART_MILLIS + 1)));
        assert!(!may(twin("Trần Văn Mẫu", "079185001235", "1990", "0909", 5)), "another name");
    }
}
