//! The QR code of a form: what it says, in which order something is left out, and its modules.
//! TCVN 7322 (ISO/IEC 18004); minimum by TT 01/2023/TT-VPCP; layout in design/forms.md.

use crate::{
    FormError,
    limits::{QR_VERSION, QR_VERSION_MOST},
    paper::Paper,
};
use qrcodegen::{QrCode, QrCodeEcc, QrSegment, Version};
use std::fmt::{self, Write as _};

/// First part: which layout the others have.
pub const LAYOUT: &str = "MC1";

/// What a form says of itself, before it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Dossier code; never left out.
    pub code: String,
    /// Procedure code.
    pub procedure: String,
    /// Applicant's identification number; empty if none was given.
    pub applicant: String,
    /// Name of the document.
    pub document: String,
    /// Name of the system that gives the data; never left out.
    pub system: String,
    /// Time of issue, local, ISO.
    pub issued: String,
    /// Promised time, local, ISO; empty where nothing is promised.
    pub due: String,
    /// Name of the office; the second to be left out.
    pub office: String,
    /// Name of the procedure; the first to be left out.
    pub procedure_name: String,
}

/// In which order something is left out.
const LEFT_OUT: [fn(&mut Content); 2] =
    [|content| content.procedure_name.clear(), |content| content.office.clear()];

impl Content {
    /// What is signed.
    pub fn unsigned(&self) -> String {
        let mut out = LAYOUT.to_owned();
        for part in [
            &self.code,
            &self.procedure,
            &self.applicant,
            &self.document,
            &self.system,
            &self.issued,
            &self.due,
            &self.office,
            &self.procedure_name,
        ] {
            out.push('|');
            escape(part, &mut out);
        }
        out
    }
}

fn escape(part: &str, out: &mut String) {
    for letter in part.chars() {
        match letter {
            '%' | '|' => {
                let _ = write!(out, "%{:02X}", u32::from(letter));
            }
            blank if blank.is_control() => out.push(' '),
            plain => out.push(plain),
        }
    }
}

/// A QR code: what it says, and its dark modules.
#[derive(Clone)]
pub struct Qr {
    /// What a reader reads.
    pub text: String,
    code: QrCode,
}

impl fmt::Debug for Qr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Qr({}, {:?})", self.version(), self.text)
    }
}

impl Qr {
    /// Modules on a side, without the white ones around it.
    pub fn size(&self) -> u8 {
        // 177 at most.
        self.code.size() as u8
    }

    /// Version, 1 to 40.
    pub fn version(&self) -> u8 {
        self.code.version().value()
    }

    /// Dark modules of a row as runs: first module and how many.
    pub fn runs(&self, row: u8) -> Vec<(u8, u8)> {
        self.runs_where(|column| self.is_dark(row, column))
    }

    /// The same for those that are dark in the row below, too.
    pub fn runs_down(&self, row: u8) -> Vec<(u8, u8)> {
        self.runs_where(|column| self.is_dark(row, column) && self.is_dark(row + 1, column))
    }

    fn is_dark(&self, row: u8, column: u8) -> bool {
        // Outside everything is white.
        self.code.get_module(column.into(), row.into())
    }

    fn runs_where(&self, dark: impl Fn(u8) -> bool) -> Vec<(u8, u8)> {
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for column in 0..self.size() {
            if !dark(column) {
                continue;
            }
            match runs.last_mut() {
                Some((from, long)) if *from + *long == column => *long += 1,
                _ => runs.push((column, 1)),
            }
        }
        runs
    }
}

/// The code of a content, signed by `sign` (node and signature, see design/forms.md). Leaves out what
/// does not fit; the minimum never.
///
/// # Errors
/// [`FormError::QrTooLong`] when even the minimum does not fit.
pub fn make(
    mut content: Content,
    sign: &dyn Fn(&str) -> String,
    paper: Paper,
) -> Result<Qr, FormError> {
    let mut leave_out = LEFT_OUT.iter();
    loop {
        let unsigned = content.unsigned();
        let text = format!("{unsigned}|{}", sign(&unsigned));
        if let Some(code) = encode(&text, QR_VERSION) {
            return Ok(Qr { text, code });
        }
        if let Some(clear) = leave_out.next() {
            clear(&mut content);
            continue;
        }
        let bytes = text.len();
        let Some(code) = encode(&text, QR_VERSION_MOST) else {
            let room = 779; // version 22, medium error correction
            return Err(FormError::QrTooLong { bytes, room, paper: paper.word() });
        };
        return Ok(Qr { text, code });
    }
}

/// A code of just this text, of the usual size at most; none where that is too small.
pub(crate) fn of_text(text: &str) -> Option<Qr> {
    Some(Qr { text: text.to_owned(), code: encode(text, QR_VERSION)? })
}

/// As bytes of UTF-8: readers at counters do not all follow a switch between modes.
fn encode(text: &str, most: u8) -> Option<QrCode> {
    let segments = [QrSegment::make_bytes(text.as_bytes())];
    let (from, to) = (Version::new(1), Version::new(most));
    QrCode::encode_segments_advanced(&segments, QrCodeEcc::Medium, from, to, None, false).ok()
}

/// Bytes as letters that every reader passes on unchanged (RFC 4648, section 5, without padding).
pub fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=three.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content {
            code: "H29.30.105.02-261125-0975".into(),
            procedure: "1.000656.000.00.00.H29".into(),
            applicant: "079185001234".into(),
            document: "Giấy tiếp nhận hồ sơ và hẹn trả kết quả".into(),
            system: "Một Cửa, Thành phố Hồ Chí Minh".into(),
            issued: "2026-11-25T10:41".into(),
            due: "2026-12-02T10:41".into(),
            office: "Trung tâm Phục vụ hành chính công".into(),
            procedure_name: "Đăng ký khai tử".into(),
        }
    }

    fn sign(_: &str) -> String {
        format!("01234567.{}", "s".repeat(86))
    }

    fn parts(qr: &Qr) -> Vec<&str> {
        qr.text.split('|').collect()
    }

    #[test]
    fn what_does_not_fit_is_left_out_in_the_written_order_and_the_minimum_never() {
        let all = make(content(), &sign, Paper::Roll80).expect("fits");
        assert_eq!(parts(&all)[9], "Đăng ký khai tử");
        let mut long = content();
        long.procedure_name = "Liên thông các thủ tục ".repeat(6);
        let less = make(long.clone(), &sign, Paper::Roll80).expect("fits");
        assert_eq!((parts(&less)[8], parts(&less)[9]), (&*long.office, ""));
        long.office = "Trung tâm Phục vụ hành chính công ".repeat(6);
        let least = make(long.clone(), &sign, Paper::Roll80).expect("fits");
        assert_eq!(&parts(&least)[8..10], ["", ""]);
        // The signature is over what stands there, not over what was left out.
        assert!(least.text.ends_with(&format!("||{}", sign(""))));
        long.system = "Hệ thống ".repeat(20);
        let grown = make(long.clone(), &sign, Paper::Roll80).expect("fits");
        assert!(grown.version() > QR_VERSION, "{}", grown.version());
        assert_eq!(parts(&grown)[5], long.system);
        assert_eq!(parts(&grown).len(), 11);
        long.system = "Hệ thống ".repeat(200);
        let error = make(long, &sign, Paper::Roll80).expect_err("too long").to_string();
        assert!(error.contains("779"), "{error}");
    }

    #[test]
    fn base64url_is_that_of_rfc_4648() {
        let texts =
            ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|t| base64url(t.as_bytes()));
        assert_eq!(texts, ["", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"]);
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn a_bar_in_a_part_does_not_shift_the_parts_behind_it() {
        let odd = Content { system: "A|B 50% \n".into(), ..content() };
        let qr = make(odd, &sign, Paper::A5).expect("fits");
        assert_eq!(parts(&qr)[5], "A%7CB 50%25  ");
        assert_eq!(parts(&qr).len(), 11);
    }
}
