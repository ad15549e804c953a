//! Takes the ids of a change's facts out of its bytes and puts them back. Where they stand is all
//! that travels: gaps that repeat from change to change.

use crate::{
    entry::FactIds,
    limits,
    wire::{
        WireError,
        varint::{Reader, put_unsigned},
    },
};

/// Without the ids found in it, in their order; their places go to `lane`. `None` when the first
/// is not there: the change was written with other ids.
pub(super) fn take_out(ids: &FactIds, rest: &[u8], lane: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut left = rest;
    let mut out = Vec::with_capacity(rest.len());
    let mut gaps = Vec::new();
    for n in 0..limits::ENTRY_OPERATIONS {
        let text = ids.text(n);
        let Some(gap) = left.windows(text.len()).position(|window| window == text) else { break };
        out.extend_from_slice(&left[..gap]);
        gaps.push(gap as u64);
        left = &left[gap + text.len()..];
    }
    if gaps.is_empty() {
        return None;
    }
    out.extend_from_slice(left);
    put_unsigned(lane, gaps.len() as u64);
    gaps.into_iter().for_each(|gap| put_unsigned(lane, gap));
    Some(out)
}

/// The inverse, into `out`, for whatever stands in `lane`.
///
/// # Errors
/// [`WireError`] for no id, too many, or one beyond the end.
pub(super) fn put_back(
    ids: &FactIds,
    bytes: &[u8],
    lane: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let count = lane.count("fact ids of an entry", limits::ENTRY_OPERATIONS as usize, 1)?;
    if count == 0 {
        return Err(WireError::Empty("fact ids of an entry"));
    }
    let mut left = bytes;
    out.clear();
    for n in 0..count {
        let gap = lane.unsigned("places of fact ids")?;
        let split = usize::try_from(gap).ok().and_then(|gap| left.split_at_checked(gap));
        let Some((before, after)) = split else {
            return Err(WireError::Reference { what: "place of a fact id", got: gap });
        };
        out.extend_from_slice(before);
        out.extend_from_slice(&ids.text(n as u32));
        left = after;
    }
    out.extend_from_slice(left);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        id::{ActorId, DossierId},
        time::Timestamp,
    };

    fn ids() -> FactIds {
        FactIds::new(ActorId([1; 16]), DossierId([2; 16]), &[], Timestamp(3))
    }

    #[test]
    fn what_is_taken_out_is_put_back() {
        let texts: Vec<String> = ids().take(4).collect();
        let none = b"no id here".to_vec();
        assert_eq!(take_out(&ids(), &none, &mut Vec::new()), None);
        assert_eq!(take_out(&ids(), texts[1].as_bytes(), &mut Vec::new()), None, "not the first");
        for bytes in [
            texts[0].clone(),
            format!("a/{}b/{}", texts[0], texts[1]),
            format!("{0}{1}{0}{2}x", texts[0], texts[1], texts[2]),
            format!("{0}{2}{1}", texts[0], texts[1], texts[2]),
        ] {
            let mut lane = Vec::new();
            let out = take_out(&ids(), bytes.as_bytes(), &mut lane).unwrap();
            assert!(out.len() + FactIds::TEXT_LEN <= bytes.len());
            let mut reader = Reader::new(&lane);
            let mut back = b"left from the entry before".to_vec();
            assert_eq!(put_back(&ids(), &out, &mut reader, &mut back), Ok(()));
            assert_eq!(back, bytes.into_bytes());
            assert_eq!(reader.finish("lane"), Ok(()));
        }
    }

    #[test]
    fn places_beyond_the_end_and_absurd_counts_are_refused() {
        let put = |lane: &[u8]| {
            let mut out = Vec::new();
            put_back(&ids(), b"abc", &mut Reader::new(lane), &mut out).map(|()| out)
        };
        assert_eq!(put(&[0]), Err(WireError::Empty("fact ids of an entry")));
        assert_eq!(put(&[1, 4]), Err(WireError::Reference { what: "place of a fact id", got: 4 }));
        assert_eq!(
            put(&[2, 3, 1]),
            Err(WireError::Reference { what: "place of a fact id", got: 1 })
        );
        assert_eq!(put(&[3, 0, 0]), Err(WireError::Truncated("fact ids of an entry")));
        assert!(matches!(put(&[0xff, 0xff, 3]), Err(WireError::Limit { .. })));
        assert_eq!(put(&[1, 3]).map(|out| out.len()), Ok(29));
    }
}
