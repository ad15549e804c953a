//! The line that the QR of an identity card (căn cước công dân, căn cước) holds, as a scanner types it.
//!
//! Fields are parted by `|`: number, old number or nothing, name, birth, sex, address, day of issue; or the same
//! without the old number. No text that prescribes this was found; it is what cards and public code show.
//! What stands behind the day of issue, on cards since July 2024, concerns relatives and is not read.

use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization;

mod typed;

/// Longest line that is looked at: a card's has some 300 characters.
const CHARACTERS: usize = 2_000;
/// Digits of a personal identification number (số định danh cá nhân).
const NUMBER: usize = 12;

/// What a card says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Number, 12 digits.
    pub number: String,
    /// Name, NFC.
    pub name: String,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`: some people's day of birth is not known.
    pub birth: String,
    /// Address, NFC.
    pub address: String,
    /// What a person should compare with the card.
    pub doubts: Vec<Doubt>,
}

/// What cannot be told from the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It ends with the address: the rest may be missing, and part of the address too.
    NoIssue,
    /// The number's fourth to sixth digit say another sex, century or year of birth.
    Number,
    /// Name and address have no mark at all.
    NoMarks,
    /// The scanner typed bytes; letters were put together from them.
    Bytes,
}

/// Why a line says nothing that could be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// Nothing was scanned.
    #[error("nothing was scanned")]
    Empty,
    /// It is longer than any card's.
    #[error("it is longer than any card's line")]
    TooLong,
    /// It is no card's line.
    #[error("this is no identity card's QR")]
    NotACard,
    /// It breaks off behind so many fields.
    #[error("it breaks off behind {0} fields")]
    Cut(usize),
    /// Digits came as Vietnamese letters.
    #[error("the keyboard's layout turned digits into letters")]
    Layout,
    /// Letters were lost or changed in a field.
    #[error("{0:?} was mangled on its way")]
    Mangled(Part),
    /// A date that is none.
    #[error("{0:?} is no date")]
    Date(Part),
}

/// A part of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The name.
    Name,
    /// The birth.
    Birth,
    /// The sex.
    Sex,
    /// The address.
    Address,
    /// The day of issue.
    Issue,
}

impl Part {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => ("họ tên", "the name"),
            Self::Birth => ("ngày sinh", "the date of birth"),
            Self::Sex => ("giới tính", "the sex"),
            Self::Address => ("nơi thường trú", "the address"),
            Self::Issue => ("ngày cấp", "the day of issue"),
        }
    }
}

impl Doubt {
    /// In Vietnamese and English.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoIssue => (
                "Chuỗi không có ngày cấp, có thể đã bị cắt: so địa chỉ với thẻ.",
                "The line has no day of issue and may be cut: compare the address with the card.",
            ),
            Self::Number => (
                "Số định danh không khớp với năm sinh hoặc giới tính: so với thẻ.",
                "The number does not agree with the year of birth or the sex: compare with the card.",
            ),
            Self::NoMarks => (
                "Họ tên và địa chỉ không có dấu nào: máy quét có thể đã bỏ dấu, so với thẻ.",
                "Name and address have no marks: the scanner may have dropped them, compare with the card.",
            ),
            Self::Bytes => (
                "Máy quét gõ từng byte; chữ Việt đã được ghép lại, so với thẻ.",
                "The scanner typed single bytes; the letters were put together again, compare with the card.",
            ),
        }
    }
}

impl CardError {
    /// What failed and what to do, in Vietnamese and English.
    pub fn words(self) -> (String, String) {
        let (vi, en) = match self {
            Self::Empty => (
                "Chưa quét gì. Đưa mã QR của thẻ vào máy quét.",
                "Nothing was scanned. Hold the card's QR to the scanner.",
            ),
            Self::TooLong => (
                "Chuỗi dài hơn mã của mọi thẻ: quét lại một thẻ, một lần.",
                "This is longer than any card's line: scan one card, once.",
            ),
            Self::NotACard => (
                "Đây không phải mã QR của thẻ căn cước. Quét mã trên thẻ, hoặc gõ tay.",
                "This is not the QR of an identity card. Scan the one on the card, or type.",
            ),
            Self::Cut(fields) => {
                return (
                    format!("Chuỗi bị cắt: chỉ có {fields} phần, thẻ có ít nhất 6. Quét lại."),
                    format!("The line is cut: {fields} parts, a card has at least 6. Scan again."),
                );
            }
            Self::Layout => (
                "Bàn phím của Windows đang để kiểu gõ tiếng Việt nên số thành chữ. Chuyển bàn phím sang tiếng Anh (US) rồi quét lại.",
                "The keyboard layout is Vietnamese, so digits became letters. Switch the keyboard to English (US) and scan again.",
            ),
            Self::Mangled(part) => {
                let (vi, en) = part.words();
                return (
                    format!(
                        "Máy quét hoặc bộ gõ làm hỏng {vi}. Tắt bộ gõ (Telex, VNI), đặt máy quét sang UTF-8, rồi quét lại."
                    ),
                    format!(
                        "Scanner or input method mangled {en}. Switch off the input method (Telex, VNI), set the scanner to UTF-8, and scan again."
                    ),
                );
            }
            Self::Date(part) => {
                let (vi, en) = part.words();
                return (
                    format!(
                        "{vi} trong mã không phải là ngày có thật. Quét lại; nếu vẫn vậy, gõ tay theo thẻ.",
                        vi = capital(vi)
                    ),
                    format!(
                        "{en} in the code is no real date. Scan again; if it stays so, type from the card.",
                        en = capital(en)
                    ),
                );
            }
        };
        (vi.to_owned(), en.to_owned())
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Reads the line.
///
/// # Errors
/// [`CardError`]; then nothing of it is to be used.
pub fn read(line: &str) -> Result<Card, CardError> {
    let line = line.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    if line.is_empty() {
        return Err(CardError::Empty);
    }
    if line.chars().count() > CHARACTERS {
        return Err(CardError::TooLong);
    }
    let whole = typed::whole(line);
    let mut doubts = Vec::new();
    if whole.is_some() {
        doubts.push(Doubt::Bytes);
    }
    let line: String = whole.as_deref().unwrap_or(line).nfc().collect();
    let parts: Vec<&str> = line.split('|').map(str::trim).collect();
    let (&[number, second], true) = (parts.first_chunk().unwrap_or(&["", ""]), parts.len() > 1)
    else {
        return Err(CardError::NotACard);
    };
    if typed::is_top_row(number) {
        return Err(CardError::Layout);
    }
    if number.len() != NUMBER || !is_digits(number) {
        return Err(CardError::NotACard);
    }
    // Which layout: an old number is digits or nothing, a name is neither.
    let old = second.is_empty() || is_digits(second);
    let first = if old { 2 } else { 1 };
    let &[name, birth, sex, address] =
        parts.get(first..).and_then(<[_]>::first_chunk).ok_or(CardError::Cut(parts.len()))?;
    if !old && parts.len() < 6 {
        return Err(CardError::Cut(parts.len()));
    }
    name_like(name)?;
    let birth = births(birth).ok_or(CardError::Date(Part::Birth))?;
    let male = match sex {
        "Nam" => true,
        "Nữ" => false,
        _ => return Err(CardError::Mangled(Part::Sex)),
    };
    if address.is_empty() || !typed::is_whole(address) {
        return Err(CardError::Mangled(Part::Address));
    }
    match parts.get(first + 4) {
        None => doubts.push(Doubt::NoIssue),
        Some(day) => {
            day_of(day).ok_or(CardError::Date(Part::Issue))?;
        }
    }
    if !agrees(number, &birth, male) {
        doubts.push(Doubt::Number);
    }
    if name.is_ascii() && address.is_ascii() {
        doubts.push(Doubt::NoMarks);
    }
    let (number, name, address) = (number.into(), name.into(), address.into());
    Ok(Card { number, name, birth, address, doubts })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Letters, and what stands between them in names.
fn name_like(name: &str) -> Result<(), CardError> {
    let lettered = name.chars().any(char::is_alphabetic) && name.chars().count() <= 200;
    let fits = |c: char| c.is_alphabetic() || " '’-.".contains(c);
    if lettered && name.chars().all(fits) { Ok(()) } else { Err(CardError::Mangled(Part::Name)) }
}

/// `ddmmyyyy` or `dd/mm/yyyy`.
fn day_of(text: &str) -> Option<Date> {
    let (day, month, year) = halves(text)?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn halves(text: &str) -> Option<(u8, u8, i16)> {
    let digits: String = match text.split('/').collect::<Vec<_>>()[..] {
        [day, month, year] if day.len() == 2 && month.len() == 2 => [day, month, year].concat(),
        [plain] => plain.to_owned(),
        _ => return None,
    };
    if digits.len() != 8 || !is_digits(&digits) {
        return None;
    }
    let year: i16 = digits[4..].parse().ok()?;
    (1850..2100).contains(&year).then_some(())?;
    Some((digits[..2].parse().ok()?, digits[2..4].parse().ok()?, year))
}

/// A birth as the form keeps it; a day or month that is not known is `00` on the card.
fn births(text: &str) -> Option<String> {
    if text.len() == 4 {
        return halves(&format!("0000{text}")).map(|(_, _, year)| year.to_string());
    }
    match halves(text)? {
        (0, 0, year) => Some(year.to_string()),
        (0, month @ 1..=12, year) => Some(format!("{year}-{month:02}")),
        _ => day_of(text).map(|day| day.to_string()),
    }
}

/// Fourth digit: 0 and 1 for men and women born in 1900-1999, 2 and 3 in 2000-2099, 8 and 9 in 1800-1899 (Nghị định
/// 137/2015/NĐ-CP art. 13, Thông tư 59/2021/TT-BCA, from memory); then two digits of the year.
fn agrees(number: &str, birth: &str, male: bool) -> bool {
    let century = match &birth[..2] {
        "18" => 8,
        "19" => 0,
        _ => 2,
    };
    let expected = format!("{}{}", century + u8::from(!male), &birth[2..4]);
    number.get(3..6) == Some(expected.as_str())
}
