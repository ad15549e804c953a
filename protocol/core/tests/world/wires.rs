//! Links and the messages on them.

use super::{Place, Trick, Wire, World, paper};
use motcua_core::{
    replica::{Channel, Control, Data, Input, LinkId, Output},
    wire::{DownFrame, ImageFrame},
};
use std::collections::BTreeSet;

fn is_inbox(wire: &Wire) -> bool {
    wire.channel == Channel::Data && matches!(postcard::from_bytes(&wire.bytes), Ok(Data::Down(_)))
}

impl World {
    /// The oldest message, or, now and then, the oldest that is not a control message.
    pub(super) fn next_wire(&mut self, data_first: bool) -> Option<Wire> {
        let waits = |wire: &Wire| {
            let pace = self.paces.get(&wire.link).filter(|(place, _)| *place == wire.to);
            wire.channel == Channel::Data
                && pace.is_some_and(|(_, at)| at.is_none_or(|at| at > self.now))
        };
        let is_free =
            |wire: &Wire| (self.hold_inbox != Some(wire.to) || !is_inbox(wire)) && !waits(wire);
        let is_bulk = |wire: &Wire| wire.channel != Channel::Control && is_free(wire);
        let place = if data_first { self.wires.iter().position(is_bulk) } else { None };
        let wire = self.wires.remove(place.or_else(|| self.wires.iter().position(is_free))?)?;
        if wire.channel == Channel::Data
            && let Some((_, at)) =
                self.paces.get_mut(&wire.link).filter(|(place, _)| *place == wire.to)
        {
            *at = None;
        }
        Some(wire)
    }

    pub(super) fn carry(&mut self, place: Place, output: Output) -> bool {
        match output {
            Output::Send { link, channel, bytes } => {
                if let Some((a, b)) = self.links.get(&link) {
                    let to = if *a == place { *b } else { *a };
                    self.wires.push_back(Wire { link, from: place, to, channel, bytes });
                } else {
                    self.answers.push((link, bytes));
                }
                true
            }
            Output::Close { link, .. } => {
                match &mut self.closing {
                    None => self.drop_link(link),
                    Some(closing) => {
                        closing.insert(link);
                    }
                }
                true
            }
            Output::Dial => {
                // A dial into a cut line, or to a hub that refuses it, is not progress.
                self.dial(place)
            }
            Output::Journal { token, records } => {
                self.site(place).journal(token, records);
                true
            }
            Output::Event(event) => {
                self.site(place).note(event);
                true
            }
            Output::Pace { link, wait } => {
                match wait {
                    Some(wait) => self.paces.insert(link, (place, Some(self.now + wait))),
                    None => self.paces.remove(&link),
                };
                false
            }
            Output::Images(request) => {
                self.site(place).paint(request);
                true
            }
            Output::Scan(request) => {
                self.site(place).disk.ask(request);
                true
            }
        }
    }

    /// Another link to the parent while the older one is up, as when QUIC answers again.
    pub fn second_link(&mut self, place: Place) {
        self.dial(place);
    }

    /// From now on a link that is closed delivers what is under way on it first.
    pub fn close_slowly(&mut self) {
        self.closing = Some(BTreeSet::new());
    }

    pub(super) fn dial(&mut self, place: Place) -> bool {
        let parent = self.parent(place);
        let Some(parent) = parent.filter(|hub| {
            !self.cut.contains(&place)
                && !self.dead.contains(hub)
                && !self.sites[hub].denies(self.node(place))
        }) else {
            self.input(place, Input::LinkDown { link: None });
            return false;
        };
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, (place, parent));
        let keys = [self.papers.key(place).public(), self.papers.key(parent).public()];
        self.input(parent, Input::LinkUp { link, peer: keys[0], dialed: false });
        self.input(place, Input::LinkUp { link, peer: keys[1], dialed: true });
        true
    }

    pub(super) fn drop_link(&mut self, link: LinkId) {
        if let Some((a, b)) = self.links.remove(&link) {
            self.wires.retain(|wire| wire.link != link);
            if self.ghosts.remove(&link) {
                return self.input(b, Input::LinkDown { link: Some(link) });
            }
            self.input(a, Input::LinkDown { link: Some(link) });
            self.input(b, Input::LinkDown { link: Some(link) });
        }
    }

    pub fn deliver(&mut self, mut wire: Wire) {
        if self.ghosts.contains(&wire.link) && self.links[&wire.link].0 == wire.to {
            return;
        }
        if matches!(postcard::from_bytes(&wire.bytes), Ok(Control::Hello(_))) {
            self.hellos.insert(wire.from, wire.bytes.clone());
        }
        self.bytes += wire.bytes.len();
        if wire.channel == Channel::Scan {
            self.scan_bytes += wire.bytes.len();
            if let Some((place, bend)) = self.scan_trick
                && place == wire.from
            {
                let mut message = postcard::from_bytes(&wire.bytes).unwrap();
                bend(&mut message);
                wire.bytes = postcard::to_stdvec(&message).unwrap();
            }
        }
        if let Some((hub, trick)) = self.trick
            && hub == wire.from
            && let Some(bent) = self.bend(&wire, trick)
        {
            self.tricked = true;
            wire.bytes = bent;
        }
        if let Some(bend) = self.bend_images
            && wire.channel == Channel::Data
            && let Ok(Data::Images(bytes)) = postcard::from_bytes(&wire.bytes)
        {
            let mut frame = ImageFrame::decode(&bytes).unwrap();
            bend(&mut frame);
            wire.bytes = postcard::to_stdvec(&Data::Images(frame.encode())).unwrap();
        }
        self.seen.entry(wire.to).or_default().push(wire.bytes.clone());
        let input = Input::Message { link: wire.link, channel: wire.channel, bytes: wire.bytes };
        self.input(wire.to, input);
    }

    pub(super) fn bend(&self, wire: &Wire, trick: Trick) -> Option<Vec<u8>> {
        let Ok(Data::Down(bytes)) = postcard::from_bytes(&wire.bytes) else { return None };
        let mut frame = DownFrame::decode(&bytes).ok()?;
        paper::bend(&self.papers, &mut frame, trick).then(|| {
            let bytes = frame.encode().unwrap();
            postcard::to_stdvec(&Data::Down(bytes)).unwrap()
        })
    }

    /// Ends the links whose two ends are like that.
    pub(super) fn drop_links(&mut self, wanted: impl Fn((Place, Place)) -> bool) {
        let gone = self.links.iter().filter(|(_, ends)| wanted(**ends)).map(|(link, _)| *link);
        gone.collect::<Vec<_>>().into_iter().for_each(|link| self.drop_link(link));
    }
}
