//! Folding for Vietnamese search: what a clerk types without marks finds what was written with them.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower case, no marks, đ as d, words joined by one space; everything that is no letter and no
/// number parts words.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_apostrophe(*c) && !is_format(*c)).nfkd() {
        for c in c.to_lowercase() {
            match c {
                'đ' | 'ð' | 'ɖ' => out.push('d'),
                'ƀ' => out.push('b'),
                c if is_combining_mark(c) => {}
                c if c.is_alphabetic() || c.is_numeric() => out.push(c),
                _ => out.push(' '),
            }
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '\u{b4}' | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2b9}' | '\u{2bb}'
            ..='\u{2bd}' | '\u{2c8}' | '\u{2ca}' | '\u{2cb}' | '\u{2032}' | '\u{ff07}'
    )
}

/// Unicode category Cf, as far as it occurs in text.
fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}'
    )
}
