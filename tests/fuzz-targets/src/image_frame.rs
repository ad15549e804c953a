//! Frames of images: whole and below the compression.

use crate::{Outcome, bytes::Tape, lanes};
use motcua_core::{
    id::{DossierId, EpochId, Hash, OfficeId},
    limits,
    wire::{Image, ImageFrame, Place},
};

pub const WHOLE: u8 = 0;
pub const BODY: u8 = 1;

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    let bytes = match tape.byte() % 2 {
        WHOLE => tape.0.to_vec(),
        _ => {
            let mut out = vec![1, 3];
            out.resize(34, 5);
            // Cut, and that nothing follows.
            out.extend_from_slice(&[7, 1]);
            lanes::put_body(&mut out, tape.0);
            out
        }
    };
    let Ok(frame) = ImageFrame::decode(&bytes) else { return Outcome::Refused };
    let mut restored = 0;
    for image in &frame.images {
        assert!(image.heads.len() <= limits::IMAGE_HEADS && image.heads.is_sorted());
        assert!(image.members.len() <= limits::IMAGE_MEMBERS && image.members.is_sorted());
        assert!(image.content.len() <= limits::IMAGE_BYTES);
        restored += image.content.len() + image.heads.len() * Hash::LEN;
    }
    assert!(restored <= limits::FRAME_RAW_BYTES, "{restored} bytes restored");
    let written = frame.encode();
    assert_eq!(ImageFrame::decode(&written).as_ref(), Ok(&frame));
    let mut all_gone = frame.clone();
    all_gone.images.iter_mut().for_each(|image| image.content.clear());
    let had = frame.images.iter().any(|image| !image.content.is_empty());
    assert_eq!(frame.without(|_| true), had.then_some(all_gone), "nothing of it is left");
    Outcome::Taken
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let image = |at: u8| Image {
        dossier: DossierId([at; 16]),
        entries: u64::from(at) + 1,
        heads: (0..at % 3).map(|head| Hash([head; 32])).collect(),
        members: (0..at % 4).map(|office| (OfficeId([office; 16]), at)).collect(),
        content: vec![at; usize::from(at) * 7],
    };
    let frame = |count: u8| ImageFrame {
        inbox: OfficeId([1; 16]),
        epoch: EpochId([2; 16]),
        cut: 300,
        place: (count > 1).then_some(Place { urgency: -5, dossier: DossierId([count; 16]) }),
        last: count.is_multiple_of(2),
        images: (1..=count).map(image).collect(),
    };
    let mut seeds = Vec::new();
    for count in [0, 1, 5] {
        seeds.push((format!("whole-{count}"), [&[WHOLE], &frame(count).encode()[..]].concat()));
    }
    // Head of a frame without a place and with a number of two bytes.
    let raw = lanes::unpack(&frame(1).encode(), 37, 0);
    seeds.push(("body-1".into(), [&[BODY], &raw[..]].concat()));
    seeds
}
