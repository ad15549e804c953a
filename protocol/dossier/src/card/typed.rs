//! What becomes of letters and digits between a scanner and a field: bytes typed one by one, lost letters,
//! a keyboard's layout.

/// Windows-1252 from 0x80 on, where it is not Latin-1; the five bytes it does not use stand for themselves.
const CP1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// UTF-8 that was typed byte by byte, put together: `Nguyá»…n` is `Nguyễn`. Nothing where it is no such text.
pub(super) fn whole(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = text.chars().map(byte).collect();
    let whole = String::from_utf8(bytes?).ok()?;
    (whole != text).then_some(whole)
}

fn byte(letter: char) -> Option<u8> {
    match CP1252.iter().position(|one| *one == letter) {
        Some(at) => u8::try_from(0x80 + at).ok(),
        None => u8::try_from(letter).ok(),
    }
}

/// Whether nothing of it was lost on the way, as far as that shows.
pub(super) fn is_whole(text: &str) -> bool {
    !text.chars().any(|c| c == '?' || c == char::REPLACEMENT_CHARACTER || c.is_control())
}

/// Whether these are keys of the digits' row under the Vietnamese layout of Windows, where 1 to 0 give
/// ă â ê ô, five tones, and đ.
pub(super) fn is_top_row(text: &str) -> bool {
    use unicode_normalization::UnicodeNormalization;
    let row = |c: char| {
        c.is_ascii_digit()
            || "ăâêôđ".contains(c)
            || matches!(
                c,
                'a' | 'e'
                    | 'o'
                    | '\u{300}'
                    | '\u{301}'
                    | '\u{302}'
                    | '\u{303}'
                    | '\u{306}'
                    | '\u{309}'
                    | '\u{323}'
            )
    };
    let keyed = !text.is_ascii();
    keyed && text.chars().count() > 3 && text.nfd().all(row)
}
