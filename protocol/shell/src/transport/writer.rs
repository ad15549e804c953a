//! The sending end of a link, whatever carries it: a queue for every channel.

use super::backlog::Backlog;
use motcua_core::replica::Channel;
use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Where a link's messages go out. Dropping all clones closes the link.
#[derive(Debug, Clone)]
pub struct LinkWriter {
    queues: [UnboundedSender<Vec<u8>>; Channel::COUNT],
    close: UnboundedSender<String>,
    backlog: Arc<Backlog>,
}

impl LinkWriter {
    /// Queues a message; messages of a channel keep their order. A link that is gone takes it and
    /// forgets it: its end is told by [`super::LinkSink::link_down`].
    pub fn send(&self, channel: Channel, bytes: Vec<u8>) {
        let length = bytes.len();
        if self.queues[channel.place()].send(bytes).is_ok() {
            self.backlog.queued(channel, length);
        }
    }

    /// Asks for the link to be closed once what was queued has left; `reason` is told the peer.
    pub fn close(&self, reason: String) {
        let _ = self.close.send(reason);
    }
}

/// What the link takes from: one queue for every channel, in the order of [`Channel::ALL`].
pub(crate) struct Outgoing {
    pub(crate) queues: [UnboundedReceiver<Vec<u8>>; Channel::COUNT],
    pub(crate) close: UnboundedReceiver<String>,
    /// What is in the queues; whoever takes from one says so.
    pub(crate) backlog: Arc<Backlog>,
}

/// Both ends of a link's queues.
pub(crate) fn outgoing() -> (LinkWriter, Outgoing) {
    let ends = Channel::ALL.map(|_| unbounded_channel());
    let (close, asked) = unbounded_channel();
    let backlog = Arc::<Backlog>::default();
    let queues = ends.each_ref().map(|(sender, _)| sender.clone());
    let writer = LinkWriter { queues, close, backlog: Arc::clone(&backlog) };
    (writer, Outgoing { queues: ends.map(|(_, receiver)| receiver), close: asked, backlog })
}

/// The next message of any channel, the most urgent first; `None` once every sender is gone and
/// every queue empty. Only channels that `wanted` are looked at. Safe to drop.
pub(super) async fn next_of(
    queues: &mut [UnboundedReceiver<Vec<u8>>; Channel::COUNT],
    wanted: impl Fn(Channel) -> bool,
) -> Option<(Channel, Vec<u8>)> {
    poll_fn(|context| poll_next(queues, &wanted, context)).await
}

fn poll_next(
    queues: &mut [UnboundedReceiver<Vec<u8>>; Channel::COUNT],
    wanted: &impl Fn(Channel) -> bool,
    context: &mut Context<'_>,
) -> Poll<Option<(Channel, Vec<u8>)>> {
    let mut ended = true;
    for (channel, queue) in Channel::ALL.into_iter().zip(queues) {
        if !wanted(channel) {
            ended = false;
            continue;
        }
        match queue.poll_recv(context) {
            Poll::Ready(Some(bytes)) => return Poll::Ready(Some((channel, bytes))),
            Poll::Ready(None) => {}
            Poll::Pending => ended = false,
        }
    }
    if ended { Poll::Ready(None) } else { Poll::Pending }
}
