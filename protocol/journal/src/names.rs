//! File names: `<lane>-<number>-<first LSN>.seg` while appended, `.sealed` when compressed, both
//! numbers in 16 hex digits; `.tmp` is never acknowledged, `.bad` is set aside.

use crate::{
    Lane, Lsn,
    error::{JournalError, Result},
    fs::Fs,
    limits,
};
use std::path::Path;

/// What a file name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) lane: Lane,
    pub(crate) seq: u64,
    pub(crate) first: Lsn,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    Sealed,
    /// Set aside earlier.
    Bad,
}

pub(crate) fn raw(lane: Lane, seq: u64, first: Lsn) -> String {
    format!("{lane}-{seq:016x}-{first:016x}.seg")
}

pub(crate) fn sealed(lane: Lane, seq: u64, first: Lsn) -> String {
    format!("{lane}-{seq:016x}-{first:016x}.sealed")
}

/// A name under which a segment is prepared.
pub(crate) fn temporary(purpose: &str, number: u64) -> String {
    format!("{purpose}-{number:016x}.tmp")
}

/// Whether a file is a leftover of an unfinished preparation of ours.
pub(crate) fn is_leftover(name: &str) -> bool {
    name.strip_suffix(".tmp").is_some_and(|stem| {
        ["blank-", "seal-"].iter().any(|purpose| {
            stem.strip_prefix(purpose).is_some_and(|number| parse_hex(number).is_some())
        })
    })
}

pub(crate) fn parse(name: &str) -> Option<Name> {
    let (stem, ending) = name.split_once('.')?;
    let kind = match ending {
        "seg" => Kind::Raw,
        "sealed" => Kind::Sealed,
        _ if ending.starts_with("seg.bad") || ending.starts_with("sealed.bad") => Kind::Bad,
        _ => return None,
    };
    let mut parts = stem.split('-');
    let lane = Lane::ALL.into_iter().find(|lane| Some(lane.name()) == parts.clone().next())?;
    parts.next()?;
    let (seq, first) = (parse_hex(parts.next()?)?, parse_hex(parts.next()?)?);
    if seq.max(first) > limits::MAX_NAMED_NUMBER {
        return None;
    }
    parts.next().is_none().then_some(Name { lane, seq, first, kind })
}

fn parse_hex(text: &str) -> Option<u64> {
    let plain = text.len() == 16 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u64::from_str_radix(text, 16).ok())?
}

/// Renames a file out of the way, keeping every byte, and returns its new name.
pub(crate) fn set_aside(fs: &dyn Fs, dir: &Path, name: &str, taken: &[String]) -> Result<String> {
    let mut to = format!("{name}.bad");
    let mut number = 1;
    while taken.contains(&to) {
        number += 1;
        to = format!("{name}.bad{number}");
    }
    fs.rename(&dir.join(name), &dir.join(&to))
        .map_err(|error| JournalError::io("set aside", &dir.join(name), &error))?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        let name = raw(Lane::Others, 7, 300);
        let parsed = Name { lane: Lane::Others, seq: 7, first: 300, kind: Kind::Raw };
        assert_eq!(parse(&name), Some(parsed));
        assert_eq!(parse(&format!("{name}.bad2")), Some(Name { kind: Kind::Bad, ..parsed }));
        for other in ["own-1-2.seg", "own.seg", "", ".seg", "own-0000000000000001.seg", "x.tmp"] {
            assert_eq!(parse(other), None, "{other}");
        }
        assert_eq!(parse("own-000000000000000g-0000000000000001.seg"), None);
        assert!(is_leftover(&temporary("blank", 3)) && !is_leftover("base-3.tmp"));
    }
}
