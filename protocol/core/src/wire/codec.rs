//! Compression of one frame's body: none (0) or zstd (1), whichever is smaller. Each frame stands
//! alone, so that no window spans what different offices may read and any frame can be resent.

use super::{WireError, varint::Reader, varint::put_unsigned};
use crate::limits;
use zstd::{bulk, zstd_safe::CParameter};

const RAW: u8 = 0;
const ZSTD: u8 = 1;
/// For what somebody waits for: 4.8 us an entry (design/wire.md).
pub const LEVEL: i32 = 3;
/// For what is cut ahead of need: frames a quarter smaller, ten times the work, no more to read.
pub const PATIENT_LEVEL: i32 = 15;

/// Appends codec, raw length and the body.
pub(super) fn put_body(out: &mut Vec<u8>, raw: &[u8], level: i32) {
    let packed = compress(raw, level).filter(|packed| packed.len() < raw.len());
    out.push(if packed.is_some() { ZSTD } else { RAW });
    put_unsigned(out, raw.len() as u64);
    out.extend_from_slice(packed.as_deref().unwrap_or(raw));
}

/// Reads codec and raw length, and unpacks the rest of the reader.
///
/// # Errors
/// [`WireError`] for an unknown codec, a raw length beyond [`limits::FRAME_RAW_BYTES`], a window
/// beyond [`limits::ZSTD_WINDOW_LOG`], or bytes that are not what was promised.
pub(super) fn take_body(mut reader: Reader<'_>) -> Result<Vec<u8>, WireError> {
    let codec = reader.byte("codec")?;
    let raw_len = reader.unsigned("raw length")?;
    let limit = limits::FRAME_RAW_BYTES;
    let promised = usize::try_from(raw_len).ok().filter(|length| *length <= limit);
    let Some(promised) = promised else {
        return Err(WireError::Limit { what: "raw bytes", got: raw_len, limit: limit as u64 });
    };
    let body = reader.rest();
    match codec {
        RAW if body.len() == promised => Ok(body.to_vec()),
        RAW if body.len() < promised => Err(WireError::Truncated("body")),
        RAW => Err(WireError::Trailing { what: "body", bytes: body.len() - promised }),
        ZSTD => decompress(body, promised),
        other => Err(WireError::Codec(other)),
    }
}

/// `None` where zstd fails: the body then travels raw.
fn compress(raw: &[u8], level: i32) -> Option<Vec<u8>> {
    let mut compressor = bulk::Compressor::new(level).ok()?;
    compressor.set_parameter(CParameter::WindowLog(limits::ZSTD_WINDOW_LOG)).ok()?;
    compressor.compress(raw).ok()
}

/// One call into one buffer of the promised size: zstd cannot write, and never allocates, beyond
/// it.
fn decompress(body: &[u8], promised: usize) -> Result<Vec<u8>, WireError> {
    let wrong = WireError::Decompress { promised };
    check_window(body)?;
    let mut decompressor = bulk::Decompressor::new().map_err(|_| wrong.clone())?;
    match decompressor.decompress(body, promised) {
        Ok(raw) if raw.len() == promised => Ok(raw),
        _ => Err(wrong),
    }
}

/// RFC 8878 section 3.1.1.1: a frame without the single-segment flag names its window. Where the
/// flag is set, the window is the content, which has its own bound.
fn check_window(body: &[u8]) -> Result<(), WireError> {
    let Some([descriptor, window]) = body.get(4..6) else { return Ok(()) };
    if descriptor & 0x20 != 0 {
        return Ok(());
    }
    let base = 1u64 << (10 + (window >> 3));
    let got = base + base / 8 * u64::from(window & 7);
    let limit = 1u64 << limits::ZSTD_WINDOW_LOG;
    if got > limit { Err(WireError::Window { got, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn take(bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        take_body(Reader::new(bytes))
    }

    fn frame(codec: u8, raw_len: u64, body: &[u8]) -> Vec<u8> {
        let mut out = vec![codec];
        put_unsigned(&mut out, raw_len);
        out.extend_from_slice(body);
        out
    }

    #[test]
    fn the_smaller_form_travels() {
        for (raw, codec) in [(vec![7; 5_000], ZSTD), (b"abc".to_vec(), RAW), (vec![], RAW)] {
            let mut out = Vec::new();
            put_body(&mut out, &raw, LEVEL);
            assert_eq!(out[0], codec);
            assert!(out.len() <= raw.len() + 4);
            assert_eq!(take(&out), Ok(raw));
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_promise_and_the_promise_at_the_limit() {
        let bomb = bulk::compress(&vec![0; 64 << 20], 19).unwrap();
        assert!(bomb.len() < 10_000, "64 MiB of zeros in a few KB");
        let limit = limits::FRAME_RAW_BYTES as u64;
        for promised in [0, 1, 1_000, limit] {
            assert!(take(&frame(ZSTD, promised, &bomb)).is_err(), "{promised}");
        }
        let error = take(&frame(ZSTD, 64 << 20, &bomb)).unwrap_err();
        assert_eq!(error, WireError::Limit { what: "raw bytes", got: 64 << 20, limit });
        let limit = 1 << limits::ZSTD_WINDOW_LOG;
        assert!(
            matches!(check_window(&[0, 0, 0, 0, 0, 0xf8]), Err(WireError::Window { got, .. }) if got > limit)
        );
    }

    #[test]
    fn short_long_and_unknown_bodies_are_named() {
        assert_eq!(take(&frame(RAW, 3, b"ab")), Err(WireError::Truncated("body")));
        assert_eq!(
            take(&frame(RAW, 1, b"ab")),
            Err(WireError::Trailing { what: "body", bytes: 1 })
        );
        assert_eq!(take(&frame(2, 2, b"ab")), Err(WireError::Codec(2)));
        let packed = bulk::compress(&[1; 100], LEVEL).unwrap();
        assert_eq!(take(&frame(ZSTD, 99, &packed)), Err(WireError::Decompress { promised: 99 }));
        assert_eq!(take(&frame(ZSTD, 101, &packed)), Err(WireError::Decompress { promised: 101 }));
    }
}
