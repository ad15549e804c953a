//! The old list of an office, invented: as many people as wanted, their codes, and where each dossier is.

use crate::{finding::person, seed::Seed};
use motcua_dossier::fact::Applicant;
use std::fmt::Write as _;

/// Codes of a day.
const A_DAY: u32 = 400;

/// The old list: four hundred a day, half of them returned.
pub(super) fn list(dossiers: u32) -> String {
    let mut text = String::from(
        "Mã hồ sơ,Họ và tên,Số định danh,Điện thoại,Ngày nhận,Ngày hẹn trả,Trạng thái,Mã thủ tục\n",
    );
    for number in 0..dossiers {
        let who = listed(number);
        let (year, month, day) = day_of(number);
        let state = [10, 4, 10, 9, 10, 4, 10, 2][number as usize % 8];
        let _ = writeln!(
            text,
            "{},{},{},{},{day:02}/{month:02}/{year},{day:02}/12/2026,{state},1.001193",
            code_of(number),
            who.name,
            who.id_number,
            who.phone,
        );
    }
    text
}

/// Who stands in this row.
pub(super) fn listed(number: u32) -> Applicant {
    person(&mut Seed::new(u64::from(number)), number)
}

/// The code in this row.
pub(super) fn code_of(number: u32) -> String {
    let (year, month, day) = day_of(number);
    format!("H29.30.05-{:02}{month:02}{day:02}-{:04}", year % 100, 1 + number % A_DAY)
}

/// 28 days in each month from January 2024 on.
fn day_of(number: u32) -> (u32, u32, u32) {
    let day = number / A_DAY;
    let month = day / 28;
    (2024 + month / 12, 1 + month % 12, 1 + day % 28)
}
