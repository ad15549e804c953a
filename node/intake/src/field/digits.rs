//! Numbers that are names of something: read as digits, never computed with.

use crate::{
    cell::{Cell, Value},
    finding::{Finding, stop},
};

/// What a cell has of digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digits {
    /// What is left without spaces, quotation marks and full-width forms.
    pub(super) text: String,
    /// A spreadsheet took it for a quantity, and leading zeros may be gone.
    pub(super) as_quantity: bool,
}

/// Reads them, or says what makes it impossible.
pub(super) fn read(cell: &Cell) -> Result<Digits, Box<Finding>> {
    let (text, stored_as_number) = match &cell.value {
        Value::Number(digits) => (digits.clone(), true),
        Value::Serial { written, .. } => {
            return Err(boxed(
                "number.date",
                format!("ô định dạng ngày ({written}), không phải một số"),
                format!("the cell is formatted as a date ({written}) and is no number"),
            ));
        }
        Value::Bool(_) => return Err(boxed("number.text", "không phải một số", "is no number")),
        _ => (plain(&cell.written()), false),
    };
    let Some(number) = Float::read(&text) else {
        return Ok(Digits { text, as_quantity: stored_as_number });
    };
    match number.digits(stored_as_number) {
        Some(text) => Ok(Digits { text, as_quantity: true }),
        None => Err(boxed(
            "number.lost",
            format!(
                "“{text}” đã mất các chữ số cuối, không thể biết lại; hãy tra trong hồ sơ giấy"
            ),
            format!("“{text}” has lost its last digits, which nobody can tell; look at the paper"),
        )),
    }
}

fn boxed(kind: &'static str, vi: impl Into<String>, en: impl Into<String>) -> Box<Finding> {
    Box::new(stop(kind, vi, en))
}

/// Without spaces of any kind, the apostrophe and `="..."` of spreadsheets, and full-width forms.
pub(super) fn plain(text: &str) -> String {
    let text: String = text.chars().filter_map(narrow).collect();
    let text = text.strip_prefix(['\'', '’', '‘', '`', '´']).unwrap_or(&text);
    let quoted = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    quoted.unwrap_or(text).to_owned()
}

/// A letter as on a keyboard; none for spaces and what is not seen.
fn narrow(letter: char) -> Option<char> {
    match letter {
        letter if letter.is_whitespace() || letter.is_control() => None,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}' => {
            None
        }
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0),
        letter => Some(letter),
    }
}

/// A number as a spreadsheet writes it: `7.9085E+10`, `79185001235.0`.
struct Float {
    whole: String,
    fraction: String,
    exponent: Option<i32>,
}

impl Float {
    fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent.parse::<i32>().ok()?)),
            None => (text, None),
        };
        let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
        let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let zeros =
            exponent.is_none() && !fraction.is_empty() && fraction.bytes().all(|b| b == b'0');
        // Three zeros would be a group of thousands.
        let is_float = exponent.is_some() || (zeros && fraction.len() <= 2);
        (is_float && are_digits(whole) && are_digits(fraction) && !whole.is_empty()).then(|| Self {
            whole: whole.into(),
            fraction: fraction.into(),
            exponent,
        })
    }

    /// All digits, if none can be missing. What a cell stores is exact, however it is written.
    fn digits(&self, exact: bool) -> Option<String> {
        let Some(exponent) = self.exponent else { return Some(self.whole.clone()) };
        let exponent = usize::try_from(exponent).ok()?;
        let all = format!("{}{}", self.whole, self.fraction);
        let wanted = self.whole.len() + exponent;
        match all.len() {
            length if length == wanted => Some(all),
            length if length < wanted && exact && wanted <= 15 => {
                Some(format!("{all}{}", "0".repeat(wanted - length)))
            }
            _ => None,
        }
    }
}

/// The first letter that is no digit, and how to say where.
pub(super) fn odd_letter(text: &str) -> Option<(usize, char)> {
    text.chars().enumerate().find(|(_, letter)| !letter.is_ascii_digit()).map(|(at, c)| (at + 1, c))
}

/// The digit that a letter is often typed for.
pub(super) fn look_alike(letter: char) -> Option<char> {
    Some(match letter {
        'O' | 'o' | 'Q' | 'D' | 'О' | 'о' | 'Ο' => '0',
        'l' | 'I' | 'i' | '|' | '!' => '1',
        'Z' | 'z' => '2',
        'S' | 's' => '5',
        'B' => '8',
        'G' | 'b' => '6',
        'g' | 'q' => '9',
        _ => return None,
    })
}

/// A stop that names the letter and its place.
pub(super) fn at_letter(kind: &'static str, text: &str, at: usize, letter: char) -> Finding {
    let (vi, en) = match look_alike(letter) {
        Some(digit) => {
            (format!(", trông giống số {digit}"), format!(", which looks like the digit {digit}"))
        }
        None => Default::default(),
    };
    stop(
        kind,
        format!("“{text}”: ký tự thứ {at} là “{letter}”{vi}"),
        format!("“{text}”: character {at} is “{letter}”{en}"),
    )
}
