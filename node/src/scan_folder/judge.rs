//! What a file of the scanner's folder is worth, from what the disk says of it. Pure.

use super::limits;
use motcua_core::{limits as scan_limits, scan::Media};
use motcua_dossier::{code::Code, digits};
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    time::Duration,
};

/// What stands under a name; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    File,
    Link,
    Folder,
    /// A pipe, a socket, a device.
    Other,
}

/// What tells one state of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) seconds: i64,
    pub(super) nanos: i64,
}

/// One entry of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) sort: Sort,
    pub(super) stamp: Stamp,
}

impl Entry {
    /// Names this state of this file: whoever acts on it acts on what was shown, and no name ever comes back as a
    /// path.
    pub(super) fn id(&self) -> String {
        let Stamp { device, inode, size, seconds, nanos } = self.stamp;
        let mut hash = blake3::Hasher::new_derive_key("motcua 2026 file of a scan folder");
        for number in [device, inode, size, seconds as u64, nanos as u64] {
            hash.update(&number.to_le_bytes());
        }
        hash.update(self.name.as_bytes());
        hash.finalize().to_hex().chars().take(32).collect()
    }
}

/// What the first and last bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Nothing that is taken, if none.
    pub(super) media: Option<Media>,
    /// Whether it ends as its type ends.
    pub(super) has_end: bool,
}

/// What can be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It can be attached.
    Ready(Media),
    /// The same, and it does not end as its type ends: perhaps the scanner broke off.
    Cut(Media),
    /// It is, or may be, being written.
    Growing,
    Empty,
    TooLarge,
    /// Nothing that is taken, whatever its name says.
    WrongType,
    Link,
    Folder,
    Other,
    Unreadable,
}

impl Verdict {
    /// What it is, if it can be attached.
    pub(super) fn media(self) -> Option<Media> {
        match self {
            Self::Ready(media) | Self::Cut(media) => Some(media),
            _ => None,
        }
    }

    /// Word of the answer.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ready(_) => "ready",
            Self::Cut(_) => "cut",
            Self::Growing => "growing",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::WrongType => "wrong_type",
            Self::Link => "link",
            Self::Folder => "folder",
            Self::Other => "other",
            Self::Unreadable => "unreadable",
        }
    }

    /// Vietnamese and English.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Ready(_) => ("Sẵn sàng đính kèm", "Ready to be attached"),
            Self::Cut(_) => (
                "Đính kèm được, nhưng tệp có vẻ chưa quét hết: hãy xem trước khi đính kèm",
                "Can be attached, but seems to break off: look at it before you attach it",
            ),
            Self::Growing => {
                ("Máy quét đang ghi; chờ giây lát", "Being written by the scanner; wait a moment")
            }
            Self::Empty => (
                "Tệp rỗng: chờ máy quét ghi xong, hoặc quét lại",
                "Empty: wait for the scanner, or scan again",
            ),
            Self::TooLarge => (
                "Lớn hơn 53 MB: quét lại với độ phân giải thấp hơn",
                "More than 53 MB: scan it with fewer dots per inch",
            ),
            Self::WrongType => (
                "Không phải PDF, JPEG, PNG hay TIFF, dù tên là gì: đặt lại định dạng trên máy quét",
                "No PDF, JPEG, PNG or TIFF, whatever its name: set the format on the scanner",
            ),
            Self::Link => (
                "Là lối tắt tới tệp khác, không được mở: chép chính tệp vào thư mục",
                "A link to another file, which is not opened: copy the file itself",
            ),
            Self::Folder => (
                "Là thư mục, không xem bên trong: đặt máy quét ghi thẳng vào thư mục chung",
                "A folder, which is not looked into: have the scanner write beside it",
            ),
            Self::Other => ("Không phải tệp thường", "No ordinary file"),
            Self::Unreadable => (
                "Máy không đọc được tệp này: báo người quản trị cấp quyền đọc",
                "This machine cannot read it: have the administrator grant that",
            ),
        }
    }
}

/// Judges an entry that did not change for so long; `look` is asked only of what may be a scan.
pub(super) fn judge(
    entry: &Entry,
    unchanged: Duration,
    look: impl FnOnce() -> std::io::Result<Look>,
) -> Verdict {
    match entry.sort {
        Sort::Link => return Verdict::Link,
        Sort::Folder => return Verdict::Folder,
        Sort::Other => return Verdict::Other,
        Sort::File => {}
    }
    if entry.stamp.size == 0 {
        return Verdict::Empty;
    }
    if entry.stamp.size > scan_limits::SCAN_BYTES {
        return Verdict::TooLarge;
    }
    if unchanged < limits::SETTLED {
        return Verdict::Growing;
    }
    match look() {
        Err(_) => Verdict::Unreadable,
        Ok(Look { media: None, .. }) => Verdict::WrongType,
        Ok(Look { media: Some(media), has_end: true }) => Verdict::Ready(media),
        Ok(_) if unchanged < limits::SETTLED_WITHOUT_END => Verdict::Growing,
        Ok(Look { media: Some(media), .. }) => Verdict::Cut(media),
    }
}

/// Whether a file of this type ends so. TIFF has no end of its own: what its bytes are called may stand anywhere.
pub(super) fn has_end(media: Media, tail: &[u8]) -> bool {
    let holds = |end: &[u8]| tail.windows(end.len()).any(|part| part == end);
    match media {
        Media::Pdf => holds(b"%%EOF"),
        Media::Jpeg => holds(b"\xff\xd9"),
        Media::Png => holds(b"IEND"),
        Media::Tiff => false,
    }
}

/// A name as it may be shown and attached under, whatever bytes it has.
pub(super) fn shown(name: &OsStr) -> String {
    // Also what turns the direction of writing, behind which an ending can hide.
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let text = name.to_string_lossy();
    let clean: String = text.chars().map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect();
    let clean = clean.trim();
    let count = clean.chars().count();
    if clean.is_empty() {
        return "\u{fffd}".into();
    }
    if count <= limits::NAME_CHARACTERS {
        return clean.to_owned();
    }
    // The ending stays.
    let last: String = clean.chars().skip(count - 20).collect();
    let first: String = clean.chars().take(limits::NAME_CHARACTERS - 21).collect();
    format!("{first}…{last}")
}

/// Whether a name names a dossier: its code, or the digits of its bar code.
pub(super) fn names(name: &OsStr, code: &str) -> bool {
    let Ok(code) = Code::read(code) else { return false };
    codes(name).any(|found| found == code)
}

/// Codes in a name: runs of what codes are written with, and runs of digits with their check digit.
pub(super) fn codes(name: &OsStr) -> impl Iterator<Item = Code> {
    let text: String =
        name.to_string_lossy().chars().take(255).map(|c| c.to_ascii_uppercase()).collect();
    let mut found = Vec::new();
    for run in text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))) {
        found.extend(in_run(run));
        for digits in run.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() > 12) {
            found.extend(digits::read(digits));
        }
    }
    found.into_iter()
}

/// The code that begins a run, such as `H29.30.05-261125-0038-2.PDF`, or stands behind some word and a dash.
fn in_run(run: &str) -> Option<Code> {
    let starts = run.char_indices().filter(|(at, c)| {
        c.is_ascii_alphabetic() && (*at == 0 || !run.as_bytes()[at - 1].is_ascii_alphanumeric())
    });
    for (start, _) in starts {
        let ends = (start + 1..=run.len()).rev().filter(|end| {
            // Behind a whole number only.
            run.as_bytes().get(*end).is_none_or(|next| !next.is_ascii_digit())
        });
        for end in ends {
            if let Ok(code) = Code::read(&run[start..end]) {
                return Some(code);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io;

    fn entry(sort: Sort, size: u64) -> Entry {
        let stamp = Stamp { device: 1, inode: 2, size, seconds: 3, nanos: 4 };
        Entry { name: "a.pdf".into(), sort, stamp }
    }

    const LONG: Duration = Duration::from_secs(3_600);
    const WHOLE: Look = Look { media: Some(Media::Pdf), has_end: true };

    #[test]
    fn only_a_settled_file_of_a_type_that_is_taken_is_ready_and_each_other_says_why() {
        let of =
            |entry: &Entry, unchanged, look: io::Result<Look>| judge(entry, unchanged, || look);
        let file = entry(Sort::File, 9);
        assert_eq!(of(&file, LONG, Ok(WHOLE)), Verdict::Ready(Media::Pdf));
        assert_eq!(of(&file, Duration::ZERO, Ok(WHOLE)), Verdict::Growing);
        let cut = Look { has_end: false, ..WHOLE };
        assert_eq!(of(&file, limits::SETTLED, Ok(cut)), Verdict::Growing, "the next page is fed");
        assert_eq!(of(&file, LONG, Ok(cut)), Verdict::Cut(Media::Pdf));
        let none = Look { media: None, has_end: false };
        assert_eq!(of(&file, LONG, Ok(none)), Verdict::WrongType);
        let denied = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(of(&file, LONG, denied()), Verdict::Unreadable);
        // What is no scan is never opened.
        let unopened = |entry: &Entry| judge(entry, LONG, || panic!("opened"));
        assert_eq!(unopened(&entry(Sort::Link, 9)), Verdict::Link);
        assert_eq!(unopened(&entry(Sort::Folder, 9)), Verdict::Folder);
        assert_eq!(unopened(&entry(Sort::Other, 9)), Verdict::Other);
        assert_eq!(unopened(&entry(Sort::File, 0)), Verdict::Empty);
        assert_eq!(unopened(&entry(Sort::File, 60 << 20)), Verdict::TooLarge);
    }

    #[test]
    fn every_state_of_a_file_has_an_id_of_its_own() {
        let one = entry(Sort::File, 9);
        let mut ids = std::collections::BTreeSet::from([one.id()]);
        let change = |change: &dyn Fn(&mut Entry)| {
            let mut other = one.clone();
            change(&mut other);
            other.id()
        };
        assert!(ids.insert(change(&|it| it.name = "b.pdf".into())));
        assert!(ids.insert(change(&|it| it.stamp.inode += 1)));
        assert!(ids.insert(change(&|it| it.stamp.size += 1)));
        assert!(ids.insert(change(&|it| it.stamp.seconds += 1)));
        assert!(ids.insert(change(&|it| it.stamp.nanos += 1)));
        assert!(ids.iter().all(|id| id.len() == 32));
    }

    #[test]
    fn a_type_ends_as_it_ends() {
        assert!(has_end(Media::Pdf, b"startxref\n9\n%%EOF\r\n") && !has_end(Media::Pdf, b"endobj"));
        assert!(has_end(Media::Jpeg, b"..\xff\xd9\0\0") && !has_end(Media::Jpeg, b"\xff\xd8"));
        assert!(has_end(Media::Png, b"\0\0\0\0IEND\xae\x42\x60\x82") && !has_end(Media::Png, b""));
    }

    #[test]
    fn a_name_is_shown_without_what_hides_or_breaks_it() {
        let of = |bytes: &[u8]| shown(OsStr::from_bytes(bytes));
        assert_eq!(of("Căn cước.pdf".as_bytes()), "Căn cước.pdf");
        assert_eq!(of(b"a\nb\x1b[2J.pdf"), "a\u{fffd}b\u{fffd}[2J.pdf");
        assert_eq!(of(b"\xff\xfe.pdf"), "\u{fffd}\u{fffd}.pdf");
        assert_eq!(of("a\u{202e}fdp.exe".as_bytes()), "a\u{fffd}fdp.exe");
        assert_eq!(of(b"..\\..\\a.pdf"), "..\\..\\a.pdf", "shown, never a path");
        assert_eq!(of(b"  "), "\u{fffd}");
        let long = of("ở".repeat(85).as_bytes());
        assert_eq!(long.chars().count(), 85);
        let long = of(format!("{}.pdf", "a".repeat(250)).as_bytes());
        assert_eq!((long.chars().count(), long.ends_with("a.pdf")), (150, true));
    }

    #[test]
    fn a_code_in_a_name_is_found_however_it_stands_there_and_nothing_else_is() {
        let code = "H29.30.05-261125-0038";
        let digits = digits::write(&Code::read(code).unwrap()).unwrap();
        let named = |name: &str| names(OsStr::new(name), code);
        for name in [
            "H29.30.05-261125-0038.pdf",
            "h29.30.05-261125-0038-2.PDF",
            "don_H29.30.05-261125-0038_01.jpg",
            "Đơn xin H29.30.05-261125-0038.pdf",
            "quet-H29.30.05-261125-0038.tif",
            &format!("{digits}.pdf"),
            &format!("scan_{digits}_1.pdf"),
        ] {
            assert!(named(name), "{name}");
        }
        let mut wrong = digits.into_bytes();
        wrong[3] = if wrong[3] == b'9' { b'0' } else { wrong[3] + 1 };
        let wrong = String::from_utf8(wrong).unwrap();
        for name in
            ["H29.30.05-261125-00381.pdf", "H29.30.05-261125-0039.pdf", "scan0001.pdf", &wrong, ""]
        {
            assert!(!named(name), "{name}");
        }
        assert!(!names(OsStr::from_bytes(&[b'-'; 255]), code));
    }
}
