//! What befalls machines and lines: cuts, crashes, disks that are lost, put back or copied, hubs that
//! lie.

use super::{Place, Shelf, Site, Trick, World};
use motcua_core::replica::{Channel, Input, LinkId};

impl World {
    pub fn cut(&mut self, place: Place) {
        self.cut.insert(place);
        self.drop_links(|(from, _)| from == place);
    }

    pub fn restore(&mut self, place: Place) {
        self.cut.remove(&place);
    }

    /// The machine is gone: nobody reaches it and it does nothing.
    pub fn kill(&mut self, place: Place) {
        self.crash(place);
        self.dead.insert(place);
    }

    pub fn revive(&mut self, place: Place) {
        self.dead.remove(&place);
    }

    /// What the disk of a place holds now.
    pub fn copy_of(&self, place: Place) -> Shelf {
        self.sites[&place].store.clone()
    }

    /// The disk of a place is what it was then; nobody told the machine.
    pub fn put_back(&mut self, place: Place, shelf: Shelf) {
        self.crash(place);
        let papers = self.papers.clone();
        self.site(place).put_back(&papers, shelf);
    }

    /// A second machine from the same disk.
    pub fn clone_of(&self, place: Place) -> Site {
        let mut twin = Site::new(&self.papers, place);
        twin.put_back(&self.papers, self.copy_of(place));
        twin
    }

    /// The machine at a place and its twin change seats: one is on the line, the other works on
    /// without it.
    pub fn swap(&mut self, place: Place, twin: &mut Site) {
        self.drop_links(|(from, to)| from == place || to == place);
        std::mem::swap(self.site(place), twin);
    }

    /// The process dies: memory and whatever was not on disk is gone.
    pub fn crash(&mut self, place: Place) {
        self.drop_links(|(from, to)| from == place || to == place);
        let random = self.random();
        let papers = self.papers.clone();
        self.site(place).restart(&papers, random, false);
    }

    /// The process dies and the state store is gone as well.
    pub fn lose_state(&mut self, place: Place) {
        self.crash(place);
        let papers = self.papers.clone();
        self.site(place).restart(&papers, u64::MAX, true);
    }

    /// As [`Self::lose_state`]; the content folds only when everything else is done.
    pub fn lose_state_and_fold_later(&mut self, place: Place) {
        self.crash(place);
        let papers = self.papers.clone();
        // Only now: a start uses it up.
        self.site(place).fold_later = true;
        self.site(place).restart(&papers, u64::MAX, true);
    }

    pub fn corrupt_downward(&mut self, hub: Place, trick: Trick) {
        self.trick = Some((hub, trick));
    }

    pub fn heal(&mut self) {
        self.trick = None;
    }

    /// The process dies and starts again, and its hub is not told: the old link stays there.
    pub fn vanish(&mut self, place: Place) {
        let mine = |(_, ends): &(&LinkId, &(Place, Place))| ends.0 == place;
        let ghosts: Vec<LinkId> = self.links.iter().filter(mine).map(|(link, _)| *link).collect();
        self.ghosts.extend(ghosts);
        let (random, papers) = (self.random(), self.papers.clone());
        self.site(place).restart(&papers, random, false);
    }

    /// A copy of a machine connects; its hello is what it was copied with.
    pub fn copy_connects(&mut self, place: Place) {
        let hello = self.hellos[&place].clone();
        let parent = place.parent().unwrap();
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, (place, parent));
        self.ghosts.insert(link);
        let peer = self.papers.key(place).public();
        self.input(parent, Input::LinkUp { link, peer, dialed: false });
        let channel = Channel::Control;
        self.input(parent, Input::Message { link, channel, bytes: hello });
    }
}
