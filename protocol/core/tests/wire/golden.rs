//! Bytes that every later version must read. Changing one is a change of the format and a commit
//! of its own; `MOTCUA_WRITE_GOLDEN=1` writes them anew.

use crate::{
    author::{DOMAIN, morning},
    down,
    up::{accepted, frame, read},
};
use motcua_core::wire::{DownFrame, decode_entry, encode_entry};
use std::{env, fs, path::PathBuf};

/// The golden bytes of `name`. The zstd library is free to pack otherwise in a later release, so
/// the frames compared byte for byte are those small enough to travel raw; packed ones must be read.
fn golden(name: &str, written_now: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("MOTCUA_WRITE_GOLDEN").is_some() {
        fs::write(&path, written_now).unwrap();
    }
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_up_frame_is_read_and_written_as_ever() {
    let (desk, _) = morning();
    let packed = golden("up-frame.bin", &frame(&desk, 1, 31));
    let got = read(&desk, &packed).unwrap();
    assert_eq!(got.entries, desk.entries[..31]);
    assert!(accepted(&desk, &got));
    let one = frame(&desk, 30, 30);
    assert_eq!(golden("up-frame-raw.bin", &one), one);
}

#[test]
fn the_down_frame_is_read_and_written_as_ever() {
    let sample = down::sample();
    let packed = golden("down-frame.bin", &sample.encode().unwrap());
    let got = DownFrame::decode(&packed).unwrap();
    assert_eq!(got, sample);
    assert_eq!(got.verify(DOMAIN), Ok(()));
    let mut short = sample;
    short.rows.retain(|row| matches!(row.number, 91 | 101));
    short.authors.iter_mut().for_each(|part| part.proof = None);
    let bytes = short.encode().unwrap();
    assert_eq!(golden("down-frame-raw.bin", &bytes), bytes);
}

#[test]
fn stored_entries_are_read_and_written_as_ever() {
    let (desk, _) = morning();
    for (name, index) in
        [("entry-create.bin", 0), ("entry-change.bin", 27), ("entry-other.bin", 30)]
    {
        let bytes = encode_entry(&desk.entries[index]);
        assert_eq!(golden(name, &bytes), bytes, "{name}");
        assert_eq!(decode_entry(&bytes).as_ref(), Ok(&desk.entries[index]));
    }
}
