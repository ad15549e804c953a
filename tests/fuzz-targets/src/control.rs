//! Messages that an enrolled machine makes up and says to the hub above it: any bytes, on any
//! channel, at any moment. Once it is honest again everybody agrees, and nobody was shown what is not
//! theirs.

use crate::{
    Outcome,
    bytes::Tape,
    world::{Place, Place::*, Wire, World, marker},
};
use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::{DossierId, Hash, LogId},
    replica::{Channel, Control, Head, Status},
};

/// Messages of one input: a run costs some milliseconds.
const MESSAGES: usize = 24;
const LIARS: [Place; 3] = [Ward1, Ward3, District1];

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    let mut world = World::new(u64::from(tape.byte()));
    let dossier = world.create(Ward1);
    let op = AudienceOp {
        action: AudienceAction::Add,
        role: Role::Competent,
        office: world.office(Ward3),
    };
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    let mut said = 0;
    for _ in 0..MESSAGES {
        if tape.0.is_empty() {
            break;
        }
        said += usize::from(event(&mut world, dossier, &mut tape));
    }
    ends_well(&mut world, dossier);
    if said > 0 { Outcome::Taken } else { Outcome::Refused }
}

/// True if a message was taken as one: the link on which it came is still up.
fn event(world: &mut World, dossier: DossierId, tape: &mut Tape<'_>) -> bool {
    let (what, who) = (tape.byte(), tape.byte());
    let from = LIARS[usize::from(who) % LIARS.len()];
    match what % 8 {
        0 => world.edit(Ward1, dossier, &[]),
        1 => world.run(u64::from(who) % 16),
        2 => world.crash(from),
        _ => {
            let channel = match what % 8 {
                3 => Channel::Data,
                4 => Channel::Scan,
                _ => Channel::Control,
            };
            return say(world, from, channel, tape.piece().to_vec());
        }
    }
    false
}

fn say(world: &mut World, from: Place, channel: Channel, bytes: Vec<u8>) -> bool {
    let up = world.links.iter().find(|(_, ends)| ends.0 == from && from.parent() == Some(ends.1));
    let Some((&link, &(_, to))) = up else { return false };
    world.deliver(Wire { link, from, to, channel, bytes });
    world.links.contains_key(&link)
}

fn ends_well(world: &mut World, dossier: DossierId) {
    for liar in LIARS {
        world.cut(liar);
    }
    world.settle();
    for liar in LIARS {
        world.restore(liar);
    }
    world.settle();
    for place in Place::ALL {
        world.verify(place);
    }
    world.settle();
    world.check_held();
    let heads = |place| {
        let mut heads = world.heads(place, dossier);
        heads.sort();
        heads
    };
    for place in [City, District1, District2, Ward3] {
        assert_eq!(heads(place), heads(Ward1), "{place:?}");
    }
    assert!(!world.bytes_seen(Ward2, &marker(dossier)), "ward 2 saw it");
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let head = Head { log: LogId([9; 16]), sequence: 7, root: Hash([1; 32]) };
    let said = |message: &Control| {
        let bytes = postcard::to_allocvec(message).expect("a message is written");
        let mut out = vec![1, 7, 0];
        crate::bytes::put_piece(&mut out, &bytes);
        out.extend([0, 0, 1, 9]);
        out
    };
    let raw = |what: u8, bytes: &[u8]| {
        let mut out = vec![2, what, 1];
        crate::bytes::put_piece(&mut out, bytes);
        out
    };
    vec![
        ("received".into(), said(&Control::Received(head))),
        ("root-received".into(), said(&Control::RootReceived(head))),
        ("status".into(), said(&Control::Status(Status::default()))),
        ("purged".into(), said(&Control::Purged(vec![DossierId([4; 16])]))),
        ("trust".into(), said(&Control::Trust(vec![1, 2, 3]))),
        ("control".into(), raw(7, &[250, 1])),
        ("data".into(), raw(3, &[0, 16, 1, 1])),
        ("scans".into(), raw(4, &[2, 0])),
        ("nobody-speaks".into(), vec![3, 0, 0, 1, 9, 2, 1]),
        ("nobody-speaks-and-works".into(), vec![4, 0, 0, 2, 0, 0, 0, 1, 5]),
        ("nothing".into(), vec![5]),
    ]
}
