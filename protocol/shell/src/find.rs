//! Finding dossiers by what a clerk types: the rows of the state that lists and searches read.
//!
//! ```text
//! r inverted time of the newest act                 newest first
//! c code
//! n word of the name                    -> name     one for each word
//! d digits from behind, kind            -> name     of identity card, telephone and code
//! a key of a request                                that caused an act of it
//! t name and procedure, reception       -> person   for what may be registered twice
//! h number of a paper list                           it was given on
//! o key of a row                                    of the list it was taken over from
//! l another dossier                                 of which a person said whether it is the same case
//! ```
//! A word that many names have is no way in: the search begins with the word or the digits that
//! fewest dossiers have, and judges the rest by the name that stands in the row.

use motcua_core::{
    id::DossierId,
    state::{Key, Kv, StoreError},
};
use motcua_dossier::{
    asked,
    code::Code,
    fact::{Applicant, Fact, Origin},
    links::LINKS,
    process::{LISTED, numbers},
    search::{Fit, Person, Query, fold},
    twin::{APART_MILLIS, Twin},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

/// Rows looked through for each word before the next more common one is given up: the last is what
/// one search may cost.
const LOOKS: [usize; 3] = [256, 4_096, 16_384];
/// Digits from behind that are kept of a number.
const DIGITS: usize = 20;

/// Tables of the index, second byte of the key.
#[derive(Debug, Clone, Copy)]
enum Table {
    Recent,
    Code,
    Name,
    Digits,
    Asked,
    Twin,
    Origin,
    Link,
    HandList,
}

impl Table {
    fn byte(self) -> u8 {
        match self {
            Self::Recent => b'r',
            Self::Code => b'c',
            Self::Name => b'n',
            Self::Digits => b'd',
            Self::Asked => b'a',
            Self::Twin => b't',
            Self::Origin => b'o',
            Self::Link => b'l',
            Self::HandList => b'h',
        }
    }

    fn key(self, rest: &[u8], dossier: DossierId) -> Vec<u8> {
        [&[Key::CONTENT, self.byte()], rest, &[0], &dossier.0].concat()
    }

    fn prefix(self, prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let from = [&[Key::CONTENT, self.byte()], prefix].concat();
        // UTF-8 has no byte 0xff, so this is after every key with the prefix.
        let to = [from.as_slice(), &[0xff]].concat();
        (from, to)
    }
}

/// The rows of a dossier.
pub fn rows(
    id: DossierId,
    code: &str,
    applicant: &Applicant,
    updated: i64,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let inverted = (i64::MAX - updated.max(0)).to_be_bytes();
    let mut rows = vec![(Table::Recent.key(&inverted, id), Vec::new())];
    if !code.is_empty() {
        rows.push((Table::Code.key(code.as_bytes(), id), Vec::new()));
    }
    let name = || applicant.name.clone().into_bytes();
    for word in fold(&applicant.name).split(' ').filter(|word| !word.is_empty()) {
        rows.push((Table::Name.key(word.as_bytes(), id), name()));
    }
    for number in [&*applicant.id_number, &*applicant.phone, code] {
        let behind = from_behind(number);
        if !behind.is_empty() {
            rows.push((Table::Digits.key(behind.as_bytes(), id), name()));
        }
    }
    rows
}

/// The rows of requests that caused acts of a dossier.
pub fn asked_rows(id: DossierId, facts: &[Fact]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let keys = asked::requests(facts).filter_map(|(_, asked)| asked::key_bytes(&asked));
    keys.map(|key| (Table::Asked.key(&key, id), Vec::new())).collect()
}

/// Dossiers with an act that a request under this key caused, oldest first. Usually one; two where
/// machines of an office took the same request before they met.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn by_request(kv: &(impl Kv + ?Sized), key: &[u8; 16]) -> Result<Vec<DossierId>, StoreError> {
    let (from, to) = Table::Asked.prefix(key);
    let rows = kv.range(&from, &to, TWINS)?;
    Ok(rows.iter().filter_map(|(key, _)| dossier_of(key)).collect())
}

/// The rows of what a dossier says of another: both are found from either.
pub fn link_rows(id: DossierId, other: DossierId) -> [(Vec<u8>, Vec<u8>); 2] {
    let row = |from: DossierId, to| (Table::Link.key(&from.0, to), Vec::new());
    [row(id, other), row(other, id)]
}

/// Dossiers of which a person said whether they are the same case as this one.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn linked(kv: &(impl Kv + ?Sized), id: DossierId) -> Result<Vec<DossierId>, StoreError> {
    let from = [&[Key::CONTENT, Table::Link.byte()], id.0.as_slice(), &[0]].concat();
    let to = [&[Key::CONTENT, Table::Link.byte()], id.0.as_slice(), &[1]].concat();
    let rows = kv.range(&from, &to, LINKS)?;
    Ok(rows.iter().filter_map(|(key, _)| dossier_of(key)).collect())
}

/// Most dossiers that are named as possibly the same, or under one key.
const TWINS: usize = 10;
/// Receptions of namesakes for one procedure within days that are looked at.
const NAMESAKES: usize = 256;

/// The row by which what may be the same dossier is found.
pub fn twin_row(id: DossierId, twin: &Twin) -> (Vec<u8>, Vec<u8>) {
    (Table::Twin.key(&twin_at(twin, twin.received), id), twin.person.concat())
}

fn twin_at(twin: &Twin, received: i64) -> Vec<u8> {
    [twin.group, received.max(0).to_be_bytes()].concat()
}

/// Dossiers that may be the same as this one, of which name, procedure and reception are known;
/// oldest first.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn twins(
    kv: &(impl Kv + ?Sized),
    id: DossierId,
    group: [u8; 8],
    received: i64,
) -> Result<Vec<DossierId>, StoreError> {
    let around = Twin { group, received, person: Default::default() };
    let (from, _) = Table::Twin.prefix(&twin_at(&around, received.saturating_sub(APART_MILLIS)));
    let (_, to) = Table::Twin.prefix(&twin_at(&around, received.saturating_add(APART_MILLIS)));
    let rows = kv.range(&from, &to, NAMESAKES)?;
    let all: Vec<(DossierId, Twin)> = rows
        .iter()
        .filter_map(|(key, person)| {
            let received = i64::from_be_bytes(key.get(10..18)?.try_into().ok()?);
            let (person, rest) = person.as_chunks::<4>();
            let person = person.try_into().ok().filter(|_| rest.is_empty())?;
            Some((dossier_of(key)?, Twin { group, received, person }))
        })
        .collect();
    let Some((_, own)) = all.iter().find(|(known, _)| *known == id) else { return Ok(vec![]) };
    let others = all.iter().filter(|(known, other)| *known != id && own.may_be(other));
    Ok(others.map(|(known, _)| *known).take(TWINS).collect())
}

/// Digits of a text, the last one first.
fn from_behind(text: &str) -> String {
    text.chars().rev().filter(char::is_ascii_digit).take(DIGITS).collect()
}

/// First key of the list by newest act after a position, and the end of that list.
pub fn recent_range(after: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let (first, end) = Table::Recent.prefix(&[]);
    (after.map_or(first, |key| [key, &[0]].concat()), end)
}

/// Keys of codes that begin so.
pub fn code_range(code: &str) -> (Vec<u8>, Vec<u8>) {
    Table::Code.prefix(code.as_bytes())
}

/// Dossiers with exactly this code, oldest first.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn by_code(kv: &(impl Kv + ?Sized), code: &str) -> Result<Vec<DossierId>, StoreError> {
    let (from, to) = Table::Code.prefix(&[code.as_bytes(), &[0]].concat());
    Ok(kv.range(&from, &to, TWINS)?.iter().filter_map(|(key, _)| dossier_of(key)).collect())
}

/// The rows of a dossier that was taken over from a list.
pub fn origin_rows(id: DossierId, origin: &Origin) -> Vec<(Vec<u8>, Vec<u8>)> {
    let keys = origin.keys.iter().map(|key| Table::Origin.key(key.as_bytes(), id));
    keys.map(|key| (key, Vec::new())).collect()
}

/// The rows of paper lists that a dossier was given on.
pub fn hand_list_rows(id: DossierId, facts: &[Fact]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let numbers = numbers(facts).into_iter();
    numbers.map(|number| (Table::HandList.key(number.as_bytes(), id), Vec::new())).collect()
}

/// Dossiers that were given on a paper list, by id.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn by_hand_list(kv: &(impl Kv + ?Sized), number: &str) -> Result<Vec<DossierId>, StoreError> {
    let (from, to) = Table::HandList.prefix(number.as_bytes());
    let rows = kv.range(&from, &to, LISTED)?;
    Ok(rows.iter().filter_map(|(key, _)| dossier_of(key)).collect())
}

/// Keys of dossiers that were made of the row with this key.
pub fn origin_range(key: &[u8; 16]) -> (Vec<u8>, Vec<u8>) {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    Table::Origin.prefix(&[hex.as_bytes(), &[0]].concat())
}

/// Codes that begin so, with their dossiers.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn codes(kv: &(impl Kv + ?Sized), begin: &str) -> Result<Vec<(String, DossierId)>, StoreError> {
    let (from, to) = code_range(begin);
    let code = |key: &[u8]| {
        let text = key.get(2..key.len().checked_sub(DossierId::LEN + 1)?)?;
        Some((String::from_utf8(text.to_vec()).ok()?, dossier_of(key)?))
    };
    Ok(kv.range(&from, &to, usize::MAX)?.iter().filter_map(|(key, _)| code(key)).collect())
}

/// The dossier that an index key points to.
pub fn dossier_of(key: &[u8]) -> Option<DossierId> {
    DossierId::from_slice(key.get(key.len().checked_sub(DossierId::LEN)?..)?)
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// Best first, and of those that fit alike the newest.
    pub dossiers: Vec<DossierId>,
    /// Not everything was looked at: more has to be typed.
    pub more: bool,
}

/// Dossiers that a text may mean: by code if it looks like one, else by words of the applicant's name
/// and last digits of identity card, telephone or code.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn find(kv: &(impl Kv + ?Sized), text: &str) -> Result<Hits, StoreError> {
    let [.., most] = LOOKS;
    // Codes are written in capitals; a clerk may type them as it comes.
    let code = text.to_ascii_uppercase();
    if Code::read(&code).is_ok() || is_begun_code(&code) {
        let (from, to) = code_range(&code);
        let found = kv.range(&from, &to, most)?;
        let more = found.len() == most;
        return Ok(Hits {
            dossiers: found.iter().filter_map(|row| dossier_of(&row.0)).collect(),
            more,
        });
    }
    let Some(query) = Query::read(text) else { return Ok(Hits::default()) };
    let (found, more) = fewest(kv, &query)?;
    let mut fits: BTreeMap<DossierId, Fit> = BTreeMap::new();
    // Many people have one name.
    let mut judged: HashMap<&str, Option<Fit>> = HashMap::new();
    for (key, name) in &found {
        let (Some(id), Ok(name)) = (dossier_of(key), std::str::from_utf8(name)) else { continue };
        let fit = match number_in(key) {
            None => {
                *judged.entry(name).or_insert_with(|| query.fit(&Person { name, id_number: None }))
            }
            number => query.fit(&Person { name, id_number: number.as_deref() }),
        };
        if let Some(fit) = fit {
            fits.entry(id).and_modify(|known| *known = fit.min(*known)).or_insert(fit);
        }
    }
    let mut all: Vec<(Fit, Reverse<DossierId>)> =
        fits.into_iter().map(|(id, fit)| (fit, Reverse(id))).collect();
    // An id begins with the time at which the dossier was made.
    all.sort_unstable();
    Ok(Hits { dossiers: all.into_iter().map(|(_, Reverse(id))| id).collect(), more })
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// The rows of the word, or of the digits, that fewest dossiers have; whether there are more.
fn fewest(kv: &(impl Kv + ?Sized), query: &Query) -> Result<(Rows, bool), StoreError> {
    let digits = query.digits().iter().max_by_key(|digits| digits.len());
    let mut ranges: Vec<(Vec<u8>, Vec<u8>)> = match digits {
        // Only these rows have the number that must fit.
        Some(digits) => vec![Table::Digits.prefix(from_behind(digits).as_bytes())],
        None => query.words().map(|word| Table::Name.prefix(word.as_bytes())).collect(),
    };
    let mut kept = Vec::new();
    for look in LOOKS {
        let mut filled = Vec::new();
        for (from, to) in ranges {
            let rows = kv.range(&from, &to, look)?;
            if rows.len() < look {
                return Ok((rows, false));
            }
            // Rows of a word stand in the order of time: the later its look ends, the rarer the word.
            let reached = rows.last().and_then(|(key, _)| dossier_of(key));
            filled.push((Reverse(reached), (from, to), rows));
        }
        filled.sort_by_key(|(reached, ..)| *reached);
        (ranges, kept) = filled.into_iter().map(|(_, range, rows)| (range, rows)).unzip();
    }
    Ok((kept.into_iter().next().unwrap_or_default(), true))
}

/// A code that is not typed to its end: an organisation and the hyphen behind it.
fn is_begun_code(text: &str) -> bool {
    let Some((org, _)) = text.split_once('-') else { return false };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    org.bytes().all(legal) && org.bytes().any(|byte| byte.is_ascii_digit())
}

/// The number in a key of the table of digits.
fn number_in(key: &[u8]) -> Option<String> {
    let rest = key.strip_prefix(&[Key::CONTENT, Table::Digits.byte()])?;
    let behind = rest.get(..rest.len().checked_sub(DossierId::LEN + 1)?)?;
    Some(behind.iter().rev().map(|digit| char::from(*digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use motcua_core::state::{MemKv, Pairs};
    use std::cell::Cell;

    fn dossier(number: u8) -> DossierId {
        DossierId([number; DossierId::LEN])
    }

    #[test]
    fn who_is_registered_twice_is_found_from_both_and_a_namesake_from_neither() {
        let twin = |received: i64, card: u8| {
            let mut person: [[u8; 4]; 3] = Default::default();
            person[0] = [card; 4];
            Twin { group: [7; 8], received, person }
        };
        let mut kv = MemKv::default();
        let all = [(1, twin(5, 1)), (2, twin(9, 1)), (3, twin(7, 2)), (4, twin(i64::MAX, 1))];
        kv.0.extend(all.map(|(number, twin)| twin_row(dossier(number), &twin)));
        let found =
            |number: u8, received| twins(&kv, dossier(number), [7; 8], received).expect("memory");
        assert_eq!(found(1, 5), [dossier(2)]);
        assert_eq!(found(2, 9), [dossier(1)]);
        assert_eq!(found(3, 7), []);
        assert_eq!(found(4, i64::MAX), []);
    }

    fn store(people: &[(u8, &str, &str, &str)]) -> MemKv {
        let mut kv = MemKv::default();
        for (number, name, id_number, phone) in people {
            let applicant = Applicant {
                name: (*name).into(),
                id_number: (*id_number).into(),
                phone: (*phone).into(),
                ..Applicant::default()
            };
            let code = format!("H29.30.05-261125-{number:04}");
            let rows = rows(dossier(*number), &code, &applicant, i64::from(*number));
            kv.0.extend(rows);
        }
        kv
    }

    fn found(kv: &MemKv, text: &str) -> Vec<u8> {
        let hits = find(kv, text).expect("memory");
        assert!(!hits.more);
        hits.dossiers.iter().map(|id| id.0[0]).collect()
    }

    #[test]
    fn a_dossier_is_found_by_name_code_card_and_telephone() {
        let kv = store(&[
            (1, "Nguyễn Văn An", "079185004321", "0901 234 567"),
            (2, "Nguyên An", "079190114321", "0907654321"),
            (3, "Trần Thị Ân", "", ""),
            (4, "Nguyễn Văn An", "", ""),
        ]);
        assert_eq!(found(&kv, "nguyễn an"), [4, 1, 2], "exact marks first, then newest");
        assert_eq!(found(&kv, "an nguyễn"), [] as [u8; 0]);
        assert_eq!(found(&kv, "4321"), [2, 1]);
        assert_eq!(found(&kv, "van 4321"), [1]);
        assert_eq!(found(&kv, "234 567"), [1]);
        assert_eq!(found(&kv, "321"), [] as [u8; 0], "three digits mean nobody");
        assert_eq!(found(&kv, "h29.30.05-261125-0003"), [3]);
        assert_eq!(found(&kv, "H29.30.05-2611"), [1, 2, 3, 4]);
        assert_eq!(found(&kv, "0003"), [3], "the end of a code");
        assert_eq!(found(&kv, "trần-thị"), [3], "a hyphen alone makes no code");
        assert_eq!(found(&kv, "van-an 4321"), [1]);
        assert_eq!(found(&kv, "'"), [] as [u8; 0]);
    }

    #[test]
    fn a_name_that_everybody_has_does_not_hide_the_one_that_is_meant() {
        let mut kv = MemKv::default();
        let everybody = 40_000u32;
        for number in 0..everybody {
            let mut id = DossierId::ZERO;
            id.0[..4].copy_from_slice(&number.to_be_bytes());
            let given = if number == everybody - 1 { "Quỳnh" } else { "An" };
            let applicant =
                Applicant { name: format!("Nguyễn Thị {given}"), ..Applicant::default() };
            kv.0.extend(rows(id, "", &applicant, 0));
        }
        let hits = find(&kv, "nguyen thi quynh").expect("memory");
        assert_eq!((hits.dossiers.len(), hits.more), (1, false));
        let hits = find(&kv, "nguyen").expect("memory");
        assert_eq!(
            (hits.dossiers.len(), hits.more),
            (LOOKS[2], true),
            "it is said that there are more"
        );
    }

    /// Counts the rows that are read.
    struct Counting<'k>(&'k MemKv, Cell<usize>);

    impl Kv for Counting<'_> {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.0.get(key)
        }

        fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
            let rows = self.0.range(from, to, limit)?;
            self.1.set(self.1.get() + rows.len());
            Ok(rows)
        }
    }

    #[test]
    fn of_common_words_the_rarest_is_read_and_the_others_are_left_alone() {
        let mut kv = MemKv::default();
        for number in 0..40_000u32 {
            let mut id = DossierId::ZERO;
            id.0[..4].copy_from_slice(&number.to_be_bytes());
            let middle = if number % 2 == 0 { "Văn" } else { "Thị" };
            let given = if number % 5 == 0 { "Lan" } else { "Minh" };
            let applicant =
                Applicant { name: format!("Nguyễn {middle} {given}"), ..Applicant::default() };
            kv.0.extend(rows(id, "", &applicant, 0));
        }
        let counting = Counting(&kv, Cell::new(0));
        let hits = find(&counting, "nguyễn văn lan").expect("memory");
        assert_eq!((hits.dossiers.len(), hits.more), (4_000, false));
        let [first, second, _] = LOOKS;
        assert_eq!(counting.1.get(), 3 * first + 3 * second + 8_000);
    }
}
