//! Pieces: how the messages of all channels share one byte stream. A message is cut, and before
//! every piece the most urgent channel that has something goes first, so that an acknowledgement
//! waits behind one piece of a frame and not behind the frame.
//!
//! A piece is a kind (1 byte), a length (u16 LE) and so many bytes. Kinds 0 to 14 are channels by
//! their place, with [`LAST`] on the last piece of a message; the others say something about the
//! link itself. Pure: no socket, no clock.

use crate::transport::end::REASON_BYTES;
use motcua_core::replica::Channel;

/// Bytes of one piece, at most: a TLS record's worth, two seconds at 64 kbit/s.
pub(super) const PIECE_BYTES: usize = 16 * 1024;
/// Kind and length.
pub(super) const HEADER_BYTES: usize = 3;
/// Ends a message.
const LAST: u8 = 0x80;
const ASK: u8 = 0x70;
const ANSWER: u8 = 0x71;
const ORDERLY: u8 = 0x72;
const FAULT: u8 = 0x73;

const _: () = assert!(Channel::COUNT <= 15);
const _: () = assert!(PIECE_BYTES <= u16::MAX as usize);

/// Asks whether the peer is there.
pub(super) const IS_ANYBODY_THERE: [u8; HEADER_BYTES] = [ASK, 0, 0];
/// Answers that; also the first bytes of the side that was dialled, once it has accepted.
pub(super) const HERE: [u8; HEADER_BYTES] = [ANSWER, 0, 0];

/// The last piece of a link.
pub(super) fn close(fault: bool, reason: &str) -> Vec<u8> {
    let mut piece = Vec::with_capacity(HEADER_BYTES + reason.len());
    put(
        &mut piece,
        if fault { FAULT } else { ORDERLY },
        crate::transport::end::cut(reason).as_bytes(),
    );
    piece
}

fn put(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.push(kind);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// The sending side: at most one message of each channel is being cut.
#[derive(Default)]
pub(super) struct Cutter {
    fronts: [Option<Front>; Channel::COUNT],
}

struct Front {
    bytes: Vec<u8>,
    at: usize,
}

impl Cutter {
    /// Whether the channel's next message may be put in.
    pub(super) fn takes(&self, channel: Channel) -> bool {
        self.fronts[channel.place()].is_none()
    }

    /// Begins a message; the channel's last one must have been cut to its end.
    pub(super) fn put(&mut self, channel: Channel, bytes: Vec<u8>) {
        self.fronts[channel.place()] = Some(Front { bytes, at: 0 });
    }

    /// Whether nothing is being cut.
    pub(super) fn is_idle(&self) -> bool {
        self.fronts.iter().all(Option::is_none)
    }

    /// Appends the most urgent piece; false if there is none.
    pub(super) fn cut(&mut self, out: &mut Vec<u8>) -> bool {
        for (place, slot) in self.fronts.iter_mut().enumerate() {
            let Some(front) = slot else { continue };
            let end = (front.at + PIECE_BYTES).min(front.bytes.len());
            let last = if end == front.bytes.len() { LAST } else { 0 };
            put(out, place as u8 | last, &front.bytes[front.at..end]);
            front.at = end;
            if last == LAST {
                *slot = None;
            }
            return true;
        }
        false
    }
}

/// What a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// Bytes of a message, and whether they are its last.
    Part { channel: Channel, length: usize, last: bool },
    /// The peer wants to know whether anybody is there.
    Ask,
    /// Somebody is there.
    Answer,
    /// The peer closes; the reason follows.
    Close { length: usize },
}

/// Bytes that are no pieces of a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PieceError {
    #[error("a piece of kind {0}, which there is not")]
    Kind(u8),
    #[error("a piece of {0} bytes, at most {PIECE_BYTES} are allowed")]
    TooLong(usize),
    #[error("an empty piece in the middle of a {0:?} message")]
    Empty(Channel),
    #[error("a {channel:?} message of {got} bytes, at most {} are allowed", .channel.limit())]
    Message { channel: Channel, got: usize },
}

/// Reads a header.
pub(super) fn header(bytes: [u8; HEADER_BYTES]) -> Result<Header, PieceError> {
    let [kind, low, high] = bytes;
    let length = usize::from(u16::from_le_bytes([low, high]));
    match kind {
        ASK | ANSWER if length > 0 => Err(PieceError::TooLong(length)),
        ASK => Ok(Header::Ask),
        ANSWER => Ok(Header::Answer),
        ORDERLY | FAULT if length > REASON_BYTES => Err(PieceError::TooLong(length)),
        ORDERLY | FAULT => Ok(Header::Close { length }),
        _ => {
            let channel = Channel::from_tag(kind & !LAST).ok_or(PieceError::Kind(kind))?;
            if length > PIECE_BYTES {
                return Err(PieceError::TooLong(length));
            }
            let last = kind & LAST != 0;
            if length == 0 && !last {
                return Err(PieceError::Empty(channel));
            }
            Ok(Header::Part { channel, length, last })
        }
    }
}

/// The receiving side: the messages that have begun. Memory is taken as bytes arrive.
#[derive(Default)]
pub(super) struct Joiner {
    begun: [Vec<u8>; Channel::COUNT],
}

impl Joiner {
    /// Room for `length` more bytes of a channel's message.
    ///
    /// # Errors
    /// [`PieceError::Message`] if the channel does not allow that many.
    pub(super) fn room(
        &mut self,
        channel: Channel,
        length: usize,
    ) -> Result<&mut [u8], PieceError> {
        let begun = &mut self.begun[channel.place()];
        let (from, got) = (begun.len(), begun.len() + length);
        if got > channel.limit() {
            return Err(PieceError::Message { channel, got });
        }
        begun.resize(got, 0);
        Ok(&mut begun[from..])
    }

    /// The channel's message is complete.
    pub(super) fn take(&mut self, channel: Channel) -> Vec<u8> {
        std::mem::take(&mut self.begun[channel.place()])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use motcua_core::limits::{CONTROL_BYTES, MESSAGE_BYTES};

    /// Everything in `bytes`, as the receiving side hears it.
    fn hear(mut bytes: &[u8]) -> Result<Vec<(Channel, Vec<u8>)>, PieceError> {
        let (mut joiner, mut heard) = (Joiner::default(), Vec::new());
        while let Some((head, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() {
            let Header::Part { channel, length, last } = header(*head)? else { unreachable!() };
            joiner.room(channel, length)?.copy_from_slice(&rest[..length]);
            if last {
                heard.push((channel, joiner.take(channel)));
            }
            bytes = &rest[length..];
        }
        Ok(heard)
    }

    #[test]
    fn messages_of_every_size_are_whole_again_on_the_other_side() {
        for size in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, MESSAGE_BYTES] {
            let message: Vec<u8> = (0..size).map(|at| at as u8).collect();
            let (mut cutter, mut out) = (Cutter::default(), Vec::new());
            cutter.put(Channel::Data, message.clone());
            while cutter.cut(&mut out) {}
            assert_eq!(hear(&out).unwrap(), [(Channel::Data, message)]);
        }
    }

    #[test]
    fn an_acknowledgement_waits_behind_one_piece_and_not_behind_the_frame() {
        let (mut cutter, mut out) = (Cutter::default(), Vec::new());
        cutter.put(Channel::Data, vec![1; MESSAGE_BYTES]);
        assert!(cutter.cut(&mut out) && out.len() == HEADER_BYTES + PIECE_BYTES);
        cutter.put(Channel::Control, vec![2; 40]);
        while cutter.cut(&mut out) {}
        let heard = hear(&out).unwrap();
        assert_eq!(heard[0], (Channel::Control, vec![2; 40]));
        assert_eq!(heard[1], (Channel::Data, vec![1; MESSAGE_BYTES]));
        let place = HEADER_BYTES + PIECE_BYTES;
        assert_eq!(out[place], Channel::Control.tag() | LAST);
    }

    #[test]
    fn what_breaks_a_limit_is_named_before_any_memory_is_taken() {
        assert_eq!(header([0x20, 0, 0]), Err(PieceError::Kind(0x20)));
        assert_eq!(header([0xff, 0, 0]), Err(PieceError::Kind(0xff)));
        let long = (PIECE_BYTES as u16 + 1).to_le_bytes();
        assert_eq!(header([1, long[0], long[1]]), Err(PieceError::TooLong(PIECE_BYTES + 1)));
        assert_eq!(header([1, 0, 0]), Err(PieceError::Empty(Channel::Data)));
        assert_eq!(header([ASK, 1, 0]), Err(PieceError::TooLong(1)));
        assert_eq!(header([ORDERLY, 1, 2]), Err(PieceError::TooLong(513)));
        let mut joiner = Joiner::default();
        for _ in 0..CONTROL_BYTES / PIECE_BYTES {
            joiner.room(Channel::Control, PIECE_BYTES).unwrap();
        }
        let got = CONTROL_BYTES + 1;
        let error = joiner.room(Channel::Control, 1).unwrap_err();
        assert_eq!(error, PieceError::Message { channel: Channel::Control, got });
        assert!(error.to_string().contains("at most 65536"));
    }

    #[test]
    fn any_bytes_at_all_are_read_or_refused() {
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [kind, low, high, ..] = seed.to_be_bytes();
            if let Ok(Header::Part { length, .. } | Header::Close { length }) =
                header([kind, low, high])
            {
                assert!(length <= PIECE_BYTES);
            }
        }
    }
}
