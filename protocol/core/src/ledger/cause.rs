//! Why an entry is not plainly accepted: a code for programs and metrics, detail for people, and
//! words in both languages. Stored and sent as `code|detail`.

use std::fmt;

/// What kind of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Nothing is wrong.
    None,
    /// Not signed as it should be, or no creation of this dossier.
    Forged,
    /// Its office took no part when it was written.
    NoRight,
    /// The dossier, or the author's share of it, is full.
    TooMuch,
    /// A decision or an act by somebody who may not.
    NotAllowed,
    /// Its machine is banned and it lies beyond the last good position.
    Banned,
    /// Its machine is suspended and it lies beyond the last good position.
    Suspended,
    /// A hub decided so.
    Decided,
    /// Its office was taken out of the dossier meanwhile.
    RevokedMeanwhile,
    /// It builds on an entry that is not applied.
    BuildsOnHeld,
    /// Its content cannot be applied.
    Content,
    /// Too many entries wait for causes here.
    Crowded,
    /// Written by a later version; an update here will read it.
    LaterVersion,
}

const CODES: [(Code, &str, &str, &str); 13] = [
    (Code::None, "none", "", ""),
    (Code::Forged, "forged", "chữ ký hoặc nguồn gốc không hợp lệ", "signature or origin is wrong"),
    (
        Code::NoRight,
        "no-right",
        "cơ quan ghi không tham gia hồ sơ tại thời điểm ghi",
        "its office took no part in the dossier when it was written",
    ),
    (Code::TooMuch, "too-much", "hồ sơ vượt giới hạn", "the dossier is full"),
    (
        Code::NotAllowed,
        "not-allowed",
        "người quyết định không có thẩm quyền",
        "whoever decided this may not",
    ),
    (
        Code::Banned,
        "banned",
        "máy ghi đã bị cấm; mục này nằm sau vị trí còn tin được",
        "its machine is banned and it lies beyond the last trusted position",
    ),
    (
        Code::Suspended,
        "suspended",
        "máy ghi đang bị tạm ngừng; mục này nằm sau vị trí còn tin được",
        "its machine is suspended and it lies beyond the last trusted position",
    ),
    (Code::Decided, "decided", "theo quyết định của hub", "a hub decided so"),
    (
        Code::RevokedMeanwhile,
        "revoked-meanwhile",
        "ghi khi cơ quan đã bị rút khỏi hồ sơ mà chưa biết; cần người xem lại",
        "written while its office had been taken out without knowing; a person should look",
    ),
    (
        Code::BuildsOnHeld,
        "builds-on-held",
        "dựa trên một mục chưa được chấp nhận",
        "builds on an entry that is not accepted",
    ),
    (Code::Content, "content", "nội dung không áp dụng được", "its content cannot be applied"),
    (
        Code::Crowded,
        "crowded",
        "quá nhiều mục đang chờ mục trước",
        "too many entries wait for earlier ones",
    ),
    (
        Code::LaterVersion,
        "later-version",
        "do phần mềm mới hơn ghi; cập nhật máy này để xem",
        "written by newer software; update this machine to see it",
    ),
];

impl Code {
    /// The word in files, metrics and APIs; part of the contract.
    pub fn word(self) -> &'static str {
        CODES[self as usize].1
    }
}

/// Why, with what a person wants to know beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Which kind.
    pub code: Code,
    /// More, in words or numbers; may be empty.
    pub detail: String,
}

impl Cause {
    /// Without detail.
    pub fn bare(code: Code) -> Self {
        Self { code, detail: String::new() }
    }

    /// With detail.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// Reads what [`Display`](fmt::Display) wrote. What is not known is content, whole.
    pub fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::bare(Code::None);
        }
        let (word, detail) = text.split_once('|').unwrap_or((text, ""));
        match CODES.iter().find(|(_, known, ..)| *known == word) {
            Some((code, ..)) => Self::new(*code, detail),
            None => Self::new(Code::Content, text),
        }
    }

    /// In Vietnamese.
    pub fn vi(&self) -> String {
        self.words(CODES[self.code as usize].2)
    }

    /// In English.
    pub fn en(&self) -> String {
        self.words(CODES[self.code as usize].3)
    }

    fn words(&self, words: &str) -> String {
        if self.detail.is_empty() { words.to_owned() } else { format!("{words}: {}", self.detail) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.detail.as_str()) {
            (Code::None, _) => Ok(()),
            (code, "") => f.write_str(code.word()),
            (code, detail) => write!(f, "{}|{detail}", code.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_at_its_place_and_reads_back() {
        for (place, (code, ..)) in CODES.iter().enumerate() {
            assert_eq!(*code as usize, place);
            for cause in [Cause::bare(*code), Cause::new(*code, "chi tiết | khác")] {
                let read = Cause::parse(&cause.to_string());
                assert_eq!(read.code, *code);
                assert!(*code == Code::None || read == cause);
            }
        }
        assert_eq!(Cause::parse("điều gì đó").code, Code::Content);
    }
}
