//! How entries travel and rest: up frames of one author's log, down frames of one office's inbox,
//! and the stored form of a single entry (design/wire.md).
//!
//! Everything here is total: bytes from strangers give a value or a [`WireError`], never a panic
//! and never more memory than [`limits`](crate::limits) allows. What is decoded is consistent by
//! construction: change hash, payload hash, actor and dependencies of an entry are computed from
//! what was received, so that a forged one gives another leaf, and the author's signature fails.

pub(crate) mod block;
pub mod chunk;
mod codec;
mod down_frame;
mod error;
mod image_frame;
mod stored;
mod up_frame;
pub mod varint;

pub use block::{entries_for_frame, frame_len_hint};
pub use codec::{LEVEL, PATIENT_LEVEL};
pub use down_frame::{AuthorPart, DownFrame, LogProof, Row, RowItem};
pub use error::WireError;
pub use image_frame::{Image, ImageFrame, Place};
pub use stored::{decode_entry, encode_entry};
pub use up_frame::{UpFrame, UpHead, decode_up, encode_up, encode_up_at};

/// Version byte of frames and of the stored form.
const VERSION: u8 = 1;
const KIND_UP: u8 = 1;
const KIND_DOWN: u8 = 2;
const KIND_IMAGES: u8 = 3;

/// Reads version and kind.
fn open_frame(reader: &mut varint::Reader<'_>, expected: u8) -> Result<(), WireError> {
    let [version, kind] = reader.array("head")?;
    if version != VERSION {
        return Err(WireError::Version { what: "frame", got: version, known: VERSION });
    }
    if kind == expected { Ok(()) } else { Err(WireError::FrameKind { got: kind, expected }) }
}
