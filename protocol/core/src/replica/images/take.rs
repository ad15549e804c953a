//! The reader's side: asks once a link, while its inbox is still to be read, and acknowledges what
//! is on its disk.

use super::ImagesAsked;
use crate::{
    record::Record,
    replica::{Control, Fault, LinkId, Pending, Replica, Store, Welcome, message},
    state::{Key, rows},
    trust::{Binding, NodeKind, Signed},
    wire::ImageFrame,
};

/// Images on the link to the hub.
#[derive(Default)]
pub(in crate::replica) struct Taking {
    /// The link on which they were asked for.
    link: Option<LinkId>,
    /// Frames of it that are on disk.
    frames: u64,
}

impl Replica {
    /// Whether this machine has somebody at a counter.
    pub(in crate::replica) fn takes_images(&self) -> bool {
        let binding = Signed::decode::<Binding>(&self.config.binding);
        let binding = binding.and_then(|signed| signed.open::<Binding>());
        binding.is_ok_and(|binding| binding.kind == NodeKind::Node)
    }

    /// Asks for images where the welcome says that much is still to be read.
    pub(in crate::replica) fn ask_images(
        &mut self,
        link: LinkId,
        welcome: &Welcome,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if !self.takes_images() {
            return Ok(());
        }
        let before: rows::Images = crate::replica::read(store, Key::Images)?.unwrap_or_default();
        let Some(asked) = what_to_ask(&before, welcome) else { return Ok(()) };
        self.taking = Taking { link: Some(link), frames: 0 };
        self.say(link, &Control::Images(asked));
        Ok(())
    }

    /// A frame of images.
    pub(in crate::replica) fn images_arrived(
        &mut self,
        link: LinkId,
        bytes: Vec<u8>,
    ) -> Result<(), Fault> {
        if self.taking.link != Some(link) || self.upstream.live() != Some(link) {
            return Err(Fault::new("order", "images that were not asked for"));
        }
        let frame = ImageFrame::decode(&bytes).map_err(|error| Fault::new("frame", error))?;
        if frame.inbox != self.config.me.office {
            return Err(Fault::new("scope", "these images are for another office"));
        }
        let from = self.upstream.hub();
        self.journal(vec![Record::Images { from, frame: bytes }], Pending::Images { link });
        Ok(())
    }

    /// They are on disk.
    pub(in crate::replica) fn images_stored(&mut self, link: LinkId) {
        if self.taking.link == Some(link) {
            self.taking.frames += 1;
            self.say(link, &Control::ImagesTaken(self.taking.frames));
        }
    }
}

/// Something in any case where the hub waits for it.
fn what_to_ask(before: &rows::Images, welcome: &Welcome) -> Option<ImagesAsked> {
    let known = before.epoch == welcome.tail.epoch;
    if known && before.done {
        return (welcome.from.number < before.cut).then_some(ImagesAsked::Changes(before.cut));
    }
    let waits = welcome.features & message::IMAGES != 0;
    waits.then_some(ImagesAsked::All(before.place.filter(|_| known)))
}
