//! The start in words.

use super::{At, Step};
use crate::store::Why;

/// What is being done and how far it is, in Vietnamese and English.
pub(super) fn of(at: &At, (done, all): (u64, u64), left: Option<u64>) -> (String, String) {
    let (mut vi, mut en) = match at.step {
        Step::Journal => ("Đang mở sổ ghi".to_owned(), "Opening the journal".to_owned()),
        Step::State => ("Đang mở kho trạng thái".into(), "Opening the state store".into()),
        Step::Own => (
            format!("Đang đọc bản ghi của máy này: {done}/{all}"),
            format!("Reading own records: {done}/{all}"),
        ),
        Step::Verify => {
            ("Đang kiểm tra ảnh trạng thái".into(), "Verifying the image of the state".into())
        }
        Step::Base => (
            format!("Đang nạp ảnh trạng thái: {done}/{all}"),
            format!("Loading the image of the state: {done}/{all}"),
        ),
        Step::Records => (
            format!("Đang dựng lại dữ liệu: {done}/{all} bản ghi"),
            format!("Rebuilding the state: {done}/{all} records"),
        ),
        Step::Links => ("Đang mở kết nối".into(), "Opening links".into()),
        Step::Up => ("Đang chạy".into(), "Running".into()),
    };
    if let Some(seconds) = left {
        let (time_vi, time_en) = span(seconds);
        vi += &format!(", còn khoảng {time_vi}");
        en += &format!(", about {time_en} left");
    }
    let Some(rebuild) = &at.rebuild else { return (vi, en) };
    let why = rebuild.why.as_ref();
    let (why_vi, why_en) = match why {
        Some(why) => (why.vi(), why.en()),
        None => ("Không có kho trạng thái".into(), "There is no state store".into()),
    };
    match (rebuild.whole, at.step) {
        // What is to be done is in the reason itself.
        (Some(_), _) if why == Some(&Why::NoSpace) => (why_vi, why_en),
        (None, _) if why == Some(&Why::NoSpace) => {
            (format!("{vi}. {why_vi}"), format!("{en}. {why_en}"))
        }
        (Some(_), _) => (
            format!("{why_vi}; đã dựng lại xong từ sổ ghi, không cần làm gì"),
            format!("{why_en}; it was rebuilt from the journal; nothing is to be done"),
        ),
        (None, Step::Links | Step::Up) => (
            format!("{why_vi}; dữ liệu đã dựng lại, đang hoàn tất danh sách"),
            format!("{why_en}; the state is rebuilt, the lists are being completed"),
        ),
        (None, _) => (
            format!("{vi}. {why_vi}; dữ liệu được dựng lại từ sổ ghi, không cần làm gì"),
            format!("{en}. {why_en}; it is rebuilt from the journal, nothing is to be done"),
        ),
    }
}

/// The same where it goes no further before there is space on the disk.
pub(super) fn without_space(vi: &str, en: &str) -> (String, String) {
    (
        format!(
            "{vi}. Ổ đĩa của máy này đã đầy: đang chờ chỗ trống, hãy báo bộ phận CNTT dọn ổ đĩa; không \
             cần khởi động lại máy"
        ),
        format!(
            "{en}. This machine's disk is full: waiting for space, tell central IT to free some; the \
             machine need not be restarted"
        ),
    )
}

fn span(seconds: u64) -> (String, String) {
    match seconds {
        0..=90 => (format!("{seconds} giây"), format!("{seconds} s")),
        _ => (format!("{} phút", seconds.div_ceil(60)), format!("{} min", seconds.div_ceil(60))),
    }
}
