//! What goes out on a link, and how a link is ended: with nobody at fault, or for a fault.

use super::{Channel, Control, Data, Event, LinkId, MessageError, Output, Replica, message};
use crate::state::StoreError;

/// A peer that breaks the protocol; the link is closed with these words.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: &'static str,
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn new(kind: &'static str, reason: impl ToString) -> Self {
        Self { kind, reason: reason.to_string() }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::new("store", error)
    }
}

impl From<MessageError> for Fault {
    fn from(error: MessageError) -> Self {
        Self::new("message", error)
    }
}

impl Replica {
    pub(super) fn say(&mut self, link: LinkId, message: &Control) {
        let bytes = message::encode(message);
        self.outputs.push_back(Output::Send { link, channel: Channel::Control, bytes });
    }

    pub(super) fn send(&mut self, link: LinkId, message: &Data) -> usize {
        let bytes = message::encode(message);
        let length = bytes.len();
        self.outputs.push_back(Output::Send { link, channel: Channel::Data, bytes });
        length
    }

    pub(super) fn refuse(&mut self, link: LinkId, fault: Fault) {
        let peer = self.children.get(&link).map(|child| child.peer.node_id());
        let event = Event::Refused { peer, kind: fault.kind, reason: fault.reason.clone() };
        self.outputs.push_back(Output::Event(event));
        self.close(link, &fault.reason);
    }

    /// Closes a link with nobody at fault.
    pub(super) fn leave(&mut self, link: LinkId, reason: &str) {
        self.say(link, &Control::Bye(reason.into()));
        self.outputs.push_back(Output::Close { link, reason: reason.into() });
    }

    pub(super) fn close(&mut self, link: LinkId, reason: &str) {
        self.say(link, &Control::Refuse(reason.chars().take(500).collect()));
        self.outputs.push_back(Output::Close { link, reason: reason.into() });
    }
}
