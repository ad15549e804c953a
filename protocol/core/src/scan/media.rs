//! What a scan may be, judged by its first bytes and never by its name.

use std::fmt;

/// A media type that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// PDF.
    Pdf,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// TIFF, little- or big-endian.
    Tiff,
}

/// The first bytes are of nothing that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only PDF, JPEG, PNG and TIFF are taken; the first bytes are of none of them")]
pub struct UnknownMedia;

impl Media {
    /// From the first bytes of a file.
    ///
    /// # Errors
    /// [`UnknownMedia`] when they begin none of the known types.
    pub fn of(first: &[u8]) -> Result<Self, UnknownMedia> {
        const MAGIC: [(&[u8], Media); 5] = [
            (b"%PDF-", Media::Pdf),
            (b"\xff\xd8\xff", Media::Jpeg),
            (b"\x89PNG\r\n\x1a\n", Media::Png),
            (b"II*\0", Media::Tiff),
            (b"MM\0*", Media::Tiff),
        ];
        let found = MAGIC.into_iter().find(|(magic, _)| first.starts_with(magic));
        found.map(|(_, media)| media).ok_or(UnknownMedia)
    }

    /// The media type as it is written in a fact and in HTTP.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Tiff => "image/tiff",
        }
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_by_its_first_bytes_only() {
        assert_eq!(Media::of(b"%PDF-1.7\n"), Ok(Media::Pdf));
        assert_eq!(Media::of(b"\xff\xd8\xff\xe0"), Ok(Media::Jpeg));
        assert_eq!(Media::of(b"\x89PNG\r\n\x1a\n...."), Ok(Media::Png));
        assert_eq!(Media::of(b"II*\0"), Ok(Media::Tiff));
        assert_eq!(Media::of(b"MM\0*"), Ok(Media::Tiff));
        for wrong in [&b""[..], b"%PD", b"MZ\x90", b"PK\x03\x04", b"<html>", b"II*"] {
            assert_eq!(Media::of(wrong), Err(UnknownMedia), "{wrong:?}");
        }
    }
}
