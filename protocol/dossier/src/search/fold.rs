//! Folding: what is left of a text when marks, case and signs are gone.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower case, no marks, đ as d, words joined by one space; everything that is no letter and no
/// number parts words.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in decomposed(text) {
        match base(c) {
            c if is_mark(c) => {}
            c if is_of_a_word(c) => out.push(c),
            _ => out.push(' '),
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Letters and their marks apart, lower case, without what is dropped.
pub(super) fn decomposed(text: &str) -> impl Iterator<Item = char> {
    let kept = text.chars().filter(|c| !is_apostrophe(*c) && !is_format(*c));
    // Lower case may compose again.
    kept.nfkd().flat_map(char::to_lowercase).nfkd()
}

/// A letter with a stroke as the letter without.
pub(super) fn base(c: char) -> char {
    match c {
        'đ' | 'ð' | 'ɖ' => 'd',
        'ƀ' => 'b',
        c => c,
    }
}

/// Whether it belongs to a letter, and stands for none.
pub(super) fn is_mark(c: char) -> bool {
    is_combining_mark(c)
}

pub(super) fn is_of_a_word(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric()
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
