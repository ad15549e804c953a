//! Scanned papers of a dossier: what a fact says about one. The file travels beside the dossier and
//! may come later or never; the fact stands without it.

use crate::{
    action::{Action, ActionError, Draft, NAME_CHARACTERS, tidy},
    fact::{Act, Fact, Kind},
};
use motcua_core::{id::Hash, limits, scan::Media};
use serde::{Deserialize, Serialize};

/// Fields of [`Kind::Attachment`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Name as the clerk chose it; shown, never used as a path.
    pub name: String,
    /// Media type, from the first bytes.
    pub media: String,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the bytes, lower-case hex: its address.
    pub hash: String,
    /// Id of the paper fact it is a scan of; empty if none was named.
    #[serde(default)]
    pub paper: String,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

impl Attachment {
    /// Its address, if the fact holds one and a size that a scan may have.
    pub fn address(&self) -> Option<(Hash, u64)> {
        let hash: Hash = self.hash.parse().ok()?;
        (1..=limits::SCAN_BYTES).contains(&self.size).then_some((hash, self.size))
    }
}

/// A stored scan that is to become part of a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// Name as the clerk chose it.
    pub name: String,
    /// What it is, by its first bytes.
    pub media: Media,
    /// Bytes.
    pub size: u64,
    /// Its address.
    pub hash: Hash,
    /// Id of the paper fact it is a scan of; may be empty.
    pub paper: String,
}

/// Attaches a scan whose bytes are on disk already.
///
/// # Errors
/// [`ActionError`] when the name is empty or too long, the paper is not one of the dossier's, or
/// the dossier has as many scans as it may have.
pub fn attach(facts: &[Fact], mut scan: Scanned, act: Act) -> Result<Action, ActionError> {
    tidy(&mut scan.name, "name", NAME_CHARACTERS, true)?;
    let papers = facts.iter().filter(|fact| fact.kind == Kind::Paper);
    if !scan.paper.is_empty() && !papers.into_iter().any(|fact| fact.id == scan.paper) {
        let why = "is no paper of this dossier";
        return Err(ActionError::Invalid { field: "paper", why });
    }
    let got = facts.iter().filter(|fact| fact.kind == Kind::Attachment).count() + 1;
    if got > limits::SCANS_PER_DOSSIER {
        let limit = limits::SCANS_PER_DOSSIER;
        return Err(ActionError::TooMany { field: "attachments", got, limit });
    }
    let fields = Attachment {
        name: scan.name,
        media: scan.media.word().into(),
        size: scan.size,
        hash: scan.hash.to_string(),
        paper: scan.paper,
        act,
    };
    Ok(Action { facts: vec![Draft::new(Kind::Attachment, &fields)], audience: vec![] })
}

/// Scans that a dossier names, oldest first, with the id of the fact. What cannot be read or has an
/// impossible size is left out, and so is what goes beyond the limit: it is shown as a plain fact.
pub fn attachments(facts: &[Fact]) -> impl Iterator<Item = (&str, Attachment)> {
    facts
        .iter()
        .filter(|fact| fact.kind == Kind::Attachment)
        .filter_map(|fact| Some((fact.id.as_str(), fact.read::<Attachment>()?)))
        .filter(|(_, attachment)| attachment.address().is_some())
        .take(limits::SCANS_PER_DOSSIER)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fact::Paper;

    fn scanned(name: &str) -> Scanned {
        let hash = Hash([7; 32]);
        Scanned { name: name.into(), media: Media::Pdf, size: 3, hash, paper: String::new() }
    }

    fn fact(id: usize, scan: Scanned) -> Fact {
        let action = attach(&[], scan, Act::default()).unwrap();
        action.facts[0].clone().with_id(format!("F{id:03}"))
    }

    #[test]
    fn an_attached_scan_is_read_back_with_its_address() {
        let facts = [fact(1, scanned(" Căn cước.pdf "))];
        let (id, read) = attachments(&facts).next().unwrap();
        assert_eq!((id, read.name.as_str()), ("F001", "Căn cước.pdf"));
        assert_eq!(
            (read.address(), read.media.as_str()),
            (Some((Hash([7; 32]), 3)), "application/pdf")
        );
    }

    #[test]
    fn a_scan_belongs_to_a_paper_of_its_dossier_or_to_none() {
        let paper = Paper { name: "Tờ khai".into(), form: "copy".into(), count: 1 };
        let facts = [Fact::new(Kind::Paper, "P1".into(), &paper)];
        let of = |paper: &str| Scanned { paper: paper.into(), ..scanned("a") };
        attach(&facts, of("P1"), Act::default()).unwrap();
        let refused = attach(&facts, of("P2"), Act::default()).unwrap_err();
        assert_eq!(refused.to_string(), "paper: is no paper of this dossier");
    }

    #[test]
    fn more_scans_than_a_dossier_may_have_are_refused_and_not_read() {
        let facts: Vec<Fact> = (0..=100).map(|id| fact(id, scanned("a"))).collect();
        let refused = attach(&facts[..100], scanned("a"), Act::default()).unwrap_err();
        assert_eq!(refused.to_string(), "attachments: 101 are too many, at most 100 are allowed");
        assert_eq!(attachments(&facts).count(), 100);
    }

    #[test]
    fn a_fact_with_an_impossible_size_or_address_names_no_scan() {
        for (size, hash) in [(0, "07".repeat(32)), (u64::MAX, "07".repeat(32)), (3, "../x".into())]
        {
            let fields = Attachment { size, hash, ..fact(1, scanned("a")).read().unwrap() };
            let fact = Fact::new(Kind::Attachment, "F".into(), &fields);
            assert_eq!(attachments(&[fact]).count(), 0, "{fields:?}");
        }
    }
}
