//! Entries that are not plainly accepted, as pages and programs are told of them: which, why, since
//! when. The same at node and hub.

use crate::{content, engine::Engine};
use motcua_core::{
    id::{DossierId, LogId},
    ledger::{Cause, Ruled, RuledEntry},
    state::{
        Key, Kv, StoreError,
        history::Verdict,
        rows::{Author, Summary, Told},
    },
    trust::TrustView,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Dossiers, and words of the hub, on one page.
const MOST: usize = 500;

/// The word of a verdict in APIs; part of the contract.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Flagged => "flagged",
        Verdict::Held => "held",
        Verdict::Quarantined => "quarantined",
        Verdict::Waiting => "waiting",
    }
}

/// Every dossier with something that a person should know: held, quarantined, waiting, flagged.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn list(engine: &Engine, after: Option<DossierId>) -> Result<Value, StoreError> {
    let trust = engine.trust();
    let mut dossiers = Vec::new();
    let page = ruled(engine, after, MOST)?;
    let next = (page.len() == MOST).then(|| page.last().map(|(id, _)| id.to_string())).flatten();
    for (id, ruled) in page {
        if ruled.entries.is_empty() {
            continue;
        }
        let row: Option<Summary> = engine.books().row(Key::Summary(id))?;
        let summary = row.and_then(|row| content::read_summary(&row.bytes)).unwrap_or_default();
        dossiers.push(json!({
            "dossier": id.to_string(),
            "code": summary.code,
            "flagged": ruled.flagged,
            "held": ruled.held,
            "quarantined": ruled.quarantined,
            "waiting": ruled.waiting,
            "oldest": ruled.entries.iter().map(|entry| entry.claimed_at.0).min(),
            "entries": ruled.entries.iter().map(|one| entry(&trust, one)).collect::<Vec<_>>(),
        }));
    }
    Ok(json!({ "dossiers": dossiers, "next": next, "hub_says": hub_says(engine)? }))
}

/// How many entries are not plainly accepted, by reason: each once, however often it was tried.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn by_reason(
    engine: &Engine,
) -> Result<BTreeMap<(&'static str, &'static str), u64>, StoreError> {
    let mut counts = BTreeMap::new();
    let mut after = None;
    loop {
        let page = ruled(engine, after, MOST)?;
        for (_, ruled) in &page {
            for one in &ruled.entries {
                let code = Cause::parse(&one.reason).code;
                *counts.entry((word(one.verdict), code.word())).or_default() += 1;
            }
        }
        match page.last() {
            Some((id, _)) if page.len() == MOST => after = Some(*id),
            _ => return Ok(counts),
        }
    }
}

fn ruled(
    engine: &Engine,
    after: Option<DossierId>,
    limit: usize,
) -> Result<Vec<(DossierId, Ruled)>, StoreError> {
    let from = match after {
        None => Key::Ruled(DossierId::ZERO).bytes(),
        Some(id) => [Key::Ruled(id).bytes(), vec![0]].concat(),
    };
    let to = [Key::Ruled(DossierId([0xff; 16])).bytes(), vec![0]].concat();
    let corrupt = || StoreError::Corrupt { what: "ruling" };
    let rows = engine.books().range(&from, &to, limit)?;
    rows.into_iter()
        .map(|(key, value)| {
            let id = DossierId::from_slice(&key[1..]).ok_or_else(corrupt)?;
            Ok((id, postcard::from_bytes(&value).map_err(|_| corrupt())?))
        })
        .collect()
}

fn entry(trust: &TrustView, one: &RuledEntry) -> Value {
    let cause = Cause::parse(&one.reason);
    let office = one.office.map(|id| {
        let name = trust.office(id).map(|office| office.name.clone());
        json!({ "id": id.to_string(), "name": name })
    });
    json!({
        "change": one.change.to_string(),
        "log": one.log.to_string(),
        "sequence": one.sequence,
        "office": office,
        "verdict": word(one.verdict),
        "reason": cause.code.word(),
        "reason_vi": cause.vi(),
        "reason_en": cause.en(),
        "written_at": one.claimed_at.0,
    })
}

/// Entries of which the hub above said that it does not apply them.
fn hub_says(engine: &Engine) -> Result<Vec<Value>, StoreError> {
    let from = Key::Told(LogId::ZERO, 0).bytes();
    let to = Key::Told(LogId([0xff; 16]), u64::MAX).bytes();
    let mut lines = Vec::new();
    for (key, value) in engine.books().range(&from, &to, MOST)? {
        let corrupt = || StoreError::Corrupt { what: "hub's word" };
        let told: Told = postcard::from_bytes(&value).map_err(|_| corrupt())?;
        let (log, sequence) = key[1..].split_at_checked(LogId::LEN).ok_or_else(corrupt)?;
        let log = LogId::from_slice(log).ok_or_else(corrupt)?;
        let sequence = sequence.try_into().map(u64::from_be_bytes).map_err(|_| corrupt())?;
        let author: Option<Author> = engine.books().row(Key::Author(log))?;
        let cause = Cause::parse(&told.reason);
        lines.push(json!({
            "log": log.to_string(),
            "sequence": sequence,
            "own": author.is_some_and(|author| author.office == engine.me.office),
            "verdict": word(told.verdict),
            "reason": cause.code.word(),
            "reason_vi": cause.vi(),
            "reason_en": cause.en(),
        }));
    }
    Ok(lines)
}
