//! Newer documents on their way to the disk: what was offered is judged against what is on its way
//! already, and comes again if it did not get there.

use super::{TrustError, TrustView};

/// Documents in force, and those that are on their way.
#[derive(Debug, Clone)]
pub struct Offered {
    in_force: TrustView,
    newest: TrustView,
}

impl Offered {
    /// Nothing is on its way.
    pub fn new(in_force: TrustView) -> Self {
        Self { newest: in_force.clone(), in_force }
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

    /// Documents did not get to the disk: whoever offers them again is listened to.
    pub fn not_written(&mut self) {
        self.newest = self.in_force.clone();
    }
}
