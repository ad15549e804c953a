//! The font of the forms: DejaVu Sans Condensed, which has every letter of Vietnamese with every mark,
//! reduced to Latin, Greek and Cyrillic; compiled in, so that no system font is looked for. It has no
//! ligatures and no kerning left, so a width is the sum of its letters here, in a browser and in print.

use std::{collections::HashMap, sync::OnceLock};
use unicode_normalization::UnicodeNormalization;

/// A face of the font.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Face {
    /// Upright.
    Regular,
    /// Bold.
    Bold,
}

impl Face {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Regular, Self::Bold];

    /// The file, TrueType.
    pub fn file(self) -> &'static [u8] {
        match self {
            Self::Regular => include_bytes!("../fonts/DejaVuSansCondensed.ttf"),
            Self::Bold => include_bytes!("../fonts/DejaVuSansCondensed-Bold.ttf"),
        }
    }

    /// PostScript name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regular => "DejaVuSansCondensed",
            Self::Bold => "DejaVuSansCondensed-Bold",
        }
    }

    /// What is known of it.
    pub fn measures(self) -> &'static Measures {
        static ALL: OnceLock<[Measures; 2]> = OnceLock::new();
        let all = ALL.get_or_init(|| Self::ALL.map(Measures::read));
        &all[self as usize]
    }

    /// Width of a text at a size, both in millimetres.
    pub fn width(self, text: &str, size: f64) -> f64 {
        let measures = self.measures();
        let units: u32 = text.chars().map(|letter| u32::from(measures.glyph(letter).1)).sum();
        f64::from(units) * size / f64::from(measures.units)
    }
}

/// Measures of a face in its own units.
#[derive(Debug)]
pub struct Measures {
    /// Units of the size.
    pub units: u16,
    /// Above the line.
    pub ascent: i16,
    /// Below it, negative.
    pub descent: i16,
    /// Height of capitals.
    pub capitals: i16,
    /// All letters: left, bottom, right, top.
    pub bounds: [i16; 4],
    glyphs: HashMap<char, (u16, u16)>,
}

impl Measures {
    fn read(face: Face) -> Self {
        let empty = || Self {
            units: 1_000,
            ascent: 0,
            descent: 0,
            capitals: 0,
            bounds: [0; 4],
            glyphs: HashMap::new(),
        };
        // The file is compiled in; a test reads it.
        let Ok(font) = ttf_parser::Face::parse(face.file(), 0) else { return empty() };
        let mut glyphs = HashMap::new();
        for table in font.tables().cmap.into_iter().flat_map(|cmap| cmap.subtables) {
            if !table.is_unicode() {
                continue;
            }
            table.codepoints(|code| {
                let letter = char::from_u32(code);
                let glyph = letter.and_then(|letter| font.glyph_index(letter));
                if let (Some(letter), Some(glyph)) = (letter, glyph) {
                    let wide = font.glyph_hor_advance(glyph).unwrap_or(0);
                    glyphs.insert(letter, (glyph.0, wide));
                }
            });
        }
        let bounds = font.global_bounding_box();
        Self {
            units: font.units_per_em(),
            ascent: font.ascender(),
            descent: font.descender(),
            capitals: font.capital_height().unwrap_or(font.ascender()),
            bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max],
            glyphs,
        }
    }

    /// Glyph and width of a letter; those of "not there" for one that [`printable`] would not leave.
    pub fn glyph(&self, letter: char) -> (u16, u16) {
        self.glyphs.get(&letter).copied().unwrap_or((0, self.units))
    }

    fn has(&self, letter: char) -> bool {
        self.glyphs.contains_key(&letter)
    }
}

/// A text as it is printed: composed letters (NFC), one space for any run of blanks, line feeds kept,
/// and what the font lacks as its number, `‹U+738B›`: seen and never silently gone.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.nfc() {
        match letter {
            '\n' => {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
            }
            '\r' => {}
            blank if blank.is_whitespace() => {
                if !out.is_empty() && !out.ends_with([' ', '\n']) {
                    out.push(' ');
                }
            }
            known if Face::ALL.iter().all(|face| face.measures().has(known)) && is_plain(known) => {
                out.push(known);
            }
            other => out.push_str(&format!("‹U+{:04X}›", u32::from(other))),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Neither a control nor something that turns the direction of what follows.
fn is_plain(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !letter.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every letter of Vietnamese, both cases, every mark.
    const LETTERS: &str =
        "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ";

    #[test]
    fn both_faces_have_every_letter_of_vietnamese() {
        let both = LETTERS.to_owned() + &LETTERS.to_uppercase() + "0123456789₫–—“”‘’…‹›☐";
        for face in Face::ALL {
            assert_eq!(face.measures().units, 2_048);
            for letter in both.chars() {
                assert!(face.measures().has(letter), "{letter}");
                assert!(face.measures().glyph(letter).1 > 0, "{letter}");
            }
        }
        assert_eq!(printable(&both), both);
        // Letters and marks apart are the same text.
        assert_eq!(printable(&both.nfd().collect::<String>()), both);
    }

    #[test]
    fn a_width_is_the_sum_of_its_letters() {
        let apart: f64 = LETTERS.chars().map(|c| Face::Bold.width(&c.to_string(), 4.0)).sum();
        assert!((Face::Bold.width(LETTERS, 4.0) - apart).abs() < 1e-9);
        assert!(Face::Bold.width(LETTERS, 4.0) > Face::Regular.width(LETTERS, 4.0));
    }

    #[test]
    fn what_the_font_lacks_is_printed_as_its_number() {
        assert_eq!(printable("王 Mẫu"), "‹U+738B› Mẫu");
        assert_eq!(printable("a\u{202e}b\0c"), "a‹U+202E›b‹U+0000›c");
        assert_eq!(printable(" a \t\u{a0} b \r\n  c\n"), "a b\nc");
    }
}
