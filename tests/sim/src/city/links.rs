//! Links. Each channel is an ordered stream of its own in each direction; one may overtake another.
//! What is lost is lost with the link, and its ends learn of that at different times.

use super::{City, Event, Failure, Outcome};
use crate::{dice::Throw, machine::Death, sabotage::Sabotage, shape::OfficeAt};
use motcua_core::{
    id::DossierId,
    replica::{Channel, Control, Data, Input, LinkId},
    trust::NodeKind,
    wire::{DownFrame, ImageFrame, RowItem},
};
use std::collections::{BTreeSet, VecDeque};

/// A dead peer is noticed after at most so long, in milliseconds.
const IDLE: u64 = 30_000;
/// Machines of one office look for each other so often, in milliseconds.
const BESIDE: u64 = 3_000;

/// One link.
pub struct Link {
    /// Who dialled, and who was dialled.
    pub(super) ends: [usize; 2],
    /// Their processes.
    boots: [u64; 2],
    /// Whether the process at that end takes it to be up.
    pub(super) up: [bool; 2],
    /// Messages pass.
    pub(super) alive: bool,
    /// Nothing more is sent; what is under way arrives.
    closing: bool,
    beside: bool,
    lanes: [[VecDeque<Vec<u8>>; Channel::COUNT]; 2],
    last: [[u64; Channel::COUNT]; 2],
}

impl City {
    pub(super) fn dial(&mut self, at: usize, boots: u64) -> Outcome {
        if self.machines[at].boots != boots || self.machines[at].life.is_none() {
            return Ok(());
        }
        let hub = self.dialled_by(at).filter(|_| !self.lines[at].cut);
        let hub = hub.filter(|hub| !self.denies(*hub, at));
        let Some(hub) = hub else {
            let now = self.now;
            self.calendar[at].lonely.get_or_insert(now);
            return self.input(at, Input::LinkDown { link: None });
        };
        self.calendar[at].lonely = None;
        let link = self.open_link(at, hub, false);
        self.note(format!("m{at} links to m{hub} as {}", link.0));
        let keys = [self.machines[at].key.public(), self.machines[hub].key.public()];
        self.input(hub, Input::LinkUp { link, peer: keys[0], dialed: false })?;
        self.input(at, Input::LinkUp { link, peer: keys[1], dialed: true })
    }

    fn open_link(&mut self, a: usize, b: usize, beside: bool) -> LinkId {
        self.serial += 1;
        let link = LinkId(self.serial);
        let boots = [self.machines[a].boots, self.machines[b].boots];
        let lanes = Default::default();
        let (up, last) = ([true; 2], [[0; Channel::COUNT]; 2]);
        let opened =
            Link { ends: [a, b], boots, up, alive: true, closing: false, beside, lanes, last };
        self.links.insert(link, opened);
        link
    }

    /// The running machine that a machine would dial.
    fn dialled_by(&self, at: usize) -> Option<usize> {
        let key = self.machines[at].life.as_ref()?.replica.parent()?;
        let there = |machine: &crate::machine::Machine| {
            machine.life.is_some() && !machine.retired && machine.key.public() == key
        };
        self.machines.iter().position(there)
    }

    fn denies(&self, hub: usize, at: usize) -> bool {
        let life = self.machines[hub].life.as_ref();
        life.is_some_and(|life| life.trust().denied(self.machines[at].node()).is_some())
    }

    /// The hub at the other end of the newest link upwards.
    pub(super) fn hub_of(&self, at: usize) -> Option<usize> {
        let mine = |link: &&Link| link.ends[0] == at && !link.beside && link.up[0];
        self.links.values().rev().find(mine).map(|link| link.ends[1])
    }

    /// Links that a machine takes to be up.
    pub(super) fn links_up(&self, at: usize) -> usize {
        let mine = |link: &&Link| link.ends[0] == at && !link.beside && link.up[0] && link.alive;
        self.links.values().filter(mine).count()
    }

    pub(super) fn beside(&mut self, a: usize, b: usize) -> Outcome {
        if self.machines[a].retired || self.machines[b].retired {
            return Ok(());
        }
        self.plan(BESIDE, Event::Beside(a, b));
        let linked = |link: &Link| link.beside && link.ends == [a, b] && link.alive;
        let running = |at: usize| self.machines[at].life.is_some();
        let apart = self.machines[a].node() == self.machines[b].node();
        if self.links.values().any(linked) || !running(a) || !running(b) || apart {
            return Ok(());
        }
        let link = self.open_link(a, b, true);
        let keys = [self.machines[a].key.public(), self.machines[b].key.public()];
        self.input(b, Input::SiblingUp { link, peer: keys[0] })?;
        self.input(a, Input::SiblingUp { link, peer: keys[1] })
    }

    pub(super) fn send(&mut self, from: usize, link: LinkId, channel: Channel, bytes: Vec<u8>) {
        let Some(way) = self.links.get(&link) else { return };
        if !way.beside {
            self.bytes[way.ends[0]] += bytes.len() as u64;
        }
        if !way.alive || way.closing {
            return;
        }
        if channel == Channel::Control && asks_again(&bytes) {
            if self.sabotage == Some(Sabotage::NeverGivesAgain) {
                return;
            }
            self.asked_again += 1;
        }
        let side = usize::from(way.ends[0] != from);
        let line = if way.beside { super::Line::default() } else { self.lines[way.ends[0]] };
        let delay = self.dice.between(1, 20 + line.slow) + line.slow / 2;
        let delay = delay + if line.slow > 0 { bytes.len() as u64 / 8 } else { 0 };
        let digest = self.trace.bytes(&bytes);
        self.note(format!("m{from} sends {} {channel:?} {} {digest}", link.0, bytes.len()));
        let now = self.now;
        let Some(way) = self.links.get_mut(&link) else { return };
        let place = channel.place();
        let at = (now + delay).max(way.last[side][place] + 1);
        way.last[side][place] = at;
        way.lanes[side][place].push_back(bytes);
        self.plan(at - now, Event::Deliver(link, side, channel));
    }

    pub(super) fn deliver(&mut self, link: LinkId, side: usize, channel: Channel) -> Outcome {
        let now = self.now;
        let Some(way) = self.links.get_mut(&link) else { return Ok(()) };
        if !way.alive {
            return Ok(());
        }
        let blocked = if way.beside { 0 } else { self.lines[way.ends[0]].blocked[side] };
        if blocked > now {
            // Sent again by the transport until it passes.
            self.plan(blocked - now, Event::Deliver(link, side, channel));
            return Ok(());
        }
        let Some(mut bytes) = way.lanes[side][channel.place()].pop_front() else { return Ok(()) };
        let (to, up) = (way.ends[1 - side], way.up[1 - side]);
        if !up {
            return Ok(());
        }
        if let Some(other) = self.instead(to, channel, &bytes) {
            bytes = other;
        }
        self.may_see(to, channel, &bytes)?;
        self.input(to, Input::Message { link, channel, bytes })
    }

    /// No machine is sent an entry of a dossier that no office at or below it was ever let into.
    pub(super) fn may_see(&self, to: usize, channel: Channel, bytes: &[u8]) -> Outcome {
        if channel != Channel::Data {
            return Ok(());
        }
        let office = self.machines[to].seat.office;
        for dossier in dossiers_down(bytes) {
            let empty = BTreeSet::new();
            let parties = self.model.parties.get(&dossier).unwrap_or(&empty);
            if !parties.iter().any(|party| self.shape.is_within(*party, office)) {
                let what = format!("m{to} is sent {dossier}, of which its office is no part");
                return Err(Failure::Safety(what));
            }
        }
        Ok(())
    }

    /// One end has closed a link.
    pub(super) fn close(&mut self, link: LinkId, by: usize) {
        let gently = self.dice.one_in(2);
        let now = self.now;
        let Some(way) = self.links.get_mut(&link) else { return };
        let side = usize::from(way.ends[0] != by);
        way.closing = true;
        let last = way.last.iter().flatten().max().copied().unwrap_or(0).max(now);
        way.alive &= gently;
        let other = if gently { last - now + 1 } else { 5 };
        self.plan(1, Event::Down(link, side));
        self.plan(other, Event::Down(link, 1 - side));
    }

    /// The line under a link is gone; its ends find out when they do.
    pub(super) fn cut_link(&mut self, link: LinkId) {
        let Some(way) = self.links.get_mut(&link) else { return };
        way.alive = false;
        for side in 0..2 {
            let delay = self.dice.between(1, IDLE);
            self.plan(delay, Event::Down(link, side));
        }
    }

    pub(super) fn down(&mut self, link: LinkId, side: usize) -> Outcome {
        let Some(way) = self.links.get_mut(&link) else { return Ok(()) };
        if !std::mem::replace(&mut way.up[side], false) {
            return Ok(());
        }
        let (at, boots) = (way.ends[side], way.boots[side]);
        let over = !way.up[0] && !way.up[1];
        if over {
            self.links.remove(&link);
        }
        self.with(at, boots, "link down", |life, clock| {
            life.input(clock, Input::LinkDown { link: Some(link) });
        })
    }

    /// Links of a process that has ended: its peer hears at once if the system said so.
    pub(super) fn links_of_dead(&mut self, at: usize, how: Death) {
        let mine: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, way)| way.ends.contains(&at))
            .map(|(link, _)| *link)
            .collect();
        for link in mine {
            let most = if how == Death::Kill { 50 } else { IDLE };
            let delay = self.dice.between(1, most);
            let Some(way) = self.links.get_mut(&link) else { continue };
            way.alive = false;
            for side in 0..2 {
                if way.ends[side] == at {
                    way.up[side] = false;
                }
            }
            let other = usize::from(way.ends[0] == at);
            self.plan(delay, Event::Down(link, other));
        }
    }

    /// Every link that passes over the line of a machine.
    pub(super) fn links_over(&self, at: usize) -> Vec<LinkId> {
        let over = |way: &Link| way.ends[0] == at && !way.beside && way.alive;
        self.links.iter().filter(|(_, way)| over(way)).map(|(link, _)| *link).collect()
    }

    /// The machine that stands at the city's hub.
    pub(super) fn city_hub(&self) -> Option<usize> {
        (0..self.machines.len()).rev().find(|at| self.is_city_hub(*at))
    }

    pub(super) fn is_city_hub(&self, at: usize) -> bool {
        let machine = &self.machines[at];
        let at_city: OfficeAt = 0;
        machine.seat.office == at_city && machine.seat.kind == NodeKind::Hub && !machine.retired
    }
}

/// Whether a message asks for a damaged frame.
fn asks_again(bytes: &[u8]) -> bool {
    matches!(postcard::from_bytes(bytes), Ok(Control::Again { .. }))
}

/// Dossiers of which a message brings something from above or beside.
fn dossiers_down(bytes: &[u8]) -> BTreeSet<DossierId> {
    match postcard::from_bytes(bytes) {
        Ok(Data::Down(frame)) => {
            let rows = DownFrame::decode(&frame).map(|frame| frame.rows).unwrap_or_default();
            let entry = rows.into_iter().filter_map(|row| match row.item {
                RowItem::Entry { entry, .. } => Some(entry.header.dossier),
                _ => None,
            });
            entry.collect()
        }
        Ok(Data::Images(frame)) => {
            let frame = ImageFrame::decode(&frame).map(|frame| frame.images).unwrap_or_default();
            frame.into_iter().map(|image| image.dossier).collect()
        }
        _ => BTreeSet::new(),
    }
}

impl City {
    /// What a lying transport hands over in the place of a message.
    fn instead(&mut self, to: usize, channel: Channel, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.sabotage != Some(Sabotage::DeliversToThirdOffice) || channel != Channel::Data {
            return None;
        }
        if dossiers_down(bytes).is_empty() {
            return None;
        }
        let office = self.machines[to].seat.office;
        let kept = self.strayed.replace((office, bytes.to_vec()));
        kept.filter(|(before, _)| *before != office).map(|(_, bytes)| bytes)
    }
}
