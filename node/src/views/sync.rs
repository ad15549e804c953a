//! How far a dossier, or one entry of it, has got.

use motcua_core::{
    id::LogId,
    state::history::{Stored, Verdict},
};

/// `saved` here, `received` by the hub, `accepted` by it (it sent it to us), or `held`.
pub(super) fn sync_word((log, received): (LogId, u64), stored: &Stored) -> &'static str {
    match stored.verdict {
        Verdict::Held | Verdict::Quarantined => "held",
        Verdict::Waiting => "waiting",
        Verdict::Accepted | Verdict::Flagged if stored.log != log => "accepted",
        Verdict::Accepted | Verdict::Flagged if stored.sequence <= received => "received",
        Verdict::Accepted | Verdict::Flagged => "saved",
    }
}

/// The word of a dossier is that of its weakest entry.
pub(super) fn weakest(words: impl Iterator<Item = &'static str>) -> &'static str {
    let order = ["held", "waiting", "saved", "received", "accepted"];
    let rank = |word: &&str| order.iter().position(|known| known == word).unwrap_or(0);
    words.min_by_key(rank).unwrap_or("saved")
}
