//! VNI for Windows: a letter, and behind it a mark that is a letter of Latin-1 of its own. A few letters
//! have a byte for themselves. Small and capital marks differ by 0x20, as their letters do.

use super::Decoded;
use unicode_normalization::UnicodeNormalization;

/// Tone alone: á à ả ã ạ.
const TONES: [(u8, char); 5] =
    [(0xf9, '\u{301}'), (0xf8, '\u{300}'), (0xfb, '\u{309}'), (0xf5, '\u{303}'), (0xef, '\u{323}')];
/// Breve, with and without a tone.
const BREVE: [(u8, Option<char>); 6] = [
    (0xea, None),
    (0xe9, Some('\u{301}')),
    (0xe8, Some('\u{300}')),
    (0xfa, Some('\u{309}')),
    (0xfc, Some('\u{303}')),
    (0xeb, Some('\u{323}')),
];
/// Circumflex, with and without a tone.
const ROOF: [(u8, Option<char>); 6] = [
    (0xe2, None),
    (0xe1, Some('\u{301}')),
    (0xe0, Some('\u{300}')),
    (0xe5, Some('\u{309}')),
    (0xe3, Some('\u{303}')),
    (0xe4, Some('\u{323}')),
];
/// Letters with a byte of their own.
const ALONE: [(u8, char); 9] = [
    (0xed, 'í'),
    (0xec, 'ì'),
    (0xe6, 'ỉ'),
    (0xf3, 'ĩ'),
    (0xf2, 'ị'),
    (0xf4, 'ơ'),
    (0xf6, 'ư'),
    (0xee, 'ỵ'),
    (0xf1, 'đ'),
];
const BREVE_MARK: char = '\u{306}';
const ROOF_MARK: char = '\u{302}';

/// What a mark adds to the letter before it; none where it is not a mark of that letter.
fn marks(letter: char, mark: u8) -> Option<Vec<char>> {
    let small = small(mark);
    let tone = TONES.iter().find(|(byte, _)| *byte == small).map(|(_, tone)| vec![*tone]);
    let hat = |table: &[(u8, Option<char>)], hat: char| {
        let found = table.iter().find(|(byte, _)| *byte == small)?;
        Some([hat].into_iter().chain(found.1).collect::<Vec<_>>())
    };
    match letter.to_lowercase().next()? {
        'a' => hat(&BREVE, BREVE_MARK).or_else(|| hat(&ROOF, ROOF_MARK)).or(tone),
        'e' | 'o' => hat(&ROOF, ROOF_MARK).or(tone),
        'u' | 'y' | 'ơ' | 'ư' => tone,
        _ => None,
    }
}

fn small(byte: u8) -> u8 {
    if (0xc0..=0xdf).contains(&byte) { byte + 0x20 } else { byte }
}

fn alone(byte: u8) -> Option<char> {
    let (_, letter) = ALONE.into_iter().find(|(known, _)| *known == small(byte))?;
    if small(byte) == byte { Some(letter) } else { letter.to_uppercase().next() }
}

pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let (mut text, mut undefined) = (String::with_capacity(bytes.len()), Vec::new());
    let mut before: Option<char> = None;
    for byte in bytes.iter().copied() {
        let marks = before.filter(|_| byte >= 0xc0).and_then(|letter| marks(letter, byte));
        if let Some(marks) = marks {
            text.extend(marks);
            before = None;
            continue;
        }
        let letter = if byte < 0x80 { Some(char::from(byte)) } else { alone(byte) };
        let letter = letter.or((byte == 0xa0).then_some('\u{a0}'));
        match letter {
            Some(letter) => text.push(letter),
            None => {
                undefined.push(byte);
                text.push('\u{fffd}');
            }
        }
        before = letter;
    }
    Decoded { text: text.nfc().collect(), undefined }
}

/// The bytes of a letter; none if VNI has no such letter.
pub(super) fn encode(letter: char) -> Option<Vec<u8>> {
    let is_capital = letter.is_uppercase();
    let cased = |byte: u8| if is_capital { byte - 0x20 } else { byte };
    let lower = letter.to_lowercase().next()?;
    if let Some((byte, _)) = ALONE.iter().find(|(_, known)| *known == lower) {
        return Some(vec![cased(*byte)]);
    }
    let parts: Vec<char> = lower.nfd().collect();
    let base = *parts.first()?;
    let hat = parts.iter().find(|part| matches!(**part, BREVE_MARK | ROOF_MARK | '\u{31b}'));
    let tone = parts.iter().copied().find(|part| TONES.iter().any(|(_, known)| known == part));
    let is_known = |part: &char| Some(part) == hat || Some(*part) == tone;
    if parts.len() < 2 || !parts[1..].iter().all(is_known) {
        return None;
    }
    let tone_byte = || TONES.iter().find(|(_, known)| Some(*known) == tone).map(|(byte, _)| *byte);
    let of = |table: &[(u8, Option<char>)]| {
        table.iter().find(|(_, known)| *known == tone).map(|(byte, _)| *byte)
    };
    let (first, mark) = match (base, hat) {
        ('o', Some('\u{31b}')) => (0xf4, tone_byte()?),
        ('u', Some('\u{31b}')) => (0xf6, tone_byte()?),
        ('a', Some(&BREVE_MARK)) => (b'a', of(&BREVE)?),
        ('a' | 'e' | 'o', Some(&ROOF_MARK)) => (base as u8, of(&ROOF)?),
        ('a' | 'e' | 'o' | 'u' | 'y', None) => (base as u8, tone_byte()?),
        _ => return None,
    };
    Some(vec![cased(first), cased(mark)])
}
