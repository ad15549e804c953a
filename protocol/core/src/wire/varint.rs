//! Numbers and bounded reading: LEB128 as in automerge's format (DWARF 5, section 7.6), accepted
//! in its shortest form only, so that one value has one byte form.

use super::WireError;

/// Appends an unsigned number, 1 to 10 bytes.
pub fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, 1 to 10 bytes.
pub fn put_signed(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = value as u8 & 0x7f;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

/// Bytes that [`put_unsigned`] would append.
pub fn unsigned_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Bytes that [`put_signed`] would append.
pub fn signed_len(value: i64) -> usize {
    // One bit more than the magnitude, for the sign.
    let magnitude = (value ^ (value >> 63)) as u64;
    (65 - magnitude.leading_zeros() as usize).div_ceil(7)
}

/// Reads from the front of untrusted bytes; every step says what it was after.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Over all of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] naming `what`.
    pub fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(WireError::Truncated(what))?;
        self.0 = rest;
        Ok(head)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] naming `what`.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(WireError::Truncated(what))?;
        self.0 = rest;
        Ok(*head)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`WireError::Truncated`] naming `what`.
    pub fn byte(&mut self, what: &'static str) -> Result<u8, WireError> {
        let (byte, rest) = self.0.split_first().ok_or(WireError::Truncated(what))?;
        self.0 = rest;
        Ok(*byte)
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// [`WireError`] when it ends early, overflows 64 bits or is longer than it need be.
    pub fn unsigned(&mut self, what: &'static str) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            if shift == 63 && byte > 1 {
                return Err(WireError::Number(what));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let padded = byte == 0 && shift > 0;
                return if padded { Err(WireError::Number(what)) } else { Ok(value) };
            }
        }
        Err(WireError::Number(what))
    }

    /// A signed number.
    ///
    /// # Errors
    /// [`WireError`] when it ends early, overflows 64 bits or is longer than it need be.
    pub fn signed(&mut self, what: &'static str) -> Result<i64, WireError> {
        let mut value = 0i64;
        let mut previous_sign = None;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            if shift == 63 && byte != 0 && byte != 0x7f {
                return Err(WireError::Number(what));
            }
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let negative = byte & 0x40 != 0;
                // A last byte that only repeats the sign before it is padding.
                let padded = match byte {
                    0 => previous_sign == Some(false),
                    0x7f => previous_sign == Some(true),
                    _ => false,
                };
                if padded {
                    return Err(WireError::Number(what));
                }
                if negative && shift + 7 < 64 {
                    value |= -1i64 << (shift + 7);
                }
                return Ok(value);
            }
            previous_sign = Some(byte & 0x40 != 0);
        }
        Err(WireError::Number(what))
    }

    /// A count of things of at least `each` bytes, which must all still fit into what is left:
    /// whoever allocates for the result allocates no more than was received.
    ///
    /// # Errors
    /// [`WireError::Limit`] or [`WireError::Truncated`].
    pub fn count(
        &mut self,
        what: &'static str,
        limit: usize,
        each: usize,
    ) -> Result<usize, WireError> {
        let got = self.unsigned(what)?;
        let count = usize::try_from(got).ok().filter(|count| *count <= limit);
        let Some(count) = count else {
            return Err(WireError::Limit { what, got, limit: limit as u64 });
        };
        match count.checked_mul(each) {
            Some(bytes) if bytes <= self.0.len() => Ok(count),
            _ => Err(WireError::Truncated(what)),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`WireError::Trailing`] when bytes are left.
    pub fn finish(self, what: &'static str) -> Result<(), WireError> {
        match self.0.len() {
            0 => Ok(()),
            bytes => Err(WireError::Trailing { what, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unsigned(bytes: &[u8]) -> Result<u64, WireError> {
        let mut reader = Reader::new(bytes);
        let value = reader.unsigned("n")?;
        reader.finish("n").map(|()| value)
    }

    fn signed(bytes: &[u8]) -> Result<i64, WireError> {
        let mut reader = Reader::new(bytes);
        let value = reader.signed("n")?;
        reader.finish("n").map(|()| value)
    }

    proptest! {
        #[test]
        fn numbers_round_trip(small in any::<u16>(), large in any::<u64>(), shift in 0u32..64) {
            for value in [u64::from(small), large, large >> shift, u64::MAX] {
                let mut out = Vec::new();
                put_unsigned(&mut out, value);
                prop_assert_eq!(out.len(), unsigned_len(value));
                prop_assert_eq!(unsigned(&out), Ok(value));
            }
            for value in [large as i64, large as i64 >> shift, -i64::from(small), i64::MIN, i64::MAX] {
                let mut out = Vec::new();
                put_signed(&mut out, value);
                prop_assert_eq!(out.len(), signed_len(value));
                prop_assert_eq!(signed(&out), Ok(value));
            }
        }

        #[test]
        fn one_value_has_one_form(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(value) = unsigned(&bytes) {
                let mut out = Vec::new();
                put_unsigned(&mut out, value);
                prop_assert_eq!(&out, &bytes);
            }
            if let Ok(value) = signed(&bytes) {
                let mut out = Vec::new();
                put_signed(&mut out, value);
                prop_assert_eq!(&out, &bytes);
            }
        }
    }

    #[test]
    fn padding_overflow_and_early_ends_are_refused() {
        assert_eq!(unsigned(&[0x80, 0]), Err(WireError::Number("n")));
        assert_eq!(unsigned(&[0xff; 10]), Err(WireError::Number("n")));
        assert_eq!(unsigned(&[0x80]), Err(WireError::Truncated("n")));
        assert_eq!(signed(&[0x80, 0]), Err(WireError::Number("n")));
        assert_eq!(signed(&[0xff, 0x7f]), Err(WireError::Number("n")));
        assert_eq!(signed(&[0xbf, 0x7f]), Ok(-65), "here the last byte carries the sign");
        assert_eq!(signed(&[0xff; 11]), Err(WireError::Number("n")));
    }

    #[test]
    fn a_count_is_refused_before_anybody_allocates_for_it() {
        let mut out = Vec::new();
        put_unsigned(&mut out, 1 << 40);
        let error = Reader::new(&out).count("rows", 10, 1).expect_err("too many");
        assert_eq!(error, WireError::Limit { what: "rows", got: 1 << 40, limit: 10 });
        let short = [3, 0, 0];
        assert_eq!(Reader::new(&short).count("rows", 10, 1), Err(WireError::Truncated("rows")));
    }
}
