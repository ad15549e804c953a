//! Fees in whole đồng.

use super::digits::plain;
use crate::{
    cell::{Cell, Value},
    finding::{Reading, stop},
};

pub(super) fn read(cell: &Cell) -> Reading {
    let written = cell.written();
    let text = match &cell.value {
        Value::Number(digits) => digits.strip_suffix(".0").unwrap_or(digits).to_owned(),
        _ => amount(&plain(&written)),
    };
    let is_amount =
        !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u64>().ok().filter(|_| is_amount) {
        Some(amount) => Reading::of(amount.to_string()),
        None => Reading::stopped(stop(
            "fee.form",
            format!("“{}” không phải số tiền nguyên đồng", written.trim()),
            format!("“{}” is no amount of whole đồng", written.trim()),
        )),
    }
}

/// `8.000đ`, `8,000 VND`: signs of thousands stand before three digits.
fn amount(text: &str) -> String {
    let text = text.to_lowercase();
    let text = ["vnđ", "vnd", "đồng", "đ", "d"]
        .iter()
        .find_map(|unit| text.strip_suffix(unit))
        .unwrap_or(&text);
    let groups: Vec<&str> = text.split(['.', ',']).collect();
    let whole = groups.len() == 1 || groups[1..].iter().all(|group| group.len() == 3);
    if whole { groups.concat() } else { String::new() }
}
