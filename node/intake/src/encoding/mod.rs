//! Tables by which bytes become text, one cell at a time. A file may hold cells of several.

mod guess;
mod syllable;
mod tcvn3;
mod viscii;
mod vni;

pub use guess::{Guess, guess};
pub use syllable::{Words, words};

use crate::cell::Doubt;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Unicode as UTF-8.
    Utf8,
    /// Unicode in pairs of bytes, the lower one first.
    Utf16le,
    /// Unicode in pairs of bytes, the higher one first.
    Utf16be,
    /// TCVN3 (ABC), the `.Vn` fonts.
    Tcvn3,
    /// VNI for Windows, the `VNI-` fonts.
    Vni,
    /// RFC 1456.
    Viscii,
    /// The code page of Windows: letters and combining tones.
    Windows1258,
}

impl Encoding {
    /// Tables of one byte a letter (or a letter and its mark), by how often they are met.
    pub const OLD: [Self; 4] = [Self::Tcvn3, Self::Vni, Self::Viscii, Self::Windows1258];

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16le => "UTF-16 LE",
            Self::Utf16be => "UTF-16 BE",
            Self::Tcvn3 => "TCVN3 (ABC)",
            Self::Vni => "VNI",
            Self::Viscii => "VISCII",
            Self::Windows1258 => "Windows-1258",
        }
    }

    /// From the name in a mapping or on the command line.
    pub fn of_name(name: &str) -> Option<Self> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        Some(match plain.to_ascii_lowercase().as_str() {
            "utf8" => Self::Utf8,
            "utf16le" | "utf16" => Self::Utf16le,
            "utf16be" => Self::Utf16be,
            "tcvn3" | "abc" | "tcvn3abc" => Self::Tcvn3,
            "vni" | "vniwindows" => Self::Vni,
            "viscii" => Self::Viscii,
            "windows1258" | "cp1258" => Self::Windows1258,
            _ => return None,
        })
    }
}

/// What a table makes of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text in NFC; U+FFFD where the table says nothing.
    pub text: String,
    /// Bytes that the table does not define.
    pub undefined: Vec<u8>,
}

/// Reads bytes by one table.
pub fn decode(bytes: &[u8], encoding: Encoding) -> Decoded {
    match encoding {
        Encoding::Utf8 => by(encoding_rs::UTF_8, bytes),
        Encoding::Utf16le => by(encoding_rs::UTF_16LE, bytes),
        Encoding::Utf16be => by(encoding_rs::UTF_16BE, bytes),
        Encoding::Windows1258 => by(encoding_rs::WINDOWS_1258, bytes),
        Encoding::Vni => vni::decode(bytes),
        Encoding::Tcvn3 => single(bytes, &tcvn3::FONTS, &[]),
        Encoding::Viscii => single(bytes, &viscii::HIGH, &viscii::LOW),
    }
}

fn by(table: &'static encoding_rs::Encoding, bytes: &[u8]) -> Decoded {
    let (text, broken) = table.decode_without_bom_handling(bytes);
    let undefined = match broken {
        true => bytes.iter().copied().filter(|byte| *byte >= 0x80).take(8).collect(),
        false => Vec::new(),
    };
    Decoded { text: text.nfc().collect(), undefined }
}

fn single(bytes: &[u8], high: &[char; 128], low: &[(u8, char)]) -> Decoded {
    let mut undefined = Vec::new();
    let text: String = bytes
        .iter()
        .map(|byte| match byte.checked_sub(0x80) {
            None => low
                .iter()
                .find(|(known, _)| known == byte)
                .map_or(char::from(*byte), |(_, letter)| *letter),
            Some(at) => match high[usize::from(at)] {
                '\0' => {
                    undefined.push(*byte);
                    '\u{fffd}'
                }
                letter => letter,
            },
        })
        .collect();
    Decoded { text: text.nfc().collect(), undefined }
}

/// Text and what is odd about it, of the bytes of one cell in a file that is in `main` as a whole.
pub fn read(bytes: &[u8], main: Encoding) -> (String, Option<Doubt>) {
    if bytes.is_ascii() && main != Encoding::Viscii {
        return (bytes.iter().copied().map(char::from).collect(), None);
    }
    let first = decode(bytes, main);
    let well = words(&first.text).well();
    if main == Encoding::Utf8 {
        if first.undefined.is_empty() {
            return font(first.text);
        }
        let mut others = Encoding::OLD.into_iter().map(|table| (table, decode(bytes, table)));
        let best = others
            .find(|(_, decoded)| decoded.undefined.is_empty() && words(&decoded.text).all_well());
        return match best {
            Some((table, decoded)) => (decoded.text, Some(Doubt::Other(table))),
            None => (first.text, Some(Doubt::Broken(first.undefined))),
        };
    }
    // Two bytes and more that happen to be UTF-8 happen to be so by intent.
    if std::str::from_utf8(bytes).is_ok() && bytes.iter().filter(|byte| **byte >= 0x80).count() > 1
    {
        let other = decode(bytes, Encoding::Utf8);
        if words(&other.text).well() > well || !first.undefined.is_empty() {
            return (other.text, Some(Doubt::Other(Encoding::Utf8)));
        }
    }
    if first.undefined.is_empty() {
        return (first.text, None);
    }
    let wider = (main == Encoding::Tcvn3).then(|| single(bytes, &tcvn3::STANDARD, &[]).text);
    (first.text, Some(Doubt::Undefined { bytes: first.undefined, wider }))
}

/// The same for text that is Unicode already: letters of an old font may be inside of it.
pub fn font(text: String) -> (String, Option<Doubt>) {
    let as_it_is = words(&text);
    if text.is_ascii() || as_it_is.all_well() {
        return (text, None);
    }
    let (bytes, _, lossy) = encoding_rs::WINDOWS_1252.encode(&text);
    if lossy {
        return (text, None);
    }
    // UTF-8 that was read as Windows-1252 on its way here.
    if let Ok(again) = std::str::from_utf8(&bytes)
        && words(again).well() > as_it_is.well()
    {
        let again = again.nfc().collect();
        return (text, Some(Doubt::Font(Encoding::Utf8, again)));
    }
    for table in [Encoding::Tcvn3, Encoding::Vni] {
        let decoded = decode(&bytes, table);
        if decoded.undefined.is_empty() && words(&decoded.text).all_well() {
            return (text, Some(Doubt::Font(table, decoded.text)));
        }
    }
    (text, None)
}

/// Writes text by an old table, or names the letters that it does not have.
///
/// # Errors
/// The letters that would be lost, each once, in order.
pub fn encode(text: &str, encoding: Encoding) -> Result<Vec<u8>, Vec<char>> {
    let text: String = text.nfc().collect();
    let (mut bytes, mut lost) = (Vec::with_capacity(text.len()), Vec::new());
    for letter in text.chars() {
        let found = match encoding {
            Encoding::Utf8 => {
                bytes.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            Encoding::Utf16le => {
                bytes.extend(
                    letter.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_le_bytes()),
                );
                continue;
            }
            Encoding::Utf16be => {
                bytes.extend(
                    letter.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()),
                );
                continue;
            }
            _ if letter.is_ascii() => Some(vec![letter as u8]),
            Encoding::Tcvn3 => at(&tcvn3::FONTS, letter),
            Encoding::Viscii => at(&viscii::HIGH, letter).or_else(|| {
                let low = viscii::LOW.iter().find(|(_, known)| *known == letter);
                low.map(|(byte, _)| vec![*byte])
            }),
            Encoding::Vni => vni::encode(letter),
            Encoding::Windows1258 => windows_1258(letter),
        };
        match found {
            Some(some) => bytes.extend(some),
            None if lost.contains(&letter) => {}
            None => lost.push(letter),
        }
    }
    if lost.is_empty() { Ok(bytes) } else { Err(lost) }
}

fn at(table: &[char; 128], letter: char) -> Option<Vec<u8>> {
    let at = table.iter().position(|known| *known == letter && letter != '\0')?;
    Some(vec![at as u8 + 0x80])
}

/// A letter with its tone behind it.
fn windows_1258(letter: char) -> Option<Vec<u8>> {
    let (base, tone) = syllable::without_tone(letter);
    let text: String = [base].into_iter().chain(tone).collect();
    let (bytes, _, lossy) = encoding_rs::WINDOWS_1258.encode(&text);
    (!lossy).then(|| bytes.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "Nguyễn Thị Mẫu, ấp Đường Xuồng, số 5 - chuyển khẩu, ở đậu, ỷ lại, kỹ sư, nghỉ, mĩ, Ỵ";

    #[test]
    fn what_a_table_has_comes_back_as_it_was() {
        let all = [
            Encoding::Utf8,
            Encoding::Utf16le,
            Encoding::Utf16be,
            Encoding::Vni,
            Encoding::Viscii,
            Encoding::Windows1258,
        ];
        for table in all {
            let bytes = encode(TEXT, table).expect("every letter");
            let back = decode(&bytes, table);
            assert_eq!((back.text.as_str(), back.undefined.len()), (TEXT, 0), "{table:?}");
        }
        let small = TEXT.replace('Ỵ', "ỵ");
        let bytes = encode(&small, Encoding::Tcvn3).expect("every letter");
        assert_eq!(decode(&bytes, Encoding::Tcvn3).text, small);
    }

    #[test]
    fn what_a_table_lacks_is_named_before_it_is_lost() {
        let lost = encode("NGUYỄN THỊ ẤN, Ưng Ỷ", Encoding::Tcvn3);
        assert_eq!(lost, Err(vec!['Ễ', 'Ị', 'Ấ', 'Ỷ']));
        assert_eq!(encode("Đặng 漢", Encoding::Vni), Err(vec!['漢']));
    }

    #[test]
    fn every_vietnamese_letter_survives_the_tables_that_have_them_all() {
        let mut letters = String::new();
        for base in "aăâeêioôơuưy".chars() {
            for tone in ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'] {
                letters.extend([base, tone].into_iter().nfc());
            }
            letters.push(base);
        }
        letters.push('đ');
        letters.push_str(&letters.clone().to_uppercase());
        for table in [Encoding::Vni, Encoding::Viscii, Encoding::Windows1258] {
            for letter in letters.chars() {
                let bytes = encode(&letter.to_string(), table).expect("a letter");
                assert_eq!(decode(&bytes, table).text, letter.to_string(), "{table:?}");
            }
        }
    }

    #[test]
    fn a_cell_of_another_table_is_read_in_it_and_flagged() {
        let utf8 = "phường Thủ Dầu Một".as_bytes();
        let other = Some(Doubt::Other(Encoding::Utf8));
        for table in Encoding::OLD {
            assert_eq!(
                read(utf8, table),
                ("phường Thủ Dầu Một".into(), other.clone()),
                "{table:?}"
            );
            let old = encode("phường Thủ Dầu Một", table).expect("every letter");
            let expected = ("phường Thủ Dầu Một".to_owned(), Some(Doubt::Other(table)));
            assert_eq!(read(&old, Encoding::Utf8), expected);
        }
        let (_, doubt) = read(b"Nguy\xff\xfe\x80n", Encoding::Utf8);
        assert!(matches!(doubt, Some(Doubt::Broken(_))), "{doubt:?}");
    }

    #[test]
    fn letters_of_an_old_font_inside_of_unicode_are_recognised() {
        for (table, text) in
            [(Encoding::Tcvn3, "Nguyễn Văn Mẫu"), (Encoding::Vni, "Trần Thị Đức Hạnh")]
        {
            let bytes = encode(text, table).expect("every letter");
            let (shown, _, _) = encoding_rs::WINDOWS_1252.decode(&bytes);
            let (kept, doubt) = font(shown.clone().into_owned());
            assert_eq!((kept, doubt), (shown.into_owned(), Some(Doubt::Font(table, text.into()))));
        }
        let (twice, _, _) = encoding_rs::WINDOWS_1252.decode("Nguyễn Văn Mẫu".as_bytes());
        let (_, doubt) = font(twice.into_owned());
        assert_eq!(doubt, Some(Doubt::Font(Encoding::Utf8, "Nguyễn Văn Mẫu".into())));
        for plain in ["Nguyễn Văn Mẫu", "Guðrún Mẫu Jónsdóttir", "José Núñez", "Ðặng Văn Mẫu"]
        {
            assert_eq!(font(plain.into()), (plain.to_owned(), None));
        }
    }
}
