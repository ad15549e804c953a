//! Images: what dossiers say, by a hub's word, for a reader whose inbox will bring their histories.
//!
//! ```text
//! 0  version 1 | 1 kind 3 | 2 inbox 16 | 18 epoch 16
//! 34 cut uleb: number up to which the inbox holds every entry that went into the images
//! .. flags 1: bit 0 nothing follows, bit 1 a place stands here: urgency sleb, dossier 16
//! .. codec 1, raw length uleb, body: n uleb, then n dossiers 16, then n times
//!    entries uleb, heads uleb and 32 each, members uleb and 17 each (office 16, role 1), then n
//!    lengths uleb, then the contents
//! ```

use super::{
    KIND_IMAGES, VERSION, WireError, codec, open_frame,
    varint::{Reader, put_signed, put_unsigned},
};
use crate::{
    id::{DossierId, EpochId, Hash, OfficeId},
    limits,
};
use serde::{Deserialize, Serialize};

/// Some dossiers of one office, as the hub has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFrame {
    /// For which office.
    pub inbox: OfficeId,
    /// Numbering of its inbox.
    pub epoch: EpochId,
    /// Last row of the inbox after the images were made: up to it stands every entry in them.
    pub cut: u64,
    /// Where the last of these dossiers stands in the order in which images are given; none for
    /// images of what changed meanwhile, and where nothing was found.
    pub place: Option<Place>,
    /// Every dossier that the office takes part in has had its image.
    pub last: bool,
    /// The images.
    pub images: Vec<Image>,
}

/// What one dossier says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Which dossier.
    pub dossier: DossierId,
    /// Changes in it.
    pub entries: u64,
    /// Accepted changes that nobody builds on, sorted.
    pub heads: Vec<Hash>,
    /// Offices that take part, with a role byte each, sorted.
    pub members: Vec<(OfficeId, u8)>,
    /// The content's own bytes; empty where the dossier was purged after the image came.
    pub content: Vec<u8>,
}

/// Where a dossier stands in the order in which images are given: smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// How long the dossier may wait, in the content's own measure.
    pub urgency: i64,
    /// Which dossier.
    pub dossier: DossierId,
}

const LAST: u8 = 1;
const PLACED: u8 = 2;
const MEMBER_BYTES: usize = OfficeId::LEN + 1;

impl ImageFrame {
    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, KIND_IMAGES];
        out.extend_from_slice(&self.inbox.0);
        out.extend_from_slice(&self.epoch.0);
        put_unsigned(&mut out, self.cut);
        out.push(u8::from(self.last) * LAST + u8::from(self.place.is_some()) * PLACED);
        if let Some(place) = self.place {
            put_signed(&mut out, place.urgency);
            out.extend_from_slice(&place.dossier.0);
        }
        codec::put_body(&mut out, &self.body(), codec::LEVEL);
        out
    }

    fn body(&self) -> Vec<u8> {
        let mut raw = Vec::new();
        put_unsigned(&mut raw, self.images.len() as u64);
        self.images.iter().for_each(|image| raw.extend_from_slice(&image.dossier.0));
        for image in &self.images {
            put_unsigned(&mut raw, image.entries);
            put_unsigned(&mut raw, image.heads.len() as u64);
            image.heads.iter().for_each(|head| raw.extend_from_slice(&head.0));
            put_unsigned(&mut raw, image.members.len() as u64);
            for (office, role) in &image.members {
                raw.extend_from_slice(&office.0);
                raw.push(*role);
            }
        }
        self.images.iter().for_each(|image| put_unsigned(&mut raw, image.content.len() as u64));
        self.images.iter().for_each(|image| raw.extend_from_slice(&image.content));
        raw
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`WireError`] for whatever does not hold.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        open_frame(&mut reader, KIND_IMAGES)?;
        let mut frame = Self {
            inbox: OfficeId(reader.array("inbox")?),
            epoch: EpochId(reader.array("epoch")?),
            cut: reader.unsigned("cut")?,
            place: None,
            last: false,
            images: Vec::new(),
        };
        let flags = reader.byte("flags")?;
        if flags & !(LAST | PLACED) != 0 {
            return Err(WireError::Number("flags"));
        }
        frame.last = flags & LAST != 0;
        if flags & PLACED != 0 {
            let urgency = reader.signed("urgency")?;
            frame.place = Some(Place { urgency, dossier: DossierId(reader.array("place")?) });
        }
        let raw = codec::take_body(reader)?;
        frame.images = images(&raw)?;
        Ok(frame)
    }

    /// The same without what the dossiers that `gone` picks say; none if there are no such. Places
    /// stay, since rows point to them.
    pub fn without(mut self, gone: impl Fn(DossierId) -> bool) -> Option<Self> {
        let mut found = false;
        for image in self.images.iter_mut().filter(|image| gone(image.dossier)) {
            found |= !image.content.is_empty();
            image.content.clear();
        }
        found.then_some(self)
    }
}

fn images(raw: &[u8]) -> Result<Vec<Image>, WireError> {
    let mut reader = Reader::new(raw);
    let count = reader.count("images", limits::FRAME_ENTRIES, DossierId::LEN)?;
    let mut images = Vec::with_capacity(count);
    for _ in 0..count {
        let dossier = DossierId(reader.array("dossier")?);
        images.push(Image { dossier, ..Image::default() });
    }
    for image in &mut images {
        image.entries = reader.unsigned("entries")?;
        let heads = reader.count("heads", limits::IMAGE_HEADS, Hash::LEN)?;
        for _ in 0..heads {
            image.heads.push(Hash(reader.array("head")?));
        }
        let members = reader.count("members", limits::IMAGE_MEMBERS, MEMBER_BYTES)?;
        for _ in 0..members {
            image.members.push((OfficeId(reader.array("office")?), reader.byte("role")?));
        }
        if !image.heads.is_sorted() || !image.members.is_sorted() {
            return Err(WireError::Number("order of heads or members"));
        }
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let got = reader.unsigned("image length")?;
        let limit = limits::IMAGE_BYTES;
        let length = usize::try_from(got).ok().filter(|length| *length <= limit);
        let too_long = WireError::Limit { what: "image bytes", got, limit: limit as u64 };
        lengths.push(length.ok_or(too_long)?);
    }
    for (image, length) in images.iter_mut().zip(lengths) {
        image.content = reader.take(length, "image")?.to_vec();
    }
    reader.finish("images")?;
    Ok(images)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn frame(count: u8) -> ImageFrame {
        let image = |at: u8| Image {
            dossier: DossierId([at; 16]),
            entries: u64::from(at) + 1,
            heads: (0..at % 3).map(|head| Hash([head; 32])).collect(),
            members: (0..at % 4).map(|office| (OfficeId([office; 16]), at)).collect(),
            content: vec![at; usize::from(at) * 7],
        };
        let place = Place { urgency: -5, dossier: DossierId([count; 16]) };
        ImageFrame {
            inbox: OfficeId([1; 16]),
            epoch: EpochId([2; 16]),
            cut: 300,
            place: (count > 0).then_some(place),
            last: count.is_multiple_of(2),
            images: (1..=count).map(image).collect(),
        }
    }

    #[test]
    fn frames_round_trip() {
        for count in [0, 1, 2, 9] {
            let frame = frame(count);
            assert_eq!(ImageFrame::decode(&frame.encode()), Ok(frame));
        }
    }

    #[test]
    fn what_was_purged_is_taken_out_and_the_rest_keeps_its_place() {
        let gone = DossierId([2; 16]);
        let taken = frame(3).without(|id| id == gone).unwrap();
        assert_eq!(taken.images[1], Image { content: vec![], ..frame(3).images[1].clone() });
        assert_eq!(taken.images[2], frame(3).images[2]);
        assert_eq!(taken.without(|id| id == gone), None, "nothing is left to take out");
    }

    #[test]
    fn limits_are_named() {
        let mut large = frame(1);
        large.images[0].content = vec![7; limits::IMAGE_BYTES + 1];
        let error = ImageFrame::decode(&large.encode()).unwrap_err();
        assert!(matches!(error, WireError::Limit { what: "image bytes", .. }), "{error}");
        let mut many = frame(1);
        many.images[0].heads = vec![Hash([3; 32]); limits::IMAGE_HEADS + 1];
        let error = ImageFrame::decode(&many.encode()).unwrap_err();
        assert!(matches!(error, WireError::Limit { what: "heads", .. }), "{error}");
    }

    proptest! {
        #[test]
        fn strangers_bytes_give_a_frame_or_an_error(
            at in any::<prop::sample::Index>(), byte in any::<u8>(), end in any::<prop::sample::Index>(),
        ) {
            let mut bytes = frame(9).encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = ImageFrame::decode(&bytes);
            bytes.truncate(end.index(bytes.len()));
            prop_assert!(ImageFrame::decode(&bytes).is_err());
        }
    }
}
