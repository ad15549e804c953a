//! Telephones: kept as digits with the leading 0, two of them with ` / ` between.

use super::{digits, identity::is_nothing};
use crate::{
    cell::{Cell, Value},
    finding::{Finding, Reading, note, stop, warn},
};

/// Between two telephones of one cell.
pub(super) const BETWEEN: &str = " / ";

pub(super) fn read(cell: &Cell) -> Reading {
    if let Value::Text(text) = &cell.value
        && let Some(parts) = several(text)
    {
        return both(&parts);
    }
    let text = match digits::read(cell) {
        Ok(digits) => digits.text,
        Err(finding) => return Reading::stopped(*finding),
    };
    if is_nothing(&text) {
        return Reading::default().with(note("phone.none", "không có số", "no number"));
    }
    if let Some(parts) = run_together(&text) {
        return both(&parts);
    }
    match one(&text) {
        Ok((number, said)) => said.into_iter().fold(Reading::of(number), Reading::with),
        Err(finding) => Reading::stopped(*finding),
    }
}

fn both(parts: &[String]) -> Reading {
    let (mut numbers, mut findings): (Vec<String>, Vec<Finding>) = Default::default();
    for part in parts {
        match one(part) {
            Ok((number, said)) => {
                findings.extend(said);
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
            }
            // A proposal would have to be for the whole cell.
            Err(mut finding) => {
                finding.proposals.clear();
                return Reading::stopped(*finding);
            }
        }
    }
    if let [_, _, ..] = numbers.as_slice() {
        let (vi, en) = (format!("{} số", numbers.len()), format!("{} numbers", numbers.len()));
        findings.push(note("phone.several", vi, en));
    }
    Reading { value: numbers.join(BETWEEN), findings }
}

/// Parts of a cell that has more than one number in it.
fn several(text: &str) -> Option<Vec<String>> {
    let text = text.replace(" - ", "/").replace(" và ", "/").replace(" hoặc ", "/");
    let parts = text.split(['/', ';', ',', '|', '\n', '\r']).map(digits::plain);
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    let is_number = |part: &String| part.chars().filter(char::is_ascii_digit).count() >= 7;
    // Otherwise the sign stands within one number, or the second is a piece of the first.
    (parts.len() > 1 && parts.iter().all(is_number)).then_some(parts)
}

/// Two whole numbers with nothing but a space between.
fn run_together(text: &str) -> Option<Vec<String>> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let (first, second) = text.split_at_checked(10).filter(|_| text.len() == 20 && is_digits)?;
    (is_mobile(first) && is_mobile(second)).then(|| vec![first.into(), second.into()])
}

/// One number as it is kept, or why not.
fn one(text: &str) -> Result<(String, Option<Finding>), Box<Finding>> {
    let signs = ['.', '-', '(', ')', '_'];
    let mut digits: String = text.chars().filter(|letter| !signs.contains(letter)).collect();
    let foreign = digits.strip_prefix('+').or_else(|| digits.strip_prefix("00"));
    if let Some(rest) = foreign.map(str::to_owned) {
        if let Some((at, letter)) = digits::odd_letter(&rest) {
            return Err(Box::new(digits::at_letter("phone.letter", text, at + 1, letter)));
        }
        match rest.strip_prefix("84") {
            Some(home) => digits = format!("0{}", home.strip_prefix('0').unwrap_or(home)),
            None if (7..=15).contains(&rest.len()) => {
                let said = warn("phone.foreign", "số nước ngoài", "a number abroad");
                return Ok((format!("+{rest}"), Some(said)));
            }
            None => return Err(Box::new(length(text, rest.len()))),
        }
    }
    if let Some((at, letter)) = digits::odd_letter(&digits) {
        return Err(Box::new(digits::at_letter("phone.letter", text, at, letter)));
    }
    // With the country in front and nothing before it.
    if let Some(home) = digits.strip_prefix("84").map(|home| format!("0{home}"))
        && (is_mobile(&home) || is_land_line(&home))
    {
        digits = home;
    }
    let with_zero = format!("0{digits}");
    if is_mobile(&digits) || is_land_line(&digits) || is_service(&digits) {
        return Ok((digits, None));
    }
    if is_old_mobile(&digits) {
        let said = warn(
            "phone.old",
            "số di động 11 số, đã đổi đầu số năm 2018; giữ như đã ghi",
            "a mobile of eleven digits, renumbered in 2018; kept as written",
        );
        return Ok((digits, Some(said)));
    }
    if is_mobile(&with_zero) || is_land_line(&with_zero) || is_old_mobile(&with_zero) {
        let finding = stop(
            "phone.short",
            format!("“{text}”: có thể đã mất số 0 ở đầu"),
            format!("“{text}”: it may have lost its leading 0"),
        );
        return Err(Box::new(finding.or(with_zero)));
    }
    Err(Box::new(length(text, digits.len())))
}

fn length(text: &str, digits: usize) -> Finding {
    stop(
        "phone.length",
        format!("“{text}”: {digits} chữ số, không phải số điện thoại nào đang dùng"),
        format!("“{text}”: {digits} digits, which no telephone has"),
    )
}

/// Ten digits since 2018 (Quyết định 798/QĐ-BTTTT).
fn is_mobile(digits: &str) -> bool {
    digits.len() == 10 && matches!(digits.as_bytes(), [b'0', b'3' | b'5' | b'7' | b'8' | b'9', ..])
}

/// The eleven digits before that.
fn is_old_mobile(digits: &str) -> bool {
    let known = ["012", "016", "018", "0199"];
    digits.len() == 11 && known.iter().any(|begin| digits.starts_with(begin))
}

/// Areas are 02 and one or two digits since 2017.
fn is_land_line(digits: &str) -> bool {
    digits.len() == 11 && digits.starts_with("02")
}

fn is_service(digits: &str) -> bool {
    matches!(digits.len(), 8 | 10) && (digits.starts_with("1800") || digits.starts_with("1900"))
}
