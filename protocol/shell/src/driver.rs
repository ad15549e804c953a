//! The driver: one thread owns the replica, turns what happens into inputs and carries out the
//! outputs. It decides nothing.

use crate::{
    clock::Clock,
    pace::Paces,
    transport::{Carrier, LinkWriter},
};
use motcua_core::{
    entry::Entry,
    id::{DossierId, Hash, LogId, NodeId, OfficeId},
    key::PublicKey,
    limits,
    record::Record,
    replica::{
        CarriedDown, Channel, ChildStatus, Event, Hello, ImageDone, ImageIo, Input, LinkId, Output,
        Received, Replica, ScanDone, ScanIo, ScanReport, SiblingStatus, Slowed, Store, Token,
        Unread, UpstreamPhase,
    },
    trust::TrustView,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Bytes of one link that were read from the network and not yet handled; beyond it the network
/// is not read, which is how back-pressure reaches the sender. The largest message fits.
pub(crate) const LINK_BYTES: usize = 2 * 1024 * 1024;
/// The same for all links together: thirty-two catch-ups at their largest messages. Whoever comes
/// when it is full waits in the order of coming.
pub(crate) const ALL_LINKS_BYTES: usize = 64 * 1024 * 1024;

/// Messages of one link that were read and not yet handled. Small ones may cost as much as large
/// ones, and every other office waits behind them; a link that sends many is as fast with few.
const LINK_MESSAGES: usize = 8;

const _: () = assert!(LINK_BYTES >= limits::MESSAGE_BYTES);
const _: () = assert!(ALL_LINKS_BYTES >= limits::BULK_PEERS * limits::MESSAGE_BYTES);

/// Longest time a busy driver leaves its view as it is, in milliseconds.
const PUBLISH_EVERY: u64 = 100;

/// Writes records to the journal and answers with the token.
pub trait Scribe: Send {
    /// Submits records; `done` is called with success once they are on disk, in order.
    fn submit(&self, records: Vec<Record>, done: Box<dyn FnOnce(bool) + Send>);
}

/// Something for the driver.
pub enum Signal {
    /// A link is up.
    LinkUp {
        /// Its number.
        link: LinkId,
        /// The peer's device key.
        peer: PublicKey,
        /// Whether this side dialled.
        dialed: bool,
        /// What carries it.
        carrier: Carrier,
        /// Where its messages go.
        writer: LinkWriter,
    },
    /// A link is gone, or a dial came to nothing.
    LinkDown(Option<LinkId>),
    /// A message arrived; the permit is given back when it has been handled.
    Message {
        /// On which link.
        link: LinkId,
        /// On which channel.
        channel: Channel,
        /// Its bytes.
        bytes: Vec<u8>,
        /// Room it takes, of its link and of all links.
        permit: [Option<OwnedSemaphorePermit>; 2],
    },
    /// Records are on disk, or are not.
    Journaled(Token, bool),
    /// An own entry is on disk.
    Own(LogId, u64, Box<Entry>),
    /// The state has moved on; these inboxes have new rows.
    Applied(BTreeSet<OfficeId>),
    /// New trust documents are in force.
    Trust(Box<TrustView>),
    /// This machine was bound anew, and its certificate renewed.
    Bound(Vec<u8>),
    /// Dossiers were forgotten, and no file holds them any more.
    Purged,
    /// Stays away from the hub, or comes back at once.
    Pause(bool),
    /// Somebody wants a digest check.
    Verify,
    /// The disk has answered about a scan.
    Scan(ScanDone),
    /// Somebody at this machine wants to see a scan that is not here.
    WantScan(Hash),
    /// Images were listed or cut.
    Images(ImageDone),
    /// Somebody at this machine wants to act on a dossier whose history is not here.
    WantHistory(DossierId),
    /// Ends the thread.
    Stop,
    /// Half an exchange came by hand; its messages follow on this link.
    Carried {
        /// The link's number.
        link: LinkId,
        /// Where the answers go.
        writer: LinkWriter,
        /// Which half.
        half: CarriedHalf,
    },
    /// A link to another machine of this office is up.
    SiblingUp {
        /// Its number.
        link: LinkId,
        /// The peer's device key.
        peer: PublicKey,
        /// What carries it.
        carrier: Carrier,
        /// Where its messages go.
        writer: LinkWriter,
    },
    /// Tells something to whoever is interested, as if the replica had.
    Tell(Event),
    /// Asks what the parent has of every log that goes up.
    Received(Sender<BTreeMap<LogId, u64>>),
}

/// Which half of an exchange came by hand.
pub enum CarriedHalf {
    /// From below: the key that signed it, and its hello.
    Up(PublicKey, Box<Hello>),
    /// From above.
    Down(Box<CarriedDown>),
}

/// The driver's view for pages and metrics, renewed after each step.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Link to the parent.
    pub upstream: UpstreamPhase,
    /// Entries of the own log that the parent has.
    pub received: Received,
    /// Entries of all logs that go up, and those the parent lacks.
    pub backlog: (u64, u64),
    /// Peers below.
    pub children: Vec<ChildStatus>,
    /// What carries the link to the parent, while there is one.
    pub carrier: Option<Carrier>,
    /// Whether it was found out that the network on the way to the parent blocks UDP.
    pub udp_blocked: bool,
    /// Peers below that catch up in bulk, and those that wait for their turn to.
    pub catching_up: (usize, usize),
    /// What carries each link that is up.
    pub carriers: HashMap<LinkId, Carrier>,
    /// Scans that move, and faults with them.
    pub scans: ScanReport,
    /// Other machines of this office.
    pub siblings: Vec<SiblingStatus>,
    /// Offices for which too much waits.
    pub unread: Vec<Unread>,
    /// Machines below that are read more slowly than they send.
    pub slowed: Vec<(NodeId, Slowed)>,
}

/// A handle to the driver thread.
#[derive(Clone)]
pub struct Driver {
    signals: Sender<Signal>,
    links: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    snapshot: Arc<watch::Sender<Snapshot>>,
    udp_blocked: Arc<AtomicBool>,
    callers_refused: Arc<AtomicU64>,
    paces: Arc<Paces>,
}

impl Driver {
    /// A handle and the receiving end for [`run`]; signals may be sent before it runs.
    pub fn new() -> (Self, Receiver<Signal>) {
        let (signals, receiver) = channel();
        let snapshot = Snapshot {
            upstream: UpstreamPhase::NoParent,
            received: Received::default(),
            backlog: (0, 0),
            children: Vec::new(),
            carrier: None,
            udp_blocked: false,
            catching_up: (0, 0),
            carriers: HashMap::new(),
            scans: ScanReport::default(),
            siblings: Vec::new(),
            unread: Vec::new(),
            slowed: Vec::new(),
        };
        let handle = Self {
            signals,
            links: Arc::default(),
            room: Arc::new(Semaphore::new(ALL_LINKS_BYTES)),
            snapshot: Arc::new(watch::Sender::new(snapshot)),
            udp_blocked: Arc::default(),
            callers_refused: Arc::default(),
            paces: Arc::default(),
        };
        (handle, receiver)
    }

    /// Gives the driver something to do; false when it has stopped.
    pub fn signal(&self, signal: Signal) -> bool {
        self.signals.send(signal).is_ok()
    }

    /// Announces a link and gives its number and the room its messages may take.
    pub fn link_up(
        &self,
        peer: PublicKey,
        dialed: bool,
        carrier: Carrier,
        writer: LinkWriter,
    ) -> (LinkId, Arc<Semaphore>) {
        let link = LinkId(self.links.fetch_add(1, Ordering::Relaxed));
        self.signal(Signal::LinkUp { link, peer, dialed, carrier, writer });
        (link, Arc::new(Semaphore::new(LINK_BYTES)))
    }

    /// As [`Self::link_up`], to another machine of this office.
    pub fn sibling_up(
        &self,
        peer: PublicKey,
        carrier: Carrier,
        writer: LinkWriter,
    ) -> (LinkId, Arc<Semaphore>) {
        let link = LinkId(self.links.fetch_add(1, Ordering::Relaxed));
        self.signal(Signal::SiblingUp { link, peer, carrier, writer });
        (link, Arc::new(Semaphore::new(LINK_BYTES)))
    }

    /// Begins to take in what came by hand, and gives the link's number and the room its messages
    /// may take.
    pub fn carried(&self, half: CarriedHalf, writer: LinkWriter) -> (LinkId, Arc<Semaphore>) {
        let link = LinkId(self.links.fetch_add(1, Ordering::Relaxed));
        self.signal(Signal::Carried { link, writer, half });
        (link, Arc::new(Semaphore::new(LINK_BYTES)))
    }

    /// Hands over a message; waits while the driver is behind with this link.
    pub async fn message(
        &self,
        link: LinkId,
        room: &Arc<Semaphore>,
        channel: Channel,
        bytes: Vec<u8>,
    ) {
        if channel == Channel::Data {
            // Before any room is taken: what waits here holds up nobody.
            self.paces.turn(link).await;
        }
        let need =
            |least: usize| u32::try_from(bytes.len().clamp(least, LINK_BYTES)).unwrap_or(u32::MAX);
        // First the own room: a link that is behind takes none of what all share.
        let own = Arc::clone(room).acquire_many_owned(need(LINK_BYTES / LINK_MESSAGES)).await.ok();
        let permit = [own, Arc::clone(&self.room).acquire_many_owned(need(1)).await.ok()];
        self.signal(Signal::Message { link, channel, bytes, permit });
    }

    /// Notes what was found out about UDP on the way to the parent.
    pub fn set_udp_blocked(&self, blocked: bool) {
        self.udp_blocked.store(blocked, Ordering::Relaxed);
    }

    /// Counts a caller that was refused before its handshake.
    pub fn count_refused_caller(&self) {
        self.callers_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Callers that were refused before their handshake since the start.
    pub fn refused_callers(&self) -> u64 {
        self.callers_refused.load(Ordering::Relaxed)
    }

    /// The driver's view after each of its steps, for waiting until it is of some kind.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.subscribe()
    }

    /// The driver's view after its last step.
    pub fn snapshot(&self) -> Snapshot {
        let view = self.snapshot.borrow().clone();
        // Found out beside a link that goes on: there may have been no step since.
        Snapshot { udp_blocked: self.udp_blocked.load(Ordering::Relaxed), ..view }
    }
}

/// What the driver asks of its surroundings.
pub struct Surroundings<S, C> {
    /// State and journal, for reading.
    pub store: S,
    /// The journal, for writing.
    pub scribe: Box<dyn Scribe>,
    /// Clocks.
    pub clock: C,
    /// Asks for the parent to be dialled.
    pub dial: Box<dyn Fn() + Send>,
    /// Tells what happened.
    pub event: Box<dyn FnMut(Event) + Send>,
    /// Hands over what is to be done with files of scans.
    pub scans: Box<dyn Fn(ScanIo) + Send>,
    /// Hands over what is to be listed and cut for new machines below.
    pub images: Box<dyn Fn(ImageIo) + Send>,
}

/// Runs the replica until [`Signal::Stop`] or until every handle is gone.
pub fn run<S: Store, C: Clock>(
    mut replica: Replica,
    handle: &Driver,
    signals: &Receiver<Signal>,
    mut around: Surroundings<S, C>,
) {
    let mut lines: Lines = HashMap::new();
    let mut published = around.clock.monotonic();
    publish(&replica, &lines, handle);
    loop {
        let wait = replica.poll_timeout().map(|at| at.since(around.clock.monotonic()));
        let first = match signals.try_recv() {
            Ok(signal) => Ok(signal),
            Err(_) => {
                // The view is renewed when there is time for it.
                publish(&replica, &lines, handle);
                published = around.clock.monotonic();
                match wait {
                    None => signals.recv().map_err(|_| RecvTimeoutError::Disconnected),
                    Some(millis) => signals.recv_timeout(Duration::from_millis(millis)),
                }
            }
        };
        match first {
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Signal::Tell(event)) => (around.event)(event),
            Ok(Signal::Received(asker)) => {
                let all = replica.backlog().map(|(log, _, received)| (log, received)).collect();
                // Whoever asked may have gone.
                let _ = asker.send(all);
            }
            Ok(signal) => {
                if let Signal::LinkDown(Some(link)) = &signal {
                    handle.paces.forget(*link);
                }
                step(&mut replica, &mut lines, &around, signal);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        replica.handle_timeout(around.clock.monotonic(), &around.store);
        while let Some(output) = replica.poll_output() {
            carry_out(output, handle, &lines, &mut around);
        }
        if around.clock.monotonic().since(published) >= PUBLISH_EVERY {
            publish(&replica, &lines, handle);
            published = around.clock.monotonic();
        }
    }
}

/// Links that are up: where their messages go, and what carries them; nothing carries what came by
/// hand.
type Lines = HashMap<LinkId, (LinkWriter, Option<Carrier>)>;

/// Renews the view for pages and metrics; costs something for every peer.
fn publish(replica: &Replica, lines: &Lines, handle: &Driver) {
    let (entries, unsent) = replica
        .backlog()
        .fold((0, 0), |(all, left), (_, head, got)| (all + head, left + head.saturating_sub(got)));
    let snapshot = Snapshot {
        upstream: replica.upstream(),
        received: replica.received_by_parent(),
        backlog: (entries, unsent),
        children: replica.children().cloned().collect(),
        catching_up: replica.catching_up(),
        carrier: replica.upstream_link().and_then(|link| lines.get(&link)?.1),
        udp_blocked: false,
        carriers: lines
            .iter()
            .filter_map(|(link, (_, carrier))| Some((*link, (*carrier)?)))
            .collect(),
        scans: replica.scan_report(),
        siblings: replica.siblings().cloned().collect(),
        unread: replica.unread().to_vec(),
        slowed: replica.slowed().collect(),
    };
    handle.snapshot.send_replace(snapshot);
}

fn step<S: Store, C: Clock>(
    replica: &mut Replica,
    lines: &mut Lines,
    around: &Surroundings<S, C>,
    signal: Signal,
) {
    let (now, wall) = (around.clock.monotonic(), around.clock.wall());
    // Held until the message is handled: that is the back-pressure.
    let mut _room = [None, None];
    let input = match signal {
        Signal::LinkUp { link, peer, dialed, carrier, writer } => {
            lines.insert(link, (writer, Some(carrier)));
            Input::LinkUp { link, peer, dialed }
        }
        Signal::LinkDown(link) => {
            link.map(|link| lines.remove(&link));
            Input::LinkDown { link }
        }
        Signal::Message { link, channel, bytes, permit } => {
            _room = permit;
            Input::Message { link, channel, bytes }
        }
        Signal::Journaled(token, true) => Input::Journaled(token),
        Signal::Journaled(token, false) => Input::JournalFailed(token),
        Signal::Own(log, sequence, entry) => Input::Own { log, sequence, entry },
        Signal::Applied(inboxes) => Input::Applied { inboxes },
        Signal::Trust(trust) => Input::Trust(trust),
        Signal::Bound(binding) => Input::Bound(binding),
        Signal::Purged => Input::Purged,
        Signal::Pause(paused) => Input::Pause(paused),
        Signal::Verify => Input::Verify,
        Signal::Scan(done) => Input::Scan(done),
        Signal::WantScan(hash) => Input::WantScan(hash),
        Signal::Images(done) => Input::Images(done),
        Signal::WantHistory(dossier) => Input::WantHistory(dossier),
        Signal::SiblingUp { link, peer, carrier, writer } => {
            lines.insert(link, (writer, Some(carrier)));
            Input::SiblingUp { link, peer }
        }
        Signal::Carried { link, writer, half } => {
            lines.insert(link, (writer, None));
            match half {
                CarriedHalf::Up(peer, hello) => Input::CarriedUp { link, peer, hello },
                CarriedHalf::Down(carried) => Input::CarriedDown { link, carried },
            }
        }
        Signal::Stop | Signal::Tell(_) | Signal::Received(_) => return,
    };
    replica.handle_input(now, wall, input, &around.store);
}

fn carry_out<S, C>(
    output: Output,
    handle: &Driver,
    lines: &Lines,
    around: &mut Surroundings<S, C>,
) {
    match output {
        Output::Send { link, channel, bytes } => {
            if let Some((writer, _)) = lines.get(&link) {
                writer.send(channel, bytes);
            }
        }
        Output::Close { link, reason } => {
            if let Some((writer, _)) = lines.get(&link) {
                writer.close(reason);
            }
        }
        Output::Journal { token, records } => {
            let handle = handle.clone();
            let done = Box::new(move |stored| {
                handle.signal(Signal::Journaled(token, stored));
            });
            around.scribe.submit(records, done);
        }
        // A link that is gone has nobody who waits.
        Output::Pace { link, wait } if lines.contains_key(&link) => handle.paces.set(link, wait),
        Output::Pace { .. } => {}
        Output::Dial => (around.dial)(),
        Output::Event(event) => (around.event)(event),
        Output::Scan(request) => (around.scans)(request),
        Output::Images(request) => (around.images)(request),
    }
}
