//! The state of exchange in words, as the page shows it at the top. "Saved", "received" and
//! "accepted" are three different things, each with its own word.

use crate::{
    clock_words::{off, time_of_day},
    places::Place,
    scans::words_of_counts,
};
use motcua_core::{
    id::{DossierId, LogId},
    replica::{SiblingStatus, UpstreamPhase},
    state::{StoreError, tiles},
};
use motcua_shell::{
    clock::Clock,
    disk::{DiskUse, disk_use},
    engine::Engine,
    startup::{Startup, View},
    transport::Carrier,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Entries looked through to count the dossiers that wait.
const COUNTED: u64 = 2_000;

/// State of exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SyncState {
    /// `connected`, `connecting`, `offline` or `no_hub`.
    pub link: &'static str,
    /// What carries the link, `quic` or `tcp`; none while it is not up.
    pub carrier: Option<&'static str>,
    /// Whether it was found out that the network blocks UDP: QUIC was not heard several times over
    /// some time while TCP went on.
    pub udp_blocked: bool,
    /// Dossiers with changes that the hub lacks.
    pub unsent: u64,
    /// Changes that the hub lacks.
    pub unsent_changes: u64,
    /// Own changes on this machine's disk.
    pub saved_total: u64,
    /// When the hub had everything for the last time, Unix milliseconds.
    pub hub_received_all_at: Option<i64>,
    /// Own changes that the hub has.
    pub hub_received_seq: u64,
    /// Own changes that the city's hub has, as far as this process was told.
    pub city_received_seq: u64,
    /// When the oldest change that the hub lacks was made.
    pub oldest_unsent_at: Option<i64>,
    /// Entries that are kept and not applied.
    pub held: u64,
    /// Scans here that the hub lacks.
    pub unsent_scans: u64,
    /// Scans whose file here is damaged; `/scans/damaged` names them.
    pub damaged_scans: u64,
    /// Whether changes on disk are not in the lists yet.
    pub state_applying: bool,
    /// Dossiers that are shown as the hub has them, while their histories are still coming.
    pub unchecked: u64,
    /// Closed dossiers whose histories stand at the hub and come back when they are opened.
    pub away: u64,
    /// Bytes on this machine's disk.
    pub disk: DiskUse,
    /// Places where own changes stand, this disk first; empty where nobody asked.
    pub places: Vec<Place>,
    /// Of these, how many hold all of them.
    pub copies: usize,
    /// How many there should be.
    pub copies_wanted: usize,
    /// Scans that stand on this machine alone, not at the hub either.
    pub scans_only_here: u64,
    /// When the oldest change or scan was made that stands on this machine alone, not at the hub
    /// either.
    pub only_here_since: Option<i64>,
    /// That is too long ago.
    pub only_here_alarm: bool,
    /// Other machines of the office, since this process started.
    pub siblings: Vec<SiblingState>,
    /// Milliseconds that this machine's clock is ahead of the hub's, behind if negative, where that
    /// is too much.
    pub clock_ahead: Option<i64>,
    /// Days until the certificate of the page on the network ends, where it has one.
    pub page_certificate_days: Option<i64>,
    /// How far the start is, while the state is being brought up to the journal; and what became of a
    /// state that was lost, as long as this process runs.
    pub start: Option<View>,
    /// A sentence.
    pub words_vi: String,
    /// A sentence.
    pub words_en: String,
}

/// Another machine of the office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiblingState {
    /// Which machine.
    pub node: String,
    /// Whether it is linked now.
    pub connected: bool,
    /// Last message from it, Unix milliseconds.
    pub last_contact: i64,
    /// Changes of this machine that it has on its disk.
    pub holds: u64,
}

/// Reads the state of exchange.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn sync_state(engine: &Engine) -> Result<SyncState, StoreError> {
    let startup = engine.startup();
    if !startup.is_level() {
        return Ok(SyncState { saved_total: engine.own().head(), ..starting(startup) });
    }
    let (snapshot, meta) = (engine.snapshot(), engine.meta()?);
    let (log, head) = (engine.own().log(), engine.own().head());
    // Before the first welcome of this process, what the journal says.
    let received = if snapshot.upstream == UpstreamPhase::Live {
        snapshot.received.of(log)
    } else {
        snapshot.received.of(log).max(if meta.own_log == log { meta.acknowledged } else { 0 })
    };
    let waiting = head.saturating_sub(received);
    let dossiers = unsent_dossiers(engine, log, received, head)?;
    let recorded = meta.own_log == log && meta.acknowledged_at.0 > 0;
    let all_at = engine.received_at().map(|at| at.0).filter(|_| waiting == 0);
    let all_at = all_at.or_else(|| recorded.then_some(meta.acknowledged_at.0));
    let oldest_unsent_at = match waiting {
        0 => None,
        _ => oldest(engine, log, received + 1)?,
    };
    let link = match snapshot.upstream {
        UpstreamPhase::Live => "connected",
        UpstreamPhase::Connecting => "connecting",
        UpstreamPhase::Waiting | UpstreamPhase::Paused => "offline",
        UpstreamPhase::NoParent => "no_hub",
    };
    let scans = engine.scans().counts()?;
    let (mut words_vi, mut words_en) = words(link, dossiers, waiting, head, all_at);
    let (more_vi, more_en) = words_of_counts(&scans);
    words_vi += &more_vi;
    words_en += &more_en;
    let clock_ahead = engine.judge_clock(engine.clock().wall()).1.map(|error| error.ahead);
    if let Some(ahead) = clock_ahead {
        let (vi, en) = off(ahead);
        words_vi += &format!("; giờ máy lệch {vi} so với hub, cần chỉnh lại");
        words_en += &format!("; this machine's clock is off by {en} from the hub's, set it right");
    }
    let start = startup.rebuild().map(|_| startup.view());
    if let Some(view) = &start {
        words_vi += &format!(". {}", view.words_vi);
        words_en += &format!(". {}", view.words_en);
    }
    Ok(SyncState {
        clock_ahead,
        page_certificate_days: None,
        link,
        carrier: snapshot.carrier.map(Carrier::word),
        udp_blocked: snapshot.udp_blocked,
        unsent: dossiers,
        unsent_changes: waiting,
        saved_total: head,
        hub_received_all_at: all_at,
        hub_received_seq: received,
        city_received_seq: engine.root_received(),
        oldest_unsent_at,
        held: meta.held,
        unsent_scans: scans.to_go,
        damaged_scans: scans.damaged,
        state_applying: engine.unapplied() > 0,
        unchecked: meta.imaged,
        away: meta.away,
        disk: disk_use(engine)?,
        places: Vec::new(),
        copies: 1,
        copies_wanted: 1,
        scans_only_here: 0,
        only_here_since: None,
        only_here_alarm: false,
        siblings: snapshot.siblings.iter().map(sibling).collect(),
        start,
        words_vi,
        words_en,
    })
}

/// What can be said while the state does not reflect the journal: nothing about what the hub has.
pub fn starting(startup: &Startup) -> SyncState {
    let view = startup.view();
    SyncState {
        link: "offline",
        carrier: None,
        udp_blocked: false,
        unsent: 0,
        unsent_changes: 0,
        saved_total: 0,
        hub_received_all_at: None,
        hub_received_seq: 0,
        city_received_seq: 0,
        oldest_unsent_at: None,
        held: 0,
        unsent_scans: 0,
        damaged_scans: 0,
        state_applying: true,
        unchecked: 0,
        away: 0,
        disk: DiskUse::default(),
        places: Vec::new(),
        copies: 1,
        copies_wanted: 1,
        scans_only_here: 0,
        only_here_since: None,
        only_here_alarm: false,
        siblings: Vec::new(),
        clock_ahead: None,
        page_certificate_days: None,
        words_vi: view.words_vi.clone(),
        words_en: view.words_en.clone(),
        start: Some(view),
    }
}

fn sibling(status: &SiblingStatus) -> SiblingState {
    SiblingState {
        node: status.node.to_string(),
        connected: status.connected,
        last_contact: status.last_contact.0,
        holds: status.holds,
    }
}

fn words(
    link: &str,
    dossiers: u64,
    waiting: u64,
    head: u64,
    all_at: Option<i64>,
) -> (String, String) {
    match (waiting, all_at) {
        (0, Some(at)) => {
            let time = time_of_day(at);
            (format!("Hub đã nhận tất cả lúc {time}"), format!("The hub had everything at {time}"))
        }
        (0, None) if head == 0 => {
            ("Chưa có hồ sơ nào của máy này".into(), "No dossier of this machine yet".into())
        }
        (0, None) => ("Hub đã nhận tất cả".into(), "The hub has everything".into()),
        (_, _) => {
            let off = link != "connected";
            let vi = if off { " (đang mất kết nối với hub)" } else { "" };
            let en = if off { " (no connection to the hub)" } else { "" };
            (
                format!("Đã lưu tại đây {dossiers} hồ sơ chưa gửi{vi}"),
                format!("{dossiers} dossiers saved here, not sent yet{en}"),
            )
        }
    }
}

fn unsent_dossiers(
    engine: &Engine,
    log: LogId,
    received: u64,
    head: u64,
) -> Result<u64, StoreError> {
    let mut dossiers: BTreeSet<DossierId> = BTreeSet::new();
    let mut unknown = 0;
    for sequence in received + 1..=head.min(received.saturating_add(COUNTED)) {
        match tiles::change(engine.books(), log, sequence)? {
            Some((_, dossier)) => {
                dossiers.insert(dossier);
            }
            // On disk, not in the state yet: counted as one of its own.
            None => unknown += 1,
        }
    }
    Ok(dossiers.len() as u64 + unknown)
}

pub(crate) fn oldest(
    engine: &Engine,
    log: LogId,
    sequence: u64,
) -> Result<Option<i64>, StoreError> {
    let Some((_, id)) = tiles::change(engine.books(), log, sequence)? else { return Ok(None) };
    let Some((_, history)) = engine.books().dossier(id)? else { return Ok(None) };
    let entry = history.iter().find(|stored| (stored.log, stored.sequence) == (log, sequence));
    Ok(entry.map(|stored| stored.entry.header.claimed_at.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_never_say_more_than_is_true() {
        let say = |link, dossiers, waiting, head, at| words(link, dossiers, waiting, head, at).0;
        assert_eq!(
            say("offline", 3, 4, 9, Some(1)),
            "Đã lưu tại đây 3 hồ sơ chưa gửi (đang mất kết nối với hub)"
        );
        assert_eq!(say("connected", 1, 1, 9, None), "Đã lưu tại đây 1 hồ sơ chưa gửi");
        // 2026-11-25 02:14 UTC is 09:14 in Hồ Chí Minh City.
        assert_eq!(
            say("connected", 0, 0, 9, Some(1_795_572_840_000)),
            "Hub đã nhận tất cả lúc 09:14"
        );
        assert_eq!(say("offline", 0, 0, 0, None), "Chưa có hồ sơ nào của máy này");
    }
}
