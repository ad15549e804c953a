//! What is said to people about an office for which too much waits, or which writes too much.

use motcua_core::{
    id::{NodeId, OfficeId},
    replica::{Slowed, Unread},
    time::Timestamp,
    trust::TrustView,
};

/// Bytes on disk that a row of an inbox costs in the state, as measured; see `design/retention.md`.
pub const ROW_BYTES: u64 = 90;
const DAY: i64 = 86_400_000;

fn name(trust: &TrustView, office: OfficeId) -> String {
    match trust.office(office) {
        Some(office) => format!("{} ({})", office.name, office.code),
        None => office.to_string(),
    }
}

fn days(now: Timestamp, then: Timestamp) -> i64 {
    now.0.saturating_sub(then.0).max(0) / DAY
}

fn kilobytes(unread: &Unread) -> u64 {
    (unread.rows * ROW_BYTES).div_ceil(1_000)
}

/// In Vietnamese.
pub fn unread_vi(trust: &TrustView, unread: &Unread, now: Timestamp) -> String {
    let (name, rows, size) = (name(trust, unread.office), unread.rows, kilobytes(unread));
    let waits =
        format!("{rows} mục ({size} kB) đang chờ, cũ nhất {} ngày", days(now, unread.oldest));
    let silent = match unread.heard {
        true => format!("im lặng {} ngày", days(now, unread.since)),
        false => "chưa từng nối với hub này".to_owned(),
    };
    format!(
        "{name}: {silent}; {waits}. Hãy hỏi cơ quan này vì sao; nếu máy đã bỏ, hãy cấm máy hoặc \
         bãi bỏ cơ quan. Đến hạn, hub thôi giữ các mục ấy và sẽ đối chiếu khi máy trở lại."
    )
}

/// In English.
pub fn unread_en(trust: &TrustView, unread: &Unread, now: Timestamp) -> String {
    let (name, rows, size) = (name(trust, unread.office), unread.rows, kilobytes(unread));
    let waits =
        format!("{rows} rows ({size} kB) wait, the oldest {} days", days(now, unread.oldest));
    let silent = match unread.heard {
        true => format!("silent for {} days", days(now, unread.since)),
        false => "never linked to this hub".to_owned(),
    };
    format!(
        "{name}: {silent}; {waits}. Ask the office why; if the machine is gone for good, ban it or \
         abolish the office. At its bound the hub keeps these rows no more, and compares what both \
         hold when the machine is back."
    )
}

fn minutes(now: Timestamp, then: Timestamp) -> i64 {
    now.0.saturating_sub(then.0).max(0) / 60_000
}

/// In Vietnamese: a machine writes more than it may, and is read slowly.
pub fn slowed_vi(
    trust: &TrustView,
    (office, node): (OfficeId, NodeId),
    slowed: Slowed,
    now: Timestamp,
) -> String {
    let (name, minutes) = (name(trust, office), minutes(now, slowed.since));
    format!(
        "{name}: máy {node} gửi nhiều hơn mức cho phép, đã {minutes} phút; hub đọc chậm lại, không \
         từ chối và không mất gì. Hãy hỏi cơ quan này máy đang làm gì (nhập danh sách cũ, phần mềm \
         hỏng); nếu không ai biết, hãy đình chỉ hoặc cấm máy; nếu đúng việc, hãy nâng mức ở \
         [allowance] trong hub.toml."
    )
}

/// In English.
pub fn slowed_en(
    trust: &TrustView,
    (office, node): (OfficeId, NodeId),
    slowed: Slowed,
    now: Timestamp,
) -> String {
    let (name, minutes) = (name(trust, office), minutes(now, slowed.since));
    format!(
        "{name}: machine {node} sends more than it may, for {minutes} minutes; the hub reads it \
         slowly, nothing is refused or lost. Ask the office what the machine does (an old list, \
         broken software); if nobody knows, suspend or ban it; if it is right, raise its allowance \
         in [allowance] of hub.toml."
    )
}
