//! Facts as bytes, without the document: what a hub shows a machine whose histories are still to
//! come.
//!
//! ```text
//! per fact, sorted by id: tag 1, id, json length uleb, json
//! tag: bits 0-5 kind (its place in the registry), bits 6-7 form of the id:
//!   0  the id before it plus one, as within one change
//!   1  a ULID as 16 bytes, big-endian
//!   2  length 1 and text: whatever else a writer used
//! ```

use crate::fact::{Fact, Kind};

/// Facts of one image: as many as one dossier can have in 128 KiB.
const FACTS: usize = 16 * 1024;

const NEXT: u8 = 0;
const ULID: u8 = 1;
const TEXT: u8 = 2;

/// The bytes of facts, sorted; `None` where an id is longer than any writer makes them.
pub fn encode(facts: &[Fact]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(facts.iter().map(|fact| fact.json.len() + 20).sum());
    let mut before: Option<u128> = None;
    for fact in facts {
        let number = ulid(&fact.id);
        let kind = fact.kind as u8;
        match number {
            Some(number) if before.and_then(|before| before.checked_add(1)) == Some(number) => {
                out.push(kind | NEXT << 6);
            }
            Some(number) => {
                out.push(kind | ULID << 6);
                out.extend_from_slice(&number.to_be_bytes());
            }
            None => {
                out.push(kind | TEXT << 6);
                out.push(u8::try_from(fact.id.len()).ok()?);
                out.extend_from_slice(fact.id.as_bytes());
            }
        }
        before = number;
        put_length(&mut out, fact.json.len());
        out.extend_from_slice(fact.json.as_bytes());
    }
    Some(out)
}

/// The facts; `None` for bytes that are none, and for kinds of later schemas.
pub fn decode(mut bytes: &[u8]) -> Option<Vec<Fact>> {
    let mut facts = Vec::new();
    let mut before: Option<u128> = None;
    while let Some(tag) = take(&mut bytes, 1) {
        let kind = Kind::from_code(tag[0] & 0x3f)?;
        let (number, id) = match tag[0] >> 6 {
            NEXT => {
                let number = before?.checked_add(1)?;
                (Some(number), text(number))
            }
            ULID => {
                let number = u128::from_be_bytes(take(&mut bytes, 16)?.try_into().ok()?);
                (Some(number), text(number))
            }
            TEXT => {
                let length = usize::from(take(&mut bytes, 1)?[0]);
                (None, String::from_utf8(take(&mut bytes, length)?.to_vec()).ok()?)
            }
            _ => return None,
        };
        before = number;
        let length = take_length(&mut bytes)?;
        let json = std::str::from_utf8(take(&mut bytes, length)?).ok()?.to_owned();
        facts.push(Fact { id, kind, json });
        if facts.len() > FACTS {
            return None;
        }
    }
    (bytes.is_empty() && facts.is_sorted()).then_some(facts)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(head)
}

fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0usize;
    for shift in [0, 7, 14, 21] {
        let byte = take(bytes, 1)?[0];
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

/// Crockford's base 32, as in ULIDs.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LETTERS: usize = 26;

/// The number of a ULID in its one spelling; `None` for any other text.
fn ulid(id: &str) -> Option<u128> {
    if id.len() != LETTERS || id.as_bytes()[0] > b'7' {
        return None;
    }
    id.bytes().try_fold(0u128, |number, letter| {
        let digit = DIGITS.binary_search(&letter).ok()?;
        Some(number << 5 | digit as u128)
    })
}

fn text(number: u128) -> String {
    (0..LETTERS)
        .rev()
        .map(|place| char::from(DIGITS[(number >> (5 * place)) as usize & 31]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fact(id: &str, kind: Kind, json: &str) -> Fact {
        Fact { id: id.into(), kind, json: json.into() }
    }

    #[test]
    fn facts_come_back_as_they_were_whatever_their_ids() {
        let mut facts = vec![
            fact("01JCXW6N3Q9V7S2Z5K8M4P1R0T", Kind::Applicant, r#"{"name":"Nguyễn Thị Ánh"}"#),
            fact("01JCXW6N3Q9V7S2Z5K8M4P1R0V", Kind::Request, "{}"),
            fact("01JCXW6N3Q9V7S2Z5K8M4P1R10", Kind::Paper, "x".repeat(300).as_str()),
            fact("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", Kind::Note, ""),
            fact("8ZZZZZZZZZZZZZZZZZZZZZZZZZ", Kind::Note, "too large for a ULID"),
            fact("01jcxw6n3q9v7s2z5k8m4p1r0t", Kind::State, "not its one spelling"),
            fact("", Kind::Due, "nameless"),
            fact("được", Kind::Code, "a word"),
        ];
        facts.sort();
        let bytes = encode(&facts).expect("short ids");
        assert_eq!(decode(&bytes).as_deref(), Some(facts.as_slice()));
        assert_eq!(encode(&[fact(&"x".repeat(300), Kind::Note, "")]), None);
    }

    #[test]
    fn facts_of_one_change_cost_one_id() {
        let change: Vec<Fact> =
            (0..9u128).map(|at| fact(&text(0x0123_4567_89ab << 80 | at), Kind::Note, "")).collect();
        assert_eq!(encode(&change).map(|bytes| bytes.len()), Some(16 + 9 * 2));
    }

    proptest! {
        #[test]
        fn strangers_bytes_give_facts_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(facts) = decode(&bytes) {
                prop_assert!(encode(&facts).is_some());
            }
        }
    }
}
