//! One link over TLS on TCP, for networks that block UDP: the same messages as over QUIC.

use super::pieces::{
    Cutter, HEADER_BYTES, HERE, Header, IS_ANYBODY_THERE, Joiner, PIECE_BYTES, PieceError, close,
    header,
};
use crate::transport::{
    Carrier, LinkEnd, LinkSink, SHUTTING_DOWN,
    backlog::Backlog,
    end::{Down, of_tls},
    settings::Settings,
    stopped,
    writer::{Outgoing, next_of, outgoing},
};
use motcua_core::{key::PublicKey, limits, replica::Channel};
use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::TcpStream,
    sync::{
        Notify, OwnedSemaphorePermit, Semaphore,
        mpsc::{self, UnboundedReceiver, UnboundedSender},
        watch,
    },
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::TlsStream;

/// A link on which both sides have said who they are.
#[derive(Debug)]
pub(in crate::transport) struct Open {
    pub(super) stream: Box<TlsStream<TcpStream>>,
    pub(in crate::transport) peer: PublicKey,
    pub(super) dialed: bool,
}

impl Open {
    /// Carries messages until the link ends, one way or another. The sink hears of the end exactly
    /// once, after the last message, even if this future is dropped.
    pub(in crate::transport) async fn run<S: LinkSink>(
        self,
        sink: S,
        settings: &Settings,
        mut stop: watch::Receiver<bool>,
    ) -> LinkEnd {
        let Self { stream, peer, dialed } = self;
        let (mut input, mut output) = split(stream);
        let (writer, Outgoing { mut queues, close: mut asked, backlog }) = outgoing();
        let (link, room) = sink.link_up(peer, dialed, Carrier::Tcp, writer);
        let down = Down { sink: &sink, link };
        let (begin, closing) = watch::channel(false);
        let was_asked = Notify::new();
        let keep_alive = dialed.then_some(settings.keep_alive);
        let end = {
            let waits_for = (!dialed).then_some(&*backlog);
            let ear = Ear { sink: &sink, link, room: &room, was_asked: &was_asked, waits_for };
            let mut reading = pin!(ear.read(&mut input, settings.idle));
            let mut writing =
                pin!(write(&mut output, (&mut queues, &backlog), keep_alive, &was_asked, closing));
            // Reading first: what arrived before the end still counts.
            let end = tokio::select! {
                biased;
                end = &mut reading => end,
                reason = asked.recv() => LinkEnd::Here(reason.unwrap_or(SHUTTING_DOWN.to_owned())),
                () = stopped(&mut stop) => LinkEnd::Here(SHUTTING_DOWN.to_owned()),
                wrote = &mut writing => match wrote {
                    Ok(()) => LinkEnd::Here(SHUTTING_DOWN.to_owned()),
                    // The peer's last words, if there are any, say more than the failed write.
                    Err(error) => match timeout(settings.flush_timeout, &mut reading).await {
                        Ok(end) => end,
                        Err(_) => of_tls(&error),
                    },
                },
            };
            if let LinkEnd::Here(_) = end {
                let _ = begin.send(true);
                let _ = timeout(settings.flush_timeout, &mut writing).await;
            }
            end
        };
        let last = match &end {
            LinkEnd::Fault(reason) => Some(close(true, reason)),
            LinkEnd::Here(reason) => Some(close(false, reason)),
            LinkEnd::Peer(_) | LinkEnd::Certificate { .. } | LinkEnd::Silent | LinkEnd::Lost(_) => {
                None
            }
        };
        // Best effort: a peer that does not take it finds out by the end of the stream. A socket
        // that is closed with unread bytes makes the system throw away what it had not sent yet,
        // so what still comes is read and forgotten.
        let farewell = async {
            if let Some(last) = last {
                output.write_all(&last).await?;
            }
            output.shutdown().await?;
            let mut rest = vec![0; PIECE_BYTES];
            while input.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(settings.flush_timeout, farewell).await;
        drop(down);
        end
    }
}

/// Data messages of one link that were read and may not be handed over yet: the largest, or what an
/// honest machine has on its way once it was told that it is read slowly. Beyond it nothing is read.
pub(in crate::transport) const LATER_BYTES: usize = limits::MESSAGE_BYTES;
/// How long those have at a link's end.
const LAST_MESSAGES: Duration = Duration::from_millis(100);

type Later = (Vec<u8>, Option<OwnedSemaphorePermit>);

/// Where what is read goes.
struct Ear<'a, S: LinkSink> {
    sink: &'a S,
    link: S::Link,
    room: &'a Arc<Semaphore>,
    was_asked: &'a Notify,
    /// A caller that does not take what it asked for is not read.
    waits_for: Option<&'a Backlog>,
}

impl<S: LinkSink> Ear<'_, S> {
    /// Hands over data messages, one after the other. A sink that lets one wait
    /// ([`motcua_core::replica::Output::Pace`]) does not stop the reading of what is urgent, of which
    /// there is one stream here: neither acknowledgements nor signs of life.
    async fn hand_over(&self, mut waiting: UnboundedReceiver<Later>) {
        while let Some((message, _place)) = waiting.recv().await {
            self.sink.message(self.link, self.room, Channel::Data, message).await;
        }
    }

    /// Reads until the link ends. Time in which the sink takes no message does not count as
    /// silence.
    async fn read(&self, stream: &mut (impl AsyncRead + Unpin), idle: Duration) -> LinkEnd {
        let (later, waiting) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(LATER_BYTES));
        let mut handing = pin!(self.hand_over(waiting));
        let read = {
            let mut reading = pin!(self.read_pieces(stream, idle, (later, &room)));
            tokio::select! {
                biased;
                read = &mut reading => read,
                () = &mut handing => reading.await,
            }
        };
        // What came before the end still counts, unless it has to wait.
        let _ = timeout(LAST_MESSAGES, handing).await;
        match read {
            Ok(reason) => LinkEnd::Peer(reason),
            Err(Fault::Piece(error)) => LinkEnd::Fault(error.to_string()),
            Err(Fault::Silent) => LinkEnd::Silent,
            Err(Fault::Stream(error)) => of_tls(&error),
        }
    }

    async fn read_pieces(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        idle: Duration,
        (later, room): (UnboundedSender<Later>, &Arc<Semaphore>),
    ) -> Result<String, Fault> {
        let mut joiner = Joiner::default();
        loop {
            let mut head = [0; HEADER_BYTES];
            exact(stream, &mut head, idle).await?;
            match header(head)? {
                Header::Part { channel, length, last } => {
                    exact(stream, joiner.room(channel, length)?, idle).await?;
                    if last {
                        let message = joiner.take(channel);
                        if let Some(backlog) = self.waits_for {
                            backlog.small_enough().await;
                        }
                        if channel == Channel::Data {
                            let need = u32::try_from(message.len().clamp(1, LATER_BYTES));
                            let need = need.unwrap_or(u32::MAX);
                            let place = Arc::clone(room).acquire_many_owned(need).await.ok();
                            // Whoever hands over ends after this.
                            let _ = later.send((message, place));
                        } else {
                            self.sink.message(self.link, self.room, channel, message).await;
                        }
                    }
                }
                Header::Ask => self.was_asked.notify_one(),
                Header::Answer => {}
                Header::Close { length } => {
                    let mut reason = vec![0; length];
                    exact(stream, &mut reason, idle).await?;
                    return Ok(String::from_utf8_lossy(&reason).into_owned());
                }
            }
        }
    }
}

/// Why reading ended before the peer closed.
enum Fault {
    Piece(PieceError),
    Silent,
    Stream(io::Error),
}

impl From<PieceError> for Fault {
    fn from(error: PieceError) -> Self {
        Self::Piece(error)
    }
}

async fn exact(
    stream: &mut (impl AsyncRead + Unpin),
    into: &mut [u8],
    idle: Duration,
) -> Result<(), Fault> {
    match timeout(idle, stream.read_exact(into)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Fault::Stream(error)),
        Err(_) => Err(Fault::Silent),
    }
}

/// Writes what is queued as it comes, the most urgent first. Ends when every sender is gone, or,
/// once `closing`, when what was queued has been handed to the system.
async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    (queues, backlog): (&mut Queues, &Backlog),
    keep_alive: Option<Duration>,
    was_asked: &Notify,
    mut closing: watch::Receiver<bool>,
) -> io::Result<()> {
    let (mut cutter, mut out) = (Cutter::default(), Vec::with_capacity(2 * PIECE_BYTES));
    let mut open = true;
    // Whether traffic flows or not: frames that go up for a minute are no sign from the peer.
    let mut ask_at = keep_alive.map(|every| (Instant::now() + every, every));
    loop {
        if let Some((at, every)) = &mut ask_at
            && *at <= Instant::now()
        {
            out.extend(IS_ANYBODY_THERE);
            *at = Instant::now() + *every;
        }
        take_waiting(&mut cutter, queues, backlog);
        while out.len() < PIECE_BYTES && cutter.cut(&mut out) {
            take_waiting(&mut cutter, queues, backlog);
        }
        if !out.is_empty() {
            stream.write_all(&out).await?;
            out.clear();
            // Down to the system's queue, which is kept short: what is urgent overtakes up to here.
            stream.flush().await?;
        }
        tokio::select! {
            biased;
            () = was_asked.notified() => out.extend(HERE),
            next = next_of(queues, |channel| cutter.takes(channel)), if cutter.is_idle() => match next {
                Some((channel, message)) => {
                    backlog.sent(channel, message.len());
                    cutter.put(channel, message);
                }
                None => return Ok(()),
            },
            () = stopped(&mut closing), if open => {
                open = false;
                queues.iter_mut().for_each(UnboundedReceiver::close);
            }
            () = until(ask_at.map(|(at, _)| at)), if cutter.is_idle() => {}
            () = std::future::ready(()), if !cutter.is_idle() => {}
        }
    }
}

type Queues = [UnboundedReceiver<Vec<u8>>; Channel::COUNT];

fn take_waiting(cutter: &mut Cutter, queues: &mut Queues, backlog: &Backlog) {
    for (channel, queue) in Channel::ALL.into_iter().zip(queues) {
        if cutter.takes(channel)
            && let Ok(message) = queue.try_recv()
        {
            backlog.sent(channel, message.len());
            cutter.put(channel, message);
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Waits for the first sign of the side that was dialled: it has judged and accepted the caller.
pub(super) async fn accepted(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut head = [0; HEADER_BYTES];
    stream.read_exact(&mut head).await?;
    match head {
        HERE => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it does not begin as a link does")),
    }
}

/// Gives that sign.
pub(super) async fn accept(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut stream = Pin::new(stream);
    stream.write_all(&HERE).await?;
    stream.flush().await
}
