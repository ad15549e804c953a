//! One link: a stream for each channel, opened by the side that dialled. First byte of a stream is
//! the channel's tag; then messages, each after its length (u32 LE).

use super::{LinkSink, LinkWriter, settings::Settings, stopped};
use motcua_core::{key::PublicKey, replica::Channel};
use quinn::{
    ApplicationClose, Connection, ConnectionError, ReadError, ReadExactError, RecvStream,
    SendStream, VarInt, WriteError,
};
use std::{pin::pin, sync::Arc};
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedReceiver, unbounded_channel},
        watch,
    },
    time::timeout,
};

/// What links are told when this machine stops.
pub const SHUTTING_DOWN: &str = "đang tắt / shutting down";

/// Application close code of an orderly end.
const ORDERLY: u32 = 0;
/// Application close code after bytes that are no link's.
const FAULT: u32 = 1;
/// Messages below this are copied into one write; above, the copy costs more than a write.
const COALESCE_BYTES: usize = 16 * 1024;
/// Messages taken from a queue at once.
const BATCH: usize = 64;
/// Bytes of a close reason; it has to fit into one packet.
const REASON_BYTES: usize = 512;

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// This side closed it.
    #[error("closed here: {0}")]
    Here(String),
    /// The peer closed it.
    #[error("closed by the peer: {0}")]
    Peer(String),
    /// The peer did not accept this machine's certificate; the number is the TLS alert (RFC 8446,
    /// 6): 44 denied, 45 expired, 48 unknown CA, 116 none shown.
    #[error("the peer refused this machine's certificate (TLS alert {alert}): {words}")]
    Certificate {
        /// TLS alert.
        alert: u8,
        /// What it means and what helps.
        words: &'static str,
    },
    /// The peer sent what is no message.
    #[error("closed here, the peer broke the protocol: {0}")]
    Fault(String),
    /// The network or the peer is gone.
    #[error("lost: {0}")]
    Lost(String),
}

impl LinkEnd {
    pub(super) fn of(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(ApplicationClose { reason, .. }) => {
                Self::Peer(String::from_utf8_lossy(reason).into_owned())
            }
            ConnectionError::LocallyClosed => Self::Here(SHUTTING_DOWN.to_owned()),
            ConnectionError::ConnectionClosed(close) => match alert(u64::from(close.error_code)) {
                Some((alert, words)) => Self::Certificate { alert, words },
                None => Self::Lost(error.to_string()),
            },
            _ => Self::Lost(error.to_string()),
        }
    }
}

/// TLS alerts travel as QUIC error 0x100 and the alert (RFC 9001, 4.8).
fn alert(code: u64) -> Option<(u8, &'static str)> {
    let words = match u8::try_from(code.checked_sub(0x100)?).ok()? {
        42 | 43 => "it is not a certificate of this system; renew it from the hub",
        44 => "the machine is suspended or banned; ask the city's operators",
        45 => "it has expired; it is renewed from the hub by itself",
        46 | 49 => "it was not accepted; renew it from the hub",
        48 => "its CA is not in the root document; renew it from the hub",
        116 => "none was shown; enrol this machine",
        _ => return None,
    };
    Some(((code - 0x100) as u8, words))
}

/// Streams of a link, by channel.
const STREAMS: usize = Channel::ALL.len();

/// Acknowledgements and hellos go before frames, and a scan only where nothing else waits.
fn priority(channel: Channel) -> i32 {
    match channel {
        Channel::Control => 20,
        Channel::Data => 0,
        Channel::Scan => -10,
    }
}

/// A link whose streams are open.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) peer: PublicKey,
    pub(super) dialed: bool,
    /// In the order of [`Channel::ALL`].
    streams: [(SendStream, RecvStream); STREAMS],
}

/// Why the streams did not come to be.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("a stream ended before its first byte: {0}")]
    Read(#[from] ReadExactError),
    #[error("a stream took no byte: {0}")]
    Write(#[from] WriteError),
    #[error("the peer opened streams {0:?}, one of each of 0, 1 and 2 is expected")]
    Tags([u8; STREAMS]),
}

impl Open {
    /// Opens the streams, as the side that dialled.
    pub(super) async fn dialed(connection: Connection, peer: PublicKey) -> Result<Self, OpenError> {
        let mut streams =
            [connection.open_bi().await?, connection.open_bi().await?, connection.open_bi().await?];
        for (channel, (out, _)) in Channel::ALL.into_iter().zip(&mut streams) {
            out.write_all(&[channel.tag()]).await?;
        }
        Ok(Self { connection, peer, dialed: true, streams }.with_priorities())
    }

    /// Waits for the streams, as the side that was dialled.
    pub(super) async fn accepted(
        connection: Connection,
        peer: PublicKey,
    ) -> Result<Self, OpenError> {
        let mut tagged = [
            (0, connection.accept_bi().await?),
            (0, connection.accept_bi().await?),
            (0, connection.accept_bi().await?),
        ];
        for (tag, (_, incoming)) in &mut tagged {
            incoming.read_exact(std::slice::from_mut(tag)).await?;
        }
        // They arrive in any order; each says which one it is.
        tagged.sort_by_key(|(tag, _)| *tag);
        let tags = [tagged[0].0, tagged[1].0, tagged[2].0];
        if tags != Channel::ALL.map(Channel::tag) {
            return Err(OpenError::Tags(tags));
        }
        let streams = tagged.map(|(_, stream)| stream);
        Ok(Self { connection, peer, dialed: false, streams }.with_priorities())
    }

    fn with_priorities(self) -> Self {
        for (channel, (out, _)) in Channel::ALL.into_iter().zip(&self.streams) {
            // Refused only for a stream that is closed, which the first read or write will say.
            let _ = out.set_priority(priority(channel));
        }
        self
    }

    /// Carries messages until the link ends, one way or another. The sink hears of the end exactly
    /// once, after the last message, even if this future is dropped.
    pub(super) async fn run<S: LinkSink>(
        self,
        sink: S,
        settings: &Settings,
        mut stop: watch::Receiver<bool>,
    ) -> LinkEnd {
        let Self { connection, peer, dialed, streams } = self;
        let [(control_out, control_in), (data_out, data_in), (scan_out, scan_in)] = streams;
        let (control, control_queue) = unbounded_channel();
        let (data, data_queue) = unbounded_channel();
        let (scan, scan_queue) = unbounded_channel();
        let (close, mut asked) = unbounded_channel();
        let (link, room) = sink.link_up(peer, dialed, LinkWriter { control, data, scan, close });
        let down = Down { sink: &sink, link };
        let (begin, closing) = watch::channel(false);
        let mut reading = pin!(async {
            tokio::try_join!(
                read(control_in, Channel::Control, &sink, link, &room),
                read(data_in, Channel::Data, &sink, link, &room),
                read(scan_in, Channel::Scan, &sink, link, &room),
            )
        });
        let mut writing = pin!(async {
            tokio::try_join!(
                write(control_out, control_queue, closing.clone()),
                write(data_out, data_queue, closing.clone()),
                write(scan_out, scan_queue, closing.clone()),
            )
        });
        // Reading first: what arrived before the end still counts.
        let end = tokio::select! {
            biased;
            read = &mut reading => ended(&connection, read.map(drop), settings).await,
            reason = asked.recv() => LinkEnd::Here(reason.unwrap_or(SHUTTING_DOWN.to_owned())),
            () = stopped(&mut stop) => LinkEnd::Here(SHUTTING_DOWN.to_owned()),
            wrote = &mut writing => match wrote {
                Ok(_) => LinkEnd::Here(SHUTTING_DOWN.to_owned()),
                Err(_) => match timeout(settings.flush_timeout, &mut reading).await {
                    Ok(read) => ended(&connection, read.map(drop), settings).await,
                    Err(_) => LinkEnd::Fault("it stopped reading a stream".to_owned()),
                }
            },
        };
        if let LinkEnd::Here(_) = end {
            let _ = begin.send(true);
            let _ = timeout(settings.flush_timeout, &mut writing).await;
        }
        let (code, reason) = match &end {
            LinkEnd::Fault(reason) => (FAULT, reason.as_str()),
            LinkEnd::Here(reason) => (ORDERLY, reason.as_str()),
            LinkEnd::Peer(_) | LinkEnd::Certificate { .. } | LinkEnd::Lost(_) => (ORDERLY, ""),
        };
        connection.close(VarInt::from_u32(code), cut(reason).as_bytes());
        drop(down);
        end
    }
}

/// Tells the sink of the end, whatever ends the link's future.
struct Down<'a, S: LinkSink> {
    sink: &'a S,
    link: S::Link,
}

impl<S: LinkSink> Drop for Down<'_, S> {
    fn drop(&mut self) {
        self.sink.link_down(Some(self.link));
    }
}

/// Why reading a stream ended before its end.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("a {channel:?} message of {got} bytes, at most {} are allowed", .channel.limit())]
    TooLong { channel: Channel, got: usize },
    #[error("a {0:?} message was cut short")]
    Cut(Channel),
    #[error("the {0:?} stream was reset")]
    Reset(Channel),
    #[error("{0}")]
    Lost(ConnectionError),
}

impl Fault {
    fn read(channel: Channel, error: ReadError) -> Self {
        match error {
            ReadError::ConnectionLost(error) => Self::Lost(error),
            _ => Self::Reset(channel),
        }
    }
}

/// What the end of reading says about the link. After every stream's orderly end the peer closes.
async fn ended(connection: &Connection, read: Result<(), Fault>, settings: &Settings) -> LinkEnd {
    match read {
        Ok(()) => match timeout(settings.flush_timeout, connection.closed()).await {
            Ok(error) => LinkEnd::of(&error),
            Err(_) => LinkEnd::Peer("its streams ended".to_owned()),
        },
        Err(Fault::Lost(error)) => LinkEnd::of(&error),
        Err(fault) => LinkEnd::Fault(fault.to_string()),
    }
}

async fn read<S: LinkSink>(
    mut stream: RecvStream,
    channel: Channel,
    sink: &S,
    link: S::Link,
    room: &Arc<Semaphore>,
) -> Result<(), Fault> {
    let mut prefix = [0; 4];
    loop {
        match stream.read_exact(&mut prefix).await {
            Ok(()) => {}
            Err(ReadExactError::FinishedEarly(0)) => return Ok(()),
            Err(ReadExactError::FinishedEarly(_)) => return Err(Fault::Cut(channel)),
            Err(ReadExactError::ReadError(error)) => return Err(Fault::read(channel, error)),
        }
        let got = usize::try_from(u32::from_le_bytes(prefix)).unwrap_or(usize::MAX);
        if got > channel.limit() {
            return Err(Fault::TooLong { channel, got });
        }
        let bytes = body(&mut stream, channel, got).await?;
        sink.message(link, room, channel, bytes).await;
    }
}

/// Memory is taken as bytes arrive, not as they are announced.
async fn body(stream: &mut RecvStream, channel: Channel, length: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::with_capacity(length.min(COALESCE_BYTES));
    while bytes.len() < length {
        match stream.read_chunk(length - bytes.len(), true).await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk.bytes),
            Ok(None) => return Err(Fault::Cut(channel)),
            Err(error) => return Err(Fault::read(channel, error)),
        }
    }
    Ok(bytes)
}

/// Writes what is queued as it comes. Ends when every sender is gone, or, once `closing`, when what
/// was queued has reached the peer's machine.
async fn write(
    mut stream: SendStream,
    mut queue: UnboundedReceiver<Vec<u8>>,
    mut closing: watch::Receiver<bool>,
) -> Result<(), WriteError> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            count = queue.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    break;
                }
                write_batch(&mut stream, &mut batch).await?;
            }
            () = stopped(&mut closing), if open => {
                open = false;
                queue.close();
            }
        }
    }
    // Fails only if the stream is finished already.
    let _ = stream.finish();
    let _ = stream.stopped().await;
    Ok(())
}

async fn write_batch(stream: &mut SendStream, batch: &mut Vec<Vec<u8>>) -> Result<(), WriteError> {
    let mut joined = Vec::new();
    for message in batch.drain(..) {
        // No message is near 4 GiB: what the replica makes is bounded by the channel's limit.
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        joined.extend_from_slice(&length.to_le_bytes());
        if message.len() <= COALESCE_BYTES {
            joined.extend_from_slice(&message);
            continue;
        }
        stream.write_chunk(std::mem::take(&mut joined).into()).await?;
        stream.write_chunk(message.into()).await?;
    }
    if !joined.is_empty() {
        stream.write_chunk(joined.into()).await?;
    }
    Ok(())
}

/// Whole characters only.
fn cut(reason: &str) -> &str {
    let end = (0..=reason.len().min(REASON_BYTES)).rev().find(|at| reason.is_char_boundary(*at));
    &reason[..end.unwrap_or(0)]
}
