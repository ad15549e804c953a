//! Marks of a word: those that make another letter stand letter by letter; the tone belongs to the word,
//! since where it is written differs (hòa, hoà).

use super::fold::{base, decomposed, is_mark, is_of_a_word};
use std::collections::BTreeSet;

/// A word with what makes it differ from others that fold alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Word {
    /// The folded word.
    pub(super) folded: String,
    /// Each letter with its marks, tones left out, in a fixed order.
    pub(super) letters: Vec<(char, BTreeSet<char>)>,
    /// All its tones.
    pub(super) tones: BTreeSet<char>,
}

/// Grave, acute, tilde, hook above, dot below.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// The words of a text, with their marks.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word::default();
    for c in decomposed(text) {
        let folded = base(c);
        if is_mark(c) {
            if TONES.contains(&c) && !word.letters.is_empty() {
                word.tones.insert(c);
            } else if let Some((_, marks)) = word.letters.last_mut() {
                marks.insert(c);
            }
        } else if is_of_a_word(folded) {
            word.folded.push(folded);
            // The stroke of đ is a mark too: as a letter of its own it never equals d.
            word.letters.push((c, BTreeSet::new()));
        } else if !word.letters.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.letters.is_empty() {
        words.push(word);
    }
    words
}

/// Whether two texts are the same words with the same marks.
pub fn same_marks(a: &str, b: &str) -> bool {
    words(a) == words(b)
}

impl Word {
    /// Whether the marks typed so far are those of the beginning of `whole`, which begins with the
    /// same letters: no letter differs, and no tone was typed that the word has not.
    pub(super) fn begins(&self, whole: &Self) -> bool {
        let letters = self.letters.iter().zip(&whole.letters).all(|(mine, theirs)| mine == theirs);
        letters && (self.tones.is_empty() || self.tones == whole.tones)
    }
}
