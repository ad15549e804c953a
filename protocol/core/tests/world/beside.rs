//! Several machines in one office: lines between them, which are not the lines to the hub.

use super::{
    Place, World,
    site::{Shelf, Site},
};
use motcua_core::{
    replica::{Input, LinkId},
    state::MemKv,
};

impl World {
    /// Another machine of an office is set up.
    pub fn add(&mut self, place: Place) {
        let site = Site::new(&self.papers, place);
        self.sites.insert(place, site);
    }

    /// A line between two machines; told to both, as by a dial that was answered.
    pub fn join(&mut self, one: Place, other: Place) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, (one, other));
        for (place, peer) in [(one, other), (other, one)] {
            let peer = self.papers.key(peer).public();
            self.input(place, Input::SiblingUp { link, peer });
        }
        link
    }

    /// The line between two machines is cut.
    pub fn part(&mut self, link: LinkId) {
        self.drop_link(link);
    }

    /// What other machines of the office have on disk of a place's own log.
    pub fn held_beside(&self, place: Place) -> Vec<u64> {
        self.sites[&place].replica.siblings().map(|sibling| sibling.holds).collect()
    }

    /// A copy of a machine's disk.
    pub fn image(&self, place: Place) -> Shelf {
        let store = &self.sites[&place].store;
        Shelf { kv: MemKv(store.kv.0.clone()), journal: store.journal.clone() }
    }

    /// A machine is started from a copy of its disk.
    pub fn set_back(&mut self, place: Place, image: Shelf) {
        self.crash(place);
        let papers = self.papers.clone();
        let site = self.site(place);
        site.store = image;
        site.restart(&papers, 0, false);
    }
}
