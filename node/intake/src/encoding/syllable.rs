//! Whether a word can be Vietnamese: an onset, a rhyme, at most one tone. By this a reading of bytes is told
//! from rubbish; it says nothing about meaning.

use std::{collections::HashSet, sync::LazyLock};
use unicode_normalization::UnicodeNormalization;

const ONSETS: [&str; 28] = [
    "ngh", "ng", "gh", "gi", "kh", "nh", "ph", "qu", "th", "tr", "ch", "b", "c", "d", "đ", "g",
    "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "x", "",
];

const RHYMES: &str = "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây \
    e ec em en eng eo ep et ê êch êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip \
    it iu o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi \
    om on ong oong op ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uc uê uêch uên \
    uênh uêt ui um un ung uôc uôi uôm uôn uông uôt uơ up ut uy uya uych uyên uyêt uyn uynh uyp uyt uyu \
    ư ưa ưc ưi ưm ưn ưng ươc ươi ươm ươn ương ươp ươt ươu ưt ưu y ych ynh yp yt yêm yên yêng yêt yêu êc ing";

/// Looked up for every word of a list.
static RHYMES_SET: LazyLock<HashSet<&str>> = LazyLock::new(|| RHYMES.split_whitespace().collect());

const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// Words with letters beyond ASCII, and how many of them can be Vietnamese.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Words {
    /// Such words.
    pub all: u32,
    /// Those that can be.
    pub vietnamese: u32,
}

impl Words {
    /// The share that can be Vietnamese, in thousandths; all of none.
    pub fn well(self) -> u32 {
        (self.vietnamese * 1_000).checked_div(self.all).unwrap_or(1_000)
    }

    /// Whether there are such words, and all of them can be.
    pub fn all_well(self) -> bool {
        self.all > 0 && self.all == self.vietnamese
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { all: self.all + other.all, vietnamese: self.vietnamese + other.vietnamese }
    }
}

/// Counts the words of a text.
pub fn words(text: &str) -> Words {
    let mut found = Words::default();
    let text: String = text.nfc().collect();
    for word in
        text.split(|c: char| c.is_whitespace() || c.is_ascii_punctuation() || c.is_ascii_digit())
    {
        if word.is_ascii() {
            continue;
        }
        found.all += 1;
        found.vietnamese += u32::from(is_syllable(word));
    }
    found
}

/// A letter without its tone, and the tone.
pub(super) fn without_tone(letter: char) -> (char, Option<char>) {
    if letter.is_ascii() {
        return (letter, None);
    }
    let parts: Vec<char> = letter.nfd().collect();
    let tone = parts.iter().copied().find(|part| TONES.contains(part));
    let base: String = parts.into_iter().filter(|part| !TONES.contains(part)).nfc().collect();
    let mut base = base.chars();
    match (base.next(), base.next()) {
        (Some(one), None) => (one, tone),
        _ => (letter, None),
    }
}

fn is_syllable(word: &str) -> bool {
    let (mut tones, mut small_before, mut plain) = (0, false, String::new());
    for letter in word.chars() {
        // The look-alikes of Đ are put right elsewhere; they do not make a word foreign.
        let letter = match letter {
            'Ð' | 'Ɖ' => 'Đ',
            'ð' | 'ɖ' => 'đ',
            letter => letter,
        };
        // A capital with a mark behind a small letter is what wrong tables make.
        if letter.is_uppercase() && small_before && !letter.is_ascii() {
            return false;
        }
        small_before = letter.is_lowercase() && letter.is_ascii();
        let (base, tone) = without_tone(letter);
        tones += usize::from(tone.is_some());
        plain.extend(base.to_lowercase());
    }
    tones <= 1
        && ONSETS
            .iter()
            .any(|onset| plain.strip_prefix(onset).is_some_and(|rest| RHYMES_SET.contains(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_words_can_be_and_rubbish_cannot() {
        let good = "Nguyễn Đặng Quỳnh giếng gìn khuỷu nghiêng ương yến Đường NGUYễN Thuỷ quốc quyết ỷ ưu giữa";
        for word in good.split(' ') {
            assert!(words(word).all_well(), "{word}");
        }
        for word in
            ["NguyÔn", "V¨n", "MÉu", "phÆ°á»ng", "Nguyeãn", "Jónsdóttir", "ắằ", "x̌", "hÄƒng"]
        {
            assert_eq!(words(word).vietnamese, 0, "{word}");
        }
        assert_eq!(words("Pham Van 12"), Words::default());
    }
}
