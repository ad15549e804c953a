//! A machine with valid papers that lies in every way the protocol allows, against a shipped hub,
//! beside an honest office. What is refused before a link, or bent in a frame, is tested without
//! processes: `wire/hostile.rs`, `trust/hostile.rs`, `city.rs` and `away.rs` of the core,
//! `transport/tests/strangers.rs` of the shell. Table of all attacks: design/faults.md.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_core::{
    id::{DomainId, EpochId, Hash},
    key::Signature,
    replica::{Channel, Check, Control, Data, Head, ImagesAsked, ScanMessage, Status},
    state::{held::Part, rows::Cursor},
    wire::varint,
};
use motcua_tests::{
    hostile::{Cost, HONEST, Liar, Line, Load, Peer, ReadsNothing, Stage},
    patience::{PATIENCE, wait},
    seed::Seed,
};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// A frame whose body promises `raw` bytes and is `packed`.
fn with_body(frame: &[u8], raw: u64, packed: &[u8]) -> Vec<u8> {
    const HEAD: usize = 36;
    let mut out = frame[..HEAD].to_vec();
    out.push(1);
    varint::put_unsigned(&mut out, raw);
    out.extend_from_slice(packed);
    out.extend_from_slice(&[0; 64]);
    out
}

#[test]
fn every_lie_is_refused_by_its_name_and_the_honest_office_works_on() {
    let mut stage = Stage::start("khong ai biet").unwrap();
    let liar = Peer::new(&stage.papers_of(2).unwrap()).unwrap();
    let other = Peer::new(&stage.papers_of(3).unwrap()).unwrap();
    let mut log = Liar::new(&liar.identity, 40).unwrap();
    for note in 0..6 {
        log.register(note).unwrap();
    }
    let foreign = Liar::new(&other.identity, 41).unwrap();
    let good = log.frame(1, 3).unwrap();

    // What each does behind an honest hello, and the name of the fault.
    type Lie<'a> = (&'a str, &'a str, Box<dyn Fn(&Line) + 'a>);
    let send = |message: Data| move |line: &Line| line.send(&message);
    let say = |message: Control| move |line: &Line| line.say(&message);
    let after_log = |frame: Vec<u8>| {
        let announced = log.announced();
        move |line: &Line| {
            line.send(&announced);
            line.send(&Data::Up(frame.clone()));
        }
    };
    let bomb = zstd::bulk::compress(&vec![0; 32 << 20], 19).unwrap();
    let cursor = Cursor { epoch: EpochId([9; 16]), number: u64::MAX, hash: Hash([9; 32]) };
    let head = Head { log: log.log(), sequence: u64::MAX, root: Hash([9; 32]) };
    let office = stage_office(&other);
    let lies: Vec<Lie<'_>> = vec![
        ("another author's log", "scope", Box::new(send(foreign.announced()))),
        (
            "a frame of a log that was not announced",
            "order",
            Box::new(send(Data::Up(good.clone()))),
        ),
        (
            "a frame that its author did not sign",
            "signature",
            Box::new(after_log(log.frame_signed(1, 3, &Signature([3; 64])).unwrap())),
        ),
        (
            "a frame signed at another size",
            "signature",
            Box::new(after_log(log.frame_signed(1, 3, &log.signature(4)).unwrap())),
        ),
        ("a frame behind a gap", "gap", Box::new(after_log(log.frame(3, 4).unwrap()))),
        ("a bomb", "frame", Box::new(after_log(with_body(&good, 1 << 20, &bomb)))),
        ("a bomb that admits it", "frame", Box::new(after_log(with_body(&good, 32 << 20, &bomb)))),
        ("a frame that holds less than it says", "frame", Box::new(after_log(good[..90].to_vec()))),
        ("an inbox frame from below", "order", Box::new(send(Data::Down(vec![1, 2, 3])))),
        ("images from below", "order", Box::new(send(Data::Images(vec![1, 3])))),
        ("a refill that is none", "frame", Box::new(send(Data::Refill(vec![1, 2])))),
        ("trust documents from below", "trust", Box::new(say(Control::Trust(vec![1])))),
        ("a second hello", "order", Box::new(say(Control::Hello(Box::new(liar.hello()))))),
        ("a check of another office", "scope", {
            let open = Check::Open { office, part: Part::Root, after: None, list: true };
            Box::new(say(Control::Check(Box::new(open))))
        }),
        (
            "the hub's part of a check",
            "order",
            Box::new(say(Control::Check(Box::new(Check::Please)))),
        ),
        ("a turn given to the hub", "order", Box::new(say(Control::Bulk))),
        ("a purge noted by a reader", "order", Box::new(say(Control::PurgeNoted(vec![])))),
        (
            "a message that no version knows",
            "message",
            Box::new(|line: &Line| {
                line.raw(Channel::Control, vec![200; 10]);
            }),
        ),
        (
            "a message with bytes behind it",
            "message",
            Box::new(|line: &Line| {
                let mut bytes = postcard::to_stdvec(&Control::Alive(1)).unwrap();
                bytes.push(0);
                line.raw(Channel::Control, bytes);
            }),
        ),
        ("65 logs", "limit", {
            let logs: Vec<Data> =
                (100..166).map(|log| Liar::new(&liar.identity, log).unwrap().announced()).collect();
            Box::new(move |line: &Line| logs.iter().for_each(|log| line.send(log)))
        }),
        (
            "images asked for twice",
            "order",
            Box::new(|line: &Line| {
                line.say(&Control::Images(ImagesAsked::Changes(u64::MAX)));
                line.say(&Control::Images(ImagesAsked::All(None)));
            }),
        ),
        (
            "scan offers without end",
            "limit",
            Box::new(|line: &Line| {
                for number in 0..200u8 {
                    line.scan(&ScanMessage::Offer { hash: Hash([number; 32]), size: 1 });
                }
            }),
        ),
    ];
    for (what, kind, lie) in lies {
        let before = stage.refused(kind).unwrap();
        let (line, _) = liar.greet().unwrap();
        lie(&line);
        stage.wait_refused(kind, before).unwrap_or_else(|error| panic!("{what}: {error}"));
        let end = liar.ended(line).unwrap_or_else(|error| panic!("{what}: {error}"));
        println!("{what}: {kind}; {end}");
    }

    // What is refused in, or before, the hello.
    type Bent = fn(&mut motcua_core::replica::Hello, &Peer);
    let hellos: [(&str, &str, Bent); 4] = [
        ("another machine's binding", "binding", |hello, other| {
            hello.binding = other.identity.binding.encode();
        }),
        ("another city", "domain", |hello, _| hello.domain = DomainId([1; 16])),
        ("a version of the future", "version", |hello, _| hello.versions = (9, 12)),
        ("a binding that is none", "binding", |hello, _| hello.binding = vec![1; 300]),
    ];
    for (what, kind, bend) in hellos {
        let before = stage.refused(kind).unwrap();
        let line = liar.dial().unwrap();
        let mut hello = liar.hello();
        bend(&mut hello, &other);
        line.say(&Control::Hello(Box::new(hello)));
        stage.wait_refused(kind, before).unwrap_or_else(|error| panic!("{what}: {error}"));
        liar.ended(line).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    let before = stage.refused("order").unwrap();
    let line = liar.dial().unwrap();
    line.send(&log.announced());
    stage.wait_refused("order", before).unwrap();
    liar.ended(line).unwrap();

    // Nothing of it is there, and what is true is taken afterwards.
    let dossiers = stage.metric("motcua_dossiers").unwrap()[""];
    assert_eq!(dossiers, stage.dossiers().len() as u64, "only the honest office's");
    let (line, _) = liar.greet().unwrap();
    let heard = liar.heard();
    after_log(good)(&line);
    let received = |sequence: u64| {
        move |message| match message {
            Control::Received(head) if head.sequence == sequence => Some(head),
            _ => None,
        }
    };
    let first = liar.wait(heard, received(3)).expect("an honest frame is acknowledged");

    // Another history of what is there already: the hub says what it has, and keeps that.
    let mut fork = Liar::new(&liar.identity, 40).unwrap();
    for note in 0..6 {
        fork.register(100 + note).unwrap();
    }
    let heard = liar.heard();
    line.send(&Data::Up(fork.frame(1, 3).unwrap()));
    assert_eq!(liar.wait(heard, received(3)), Some(first), "a fork changes nothing");
    // What goes on from it is not the log that was signed before.
    let before = stage.refused("signature").unwrap();
    line.send(&Data::Up(fork.frame(4, 6).unwrap()));
    stage.wait_refused("signature", before).unwrap();
    liar.ended(line).unwrap();

    // A claim that the hub was set back costs one new numbering in the life of its process.
    for _ in 0..3 {
        let line = liar.dial().unwrap();
        let mut hello = liar.hello();
        hello.acknowledged = Some(head);
        hello.cursor = cursor;
        let heard = liar.heard();
        line.say(&Control::Hello(Box::new(hello)));
        let welcome = |message| matches!(message, Control::Welcome(_)).then_some(());
        liar.wait(heard, welcome).expect("it is welcomed all the same");
        line.close();
    }
    assert!(stage.metric("motcua_set_back_total").unwrap()[""] <= 1);
    stage.change().unwrap();
    assert!(stage.node.ended().unwrap().is_none() && stage.hub.ended().unwrap().is_none());
}

fn stage_office(peer: &Peer) -> motcua_core::id::OfficeId {
    peer.identity.bound().unwrap().office
}

#[test]
fn whoever_asks_for_another_offices_work_gets_no_byte_of_it() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mark = format!("Dau{:016x}", seed.bits());
    let mut stage = Stage::start(&mark).unwrap();
    let liar = Peer::new(&stage.papers_of(2).unwrap()).unwrap();
    let victim = Peer::new(&stage.papers_of(HONEST).unwrap()).unwrap();
    let scan = scan_of(&stage);
    let dossiers: Vec<motcua_core::id::DossierId> =
        stage.dossiers().iter().map(|id| id.parse().unwrap()).collect();

    let (line, welcome) = liar.greet().unwrap();
    for dossier in &dossiers {
        line.say(&Control::Fetch(*dossier));
        line.say(&Control::Check(Box::new(Check::Mine { dossier: *dossier, entries: vec![] })));
        line.say(&Control::Purged(vec![*dossier]));
    }
    line.say(&Control::Images(ImagesAsked::All(None)));
    line.scan(&ScanMessage::Open { transfer: 1, hash: scan });
    line.scan(&ScanMessage::Ask { transfer: 1, piece: 0, first: true });
    // The hub answers a check when it has done what came before on this channel.
    let mine = stage_office(&liar);
    let open = Check::Open { office: mine, part: Part::Root, after: None, list: true };
    line.say(&Control::Check(Box::new(open)));
    let answered = |message| match message {
        Control::Check(check) => matches!(*check, Check::Rows { .. }).then_some(()),
        _ => None,
    };
    liar.wait(0, answered).expect("the own office may be asked about");
    // One answer for each dossier, and the refusal of the scan, on their own channels.
    wait("everything was answered", PATIENCE, || {
        let heard = liar.peek();
        let data = |bytes: &Vec<u8>| postcard::from_bytes::<Data>(bytes).ok();
        let fetched = heard.iter().filter_map(|(_, bytes)| data(bytes));
        let fetched = fetched.filter(|message| matches!(message, Data::Fetched(_))).count();
        let refused = heard.iter().any(|(channel, bytes)| {
            *channel == Channel::Scan
                && matches!(postcard::from_bytes(bytes), Ok(ScanMessage::Refused { .. }))
        });
        (fetched == dossiers.len() && refused).then_some(())
    });
    line.close();
    // A cursor of the other office's inbox, and of numbers that never were.
    for number in [1, 7, u64::MAX] {
        let line = liar.dial().unwrap();
        let mut hello = liar.hello();
        hello.features = u64::MAX;
        hello.cursor = Cursor { number, ..welcome.tail };
        let heard = liar.heard();
        line.say(&Control::Hello(Box::new(hello)));
        let welcome = |message| matches!(message, Control::Welcome(_)).then_some(());
        liar.wait(heard, welcome).expect("a welcome");
        line.close();
    }
    wait("its links have ended", PATIENCE, || (liar.links() == 0).then_some(()));
    // Whatever is written while the liar listens, the honest office's hand-over is not for it.
    let (line, _) = liar.greet().unwrap();
    for _ in 0..5 {
        stage.change().unwrap();
    }
    line.close();
    let heard = liar.take();
    assert!(heard.len() > dossiers.len() * 2, "{} messages", heard.len());
    assert!(!holds(&heard, mark.as_bytes()), "MOTCUA_SEED={number}: another office's work came");

    // The same search finds it with whoever may have it.
    let (line, _) = victim.greet().unwrap();
    line.say(&Control::Fetch(dossiers[0]));
    wait("the own work comes", PATIENCE, || holds(&victim.peek(), mark.as_bytes()).then_some(()));
    line.close();
}

/// Attaches a scan to a dossier of the honest office; waits until the hub has it.
fn scan_of(stage: &Stage) -> Hash {
    let bytes = [b"%PDF-1.7\n".as_slice(), &[7; 9_000]].concat();
    let path = format!("/api/v1/dossiers/{}/attachments?name=a.pdf", stage.dossiers()[0]);
    let answer = stage.node.client().send("POST", &path, &[], &bytes).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let desk = stage.desk();
    wait("the hub has the scan", PATIENCE, || {
        (desk.sync().unwrap()["unsent_scans"] == 0).then_some(())
    });
    Hash(*blake3::hash(&bytes).as_bytes())
}

/// Whether bytes stand anywhere in what came: as it came, or in a frame in it.
fn holds(heard: &[(Channel, Vec<u8>)], mark: &[u8]) -> bool {
    heard.iter().any(|(_, bytes)| motcua_tests::search::holds(bytes, mark))
}

type Round = dyn Fn(&Peer, &Line) + Sync;

/// Something that is said again and again and only costs.
struct Flood {
    name: &'static str,
    reads: ReadsNothing,
    /// One round; some hundred a second.
    say: Box<Round>,
    /// The kind of fault by which it is counted; none where it is answered, or waits.
    refused: Option<&'static str>,
}

#[test]
fn a_flood_costs_other_offices_no_more_than_twice_their_delay_and_the_hub_no_more_than_its_bounds()
{
    let mut stage = Stage::start("dau vet").unwrap();
    let liar = Peer::new(&stage.papers_of(2).unwrap()).unwrap();
    // Work of its own, so that there is something to ask for again and again.
    let mut log = Liar::new(&liar.identity, 50).unwrap();
    let dossiers: Vec<_> = (0..600).map(|_| log.register(40).unwrap()).collect();
    let thick = log.register(50_000).unwrap();
    let mut naming = Liar::new(&liar.identity, 53).unwrap();
    let hashes: Vec<Hash> = (0..ABSENT).map(absent).collect();
    let named = hashes.chunks(100).map(|some| naming.name_scans(some).unwrap()).count() as u64;
    let (line, _) = liar.greet().unwrap();
    line.send(&log.announced());
    line.send(&Data::Up(log.frame(1, 601).unwrap()));
    line.send(&naming.announced());
    line.send(&Data::Up(naming.frame(1, named).unwrap()));
    wait("the liar's work is applied", PATIENCE, || {
        (stage.metric("motcua_dossiers").unwrap()[""] == 613 + named).then_some(())
    });
    line.close();
    // What comes next of its log, for a frame that is new.
    log.register(10).unwrap();
    let load = stage.quiet().unwrap();
    println!("quiet: {load:?}");
    let mut wrong = Vec::new();
    // To look at some alone: MOTCUA_FLOOD has parts of their names, between commas.
    let only = std::env::var("MOTCUA_FLOOD").unwrap_or_default();
    let floods = floods(&liar, &log, &dossiers, thick);
    for flood in
        floods.into_iter().filter(|flood| only.split(',').any(|part| flood.name.contains(part)))
    {
        let before = flood.refused.map(|kind| stage.refused(kind).unwrap());
        let cost = under(&mut stage, &liar, &load, &flood);
        println!("| {} | {cost:.2?}", flood.name);
        wrong.extend(judge(flood.name, &load, &cost));
        if let (Some(kind), Some(before)) = (flood.refused, before) {
            stage.wait_refused(kind, before).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let faults = stage.metric("motcua_scan_faults_total").unwrap();
    let too_many = faults.get("{kind=\"asked for too many\"}");
    assert!(!only.is_empty() || too_many > Some(&100), "beyond what it may wait for: {faults:?}");
    assert!(stage.node.ended().unwrap().is_none() && stage.hub.ended().unwrap().is_none());
}

fn floods(
    liar: &Peer,
    log: &Liar,
    dossiers: &[motcua_core::id::DossierId],
    thick: motcua_core::id::DossierId,
) -> Vec<Flood> {
    use ReadsNothing::{No, Yes};
    let office = stage_office(liar);
    let says = |name, reads, refused, times: usize, message: Control| {
        let say = move |_: &Peer, line: &Line| (0..times).for_each(|_| line.say(&message));
        Flood { name, reads, refused, say: Box::new(say) }
    };
    let sends = |name, times: usize, message: Data| {
        let say = move |_: &Peer, line: &Line| (0..times).for_each(|_| line.send(&message));
        Flood { name, reads: No, refused: None, say: Box::new(say) }
    };
    let check = |check| Control::Check(Box::new(check));
    let walk = check(Check::Open { office, part: Part::Root, after: None, list: true });
    let lost: Vec<Control> = dossiers
        .iter()
        .map(|dossier| check(Check::Mine { dossier: *dossier, entries: vec![] }))
        .collect();
    let status = Control::Status(Status { entries: 1, unsent: 1, oldest_unsent: None });
    let asked = AtomicU64::new(1);
    let nobody = ScanMessage::Open { transfer: 1, hash: Hash([5; 32]) };
    let (bad, announced) =
        (Data::Up(log.frame_signed(602, 602, &Signature([1; 64])).unwrap()), log.announced());
    vec![
        says("200,000 tiny messages a second", No, None, 2_000, status),
        says("digest walks without end, nothing read", Yes, None, 100, walk),
        says("histories without end, nothing read", Yes, None, 100, Control::Fetch(thick)),
        says("purges without end", Yes, None, 20, Control::Purged(dossiers.to_vec())),
        sends("a log announced again and again", 200, log.announced()),
        sends("a frame replayed", 20, Data::Up(log.frame(1, 601).unwrap())),
        Flood {
            name: "the same dossiers lost again and again",
            reads: No,
            refused: None,
            say: Box::new(move |_, line| lost.iter().for_each(|one| line.say(one))),
        },
        Flood {
            name: "scans of others asked for",
            reads: No,
            refused: None,
            say: Box::new(move |_, line| (0..500).for_each(|_| line.scan(&nobody))),
        },
        Flood {
            name: "scans that nobody has, named by its own dossiers",
            reads: No,
            refused: None,
            say: Box::new(move |_, line| {
                for _ in 0..100u64 {
                    let number = asked.fetch_add(1, Relaxed);
                    let hash = absent(number % ABSENT);
                    line.scan(&ScanMessage::Open { transfer: number, hash });
                }
            }),
        },
        Flood {
            name: "reconnects with a frame that is not signed",
            reads: No,
            refused: Some("signature"),
            say: Box::new(move |liar, _| {
                let Ok(line) = liar.dial() else { return };
                line.say(&Control::Hello(Box::new(liar.hello())));
                line.send(&announced);
                line.send(&bad);
                line.close();
            }),
        },
    ]
}

/// Scans that the liar's dossiers name and nobody has; several times as many as it may wait for.
const ABSENT: u64 = 400;

fn absent(number: u64) -> Hash {
    Hash(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

/// How long a flood lasts.
const LENGTH: Duration = Duration::from_secs(3);

fn under(stage: &mut Stage, liar: &Peer, load: &Load, flood: &Flood) -> Cost {
    let (line, _) = liar.greet().unwrap();
    liar.only_sends(flood.reads);
    let over = AtomicBool::new(false);
    let cost = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            // Another machine than the hub's: where they share one, it goes last.
            let _ = rustix::process::nice(19);
            let mut rounds = 0;
            while !over.load(Relaxed) {
                (flood.say)(liar, &line);
                rounds += 1;
                // What is queued here and not sent costs only the liar.
                std::thread::sleep(Duration::from_millis(10));
            }
            rounds
        });
        let cost = {
            // Also where measuring fails.
            let _over = Over(&over);
            stage.measure(load, LENGTH).unwrap_or_else(|error| panic!("{}: {error}", flood.name))
        };
        println!("{} rounds of {}", flooding.join().unwrap(), flood.name);
        cost
    });
    line.close();
    liar.hears();
    let began = Instant::now();
    stage.change().unwrap();
    println!("over after {:.1?}", began.elapsed());
    cost
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// A delay that is noise on a machine that does other things as well.
const FLOOR: Duration = Duration::from_millis(150);
/// By so much the hub's memory may grow: what may wait for a caller (design/faults.md), and what the
/// allocator keeps of it.
const MEMORY: u64 = 24 << 20;
/// So much of a CPU may one machine cost: the driver is one thread, and sockets are read beside it.
const CPU: f64 = 1.5;
/// By so much its folder may grow in the seconds of a flood.
const DISK: u64 = 24 << 20;

fn judge(name: &str, load: &Load, cost: &Cost) -> Vec<String> {
    let mut wrong = Vec::new();
    if cost.delay > FLOOR.max(load.delay * 2) {
        let (waits, quiet) = (cost.delay, load.delay);
        wrong.push(format!("{name}: the honest office waits {waits:?} instead of {quiet:?}"));
    }
    if cost.memory > MEMORY {
        wrong.push(format!("{name}: the hub takes {} bytes more", cost.memory));
    }
    if cost.cpu > CPU {
        wrong.push(format!("{name}: the hub uses {} CPUs", cost.cpu));
    }
    if cost.disk > DISK {
        wrong.push(format!("{name}: the hub's folder grows by {} bytes", cost.disk));
    }
    wrong
}

#[test]
fn one_machine_fills_neither_the_places_of_others_nor_the_room_for_what_waits() {
    let mut stage = Stage::start("dau vet").unwrap();
    let liar = Peer::new(&stage.papers_of(2).unwrap()).unwrap();
    let before = stage.refused("links").unwrap();
    // Each that is refused over QUIC is tried over TCP, and refused there.
    let lines: Vec<Line> = (0..12).filter_map(|_| liar.dial().ok()).collect();
    stage.wait_refused("links", before + 3).unwrap();
    wait("it has eight links", PATIENCE, || (liar.links() <= 8).then_some(()));
    assert!(lines.len() >= 8, "an honest machine may need some: {}", lines.len());
    stage.change().unwrap();
    lines.into_iter().for_each(Line::close);
    wait("it has none", PATIENCE, || (liar.links() == 0).then_some(()));

    // Ten thousand and more changes that build on what nobody has.
    const PARKED: u64 = motcua_core::limits::PARKED_ENTRIES as u64;
    let mut orphans = Liar::new(&liar.identity, 51).unwrap();
    (0..PARKED + 200).for_each(|_| orphans.orphan().unwrap());
    let (line, _) = liar.greet().unwrap();
    line.send(&orphans.announced());
    for first in (1..=PARKED + 200).step_by(1_000) {
        let last = (first + 999).min(PARKED + 200);
        line.send(&Data::Up(orphans.frame(first, last).unwrap()));
    }
    wait("they wait, as many as may", PATIENCE, || {
        let waiting = stage.metric("motcua_entries_waiting").unwrap()[""];
        assert!(waiting <= PARKED, "{waiting} wait");
        let unapplied = stage.metric("motcua_records_unapplied").unwrap()[""];
        (waiting == PARKED && unapplied == 0).then_some(())
    });
    // Kinds that no version knows, and a change in another's dossier: kept, shown, not applied.
    let mut odd = Liar::new(&liar.identity, 52).unwrap();
    let victim = stage.dossiers()[0].parse().unwrap();
    odd.unknown(0xff, victim).unwrap();
    odd.unknown(0x33, victim).unwrap();
    odd.intrude(victim).unwrap();
    line.send(&odd.announced());
    line.send(&Data::Up(odd.frame(1, 3).unwrap()));
    wait("they are counted by their reason", PATIENCE, || {
        let odd = stage.metric("motcua_entries_odd").unwrap();
        println!("{odd:?}");
        (odd.values().sum::<u64>() >= 2).then_some(())
    });
    stage.change().unwrap();
    let detail = stage.desk().detail(&stage.dossiers()[0]).unwrap();
    assert!(!detail.to_string().contains("\"{}\""), "nothing of it is shown: {detail}");
    line.close();
}
