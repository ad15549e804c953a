//! The replica: one state machine for node, district hub and city hub. It finds out what the other
//! side of a link is missing, sends it, and says what is on disk.
//!
//! Drive it with four verbs: [`Replica::handle_input`], [`Replica::handle_timeout`],
//! [`Replica::poll_output`] until it is empty, [`Replica::poll_timeout`] for the next deadline.
//! It reads stored values through [`Store`], writes nothing itself, and acknowledges only what the
//! driver has reported as durable.

mod admission;
mod again;
mod ahead;
mod alive;
mod assemble;
mod carried;
mod child;
mod clock;
mod digest;
mod export;
mod images;
mod inbound;
mod interface;
mod keep;
mod links;
mod message;
mod moving;
mod outbound;
mod pending;
mod prefix;
mod purges;
mod quota;
mod recall;
mod say;
mod scan;
mod scope;
mod set_back;
mod sibling;
mod stranded;
mod turns;
mod upstream;
mod views;

pub use carried::CarriedDown;
pub use child::ChildStatus;
pub use clock::ClockSeen;
pub use digest::{Check, Cut, EntryName, Report};
pub use export::{Asked, Carried, DownExport, ExportError, UpExport, readers_up};
pub use images::{CutImages, ImageDone, ImageIo, ImageOrder, ImagesAsked, Painter, cut, list};
pub use interface::{Config, Event, Input, LinkId, Output, Received, Store, Token};
pub use keep::{Bounds, Unread};
pub use message::{Channel, Control, Data, Head, Hello, MessageError, Status, VERSIONS, Welcome};
pub use moving::parent_of;
pub use outbound::own_entries_after;
pub use quota::{Quota, Slowed};
pub use scan::{
    ScanDone, ScanIo, ScanMessage, ScanProgress, ScanReport, ScanTrouble, Transfer, Unserved,
    Unwanted,
};
pub use sibling::{SiblingHello, SiblingStatus};
pub use stranded::{Stranded, stranded};
pub use upstream::UpstreamPhase;

use crate::{
    id::{LogId, NodeId},
    state::{
        Key, Kv, StoreError,
        rows::{self, Meta},
    },
    time::{Instant, Timestamp},
    trust::TrustView,
};
use admission::Admission;
use again::Again;
use alive::Challenge;
use child::Child;
use digest::{Allowance, Checker};
use images::{Fetching, Taking};
use inbound::InLog;
use keep::Keeper;
use outbound::OwnTail;
use pending::Pending;
use quota::Quotas;
use say::Fault;
use scan::{ScanPending, Scans};
use sibling::Sibling;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use upstream::Upstream;

/// The sync state machine of one replica.
pub struct Replica {
    config: Config,
    trust: TrustView,
    meta: Meta,
    logs: BTreeMap<LogId, InLog>,
    own: OwnTail,
    children: BTreeMap<LinkId, Child>,
    /// What is known of peers below, connected or not.
    known: BTreeMap<NodeId, ChildStatus>,
    upstream: Upstream,
    pending: BTreeMap<Token, Pending>,
    next_token: u64,
    checker: Checker,
    /// What readers had written into their inboxes once more.
    resent: Allowance,
    /// A new numbering of the inboxes was begun in this process.
    renumbered: bool,
    /// Something that offices below wrote came from above: they check after the next check.
    regained: bool,
    /// Peers below that were asked to check since then, or since this process began.
    asked: BTreeSet<NodeId>,
    /// What hubs above hold of logs from below beyond what is here.
    ahead: BTreeMap<LogId, Head>,
    outputs: VecDeque<Output>,
    /// The time that was handed in last.
    now: Instant,
    scans: Scans,
    admission: Admission,
    /// Older links of machines that have connected again.
    challenges: BTreeMap<LinkId, Challenge>,
    /// Peers with much to exchange that have not been answered yet.
    asking: BTreeSet<LinkId>,
    /// Peers to which may be read on at once, and the one to which was read last.
    unpumped: BTreeSet<LinkId>,
    pumped: LinkId,
    keeper: Keeper,
    siblings: BTreeMap<LinkId, Sibling>,
    /// What is known of other machines of this office, connected or not.
    known_siblings: BTreeMap<NodeId, SiblingStatus>,
    taking: Taking,
    fetching: Fetching,
    again: Again,
    /// What machines of offices have written of late.
    quotas: Quotas,
}

impl Replica {
    /// A replica over a state that reflects the whole journal.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn new(config: Config, trust: TrustView, store: &impl Store) -> Result<Self, StoreError> {
        let meta: Meta = read(store, Key::Meta)?.unwrap_or_default();
        let mut logs = BTreeMap::new();
        for log in log_ids(store)? {
            let row: Option<rows::Log> = read(store, Key::Log(log))?;
            let author: Option<rows::Author> = read(store, Key::Author(log))?;
            if let (Some(row), Some(author)) = (row, author)
                && log != meta.own_log
                && store.get(&Key::Rewritten(log).bytes())?.is_none()
            {
                logs.insert(log, InLog::new(row.frontier, author));
            }
        }
        let cursor = read(store, Key::Upstream)?.unwrap_or_default();
        let checker = Checker::new(config.seed);
        let upstream = Upstream::new(config.parent, cursor, config.seed);
        let mut own = OwnTail::new(meta.own_log);
        if let Some(row) = read::<rows::Log>(store, Key::Log(meta.own_log))? {
            own.restore(row.frontier);
        }
        let readers = keep::readers(store)?;
        Ok(Self {
            quotas: Quotas::new(config.quota),
            config,
            trust,
            meta,
            logs,
            own,
            children: BTreeMap::new(),
            known: readers
                .iter()
                .map(|(node, row)| (*node, keep::remembered(*node, row)))
                .collect(),
            keeper: Keeper::new(&readers),
            siblings: BTreeMap::new(),
            known_siblings: BTreeMap::new(),
            upstream,
            pending: BTreeMap::new(),
            next_token: 0,
            checker,
            resent: Allowance::default(),
            renumbered: false,
            regained: false,
            asked: BTreeSet::new(),
            ahead: BTreeMap::new(),
            outputs: VecDeque::new(),
            now: Instant(0),
            scans: Scans::default(),
            admission: Admission::default(),
            challenges: BTreeMap::new(),
            asking: BTreeSet::new(),
            unpumped: BTreeSet::new(),
            pumped: LinkId(0),
            taking: Taking::default(),
            fetching: Fetching::default(),
            again: Again::default(),
        })
    }

    /// Takes in one event. `wall` is the wall clock, for hello and for the operator only.
    pub fn handle_input(
        &mut self,
        now: Instant,
        wall: Timestamp,
        input: Input,
        store: &impl Store,
    ) {
        self.now = now;
        self.keeper.it_is(now, wall);
        match input {
            Input::LinkUp { link, peer, dialed } => self.link_up((now, wall), link, peer, dialed),
            Input::LinkDown { link } => self.link_down(now, wall, link, store),
            // What still comes on a link that was left for a newer one will come again there.
            Input::Message { link, .. }
                if !self.upstream.is(link)
                    && !self.upstream.is_carried(link)
                    && !self.siblings.contains_key(&link)
                    && !self.children.contains_key(&link) => {}
            Input::Message { link, channel, bytes } => {
                let result = match channel {
                    Channel::Control => self.control(now, wall, link, &bytes, store),
                    Channel::Data => self.data(link, bytes, store),
                    Channel::Scan => self.scan(link, &bytes, store),
                };
                if let Err(fault) = result {
                    self.refuse(link, fault);
                }
            }
            Input::Journaled(token) => self.journaled(token, store),
            Input::JournalFailed(token) => self.journal_failed(token),
            Input::Own { log, sequence, entry } => {
                self.keep_ended(log);
                self.own.push(log, sequence, *entry);
                self.pump_up(store);
                // What cannot be cut now says so when it is sent.
                let _ = self.cut_ahead(store);
                self.pump_siblings(store);
            }
            Input::Applied { inboxes } => {
                self.pump_up(store);
                self.pump_siblings(store);
                self.greet_those_who_wait(now, store);
                self.pump_down(store, |child| inboxes.contains(&child.inbox));
                self.scans_applied(store);
                self.ask_for_returning(store);
            }
            Input::Scan(done) => self.scan_done(done, store),
            Input::WantScan(hash) => self.want_scan(hash, store),
            Input::WantHistory(dossier) => self.want_history(dossier),
            Input::Images(done) => self.image_done(done, store),
            Input::Purged => self.report_purges(store),
            Input::Trust(trust) => {
                self.take_trust(now, *trust);
                self.leave_denied_siblings();
            }
            Input::Bound(binding) => {
                self.config.binding = binding;
                self.upstream.hurry(now);
            }
            Input::Pause(paused) => {
                if let Some(link) = self.upstream.pause(paused, now) {
                    self.leave(link, "this machine goes offline");
                }
            }
            Input::CarriedUp { link, peer, hello } => {
                if let Err(fault) = self.carried_up(wall, link, peer, *hello) {
                    self.refuse(link, fault);
                }
            }
            Input::SiblingUp { link, peer } => self.sibling_up(link, peer),
            Input::CarriedDown { link, carried } => {
                if let Err(fault) = self.carried_down(link, *carried) {
                    self.refuse(link, fault);
                }
            }
            Input::Verify => {
                self.checker.want(now);
                self.have_children_check();
            }
        }
        self.tell_clock(now, wall);
    }

    /// Acts on deadlines that have passed.
    pub fn handle_timeout(&mut self, now: Instant, store: &impl Store) {
        self.now = now;
        if self.gathering_ends().is_some_and(|at| at <= now) {
            self.pump_up(store);
        }
        if self.upstream.dial_is_due(now) {
            self.outputs.push_back(Output::Dial);
        }
        self.close_silent_links(now);
        self.rest_quotas();
        self.take_turns(now);
        self.pump_next(store);
        self.flush_skips(now, store);
        self.check_timeout(now, store);
        self.report_status(now, store);
        self.scan_timeout(now, store);
        self.keep_timeout(now, store);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let skips = self.children.values().filter_map(|child| child.skip_due);
        let turns = self.admission.deadline();
        let check = self.upstream.live().map(|_| self.checker.deadline());
        skips
            .chain(self.upstream.deadline())
            .chain(self.gathering_ends().filter(|at| *at > self.now))
            .chain(self.scan_deadline())
            .chain(self.challenge_deadline())
            .chain(turns)
            .chain(check)
            .chain([self.keeper.deadline()])
            .chain(self.quotas.deadline())
            .chain((!self.unpumped.is_empty()).then_some(self.now))
            .min()
    }
}

fn read<R: serde::de::DeserializeOwned>(
    store: &(impl Kv + ?Sized),
    key: Key,
) -> Result<Option<R>, StoreError> {
    crate::state::read_row(store, key)
}

/// Ids of all logs held whole.
fn log_ids(store: &(impl Kv + ?Sized)) -> Result<Vec<LogId>, StoreError> {
    const PAGE: usize = 1_000;
    let end = Key::Log(LogId([0xff; 16])).bytes();
    let mut from = Key::Log(LogId::ZERO).bytes();
    let mut ids = Vec::new();
    loop {
        let page = store.range(&from, &end, PAGE)?;
        let count = page.len();
        for (key, _) in page {
            ids.extend(LogId::from_slice(&key[1..]));
            from = [key, vec![0]].concat();
        }
        if count < PAGE {
            return Ok(ids);
        }
    }
}

fn root_at(frontier: &crate::log::Frontier, log: LogId) -> Head {
    Head { log, sequence: frontier.size(), root: frontier.root() }
}
