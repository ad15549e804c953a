//! What the line of the exchange says of the page's certificate: nothing, as long as nobody has to do
//! anything.

use crate::sync_words::SyncState;
use motcua_core::time::Timestamp;
use motcua_shell::lan::PageCertificate;

/// Adds the certificate to the state of exchange, and to its words what IT has to know.
pub(crate) fn tell(certificate: &PageCertificate, now: Timestamp, state: &mut SyncState) {
    let seen = certificate.seen();
    state.page_certificate_days = seen.as_ref().map(|seen| seen.days_left(now));
    let (vi, en) = match (seen, certificate.trouble()) {
        (None, _) => (
            ". Trang chưa mở cho mạng của văn phòng vì máy chưa có chứng thư; hãy báo bộ phận CNTT".to_owned(),
            ". The page is not open to the office's network: this machine has no certificate; tell IT".to_owned(),
        ),
        (Some(_), Some(_)) => (
            ". Chứng thư mới của trang không dùng được, chứng thư cũ vẫn dùng; hãy báo bộ phận CNTT".to_owned(),
            ". The page's new certificate cannot be used, the one before still is; tell IT".to_owned(),
        ),
        (Some(seen), None) if seen.is_ending(now) => words(seen.days_left(now)),
        (Some(_), None) => return,
    };
    state.words_vi.push_str(&vi);
    state.words_en.push_str(&en);
}

fn words(days: i64) -> (String, String) {
    match days {
        ..0 => (
            ". Chứng thư của trang đã hết hạn; hãy báo bộ phận CNTT".to_owned(),
            ". The page's certificate has ended; tell IT".to_owned(),
        ),
        days => (
            format!(". Chứng thư của trang còn {days} ngày; hãy báo bộ phận CNTT"),
            format!(". The page's certificate ends in {days} days; tell IT"),
        ),
    }
}
