//! One link over QUIC: a stream for every channel, opened by the side that dialled. First byte of a
//! stream is the channel's place in [`Channel::ALL`]; then messages, each after its length (u32 LE).

use super::{
    Carrier, LinkSink,
    backlog::Backlog,
    end::{Down, LinkEnd, SHUTTING_DOWN, cut},
    join::all_ok,
    settings::Settings,
    stopped,
    writer::{Outgoing, outgoing},
};
use motcua_core::{key::PublicKey, replica::Channel};
use quinn::{
    Connection, ConnectionError, ReadError, ReadExactError, RecvStream, SendStream, VarInt,
    WriteError,
};
use std::{pin::pin, sync::Arc};
use tokio::{
    sync::{Semaphore, mpsc::UnboundedReceiver, watch},
    time::timeout,
};

/// Application close code of an orderly end.
const ORDERLY: u32 = 0;
/// Application close code after bytes that are no link's.
const FAULT: u32 = 1;
/// Between the priorities of two channels' streams; the first of [`Channel::ALL`] has the highest.
const PRIORITY_STEP: i32 = 10;
/// Messages below this are copied into one write; above, the copy costs more than a write.
const COALESCE_BYTES: usize = 16 * 1024;
/// Messages taken from a queue at once.
const BATCH: usize = 64;
/// A link whose streams are open, in the order of [`Channel::ALL`].
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) peer: PublicKey,
    pub(super) dialed: bool,
    streams: [(SendStream, RecvStream); Channel::COUNT],
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
    #[error("the peer opened a stream of tag {0}; each channel has one, and every tag comes once")]
    Tag(u8),
}

impl Open {
    /// Opens a stream for every channel, as the side that dialled.
    pub(super) async fn dialed(connection: Connection, peer: PublicKey) -> Result<Self, OpenError> {
        let mut streams = Vec::with_capacity(Channel::COUNT);
        for channel in Channel::ALL {
            let mut stream = connection.open_bi().await?;
            stream.0.write_all(&[channel.tag()]).await?;
            streams.push(Some(stream));
        }
        Self::with(connection, peer, true, streams)
    }

    /// Waits for the streams, which may come in any order, as the side that was dialled.
    pub(super) async fn accepted(
        connection: Connection,
        peer: PublicKey,
    ) -> Result<Self, OpenError> {
        let mut streams: Vec<Option<(SendStream, RecvStream)>> =
            Channel::ALL.iter().map(|_| None).collect();
        for _ in Channel::ALL {
            let mut stream = connection.accept_bi().await?;
            let mut tag = [0];
            stream.1.read_exact(&mut tag).await?;
            match streams.get_mut(usize::from(tag[0])) {
                Some(place @ None) => *place = Some(stream),
                _ => return Err(OpenError::Tag(tag[0])),
            }
        }
        Self::with(connection, peer, false, streams)
    }

    fn with(
        connection: Connection,
        peer: PublicKey,
        dialed: bool,
        streams: Vec<Option<(SendStream, RecvStream)>>,
    ) -> Result<Self, OpenError> {
        let streams: Vec<_> = streams.into_iter().flatten().collect();
        let streams: [_; Channel::COUNT] =
            streams.try_into().map_err(|_| OpenError::Tag(Channel::COUNT as u8))?;
        for (place, (send, _)) in streams.iter().enumerate() {
            // Refused only for a stream that is closed, which the first read or write will say.
            let _ = send.set_priority(PRIORITY_STEP * (Channel::COUNT - place) as i32);
        }
        Ok(Self { connection, peer, dialed, streams })
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
        let (writer, Outgoing { queues, close: mut asked, backlog }) = outgoing();
        let (link, room) = sink.link_up(peer, dialed, Carrier::Quic, writer);
        let down = Down { sink: &sink, link };
        let (begin, closing) = watch::channel(false);
        let (sends, receives): (Vec<_>, Vec<_>) = streams.into_iter().unzip();
        let ear = Ear { sink: &sink, link, room: &room, waits_for: (!dialed).then_some(&*backlog) };
        let mut reading = pin!(all_ok(
            Channel::ALL
                .into_iter()
                .zip(receives)
                .map(|(channel, stream)| ear.read(stream, channel))
        ));
        let ends = Channel::ALL.into_iter().zip(sends.into_iter().zip(queues));
        let mut writing = pin!(all_ok(ends.map(|(channel, (stream, queue))| {
            write(stream, queue, (channel, &backlog), closing.clone())
        })));
        // Reading first: what arrived before the end still counts.
        let end = tokio::select! {
            biased;
            read = &mut reading => ended(&connection, read, settings).await,
            reason = asked.recv() => LinkEnd::Here(reason.unwrap_or(SHUTTING_DOWN.to_owned())),
            () = stopped(&mut stop) => LinkEnd::Here(SHUTTING_DOWN.to_owned()),
            wrote = &mut writing => match wrote {
                Ok(_) => LinkEnd::Here(SHUTTING_DOWN.to_owned()),
                Err(_) => match timeout(settings.flush_timeout, &mut reading).await {
                    Ok(read) => ended(&connection, read, settings).await,
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
            LinkEnd::Peer(_) | LinkEnd::Certificate { .. } | LinkEnd::Silent | LinkEnd::Lost(_) => {
                (ORDERLY, "")
            }
        };
        connection.close(VarInt::from_u32(code), cut(reason).as_bytes());
        drop(down);
        end
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

/// Where what is read goes.
struct Ear<'a, S: LinkSink> {
    sink: &'a S,
    link: S::Link,
    room: &'a Arc<Semaphore>,
    /// A caller that does not take what it asked for is not read.
    waits_for: Option<&'a Backlog>,
}

impl<S: LinkSink> Ear<'_, S> {
    async fn read(&self, mut stream: RecvStream, channel: Channel) -> Result<(), Fault> {
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
            if let Some(backlog) = self.waits_for {
                backlog.small_enough().await;
            }
            self.sink.message(self.link, self.room, channel, bytes).await;
        }
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
    (channel, backlog): (Channel, &Backlog),
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
                let bytes = batch.iter().map(Vec::len).sum();
                write_batch(&mut stream, &mut batch).await?;
                backlog.sent(channel, bytes);
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
