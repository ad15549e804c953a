//! A small city and what befalls it: the input says what offices write, which lines are cut, who
//! crashes, which messages are lost, repeated or bent. In the end the lines are whole again, and
//! everybody who takes part in a dossier has to hold the same.

use crate::{
    Outcome,
    bytes::Tape,
    world::{Place, Place::*, Wire, World, marker},
};
use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::DossierId,
    replica::Channel,
};

const WARDS: [Place; 3] = [Ward1, Ward2, Ward3];
/// Events of one input, and dossiers: a run costs some milliseconds.
const EVENTS: usize = 60;
const DOSSIERS: usize = 6;

struct Run {
    world: World,
    made: Vec<(Place, DossierId, Vec<Place>)>,
    lied: bool,
}

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    let seed = u64::from(tape.byte());
    let mut run = Run { world: World::new(seed), made: Vec::new(), lied: false };
    for _ in 0..EVENTS {
        if tape.0.is_empty() {
            break;
        }
        run.event(&mut tape);
    }
    let wrote = !run.made.is_empty();
    run.ends_well();
    if wrote { Outcome::Taken } else { Outcome::Refused }
}

impl Run {
    fn event(&mut self, tape: &mut Tape<'_>) {
        let (what, who) = (tape.byte(), tape.byte());
        let ward = WARDS[usize::from(who) % 3];
        let place = Place::ALL[usize::from(who) % 6];
        match what % 11 {
            0 if self.made.len() < DOSSIERS => {
                let dossier = self.world.create(ward);
                self.made.push((ward, dossier, vec![ward]));
            }
            1 => self.edit(who, None),
            2 => self.edit(who, Some(WARDS[usize::from(tape.byte()) % 3])),
            3 => self.world.cut(place),
            4 => self.world.restore(place),
            5 => self.world.crash(place),
            6 => self.world.lose_state(place),
            7 => {
                // A line that loses a message is lost itself: streams are whole or gone.
                if let Some(ends) = self.world.wires.front().map(|wire| (wire.from, wire.to)) {
                    let below = if ends.0.parent() == Some(ends.1) { ends.0 } else { ends.1 };
                    self.world.cut(below);
                    self.world.restore(below);
                }
            }
            8 => {
                // The same message once more.
                if let Some(wire) = self.world.wires.front().map(copy) {
                    self.lied = true;
                    self.world.wires.push_back(wire);
                }
            }
            9 => self.bend(tape),
            _ => self.world.run(u64::from(who % 32) + 1),
        }
    }

    /// An office that takes part, or took part once, writes; perhaps it forwards.
    fn edit(&mut self, which: u8, to: Option<Place>) {
        let count = self.made.len();
        let Some((by, dossier, parts)) = self.made.get_mut(usize::from(which) % count.max(1))
        else {
            return;
        };
        // A crash took it before it was on the disk: there is nothing to write to.
        if !self.world.can_edit(*by, *dossier) {
            return;
        }
        let grant = to.map(|to| AudienceOp {
            action: AudienceAction::Add,
            role: Role::Competent,
            office: self.world.office(to),
        });
        self.world.edit(*by, *dossier, grant.as_slice());
        parts.extend(to.filter(|to| !parts.contains(to)));
    }

    /// One byte of the oldest frame or control message from a ward is another.
    fn bend(&mut self, tape: &mut Tape<'_>) {
        let (at, with) = (tape.short(), tape.byte());
        let from_ward =
            |wire: &&mut Wire| WARDS.contains(&wire.from) || wire.channel == Channel::Data;
        if let Some(wire) = self.world.wires.iter_mut().find(from_ward) {
            self.lied = true;
            let length = wire.bytes.len();
            if let Some(byte) = wire.bytes.get_mut(usize::from(at) % length.max(1)) {
                *byte ^= with | 1;
            }
        }
    }

    fn ends_well(mut self) {
        for place in Place::ALL {
            self.world.restore(place);
        }
        self.world.settle();
        if self.lied {
            // What a bent message left behind is found by comparing.
            for place in Place::ALL {
                self.world.verify(place);
            }
            self.world.settle();
        } else {
            assert_eq!(self.world.faults(), Vec::<String>::new(), "nobody lied");
        }
        self.world.check_held();
        for (by, dossier, parts) in &self.made {
            // A crash may have taken what was not on the author's disk.
            let written = self.world.changes(*by, *dossier);
            let heads = |place| {
                let mut heads = self.world.heads(place, *dossier);
                heads.sort();
                heads
            };
            for place in parts.iter().copied().chain([City]) {
                if written > 0 && self.world.audience(City, *dossier).contains(&place) {
                    assert_eq!(self.world.changes(place, *dossier), written, "{by:?} {place:?}");
                    assert_eq!(heads(place), heads(*by), "{by:?} {place:?}");
                }
            }
            for ward in WARDS.iter().filter(|ward| !parts.contains(ward)) {
                assert!(!self.world.bytes_seen(*ward, &marker(*dossier)), "{ward:?} saw {dossier}");
            }
        }
    }
}

fn copy(wire: &Wire) -> Wire {
    let Wire { link, from, to, channel, ref bytes } = *wire;
    Wire { link, from, to, channel, bytes: bytes.clone() }
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    vec![
        ("nobody-writes".into(), vec![1, 3, 0, 10, 5]),
        ("nobody-writes-and-hubs-crash".into(), vec![2, 5, 0, 5, 1, 10, 9, 6, 1]),
        ("nobody-writes-and-lines-go".into(), vec![3, 3, 1, 10, 3, 4, 1, 7, 0]),
        ("one".into(), vec![1, 0, 0, 10, 31]),
        ("forwards".into(), vec![2, 0, 0, 10, 31, 2, 0, 2, 10, 31, 1, 0, 10, 31]),
        ("cuts".into(), vec![3, 0, 0, 3, 1, 0, 1, 10, 9, 4, 1, 2, 0, 1, 10, 31, 3, 3, 1, 0, 4, 3]),
        ("crashes".into(), vec![4, 0, 0, 2, 0, 2, 10, 3, 5, 1, 10, 5, 5, 0, 6, 0, 10, 20, 5, 3]),
        ("lost".into(), vec![5, 0, 0, 10, 2, 7, 0, 0, 1, 10, 1, 7, 0, 10, 31]),
        ("repeated".into(), vec![6, 0, 0, 10, 2, 8, 0, 10, 1, 8, 0, 1, 0, 10, 31]),
        ("bent".into(), vec![7, 0, 0, 10, 3, 9, 0, 40, 0, 7, 1, 0, 10, 2, 9, 0, 3, 0, 2, 10, 31]),
    ]
}
