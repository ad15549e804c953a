//! Bundles in the test city: recorded from a place's stores, taken in through a link that has no
//! other end.

use super::{Place, World};
use motcua_core::{
    bundle::{Body, End, Item, Manifest, Reader, Recipient, Writer, check},
    replica::{
        Asked, CarriedDown, Channel, Control, DownExport, Input, LinkId, UpExport, readers_up,
    },
    state::rows::Cursor,
    time::Timestamp,
};
use std::collections::BTreeMap;

impl World {
    /// What goes up from a place, behind what its hub is known to have.
    pub fn record_up(&mut self, place: Place) -> Vec<u8> {
        let site = self.site(place);
        let received: BTreeMap<_, _> =
            site.replica.backlog().map(|(log, _, received)| (log, received)).collect();
        let trust = self.papers.trust.clone();
        let parent = self.papers.key(place.parent().unwrap()).public();
        let readers = readers_up(&trust, self.papers.office(place), parent);
        let site = &self.sites[&place];
        let config = super::site::config(&self.papers, place, &self.papers.trust);
        let (mut export, body) =
            UpExport::new(&site.store, &config, &trust, &received, Timestamp(1)).unwrap();
        self.pack(place, body, &readers, || export.next_message().unwrap())
    }

    /// What a place's machine lacks of its hub, behind a position it said.
    pub fn record_down(&self, place: Place, said: Option<Cursor>) -> Vec<u8> {
        let hub = place.parent().unwrap();
        let reader = self.papers.key(place).public();
        let asked = Asked {
            node: Some(reader.node_id()),
            said: said.is_some(),
            cursor: said.unwrap_or_default(),
        };
        let config = super::site::config(&self.papers, hub, &self.papers.trust);
        let (trust, office) = (&self.papers.trust, self.papers.office(place));
        let store = &self.sites[&hub].store;
        let (mut export, body) =
            DownExport::new(store, &config, trust, office, &asked, vec![], Timestamp(1)).unwrap();
        self.pack(hub, body, &[reader], || export.next_message().unwrap())
    }

    pub fn cursor(&self, place: Place) -> Cursor {
        self.sites[&place].cursor()
    }

    fn pack(
        &self,
        maker: Place,
        body: Body,
        readers: &[motcua_core::key::PublicKey],
        mut next: impl FnMut() -> Option<Vec<u8>>,
    ) -> Vec<u8> {
        let (key, binding) = (self.papers.key(maker), self.papers.binding(maker));
        let readers: Vec<Recipient> = readers.iter().copied().map(Recipient).collect();
        let mut writer =
            Writer::new(Vec::new(), &key, &binding, super::paper::DOMAIN, &readers, &[5; 32])
                .unwrap();
        let made_at = Timestamp(1);
        writer.item(&Item::Manifest(Box::new(Manifest { made_at, body }))).unwrap();
        let mut messages = 0;
        while let Some(bytes) = next() {
            writer.item(&Item::Data(bytes)).unwrap();
            messages += 1;
        }
        writer.item(&Item::End(End { messages, more: false })).unwrap();
        writer.finish().unwrap()
    }

    /// Takes a bundle in at a place, up to a number of its messages, and gives the link it came by.
    pub fn take_in(&mut self, place: Place, file: &[u8], upto: usize) -> LinkId {
        self.take_in_with(place, file, upto, |_| {})
    }

    /// The same; something happens before each message.
    pub fn take_in_with(
        &mut self,
        place: Place,
        file: &[u8],
        upto: usize,
        between: impl Fn(&mut Self),
    ) -> LinkId {
        let domain = super::paper::DOMAIN;
        let checked = check(&mut &*file, file.len() as u64, domain).unwrap();
        let mut reader = Reader::new(file, &checked, &self.papers.key(place)).unwrap();
        let Some(Item::Manifest(manifest)) = reader.item().unwrap() else { panic!() };
        let link = LinkId(self.next_link);
        self.next_link += 1;
        let me = self.papers.key(place).public().node_id();
        let input = match manifest.body {
            Body::Up { hello, .. } => Input::CarriedUp { link, peer: checked.sender, hello },
            Body::Down { welcome, asked, root_has, .. } => {
                let asked = asked.filter(|(node, _)| *node == me).map(|(_, cursor)| cursor);
                let carried =
                    CarriedDown { hub: checked.sender, welcome: *welcome, asked, root_has };
                Input::CarriedDown { link, carried: Box::new(carried) }
            }
        };
        self.input(place, input);
        for _ in 0..upto {
            let Some(Item::Data(bytes)) = reader.item().unwrap() else { break };
            between(self);
            self.input(place, Input::Message { link, channel: Channel::Data, bytes });
        }
        link
    }

    /// Takes in all of it, waits for the disk, and ends the link. Gives the refusal, if it was.
    pub fn bring(&mut self, place: Place, file: &[u8]) -> Option<String> {
        let link = self.take_in(place, file, usize::MAX);
        self.answers.clear();
        for _ in 0..200 {
            self.step();
        }
        self.input(place, Input::LinkDown { link: Some(link) });
        self.answers.iter().find_map(|(of, bytes)| match postcard::from_bytes(bytes) {
            Ok(Control::Refuse(why)) if *of == link => Some(why),
            _ => None,
        })
    }

    /// What was said on links that have no other end, since the last bundle was brought.
    pub fn answers(&self) -> &[(LinkId, Vec<u8>)] {
        &self.answers
    }

    /// The link of a bundle has ended.
    pub fn end(&mut self, place: Place, link: LinkId) {
        self.input(place, Input::LinkDown { link: Some(link) });
    }

    /// Places whose machines can open a bundle.
    pub fn sealed_to(&self, file: &[u8]) -> Vec<Place> {
        let checked = check(&mut &*file, file.len() as u64, super::paper::DOMAIN).unwrap();
        let place = |node| {
            let of = |place: &Place| self.papers.key(*place).public().node_id() == node;
            Place::ALL.into_iter().find(of).unwrap()
        };
        checked.readers.into_iter().map(place).collect()
    }
}
