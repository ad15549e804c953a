//! Newer documents on their way to the disk: what was offered is judged against what is on its way
//! already, and is offered again if it did not get there: whoever brought it takes it to be here.

use super::{TrustError, TrustView};

/// Documents in force, and those that are on their way.
#[derive(Debug, Clone)]
pub struct Offered {
    in_force: TrustView,
    newest: TrustView,
    /// What did not get to the disk, and has to be offered again.
    waiting: Option<TrustView>,
}

impl Offered {
    /// Nothing is on its way.
    pub fn new(in_force: TrustView) -> Self {
        Self { newest: in_force.clone(), in_force, waiting: None }
    }

    /// What is to be written down if there is anything new in `view`, with why some of it was not
    /// taken; it is in force once [`Self::written`] says so.
    pub fn offer(&mut self, view: &TrustView) -> Option<(TrustView, Option<TrustError>)> {
        if !view.numbers().ahead_of(&self.newest.numbers()) {
            return None;
        }
        // What was taken in meanwhile from elsewhere stays.
        let trouble = self.newest.adopt_all(&view.to_bytes()).err();
        Some((self.newest.clone(), trouble))
    }

    /// These documents are on the disk.
    pub fn written(&mut self, view: &TrustView) {
        self.in_force = view.clone();
    }

    /// Documents did not get to the disk. They wait for [`Self::again`], because a hub gives them to
    /// each machine once; whoever offers them before is listened to. Whether they are the first that
    /// wait: then somebody has to see to it.
    pub fn not_written(&mut self) -> bool {
        let failed = std::mem::replace(&mut self.newest, self.in_force.clone());
        let first = self.waiting.is_none();
        let waiting = self.waiting.get_or_insert_with(|| self.in_force.clone());
        // What is part of them was judged when it was offered.
        let _ = waiting.adopt_all(&failed.to_bytes());
        first
    }

    /// What waits to be offered again, once the disk writes.
    pub fn again(&mut self) -> Option<TrustView> {
        self.waiting.take()
    }
}
