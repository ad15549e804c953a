//! The hub's side: lists once, cuts frame after frame as the window allows, then follows what
//! changes until the reader's inbox has caught up.

use super::{CutImages, ImageDone, ImageIo, ImageOrder, ImagesAsked};
use crate::{
    id::DossierId,
    key::PublicKey,
    limits,
    replica::{Data, Fault, LinkId, Output, Replica, Store, inbound::InLog},
    state::{
        inbox,
        rows::{Cursor, InboxItem},
    },
    trust::NodeKind,
    wire::Place,
};
use std::collections::{BTreeSet, VecDeque};

/// Rows looked through at once for what changed.
const ROWS: usize = 256;

/// Images for one peer.
pub(in crate::replica) struct Giving {
    phase: Phase,
    /// Dossiers of the frame that is being cut, if one is.
    cutting: Option<usize>,
    /// Row up to which the images given say everything; none before the first frame.
    upto: Option<u64>,
    /// Frames that the reader has on disk, and bytes of those that are on their way.
    taken: u64,
    in_flight: VecDeque<usize>,
}

enum Phase {
    /// The reader will ask in a moment.
    Expected,
    Listing,
    Places(VecDeque<Place>),
    /// All are cut; the last ones are not on the reader's disk.
    Ending,
    Changes,
}

impl Giving {
    fn new(phase: Phase, upto: Option<u64>) -> Self {
        Self { phase, cutting: None, upto, taken: 0, in_flight: VecDeque::new() }
    }

    /// For a reader that will ask: its inbox is not read to it before.
    pub(in crate::replica) fn expected() -> Self {
        Self::new(Phase::Expected, None)
    }

    /// Bytes on their way.
    pub(in crate::replica) fn in_flight(&self) -> usize {
        self.in_flight.iter().sum()
    }

    /// Inbox rows wait until every dossier has had its image.
    pub(in crate::replica) fn is_first(&self) -> bool {
        !matches!(self.phase, Phase::Changes)
    }
}

impl Replica {
    /// Whether a peer has read nothing of an inbox in which much stands that others wrote: what it wrote
    /// itself it has.
    pub(in crate::replica) fn is_worth_images(
        &self,
        peer: PublicKey,
        from: Cursor,
        tail: Cursor,
    ) -> bool {
        let own = self.logs.values().filter(|log| log.author.key == peer);
        let own: u64 = own.map(InLog::stored_entries).sum();
        from.number == 0 && tail.number >= own + limits::IMAGES_FROM_ROWS
    }

    /// A machine that has read nothing yet asks for images.
    pub(in crate::replica) fn images_asked(
        &mut self,
        link: LinkId,
        asked: ImagesAsked,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let child = self.children.get_mut(&link).filter(|child| child.carried.is_none());
        let Some((child, binding)) =
            child.and_then(|child| child.binding.clone().map(|binding| (child, binding)))
        else {
            return Err(Fault::new("order", "images come after hello"));
        };
        if binding.kind != NodeKind::Node {
            return Err(Fault::new("scope", "only a machine at a counter needs images"));
        }
        if child.images.as_ref().is_some_and(|giving| !matches!(giving.phase, Phase::Expected)) {
            return Err(Fault::new("order", "images are asked for once"));
        }
        match asked {
            ImagesAsked::All(after) => {
                child.images = Some(Giving::new(Phase::Listing, None));
                let office = child.inbox;
                self.outputs.push_back(Output::Images(ImageIo::List { link, office, after }));
            }
            ImagesAsked::Changes(from) => {
                child.images = Some(Giving::new(Phase::Changes, Some(from)));
            }
        }
        self.pump_link(link, store);
        Ok(())
    }

    /// Frames of images are on the reader's disk.
    pub(in crate::replica) fn images_taken(
        &mut self,
        link: LinkId,
        frames: u64,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let giving = self.children.get_mut(&link).and_then(|child| child.images.as_mut());
        // Those of the end may be acknowledged after the inbox has caught up.
        let Some(giving) = giving else { return Ok(()) };
        while giving.taken < frames && giving.in_flight.pop_front().is_some() {
            giving.taken += 1;
        }
        self.pump_link(link, store);
        Ok(())
    }

    /// Something was listed or cut.
    pub(in crate::replica) fn image_done(&mut self, done: ImageDone, store: &impl Store) {
        let (link, failed) = match done {
            ImageDone::Listed { link, places } => (link, self.listed(link, places)),
            ImageDone::Cut { link, cut } => (link, self.was_cut(link, cut)),
        };
        if failed {
            // The reader goes on without; its inbox brings everything.
            if let Some(child) = self.children.get_mut(&link) {
                child.images = None;
            }
        }
        self.pump_link(link, store);
    }

    fn listed(&mut self, link: LinkId, places: Option<Vec<Place>>) -> bool {
        let child = self.children.get_mut(&link);
        let Some(giving) = child.and_then(|child| child.images.as_mut()) else { return false };
        let Some(places) = places else { return true };
        giving.phase = Phase::Places(places.into());
        false
    }

    fn was_cut(&mut self, link: LinkId, cut: Option<CutImages>) -> bool {
        let child = self.children.get_mut(&link);
        let Some(giving) = child.and_then(|child| child.images.as_mut()) else { return false };
        let (Some(cut), Some(_)) = (cut, giving.cutting.take()) else { return true };
        giving.upto.get_or_insert(cut.cut);
        if let Phase::Places(places) = &mut giving.phase {
            places.drain(..cut.covers.min(places.len()));
            if places.is_empty() {
                giving.phase = Phase::Ending;
            }
        }
        giving.in_flight.push_back(cut.frame.len());
        self.send(link, &Data::Images(cut.frame));
        false
    }

    /// Has the next frame cut, if there is room for it. Whether the inbox may be read to this peer.
    pub(in crate::replica) fn pump_images(
        &mut self,
        link: LinkId,
        store: &impl Store,
    ) -> Result<bool, Fault> {
        let window = self.down_window(link);
        let Some(child) = self.children.get_mut(&link) else { return Ok(false) };
        let (office, read, full) = (child.inbox, child.delivered, child.in_flight() >= window);
        let Some(giving) = &mut child.images else { return Ok(true) };
        if giving.cutting.is_some() || full {
            let first = giving.is_first();
            if full && first && !self.admission.has_turn(link) && !self.admission.waits(link) {
                self.asking.insert(link);
            }
            return Ok(!first);
        }
        let order = match &giving.phase {
            Phase::Expected | Phase::Listing => return Ok(false),
            Phase::Ending if !giving.in_flight.is_empty() => return Ok(false),
            Phase::Ending => {
                giving.phase = Phase::Changes;
                return self.pump_images(link, store);
            }
            Phase::Places(places) => {
                let next: Vec<Place> =
                    places.iter().take(limits::IMAGES_AT_ONCE).copied().collect();
                let last = next.len() == places.len();
                ImageOrder { office, places: next, listed: true, last }
            }
            Phase::Changes => {
                let upto = giving.upto.unwrap_or_default();
                if read >= upto {
                    // From here on the histories are as new as any image.
                    child.images = None;
                    return Ok(true);
                }
                let rows = inbox::rows_after(store, office, upto, ROWS)?;
                let Some(last) = rows.last() else { return Ok(true) };
                giving.upto = Some(last.number);
                let changed: BTreeSet<DossierId> =
                    rows.iter().filter_map(|row| brings(&row.item)).collect();
                let place = |dossier| Place { urgency: 0, dossier };
                let places = changed.into_iter().map(place).collect();
                ImageOrder { office, places, listed: false, last: false }
            }
        };
        giving.cutting = Some(order.places.len());
        let goes_on = !giving.is_first();
        self.outputs.push_back(Output::Images(ImageIo::Cut { link, order }));
        Ok(goes_on)
    }
}

fn brings(item: &InboxItem) -> Option<DossierId> {
    match item {
        InboxItem::Entry { dossier, .. } | InboxItem::Repair { dossier, .. } => Some(*dossier),
        InboxItem::Decision { .. } | InboxItem::Forget { .. } => None,
    }
}
