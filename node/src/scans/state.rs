//! What became of a scan, in a word and a sentence. "Saved here" and "the hub has it" are different
//! things, and what is damaged says so.

use crate::{desk::Desk, error::DeskError};
use motcua_core::{
    id::Hash,
    replica::ScanReport,
    scan,
    state::{Key, Kv, ScanTable, StoreError, rows::ScanCounts},
};
use motcua_dossier::attachment::attachments;
use motcua_shell::engine::Engine;
use serde_json::{Value, json};

/// Damaged scans that are named at once.
const NAMED: usize = 100;

/// State of one scan at this machine.
pub(super) struct State {
    /// `saved`, `sending`, `received`, `damaged`, `fetching` or `absent`.
    pub(super) word: &'static str,
    /// How much of it has moved, while it moves.
    pub(super) percent: Option<u32>,
    /// Whether it is coming here right now.
    pub(super) coming: bool,
    above: bool,
}

pub(super) fn of(engine: &Engine, report: &ScanReport, hash: Hash) -> Result<State, StoreError> {
    let row = engine.scans().row(hash)?;
    let moving = |coming: bool| {
        let of = report.moving.iter().find(|one| one.hash == hash && one.coming == coming);
        // Never 100 before it is there.
        of.map(|one| (u64::from(one.pieces) * 100 / u64::from(one.of.max(1))).min(99) as u32)
    };
    let (incoming, outgoing) = (moving(true), moving(false));
    let wanted = report.wanted.contains(&hash);
    let (word, percent) = match (row.here, row.damaged) {
        (true, _) if row.above => ("received", None),
        (true, _) if outgoing.is_some() => ("sending", outgoing),
        (true, _) => ("saved", None),
        (false, true) => ("damaged", incoming),
        (false, false) if wanted || incoming.is_some() => ("fetching", incoming),
        (false, false) => ("absent", None),
    };
    Ok(State { word, percent, coming: incoming.is_some(), above: row.above })
}

impl State {
    /// Vietnamese and English.
    pub(super) fn words(&self) -> (String, String) {
        let percent = self.percent.unwrap_or_default();
        let (vi, en) = match self.word {
            "received" => ("Hub đã nhận", "The hub has it"),
            "saved" => ("Đã lưu ở đây", "Saved here"),
            "sending" => {
                return (format!("Đang gửi {percent} %"), format!("Sending, {percent} %"));
            }
            "fetching" if self.coming => {
                return (format!("Đang tải {percent} %"), format!("Fetching, {percent} %"));
            }
            "fetching" => ("Đang chờ tải về", "Waiting for it to come"),
            "damaged" if self.coming => {
                return (
                    format!("Tệp ở đây hỏng; đang tải lại {percent} %"),
                    format!("Damaged here; fetching it again, {percent} %"),
                );
            }
            "damaged" if self.above => {
                ("Tệp ở đây hỏng; sẽ tự tải lại", "Damaged here; it is fetched again")
            }
            "damaged" => ("Hỏng: quét lại", "Damaged: scan it again"),
            _ => ("Chưa tải", "Not fetched"),
        };
        (vi.into(), en.into())
    }
}

/// Scans that are damaged here, with dossier, name and size.
pub(crate) fn damaged(desk: &Desk) -> Result<Vec<Value>, DeskError> {
    let (books, report) = (desk.engine().books(), desk.engine().snapshot().scans);
    let from = Key::Scan(ScanTable::Damaged, Hash::ZERO).bytes();
    let to = Key::Scan(ScanTable::Counts, Hash::ZERO).bytes();
    let mut lines = Vec::new();
    for (key, _) in books.range(&from, &to, NAMED)? {
        let Some(hash) = key.get(2..).and_then(Hash::from_slice) else { continue };
        let words = of(desk.engine(), &report, hash)?.words();
        for (dossier, _) in scan::dossiers_of(books, hash)? {
            let facts = desk.facts(dossier)?;
            let shown = motcua_dossier::view::view(&facts);
            let text = hash.to_string();
            for (fact, scan) in attachments(&facts).filter(|(_, scan)| scan.hash == text) {
                lines.push(json!({
                    "dossier": dossier.to_string(),
                    "code": shown.summary.code,
                    "id": fact,
                    "name": scan.name,
                    "size": scan.size,
                    "words_vi": words.0,
                    "words_en": words.1,
                }));
            }
        }
    }
    Ok(lines)
}

/// What the sentence of the exchange says of scans, to follow its own words.
pub(crate) fn words_of_counts(counts: &ScanCounts) -> (String, String) {
    let mut words = (String::new(), String::new());
    if counts.to_go > 0 {
        words.0 += &format!("; còn {} bản quét chưa gửi", counts.to_go);
        words.1 += &format!("; {} scans not sent yet", counts.to_go);
    }
    if counts.damaged > 0 {
        words.0 += &format!("; {} bản quét bị hỏng", counts.damaged);
        words.1 += &format!("; {} scans damaged", counts.damaged);
    }
    words
}
