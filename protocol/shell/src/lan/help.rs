//! What a PC that does not trust the page yet is shown, without TLS: how it is set up, and the root
//! certificate. Nothing here is worth hiding, and nothing can be done here.

use super::certificate::{PageCertificate, Seen, fingerprint};
use crate::http;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use std::{fmt::Write as _, net::SocketAddr, sync::Arc};

#[derive(Clone)]
struct Help {
    certificate: Option<Arc<PageCertificate>>,
    tls: Option<SocketAddr>,
}

pub(super) fn router(certificate: Option<Arc<PageCertificate>>, tls: Option<SocketAddr>) -> Router {
    http::files(&[])
        .route("/mot-cua-root.crt", get(root))
        .fallback(get(page))
        .with_state(Help { certificate, tls })
}

async fn root(State(help): State<Help>) -> Response {
    let root = help.certificate.and_then(|page| page.seen()).and_then(|seen| seen.root);
    let Some(root) = root else {
        let words = "Máy này chưa có chứng thư gốc; hãy hỏi bộ phận CNTT.\n\
                     This machine has no root certificate yet; ask IT.\n";
        return (StatusCode::NOT_FOUND, words).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"mot-cua-root.crt\""),
    ];
    (headers, root).into_response()
}

async fn page(State(help): State<Help>) -> Html<String> {
    let seen = help.certificate.as_ref().and_then(|page| page.seen());
    Html(words(seen.as_ref(), help.tls))
}

fn words(seen: Option<&Seen>, tls: Option<SocketAddr>) -> String {
    let mut body = String::new();
    match (seen, tls) {
        (Some(seen), Some(tls)) => {
            let names = seen.names.iter().map(|name| link(name, tls.port())).collect::<String>();
            let _ = write!(
                body,
                "<h1>Mở trang Một Cửa trên máy tính này</h1>\n<p>Trang của văn phòng ở địa chỉ:</p>\n<ul>{names}</ul>\n"
            );
            if let Some(root) = &seen.root {
                let print = fingerprint(root);
                let _ = write!(
                    body,
                    "<h2>Nếu trình duyệt cảnh báo</h2>\n<ol>\n\
                     <li>Đừng bỏ qua cảnh báo. Máy này chưa tin chứng thư gốc của thành phố; bộ phận CNTT cài một lần cho mỗi máy.</li>\n\
                     <li>Tải <a href=\"/mot-cua-root.crt\">chứng thư gốc</a>.</li>\n\
                     <li>So dấu vân tay SHA-256 dưới đây với tờ giấy của bộ phận CNTT. Khác dù một chữ số: dừng lại và báo CNTT.<br><code>{print}</code></li>\n\
                     <li>Cài vào kho “Trusted Root Certification Authorities”, rồi mở lại địa chỉ ở trên.</li>\n</ol>\n\
                     <div lang=\"en\"><h2>If the browser warns</h2>\n<ol>\n\
                     <li>Do not click the warning away. This PC does not trust the city's root certificate yet; IT installs it once on each PC.</li>\n\
                     <li>Download the <a href=\"/mot-cua-root.crt\">root certificate</a>.</li>\n\
                     <li>Compare the SHA-256 fingerprint above with the sheet from IT. If one digit differs, stop and tell IT.</li>\n\
                     <li>Install it among the “Trusted Root Certification Authorities” and open the address above again.</li>\n</ol></div>\n"
                );
            }
        }
        _ => body.push_str(
            "<h1>Trang chưa mở cho mạng của văn phòng</h1>\n\
             <p>Máy này chưa có chứng thư. Bộ phận CNTT: motcua-node page request, rồi page install.</p>\n\
             <p lang=\"en\">The page is not open to the office's network yet: this machine has no certificate. \
             IT: motcua-node page request, then page install.</p>\n",
        ),
    }
    format!(
        "<!doctype html>\n<html lang=\"vi\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Một Cửa</title><link rel=\"stylesheet\" href=\"/parts/base.css\"></head>\n\
         <body><main class=\"wide\">\n{body}</main></body>\n</html>\n"
    )
}

fn link(name: &str, port: u16) -> String {
    let shown = if name.contains(':') { format!("[{name}]") } else { escaped(name) };
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    format!("<li><a href=\"https://{shown}{port}/\">https://{shown}{port}/</a></li>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
