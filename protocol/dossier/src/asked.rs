//! A request that may be repeated, as it stands in the act that it caused: so that every machine that
//! holds the dossier gives the same answer to its key, and can name what differs in another request
//! under the same key.
//!
//! Nothing of what was asked can be read from it: each field is four bytes of a hash under the caller's
//! key, and the key itself does not travel.

use crate::fact::Fact;
use motcua_core::{
    hash::{Context, derive},
    id::Hash,
    record::RequestKey,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes kept of each field: two that differ are taken for the same once in 4 * 10^9, and only where
/// nothing else in the request differs.
const FIELD_BYTES: usize = 4;

/// What was asked under a key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Asked {
    /// The caller's key, hashed; 32 hexadecimal digits.
    pub key: String,
    /// Each field that said something, hashed.
    pub fields: BTreeMap<String, String>,
}

impl Asked {
    /// What was asked under `key`: names of fields with what they say. What is empty says nothing.
    pub fn new<'a>(key: &str, fields: impl IntoIterator<Item = (String, &'a str)>) -> Self {
        let fields = fields.into_iter().filter(|(_, said)| !said.is_empty());
        let hashed = |name: &str, said: &str| {
            // Lengths first, so that no two lists of parts run together.
            let lengths = [key.len() as u64, name.len() as u64].map(u64::to_be_bytes).concat();
            let parts = [b"asked", lengths.as_slice(), key.as_bytes(), name.as_bytes()];
            hex(&derive(Context::Document, &[&parts.concat(), said.as_bytes()]).0[..FIELD_BYTES])
        };
        let fields = fields.map(|(name, said)| {
            let hash = hashed(&name, said);
            (name, hash)
        });
        Self { key: hex(&name_of(key)), fields: fields.collect() }
    }

    /// The same for the journal: the key, and one hash over all that was asked.
    pub fn request(&self) -> Option<RequestKey> {
        let parts: Vec<&[u8]> = self
            .fields
            .iter()
            .flat_map(|(name, hash)| [name.as_bytes(), b"\0", hash.as_bytes(), b"\0"])
            .collect();
        Some(RequestKey { key: unhex(&self.key)?, body: derive(Context::Document, &parts) })
    }

    /// Fields in which another request differs, sorted.
    pub fn differs(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.fields.keys().chain(other.fields.keys()).collect();
        let differ = |name: &&&String| self.fields.get(**name) != other.fields.get(**name);
        names.iter().filter(differ).map(|name| (*name).clone()).collect()
    }
}

/// Sixteen bytes that stand for a caller's key.
/// The 16 bytes that stand for a caller's key.
pub fn name_of(key: &str) -> [u8; 16] {
    let Hash(hash) = derive(Context::Document, &[b"request key", key.as_bytes()]);
    let mut name = [0; 16];
    name.copy_from_slice(&hash[..16]);
    name
}

/// Requests that caused acts of a dossier, with the id of the fact that says so, oldest first.
pub fn requests(facts: &[Fact]) -> impl Iterator<Item = (&Fact, Asked)> {
    #[derive(Deserialize)]
    struct Act {
        under: Asked,
    }
    // Most facts have none, and parsing is dear.
    let likely = facts.iter().filter(|fact| fact.json.contains("\"under\":"));
    likely.filter_map(|fact| Some((fact, fact.read::<Act>()?.under)))
}

/// The key of a request as 16 bytes; none where it is not well formed.
pub fn key_bytes(asked: &Asked) -> Option<[u8; 16]> {
    unhex(&asked.key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fact::{Act, Kind, Note};

    fn asked(key: &str, fields: &[(&str, &str)]) -> Asked {
        Asked::new(key, fields.iter().map(|(name, said)| ((*name).to_owned(), *said)))
    }

    #[test]
    fn what_differs_is_named_and_what_is_empty_says_nothing() {
        let one = asked("k", &[("name", "An"), ("phone", "09"), ("email", "")]);
        let other = asked("k", &[("name", "Anh"), ("phone", "09"), ("fee", "5")]);
        assert_eq!(one.differs(&other), ["fee", "name"]);
        assert_eq!(one.differs(&asked("k", &[("phone", "09"), ("name", "An")])), [""; 0]);
        assert_ne!(one.request(), other.request());
        assert_eq!(one.request().unwrap().key, other.request().unwrap().key);
    }

    #[test]
    fn nothing_is_learnt_of_a_field_without_the_callers_key() {
        let one = asked("k", &[("name", "An")]);
        let other = asked("l", &[("name", "An")]);
        assert_ne!(one.fields, other.fields);
        assert_ne!(asked("k", &[("na", "meAn")]).fields["na"], one.fields["name"]);
        assert!(!serde_json::to_string(&one).unwrap().contains("An"));
    }

    #[test]
    fn a_request_is_read_back_from_the_act_that_it_caused() {
        let asked = asked("k", &[("text", "a")]);
        let act = Act { asked: Some(asked.clone()), ..Act::default() };
        let note = |act| Fact::new(Kind::Note, "1".into(), &Note { text: "a".into(), act });
        let facts = [note(Act::default()), note(act)];
        let found: Vec<Asked> = requests(&facts).map(|(_, asked)| asked).collect();
        assert_eq!(found, [asked]);
        let odd = Fact { json: r#"{"under":{"key":5}}"#.into(), ..note(Act::default()) };
        assert_eq!(requests(&[odd]).count(), 0);
    }
}
