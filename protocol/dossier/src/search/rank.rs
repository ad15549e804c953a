//! Who is meant, best first.

use super::marks::{Word, words};
use std::cmp::Reverse;

/// Somebody who may be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person<'a> {
    /// Name as written.
    pub name: &'a str,
    /// Number of the identity card, if there is one.
    pub id_number: Option<&'a str>,
}

/// Fewest digits that may stand for the end of an identity number.
const DIGITS: usize = 4;
/// Most words of a query that are looked at; names have fewer.
const WORDS: usize = 16;

/// How well a name fits; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    /// Words whose marks differ.
    other_marks: usize,
    /// Words that are only a prefix.
    prefixes: usize,
    /// Whether the name has words that were not typed.
    is_part: bool,
}

/// Places in `people` of those whom a query may mean, best first; those alike as they stand there.
///
/// Words are matched with the beginnings of the name's words, in the same order; words of digits
/// with the end of the identity number.
pub fn rank<'a>(query: &str, people: impl IntoIterator<Item = Person<'a>>) -> Vec<usize> {
    let Some(query) = Query::read(query) else { return Vec::new() };
    let people = people.into_iter().enumerate();
    let mut fits: Vec<(Fit, usize)> =
        people.filter_map(|(at, person)| Some((query.fit(&person)?, at))).collect();
    fits.sort();
    fits.into_iter().map(|(_, at)| at).collect()
}

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
    digits: Vec<String>,
}

impl Query {
    /// None where nobody can be meant.
    pub fn read(text: &str) -> Option<Self> {
        let is_digits = |word: &Word| word.folded.bytes().all(|byte| byte.is_ascii_digit());
        let (digits, words): (Vec<Word>, Vec<Word>) = words(text).into_iter().partition(is_digits);
        let mut digits: Vec<String> = digits.into_iter().map(|word| word.folded).collect();
        // A number in groups, as it stands on the card.
        if words.is_empty() && digits.len() > 1 {
            digits = vec![digits.concat()];
        }
        let is_some = !words.is_empty() || !digits.is_empty();
        let enough = digits.iter().all(|digits| digits.len() >= DIGITS) && words.len() <= WORDS;
        (is_some && enough).then_some(Self { words, digits })
    }

    /// The folded words; each must begin a word of the name.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| word.folded.as_str())
    }

    /// Groups of digits; the number must end with each.
    pub fn digits(&self) -> &[String] {
        &self.digits
    }

    /// How well somebody fits; none who cannot be meant.
    pub fn fit(&self, person: &Person<'_>) -> Option<Fit> {
        let number = person.id_number.unwrap_or_default();
        if !self.digits.iter().all(|digits| number.ends_with(digits.as_str())) {
            return None;
        }
        let name = words(person.name);
        let (other_marks, Reverse(whole)) = self.best(&name)?;
        let is_part =
            !self.words.iter().map(|word| &word.folded).eq(name.iter().map(|word| &word.folded));
        Some(Fit { other_marks, prefixes: self.words.len() - whole, is_part })
    }

    /// The best choice of name words: fewest with other marks, then most that are whole.
    fn best(&self, name: &[Word]) -> Option<(usize, Reverse<usize>)> {
        // best[i]: the first i words of the query are matched so far.
        let mut best = vec![None; self.words.len() + 1];
        best[0] = Some((0, Reverse(0)));
        for found in name {
            for (at, typed) in self.words.iter().enumerate().rev() {
                let Some((marks, Reverse(whole))) = best[at] else { continue };
                if !found.folded.starts_with(&typed.folded) {
                    continue;
                }
                let is_whole = found.folded == typed.folded;
                let same = if is_whole { typed == found } else { typed.begins(found) };
                let fit = (marks + usize::from(!same), Reverse(whole + usize::from(is_whole)));
                if best[at + 1].is_none_or(|known| fit < known) {
                    best[at + 1] = Some(fit);
                }
            }
        }
        best[self.words.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule as it is said, tried in every way.
    fn slow(query: &Query, name: &[Word]) -> Option<(usize, Reverse<usize>)> {
        fn go(query: &[Word], name: &[Word]) -> Option<(usize, usize)> {
            let Some((first, rest)) = query.split_first() else { return Some((0, 0)) };
            let tries = (0..name.len()).filter(|at| name[*at].folded.starts_with(&first.folded));
            let of = |at: usize| {
                let (marks, prefixes) = go(rest, &name[at + 1..])?;
                let whole = name[at].folded == first.folded;
                let same = if whole { *first == name[at] } else { first.begins(&name[at]) };
                Some((marks + usize::from(!same), prefixes + usize::from(!whole)))
            };
            tries.filter_map(of).min()
        }
        let (marks, prefixes) = go(&query.words, name)?;
        Some((marks, Reverse(query.words.len() - prefixes)))
    }

    proptest! {
        #[test]
        fn the_best_choice_of_words_is_found(
            query in "[aáàâăbhđd]{1,2}( [aáàâăbhđd]{1,2}){0,3}",
            name in "[aáàâăbhđd]{1,3}( [aáàâăbhđd]{1,3}){0,5}",
        ) {
            let query = Query::read(&query).expect("letters");
            let name = words(&name);
            prop_assert_eq!(query.best(&name), slow(&query, &name));
        }
    }
}
