//! Names and other text: NFC, no spaces at the ends, nothing repaired that nobody agreed to.

use super::digits;
use crate::{
    cell::{Cell, Doubt, Value},
    encoding::{Encoding, words},
    finding::{Finding, Reading, stop, warn},
};
use motcua_dossier::action::{FIELD_CHARACTERS, NAME_CHARACTERS};
use unicode_normalization::UnicodeNormalization;

/// NFC, spaces of every kind as one, without what is not seen, and without the apostrophe by which a
/// spreadsheet is kept from computing.
pub(super) fn clean(text: &str) -> String {
    let seen = |letter: &char| !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    let text: String = text.nfc().filter(seen).collect();
    let text = unguarded(&text);
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Signs at which a spreadsheet begins to compute.
const COMPUTING: [char; 7] = ['=', '+', '-', '@', '\'', '\t', '\r'];

/// Text that a spreadsheet will not compute.
pub(crate) fn guarded(text: &str) -> String {
    if text.starts_with(COMPUTING) { format!("'{text}") } else { text.to_owned() }
}

/// The same without its guard.
pub(crate) fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(COMPUTING) => rest,
        _ => text,
    }
}

/// What is odd about the letters of a cell.
pub(super) fn doubts(cell: &Cell, main: Encoding) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        cell.doubt.iter().map(|doubt| of_doubt(cell, doubt, main)).collect();
    if let Value::Text(text) = &cell.value
        && cell.doubt.is_none()
        && lost_letters(text)
    {
        findings.push(stop(
            "text.lost",
            format!("“{}”: có chữ đã mất (dấu ? hoặc �) trước khi đến đây", text.trim()),
            format!("“{}”: letters were lost (? or �) before it came here", text.trim()),
        ));
    }
    findings
}

fn of_doubt(cell: &Cell, doubt: &Doubt, main: Encoding) -> Finding {
    let text = cell.written();
    match doubt {
        Doubt::Other(table) => warn(
            "text.other_table",
            format!(
                "ô này viết bằng {}, cả tệp bằng {}: đọc là “{text}”",
                table.name(),
                main.name()
            ),
            format!("this cell is {}, the file {}: read as “{text}”", table.name(), main.name()),
        ),
        Doubt::Undefined { bytes, wider } => {
            let bytes = hex(bytes);
            let finding = stop(
                "text.undefined",
                format!(
                    "“{text}”: bảng mã {} không có các byte {bytes}; cần người xem lại",
                    main.name()
                ),
                format!(
                    "“{text}”: {} does not define the bytes {bytes}; a person must look",
                    main.name()
                ),
            );
            finding.or_all(wider.clone())
        }
        Doubt::Broken(bytes) => stop(
            "text.broken",
            format!("không bảng mã nào đọc được ô này (byte {})", hex(bytes)),
            format!("no table reads this cell (bytes {})", hex(bytes)),
        ),
        Doubt::Font(table, meant) => stop(
            "text.font",
            format!("“{text}” gõ bằng phông {}: đọc là “{meant}”", table.name()),
            format!("“{text}” was typed in a font of {}: it reads “{meant}”", table.name()),
        )
        .or(clean(meant)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let all: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02X}")).collect();
    all.join(" ")
}

/// A question mark between letters, or the sign for what could not be read.
fn lost_letters(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let between = letters
        .windows(3)
        .any(|three| three[0].is_alphabetic() && three[1] == '?' && three[2].is_alphabetic());
    between || text.contains('\u{fffd}')
}

/// A line of text.
pub(super) fn line(cell: &Cell) -> Reading {
    within(clean(&cell.written()), FIELD_CHARACTERS)
}

fn within(text: String, limit: usize) -> Reading {
    let got = text.chars().count();
    if got > limit {
        return Reading::stopped(stop(
            "text.long",
            format!("{got} ký tự, tối đa {limit}"),
            format!("{got} characters, at most {limit}"),
        ));
    }
    Reading::of(text)
}

/// A name of a person.
pub(super) fn name(cell: &Cell, main: Encoding) -> Reading {
    let text = clean(&cell.written());
    if !matches!(cell.value, Value::Text(_)) || !text.chars().any(char::is_alphabetic) {
        return Reading::stopped(stop(
            "name.none",
            format!("“{text}” không phải họ tên"),
            format!("“{text}” is no name"),
        ));
    }
    let reading = within(text.clone(), NAME_CHARACTERS);
    if text.chars().any(|letter| letter.is_ascii_digit()) {
        return reading.with(warn("name.digits", "họ tên có chữ số", "the name has digits in it"));
    }
    let small = text.chars().all(|letter| !letter.is_uppercase());
    if small && text.contains(' ') {
        let of_font = main == Encoding::Tcvn3 && words(&text).all > 0;
        let (vi, en) = if of_font {
            (
                "chữ thường cả: có lẽ gõ bằng phông chữ hoa (.VnTimeH)",
                "small letters only: probably typed in a font of capitals (.VnTimeH)",
            )
        } else {
            ("họ tên viết thường cả", "the name is in small letters only")
        };
        let proposals = [titled(&text), text.to_uppercase()];
        return reading.with(warn("name.small", vi, en).or_all(proposals));
    }
    reading
}

fn titled(text: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect::<String>()
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A procedure: its code, or a name that the catalogue is asked for.
pub(super) fn procedure(cell: &Cell) -> Reading {
    let text = clean(&cell.written());
    match &cell.value {
        // 1.004870 would be stored as 1.00487.
        Value::Number(_) => {
            let digits = digits::plain(&text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
            let full = format!("{whole}.{fraction:0<6}");
            let (vi, en) = (
                format!("ô lưu dạng số {digits}; mã thủ tục có thể là {full}"),
                format!("stored as the number {digits}; the code may be {full}"),
            );
            match fraction.len() {
                6 => Reading::of(digits),
                _ => Reading::stopped(stop("procedure.number", vi, en).or(full)),
            }
        }
        Value::Text(_) => within(text, FIELD_CHARACTERS),
        _ => Reading::stopped(stop(
            "procedure.form",
            format!("“{text}” không phải thủ tục"),
            format!("“{text}” is no procedure"),
        )),
    }
}
