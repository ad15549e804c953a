//! Taking in: first the file, then who made it, then whether it fits what is here, and only then
//! the replica, which checks everything again as from a link.

use super::{
    CarryError, Courier, Imported, Spool, lock,
    take::{self, ScansTaken},
};
use crate::{
    driver::{CarriedHalf, Signal},
    engine::Engine,
    transport::{Outgoing, outgoing},
};
use motcua_core::{
    bundle::{Body, BundleError, Item, Manifest, Reader, check},
    id::{LogId, NodeId, OfficeId},
    key::PublicKey,
    record::Record,
    replica::{Carried, CarriedDown, Channel, Control, Event, Head, Hello, ScanMessage, Welcome},
    state::{
        Key,
        rows::{Cursor, Log},
    },
    trust::{Binding, NodeKind},
};
use std::{collections::BTreeMap, fs::File, io::BufReader, sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::mpsc::UnboundedReceiver, time::timeout};

/// Longest wait for a disk sync or the driver; a bundle is taken in again without harm.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

pub(super) type Items = Reader<BufReader<File>>;

pub(super) fn import(courier: &Courier, spool: Spool) -> Result<Imported, CarryError> {
    let engine = &courier.engine;
    let domain = engine.config().domain;
    let checked = check(&mut spool.open()?, spool.length()?, domain)?;
    let mut items = Reader::new(spool.open()?, &checked, &engine.config().key)?;
    let Some(Item::Manifest(manifest)) = items.item()? else {
        return Err(BundleError::Malformed("it has no manifest").into());
    };
    let next = take_trust(engine, &mut items)?;
    let binding = engine.trust().binding(&checked.binding).map_err(CarryError::Maker)?;
    let Manifest { made_at, body } = *manifest;
    let mut scans = ScansTaken::default();
    let (fresh, received, more, direction) = match body {
        Body::Up { hello, builds_on, .. } => {
            let (fresh, more) = up(courier, &binding, *hello, builds_on, items, next, &mut scans)?;
            (fresh, None, more, "up")
        }
        Body::Down { office, welcome, asked, root_has } => {
            let half = Half { hub: checked.sender, office, welcome: *welcome, asked, root_has };
            let (fresh, received, more) = down(engine, half, items, next, &mut scans)?;
            (fresh, received, more, "down")
        }
    };
    let name = courier.office_name(binding.office);
    let (mut words_vi, mut words_en) = words(direction, &name, fresh, received, more);
    let (scans_vi, scans_en) = take::words(&scans);
    words_vi += &scans_vi;
    words_en += &scans_en;
    Ok(Imported {
        direction,
        machine: binding.node().to_string(),
        office: binding.office.to_string(),
        office_name: name,
        made_at: made_at.0,
        fresh,
        scans: scans.fresh,
        scans_refused: scans.refused,
        scans_no_room: scans.no_room,
        hub_received_seq: received,
        more,
        words_vi,
        words_en,
    })
}

fn words(
    direction: &str,
    office: &str,
    fresh: u64,
    received: Option<u64>,
    more: bool,
) -> (String, String) {
    let (mut vi, mut en) = match (direction, fresh) {
        ("up", 0) => (
            format!("Gói của {office} không có gì mới: hub đã có tất cả."),
            format!("The bundle of {office} holds nothing new: the hub had all of it."),
        ),
        ("up", _) => (
            format!("Đã nhận {fresh} mục của {office}. Hãy mang gói trả lời về."),
            format!("{fresh} entries of {office} received. Carry the answer back."),
        ),
        (_, 0) => {
            ("Không có mục mới nào từ hub.".to_owned(), "No new items from the hub.".to_owned())
        }
        _ => (
            format!("Đã nhận {fresh} mục từ hub."),
            format!("{fresh} items from the hub taken in."),
        ),
    };
    if let Some(received) = received {
        vi.push_str(&format!(" Hub đã nhận đến mục {received} của máy này."));
        en.push_str(&format!(" The hub has received up to entry {received} of this machine."));
    }
    if more {
        vi.push_str(" Nơi lập còn dữ liệu chưa vừa một gói; hãy xuất gói tiếp theo.");
        en.push_str(" Its maker has more than fits one file; export the next one.");
    }
    (vi, en)
}

/// Trust documents come before what they are needed for. They prove themselves, by whomever they
/// are brought. Gives back the first item that is none.
fn take_trust(engine: &Arc<Engine>, items: &mut Items) -> Result<Option<Item>, CarryError> {
    loop {
        let bytes = match items.item()? {
            Some(Item::Trust(bytes)) => bytes,
            other => return Ok(other),
        };
        let held = engine.trust();
        let mut merged = held.clone();
        // A document that is refused does not hold up the others, nor work under those in force.
        if let Err(error) = merged.adopt_all(&bytes) {
            tracing::warn!(%error, "a bundle brought trust documents that were not all taken");
        }
        let numbers = merged.numbers();
        if numbers == held.numbers() {
            continue;
        }
        engine.driver().signal(Signal::Tell(Event::Trust(Box::new(merged))));
        wait_until(|| !numbers.ahead_of(&engine.trust().numbers()))?;
    }
}

fn wait_until(mut done: impl FnMut() -> bool) -> Result<(), CarryError> {
    let polls = PATIENCE.as_millis() / POLL.as_millis();
    for _ in 0..polls {
        if done() {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
    Err(CarryError::Silent)
}

/// From below.
fn up(
    courier: &Courier,
    maker: &Binding,
    hello: Hello,
    builds_on: Vec<Head>,
    mut items: Items,
    mut next: Option<Item>,
    scans: &mut ScansTaken,
) -> Result<(u64, bool), CarryError> {
    let engine = &courier.engine;
    if engine.kind != NodeKind::Hub {
        return Err(CarryError::Scope("it was made for a hub; carry it to the office's hub"));
    }
    let (trust, me) = (engine.trust(), engine.me.office);
    if trust.next_hop(me, maker.office) != Some(maker.office) {
        let words = "this hub does not serve its office; carry it to the hub that does";
        return Err(CarryError::Scope(words));
    }
    let denied = trust.denied(maker.node());
    if denied.as_ref().is_some_and(|denied| denied.last_good.is_empty()) {
        return Err(CarryError::Denied(None));
    }
    settle(engine)?;
    for head in builds_on {
        let held = entries_of(engine, head.log)?;
        if held < head.sequence {
            let then = "import the bundle that holds them first, or have it made again with --all";
            let (from, to) = (held + 1, head.sequence);
            return Err(CarryError::Gap { what: "entries", from, to, then });
        }
    }
    let cursor = hello.cursor;
    let mut line = Line::open(engine, CarriedHalf::Up(maker.key, Box::new(hello)));
    let mut wanted: BTreeMap<LogId, u64> = BTreeMap::new();
    let mut before: BTreeMap<LogId, u64> = BTreeMap::new();
    let mut more = false;
    while let Some(item) = next {
        match item {
            Item::Data(bytes) => {
                match Carried::peek(&bytes)? {
                    Carried::Log(log) => {
                        before.insert(log, entries_of(engine, log)?);
                    }
                    Carried::Up { log, last, .. } => {
                        let good = denied.as_ref().map(|denied| denied.last_good(log));
                        if let Some(good) = good
                            && last > good.unwrap_or_default()
                        {
                            line.until(|line| line.has(&wanted))?;
                            return Err(CarryError::Denied(Some(good.unwrap_or_default())));
                        }
                        wanted.insert(log, last);
                    }
                    Carried::Down { .. } => {
                        return Err(BundleError::Malformed("it goes both ways").into());
                    }
                }
                line.say(bytes)?;
            }
            Item::ScanNotes(notes) => {
                let mut said = lock(&courier.scans);
                let said = said.entry(maker.node()).or_default();
                said.has.extend(notes.has.iter().copied());
                said.last = notes;
            }
            Item::Scan(head) => {
                // What names it comes first.
                line.until(|line| line.has(&wanted))?;
                settle(engine)?;
                let office = Some(maker.office);
                next = take::take(engine, &mut line, office, head, &mut items, scans)?;
                continue;
            }
            Item::ScanBytes(_) => return Err(take::stray()),
            Item::End(end) => more = end.more,
            Item::Manifest(_) | Item::Trust(_) => {
                return Err(BundleError::Malformed("its items are out of order").into());
            }
        }
        next = items.item()?;
    }
    line.until(|line| line.has(&wanted))?;
    let fresh = wanted
        .iter()
        .map(|(log, last)| last.saturating_sub(before.get(log).copied().unwrap_or_default()))
        .sum();
    lock(&courier.said).insert(maker.node(), cursor);
    settle(engine)?;
    Ok((fresh, more))
}

/// What a bundle from above says before its frames.
struct Half {
    hub: PublicKey,
    office: OfficeId,
    welcome: Welcome,
    asked: Option<(NodeId, Cursor)>,
    root_has: Vec<Head>,
}

/// From above.
fn down(
    engine: &Arc<Engine>,
    half: Half,
    mut items: Items,
    mut next: Option<Item>,
    scans: &mut ScansTaken,
) -> Result<(u64, Option<u64>, bool), CarryError> {
    let Half { hub, office, welcome, asked, root_has } = half;
    if office != engine.me.office {
        return Err(CarryError::Scope("it is for another office"));
    }
    if engine.config().parent != Some(hub) {
        return Err(CarryError::Scope("it was not made by the hub that this machine belongs to"));
    }
    settle(engine)?;
    let here: Cursor = engine.books().row(Key::Upstream).map_err(unreadable)?.unwrap_or_default();
    let asked = asked.filter(|(node, _)| *node == engine.me.node).map(|(_, cursor)| cursor);
    let from = welcome.from;
    let answers = asked == Some(here) || (here.number == 0 && from.number == 0);
    if !answers && from.epoch != here.epoch {
        return Err(CarryError::Renumbered);
    }
    if !answers && from.number > here.number {
        let then = "import the bundle that holds them first, or make one here and bring back the \
                    answer";
        let (from, to) = (here.number + 1, from.number);
        return Err(CarryError::Gap { what: "items", from, to, then });
    }
    let own = engine.own().log();
    let heads = welcome.heads.clone().unwrap_or_default();
    let received = heads.iter().find(|head| head.log == own).map(|head| head.sequence);
    let carried = CarriedDown { hub, welcome, asked, root_has };
    let mut line = Line::open(engine, CarriedHalf::Down(Box::new(carried)));
    let (mut upto, mut more) = (0, false);
    while let Some(item) = next {
        match item {
            Item::Data(bytes) => {
                let Carried::Down { upto: last, .. } = Carried::peek(&bytes)? else {
                    return Err(BundleError::Malformed("it goes both ways").into());
                };
                upto = last;
                line.say(bytes)?;
            }
            Item::ScanNotes(notes) => take::stored(&mut line, notes.has)?,
            Item::Scan(head) => {
                line.until(|line| line.delivered >= upto)?;
                settle(engine)?;
                next = take::take(engine, &mut line, None, head, &mut items, scans)?;
                continue;
            }
            Item::ScanBytes(_) => return Err(take::stray()),
            Item::End(end) => more = end.more,
            Item::Manifest(_) | Item::Trust(_) => {
                return Err(BundleError::Malformed("its items are out of order").into());
            }
        }
        next = items.item()?;
    }
    line.until(|line| line.delivered >= upto)?;
    line.close(engine)?;
    note_received(engine, received)?;
    settle(engine)?;
    let base = if answers { from.number } else { here.number };
    Ok((upto.saturating_sub(base), received, more))
}

/// What the hub has stays known over a restart, however long the line stays away.
fn note_received(engine: &Arc<Engine>, received: Option<u64>) -> Result<(), CarryError> {
    use crate::clock::Clock;
    let meta = engine.meta().map_err(unreadable)?;
    let Some(sequence) = received.filter(|sequence| *sequence > meta.acknowledged) else {
        return Ok(());
    };
    if sequence > engine.own().head() {
        return Ok(());
    }
    let log = engine.own().log();
    let record = Record::Acknowledged { log, sequence, at: engine.clock().wall() };
    let (told, answer) = std::sync::mpsc::channel();
    engine.pen().write(
        vec![record],
        Box::new(move |result| {
            // Whoever waited may have gone.
            let _ = told.send(result.is_ok());
        }),
    );
    match answer.recv_timeout(PATIENCE) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(CarryError::Silent),
    }
}

fn unreadable(error: motcua_core::state::StoreError) -> CarryError {
    CarryError::Export(error.into())
}

fn entries_of(engine: &Engine, log: LogId) -> Result<u64, CarryError> {
    let row: Option<Log> = engine.books().row(Key::Log(log)).map_err(unreadable)?;
    Ok(row.map_or(0, |row| row.frontier.size()))
}

/// Until the state reflects what is on disk.
fn settle(engine: &Arc<Engine>) -> Result<(), CarryError> {
    let last = engine.books().journal.durable();
    match Handle::current().block_on(timeout(PATIENCE, engine.applied(last))) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CarryError::Stopping),
        Err(_) => Err(CarryError::Silent),
    }
}

/// A link without another end: what the replica answers is read here.
pub(super) struct Line {
    engine: Arc<Engine>,
    link: motcua_core::replica::LinkId,
    room: Arc<tokio::sync::Semaphore>,
    answers: Outgoing,
    received: BTreeMap<LogId, u64>,
    delivered: u64,
    refused: Option<String>,
    open: bool,
}

impl Line {
    fn open(engine: &Arc<Engine>, half: CarriedHalf) -> Self {
        let (writer, answers) = outgoing();
        let (link, room) = engine.driver().carried(half, writer);
        Self {
            engine: Arc::clone(engine),
            link,
            room,
            answers,
            received: BTreeMap::new(),
            delivered: 0,
            refused: None,
            open: true,
        }
    }

    /// Hands over a message; waits while the driver is behind.
    fn say(&mut self, bytes: Vec<u8>) -> Result<(), CarryError> {
        while let Ok(answer) = self.control().try_recv() {
            self.hear(&answer);
        }
        self.trouble()?;
        let saying = self.engine.driver().message(self.link, &self.room, Channel::Data, bytes);
        Handle::current().block_on(timeout(PATIENCE, saying)).map_err(|_| CarryError::Silent)
    }

    /// Says something about scans.
    pub(super) fn say_scan(&mut self, message: &ScanMessage) -> Result<(), CarryError> {
        self.trouble()?;
        let bytes = postcard::to_stdvec(message).unwrap_or_default();
        let saying = self.engine.driver().message(self.link, &self.room, Channel::Scan, bytes);
        Handle::current().block_on(timeout(PATIENCE, saying)).map_err(|_| CarryError::Silent)
    }

    /// The next thing that is said about scans.
    pub(super) fn hear_scan(&mut self) -> Result<ScanMessage, CarryError> {
        loop {
            self.trouble()?;
            let queue = &mut self.answers.queues[Channel::Scan.place()];
            match Handle::current().block_on(timeout(PATIENCE, queue.recv())) {
                Ok(Some(bytes)) => {
                    if let Ok(message) = postcard::from_bytes(&bytes) {
                        return Ok(message);
                    }
                }
                Ok(None) => return Err(CarryError::Stopping),
                Err(_) => return Err(CarryError::Silent),
            }
        }
    }

    /// Waits until what was handed over is on disk.
    fn until(&mut self, done: impl Fn(&Self) -> bool) -> Result<(), CarryError> {
        loop {
            self.trouble()?;
            if done(self) {
                return Ok(());
            }
            let heard = Handle::current().block_on(timeout(PATIENCE, self.control().recv()));
            match heard {
                Ok(Some(answer)) => self.hear(&answer),
                Ok(None) => return Err(CarryError::Stopping),
                Err(_) => return Err(CarryError::Silent),
            }
        }
    }

    /// Nothing else is said on a carried link.
    fn control(&mut self) -> &mut UnboundedReceiver<Vec<u8>> {
        &mut self.answers.queues[Channel::Control.place()]
    }

    fn hear(&mut self, answer: &[u8]) {
        match postcard::from_bytes(answer) {
            Ok(Control::Received(head)) => {
                let known = self.received.entry(head.log).or_default();
                *known = (*known).max(head.sequence);
            }
            Ok(Control::Delivered(cursor)) => self.delivered = self.delivered.max(cursor.number),
            Ok(Control::Refuse(why)) => self.refused = Some(why),
            _ => {}
        }
    }

    fn has(&self, wanted: &BTreeMap<LogId, u64>) -> bool {
        wanted.iter().all(|(log, last)| self.received.get(log).is_some_and(|has| has >= last))
    }

    fn trouble(&mut self) -> Result<(), CarryError> {
        if let Some(why) = self.refused.take() {
            return Err(CarryError::Refused(why));
        }
        match self.answers.close.try_recv() {
            Ok(why) => Err(CarryError::Refused(why)),
            Err(_) => Ok(()),
        }
    }

    /// Ends it, and waits until the driver has: what it was told before is then known everywhere.
    fn close(&mut self, engine: &Engine) -> Result<(), CarryError> {
        self.end();
        let (asker, answer) = std::sync::mpsc::channel();
        engine.driver().signal(Signal::Received(asker));
        answer.recv_timeout(PATIENCE).map(drop).map_err(|_| CarryError::Stopping)
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            self.engine.driver().signal(Signal::LinkDown(Some(self.link)));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}
