//! Numbers of persons: the twelve digits of Nghị định 137/2015/NĐ-CP article 13 (also on cards, căn cước),
//! the nine of the old CMND, passports.

use super::digits::{self, Digits};
use crate::{
    cell::Cell,
    finding::{Reading, note, stop, warn},
};
use jiff::civil::DateTime;

/// Provinces that numbers begin with (Thông tư 59/2021/TT-BCA, annex 1). Numbers that were given keep
/// theirs whatever became of the province.
const PROVINCES: [u8; 63] = [
    1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37,
    38, 40, 42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77,
    79, 80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96,
];

/// What the twelve digits say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// Year of birth.
    pub year: i16,
}

/// Reads twelve digits; none if they cannot be a number of a person: no such province.
pub fn card(text: &str) -> Option<Card> {
    let is_digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let province: u8 = text.get(..3).filter(|_| is_digits)?.parse().ok()?;
    if !PROVINCES.contains(&province) {
        return None;
    }
    // 0 and 1 stand for men and women of the twentieth century, and so on (article 7 of the circular).
    let century: i16 = text[3..4].parse::<i16>().ok()? / 2;
    let year: i16 = text[4..6].parse().ok()?;
    Some(Card { year: 1_900 + century * 100 + year })
}

/// A card of somebody who can have been born.
fn living(text: &str, now: DateTime) -> Option<Card> {
    card(text).filter(|card| card.year <= now.year())
}

pub(super) fn read(cell: &Cell, now: DateTime) -> Reading {
    let Digits { text, as_quantity } = match digits::read(cell) {
        Ok(digits) => digits,
        Err(finding) => return Reading::stopped(*finding),
    };
    if is_nothing(&text) {
        let said = note("id.none", "không có số", "no number");
        return Reading::default().with(said);
    }
    if is_passport(&text) {
        let (vi, en) = ("giống số hộ chiếu", "looks like a passport");
        return Reading::of(text).with(warn("id.passport", vi, en));
    }
    let joined: String = text.chars().filter(|letter| !matches!(letter, '.' | '-' | '_')).collect();
    if text.contains(['/', ';', ',']) {
        return Reading::stopped(stop(
            "id.several",
            format!("“{text}”: hơn một số; hãy chọn một"),
            format!("“{text}”: more than one number; choose one"),
        ));
    }
    if let Some((at, letter)) = digits::odd_letter(&joined) {
        return Reading::stopped(digits::at_letter("id.letter", &text, at, letter));
    }
    let reading = of_digits(&joined, now);
    let reading = if joined.len() < text.len() && !reading.value.is_empty() {
        reading.with(note("id.signs", "đã bỏ dấu chấm, gạch", "dots and hyphens left out"))
    } else {
        reading
    };
    // A spreadsheet that took the number for a quantity would have dropped a zero.
    if as_quantity && !reading.value.is_empty() && joined.len() == 9 {
        let (vi, en) = (
            "ô lưu dạng số: nếu số bắt đầu bằng 0 thì số 0 đã mất",
            "stored as a quantity: a leading zero would be gone",
        );
        return reading.with(warn("id.quantity", vi, en));
    }
    reading
}

fn of_digits(text: &str, now: DateTime) -> Reading {
    let short = |zeros: usize, kind: &str, en: &str| {
        let proposal = format!("{}{text}", "0".repeat(zeros));
        stop(
            "id.short",
            format!(
                "“{text}” có {} chữ số; có thể là {kind} đã mất {zeros} số 0 ở đầu",
                text.len()
            ),
            format!(
                "“{text}” has {} digits; it may be {en} that lost {zeros} leading 0",
                text.len()
            ),
        )
        .or(proposal)
    };
    let length = text.len();
    match length {
        12 => match card(text) {
            Some(card) if card.year > now.year() => Reading::stopped(stop(
                "id.future",
                format!("“{text}”: năm sinh {} theo số này chưa đến", card.year),
                format!("“{text}”: the year of birth {} in it has not come yet", card.year),
            )),
            Some(_) => Reading::of(text),
            None => Reading::stopped(stop(
                "id.province",
                format!("“{text}”: không có tỉnh, thành phố mã {}", &text[..3]),
                format!("“{text}”: there is no province {}", &text[..3]),
            )),
        },
        9 if text.bytes().all(|byte| byte == text.as_bytes()[0]) => Reading::stopped(stop(
            "id.filler",
            format!("“{text}” không phải số thật"),
            format!("“{text}” is no real number"),
        )),
        9 => Reading::of(text).with(note(
            "id.cmnd",
            "số CMND cũ (9 số)",
            "an old CMND of nine digits",
        )),
        10 | 11 if living(&format!("{text:0>12}"), now).is_some() => {
            Reading::stopped(short(12 - length, "số định danh", "a number of twelve digits"))
        }
        8 => Reading::stopped(short(1, "số CMND cũ", "an old CMND")),
        _ => Reading::stopped(stop(
            "id.length",
            format!("“{text}” có {length} chữ số; số định danh có 12, CMND cũ có 9"),
            format!("“{text}” has {length} digits; there are numbers of 12, and old CMND of 9"),
        )),
    }
}

/// What people write where there is no number.
pub(super) fn is_nothing(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "-" | "--"
            | "---"
            | "—"
            | "–"
            | "x"
            | "không"
            | "ko"
            | "khôngcó"
            | "chưacó"
            | "n/a"
            | "na"
            | "null"
    )
}

/// One letter that is not taken for a digit, and seven or eight digits.
fn is_passport(text: &str) -> bool {
    let Some((first, rest)) = text.split_at_checked(1) else { return false };
    let letter =
        first.bytes().all(|byte| byte.is_ascii_uppercase()) && !matches!(first, "O" | "I" | "L");
    letter && matches!(rest.len(), 7 | 8) && rest.bytes().all(|byte| byte.is_ascii_digit())
}
