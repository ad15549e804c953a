//! The offices below, as an operator wants to see them: a pure fold of catalogue, links and
//! inboxes.

use motcua_core::{
    id::OfficeId,
    record::CutReason,
    replica::ChildStatus,
    state::{
        Key, StoreError, inbox,
        rows::{Author, Cursor, Cut, Log},
    },
    trust::{Denied, DenyAction},
};
use motcua_shell::{
    clock::Clock,
    engine::{Books, Engine, said_of, words},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// One sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

/// One office below this hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfficeLine {
    /// Immutable id.
    pub id: String,
    /// Name as it is called now.
    pub name: String,
    /// Administrative code, an alias.
    pub code: String,
    /// Tier in a word.
    pub tier: String,
    /// `connected`, `away` or `never`.
    pub link: &'static str,
    /// What carries it, `quic` or `tcp`; that of the machine heard last, none while away.
    pub carrier: Option<&'static str>,
    /// How often two machines were seen alive with one key since this hub started: one is a copy.
    pub two_alive: u64,
    /// Machines that read here, banned ones left out.
    pub nodes: usize,
    /// Last message, Unix milliseconds by this hub's clock.
    pub last_contact: Option<i64>,
    /// Inbox rows that its slowest machine has not acknowledged; unknown for one not seen yet.
    pub behind_down: Option<u64>,
    /// When the oldest of those that are here was written, to about sixty rows.
    pub oldest_waiting_at: Option<i64>,
    /// Inbox rows that are kept here for it.
    pub kept_rows: u64,
    /// When rows that it has not read were cut, until it is back.
    pub cut_at: Option<i64>,
    /// What should be looked into because too much waits for it.
    pub alarm: Option<Words>,
    /// Since when one of its machines is read slowly, because it writes more than it may; Unix
    /// milliseconds by this hub's clock.
    pub slowed_at: Option<i64>,
    /// Which machine, and what to do.
    pub slowed: Option<Words>,
    /// Entries it has and this hub has not; unknown while it is away.
    pub behind_up: Option<u64>,
    /// When the oldest of those was written, by the office's clock.
    pub oldest_unsent_at: Option<i64>,
    /// Entries received from its machines.
    pub received_entries: u64,
    /// How far its clock is ahead of ours, as it said last, milliseconds; behind if negative.
    pub clock_offset: Option<i64>,
    /// The most it was seen off by a minute or more since this hub started.
    pub clock_worst_offset: Option<i64>,
    /// When that was, Unix milliseconds by this hub's clock.
    pub clock_worst_at: Option<i64>,
    /// Its software.
    pub version: Option<String>,
    /// When its machine found that its state was lost, and made it again; by its own clock.
    pub state_rebuilt_at: Option<i64>,
    /// When one of its machines last compared what it holds with this hub, by this hub's clock.
    pub checked_at: Option<i64>,
    /// Dossiers in which they differed then, and those that could not be repaired.
    pub check_differing: Option<u64>,
    /// See above.
    pub check_unrepaired: Option<u64>,
}

/// All offices whose machines or hub this hub serves, in the catalogue's order.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn offices(engine: &Engine) -> Result<Vec<OfficeLine>, StoreError> {
    let trust = engine.trust();
    let mut machines: BTreeMap<OfficeId, Vec<ChildStatus>> = BTreeMap::new();
    let (snapshot, twins) = (engine.snapshot(), engine.two_alive());
    let now = engine.clock().wall();
    for child in snapshot.children {
        let banned = |denied: Denied| denied.action == DenyAction::Ban;
        if trust.denied(child.node).is_some_and(banned) {
            continue;
        }
        machines.entry(child.office).or_default().push(child);
    }
    let received = received(engine.books(), &trust, engine.me.office)?;
    let below = trust.catalogue().map(|catalogue| catalogue.offices.as_slice()).unwrap_or_default();
    below
        .iter()
        .filter(|office| {
            let me = engine.me.office;
            office.id != me && trust.next_hop(me, office.id) == Some(office.id)
        })
        .map(|office| {
            let machines = machines.get(&office.id).map(Vec::as_slice).unwrap_or_default();
            let tail: Cursor = engine.books().row(Key::Inbox(office.id))?.unwrap_or_default();
            let floor = inbox::floor(engine.books(), office.id)?;
            let floor = floor.map_or(tail.number, |(number, _)| number);
            let slowest = machines.iter().map(|machine| machine.delivered).min().unwrap_or(0);
            let oldest = match slowest < tail.number {
                true => inbox::marked(engine.books(), office.id, slowest.max(floor) + 1)?,
                false => None,
            };
            let cut: Option<Cut> = engine.books().row(Key::Cut(office.id))?;
            let cut = cut.filter(|cut| cut.why == CutReason::Silent && slowest < cut.upto);
            let unread = snapshot.unread.iter().find(|unread| unread.office == office.id);
            let slowed = snapshot
                .slowed
                .iter()
                .filter(|(node, _)| machines.iter().any(|machine| machine.node == *node));
            let slowed = slowed.min_by_key(|(_, slowed)| slowed.since).copied();
            let connected = machines.iter().any(|machine| machine.link.is_some());
            let newest = machines.iter().max_by_key(|machine| machine.last_contact);
            let told = machines.iter().filter(|machine| machine.link.is_some());
            let statuses: Vec<_> = told.filter_map(|machine| machine.status.as_ref()).collect();
            let worst = machines.iter().filter_map(|machine| machine.clock?.worst);
            let worst = worst.max_by_key(|(ahead, _)| ahead.unsigned_abs());
            let check = machines.iter().filter_map(|machine| machine.check).max_by_key(|one| one.0);
            Ok(OfficeLine {
                id: office.id.to_string(),
                name: office.name.clone(),
                code: office.code.clone(),
                tier: office.tier.word().into(),
                link: match (connected, machines.is_empty()) {
                    (true, _) => "connected",
                    (false, false) => "away",
                    (false, true) => "never",
                },
                carrier: machines
                    .iter()
                    .filter(|machine| machine.link.is_some())
                    .max_by_key(|machine| machine.last_contact)
                    .and_then(|machine| snapshot.carriers.get(&machine.link?))
                    .map(|carrier| carrier.word()),
                two_alive: machines.iter().filter_map(|machine| twins.get(&machine.node)).sum(),
                nodes: machines.len(),
                last_contact: newest.map(|machine| machine.last_contact.0),
                behind_down: machines
                    .iter()
                    .map(|machine| tail.number.saturating_sub(machine.delivered))
                    .max(),
                oldest_waiting_at: oldest.map(|at| at.0),
                kept_rows: tail.number - floor,
                cut_at: cut.map(|cut| cut.at.0),
                alarm: unread.map(|unread| Words {
                    vi: words::unread_vi(&trust, unread, now),
                    en: words::unread_en(&trust, unread, now),
                }),
                slowed_at: slowed.map(|(_, slowed)| slowed.since.0),
                slowed: slowed.map(|(node, slowed)| Words {
                    vi: words::slowed_vi(&trust, (office.id, node), slowed, now),
                    en: words::slowed_en(&trust, (office.id, node), slowed, now),
                }),
                behind_up: (!statuses.is_empty())
                    .then(|| statuses.iter().map(|status| status.unsent))
                    // What machines say of themselves; it may be anything.
                    .map(|all| all.fold(0, u64::saturating_add)),
                oldest_unsent_at: statuses
                    .iter()
                    .filter_map(|status| status.oldest_unsent)
                    .min()
                    .map(|at| at.0),
                received_entries: received.get(&office.id).copied().unwrap_or_default(),
                clock_offset: newest.and_then(|machine| machine.clock).map(|clock| clock.ahead),
                clock_worst_offset: worst.map(|(ahead, _)| ahead),
                clock_worst_at: worst.map(|(_, at)| at.0),
                version: newest
                    .map(|machine| said_of(&machine.software).0.to_owned())
                    .filter(|version| !version.is_empty()),
                state_rebuilt_at: newest.and_then(|machine| said_of(&machine.software).1),
                checked_at: check.map(|(at, _)| at.0),
                check_differing: check.map(|(_, report)| report.differing),
                check_unrepaired: check.map(|(_, report)| report.unrepaired),
            })
        })
        .collect()
}

/// Entries received, by the office whose link brings them.
fn received(
    books: &Books,
    trust: &motcua_core::trust::TrustView,
    me: OfficeId,
) -> Result<BTreeMap<OfficeId, u64>, StoreError> {
    let mut received = BTreeMap::new();
    for log in books.logs()? {
        let author: Option<Author> = books.row(Key::Author(log))?;
        let row: Option<Log> = books.row(Key::Log(log))?;
        if let (Some(author), Some(row)) = (author, row)
            && let Some(below) = trust.next_hop(me, author.office)
        {
            *received.entry(below).or_default() += row.frontier.size();
        }
    }
    Ok(received)
}
