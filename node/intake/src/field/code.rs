//! Printed codes: kept letter by letter if they are codes; otherwise the one spelling they can have been is
//! proposed.

use super::digits::plain;
use crate::{
    cell::Cell,
    finding::{Reading, note, stop},
};
use motcua_dossier::code::{Code, CodeError};

pub(super) fn read(cell: &Cell) -> Reading {
    let written = cell.written();
    let text = plain(&written);
    match Code::read(&text) {
        Ok(_) if text == written.trim() => Reading::of(text),
        Ok(_) => {
            let said = note("code.spaces", "đã bỏ dấu cách", "spaces were left out");
            Reading::of(text).with(said)
        }
        Err(error) => {
            let finding =
                stop("code.form", format!("“{text}”: {}", vi(error)), format!("“{text}”: {error}"));
            let proposal = repaired(&text).filter(|repaired| Code::read(repaired).is_ok());
            Reading::stopped(match proposal {
                Some(repaired) => finding.or(repaired),
                None => finding,
            })
        }
    }
}

/// Small letters, other dashes, and a number without its leading zeros.
fn repaired(text: &str) -> Option<String> {
    let dash = |letter| if matches!(letter, '–' | '—' | '‑' | '−') { '-' } else { letter };
    let text: String = text.chars().map(dash).flat_map(char::to_uppercase).collect();
    let (rest, number) = text.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{rest}-{number:0>4}"))
}

fn vi(error: CodeError) -> &'static str {
    match error {
        CodeError::Empty => "mã hồ sơ trống",
        CodeError::TooLong => "mã hồ sơ quá dài",
        CodeError::Charset => "mã hồ sơ có ký tự ngoài A-Z, 0-9, dấu chấm và gạch nối",
        CodeError::Parts => "mã hồ sơ không đủ ba phần",
        CodeError::Org => "mã định danh cơ quan trong mã hồ sơ không đúng dạng",
        CodeError::Date => "ngày trong mã hồ sơ không có thật",
        CodeError::Seq => "số thứ tự trong mã hồ sơ không đúng dạng (4 đến 7 chữ số)",
    }
}
