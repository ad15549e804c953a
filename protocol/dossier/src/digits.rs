//! A dossier code as digits only, with a check digit: what a bar code holds and a scanner types. Digits
//! alone pass Telex and VNI typing unchanged; a code with its letter does not.
//!
//! ```text
//! [9] shape  level one  groups  day  number  check
//! ```
//! - `shape`: three digits, `letter x 15 + lengths`, for today's layout with a number of four digits;
//!   four digits from 4000, `((letter x 15 + lengths) x 2 + old layout) x 4 + digits of the number - 4`,
//!   for what was taken over from elsewhere. `letter`: A is 0. `lengths`: which of up to three groups
//!   have three digits instead of two: 0 for no group, then 1 to 2, 3 to 6 and 7 to 14 for one, two
//!   and three.
//! - level one: its two digits; groups: theirs, in the order of the code; day: five digits, days since
//!   1 January 2000; number: four to seven digits.
//! - check: Damm's digit over everything before it; a leading 9 makes the count of digits even, as set C
//!   of Code 128 wants it.

use crate::code::{Code, Day, Layout};
use jiff::{ToSpan, civil::date};

/// Most digits that a code can have.
pub const DIGITS: usize = 30;

const SHORT: u32 = 26 * 15;
const LONG_FROM: u32 = 4_000;

/// Damm's quasigroup of order 10 (H. M. Damm, 2004): finds every single wrong digit and every swap of
/// neighbours.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

fn damm(digits: &str) -> u8 {
    let step = |row: u8, digit: u8| DAMM[usize::from(row)][usize::from(digit - b'0')];
    digits.bytes().fold(0, step)
}

/// Damm's check digit of other digits, 0 to 9.
pub(crate) fn check_digit(digits: &str) -> u8 {
    damm(digits)
}

/// Whether digits end with their check digit.
pub fn is_checked(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) && damm(text) == 0
}

/// The digits of a code; none for a shape that is not among those above.
pub fn write(code: &Code) -> Option<String> {
    let mut groups: Vec<&str> = code.org.split('.').collect();
    let level_one = match code.layout {
        Layout::New => groups.remove(0),
        Layout::Old => groups.pop()?,
        Layout::Other => return None,
    };
    let letter = u32::from(level_one.bytes().next()?.checked_sub(b'A')?);
    let shape = letter * 15 + lengths(&groups)?;
    let old = u32::from(code.layout == Layout::Old);
    let more = u32::try_from(code.seq.len()).ok()?.checked_sub(4)?;
    let shape = match (old, more) {
        (0, 0) => format!("{shape:03}"),
        _ => (LONG_FROM + (shape * 2 + old) * 4 + more).to_string(),
    };
    let day = date(code.day.year.try_into().ok()?, code.day.month as i8, code.day.day as i8);
    let days = day.since(date(2_000, 1, 1)).ok()?.get_days();
    let digits = format!("{shape}{}{}{days:05}{}", &level_one[1..], groups.concat(), code.seq);
    let even = if digits.len().is_multiple_of(2) { format!("9{digits}") } else { digits };
    Some(format!("{even}{}", damm(&even)))
}

/// The code that digits stand for; none where the check digit or anything else does not hold.
pub fn read(text: &str) -> Option<Code> {
    let is_digits = text.bytes().all(|c| c.is_ascii_digit());
    if !is_digits || text.len() > DIGITS || !text.len().is_multiple_of(2) || damm(text) != 0 {
        return None;
    }
    let digits = text.strip_prefix('9').unwrap_or(text);
    let digits = digits.get(..digits.len().checked_sub(1)?)?;
    let short: u32 = digits.get(..3)?.parse().ok()?;
    let (shape, old, count, rest) = if short < SHORT {
        (short, false, 4, &digits[3..])
    } else {
        let long = digits.get(..4)?.parse::<u32>().ok()?.checked_sub(LONG_FROM)?;
        (long / 8, long / 4 % 2 == 1, 4 + (long % 4) as usize, &digits[4..])
    };
    let letter = char::from(b'A' + u8::try_from(shape / 15).ok().filter(|letter| *letter < 26)?);
    let (level_one, mut rest) = rest.split_at_checked(2)?;
    let mut groups = Vec::new();
    for length in group_lengths(shape % 15) {
        let (group, more) = rest.split_at_checked(length)?;
        groups.push(group);
        rest = more;
    }
    let (days, seq) = rest.split_at_checked(5)?;
    if seq.len() != count {
        return None;
    }
    let day = date(2_000, 1, 1).checked_add(days.parse::<i32>().ok()?.days()).ok()?;
    let level_one = format!("{letter}{level_one}");
    groups.insert(if old { groups.len() } else { 0 }, &level_one);
    let day = Day { year: day.year().into(), month: day.month() as u8, day: day.day() as u8 };
    let layout = if old { Layout::Old } else { Layout::New };
    let code = Code { org: groups.join("."), day, seq: seq.into(), layout };
    // Whatever is written of it must be these digits: one spelling for one code.
    (write(&code)? == text).then_some(code)
}

fn lengths(groups: &[&str]) -> Option<u32> {
    let first = match groups.len() {
        0 => 0,
        1 => 1,
        2 => 3,
        3 => 7,
        _ => return None,
    };
    groups
        .iter()
        .try_fold(0, |bits, group| {
            let digits = group.bytes().all(|c| c.is_ascii_digit());
            (digits && (2..=3).contains(&group.len())).then(|| bits * 2 + group.len() as u32 - 2)
        })
        .map(|bits| first + bits)
}

fn group_lengths(lengths: u32) -> Vec<usize> {
    let (groups, bits) = match lengths {
        0 => (0, 0),
        1..=2 => (1, lengths - 1),
        3..=6 => (2, lengths - 3),
        _ => (3, lengths - 7),
    };
    (0..groups).rev().map(|place| 2 + (bits >> place & 1) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(code: &str) -> String {
        write(&Code::read(code).expect("a code")).expect("digits")
    }

    const CODES: [&str; 9] = [
        "H29.30.105.02-261125-0975",
        "H15.50.05.13-261008-0975",
        "H29.30.05-261125-0038",
        "G09.20-000101-0001",
        "H29-991231-9999",
        "A00.000.000.000-491231-1234",
        "000.00.01.H29-260310-0420",
        "38.98.H29-210519-0013",
        "G22.99.08-260921-896048",
    ];

    #[test]
    fn every_shape_of_code_comes_back_from_its_digits() {
        for code in CODES {
            let digits = digits(code);
            assert_eq!(digits.len() % 2, 0, "{digits}");
            assert!(digits.len() <= DIGITS);
            assert_eq!(read(&digits).map(|code| code.to_string()).as_deref(), Some(code));
        }
        assert_eq!(digits(CODES[0]), "114293010502098250975".to_owned() + "2");
    }

    #[test]
    fn a_code_that_a_ward_writes_fits_a_narrow_receipt() {
        // 24 digits are 62.6 mm of bars at 3 dots (design/forms.md).
        assert!(digits("Z99.999.999.999-991231-9999").len() <= 24);
    }

    #[test]
    fn one_wrong_digit_or_two_swapped_ones_are_found() {
        for code in CODES {
            let right = digits(code);
            for place in 0..right.len() {
                for wrong in b'0'..=b'9' {
                    let mut bytes = right.clone().into_bytes();
                    if std::mem::replace(&mut bytes[place], wrong) != wrong {
                        let text = String::from_utf8(bytes).expect("digits");
                        assert_eq!(read(&text), None, "{right} read as {text}");
                    }
                }
                let mut bytes = right.clone().into_bytes();
                if place + 1 < bytes.len() && bytes[place] != bytes[place + 1] {
                    bytes.swap(place, place + 1);
                    let text = String::from_utf8(bytes).expect("digits");
                    assert_eq!(read(&text), None, "{right} read as {text}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_code_is_refused_whatever_its_check_digit() {
        for text in ["", "0", "00", "12", "99", "9", "1a", "١٢", &"0".repeat(DIGITS + 2)] {
            assert_eq!(read(text), None, "{text}");
        }
        // A leading nine where none belongs, and a day beyond 2099.
        let padded = format!("99{}", digits(CODES[0]));
        assert_eq!(read(&padded), None);
        assert_eq!(write(&Code::read("AB.CD-261125-0975").expect("a code")), None);
    }
}
