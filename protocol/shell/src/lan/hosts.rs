//! The names by which a page may be called. A stranger's page can have its own name lead to this machine
//! (DNS rebinding), and would then be "the same origin"; an address cannot be led elsewhere.

use super::certificate::PageCertificate;
use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};

/// What a page is called, addresses aside.
#[derive(Debug)]
pub struct Hosts {
    names: Vec<String>,
    certificate: Option<Arc<PageCertificate>>,
}

impl Hosts {
    /// `localhost`, these, and whatever the certificate is for.
    pub fn new(names: &[String], certificate: Option<Arc<PageCertificate>>) -> Self {
        let names = names.iter().map(|name| plain(name).to_owned()).collect();
        Self { names, certificate }
    }

    /// Whether the value of a `Host` header means this page.
    pub fn knows(&self, host: &str) -> bool {
        let Some(name) = bare(host) else { return false };
        let name = plain(&name);
        if name == "localhost" || name.parse::<IpAddr>().is_ok() {
            return true;
        }
        let certified = |page: &Arc<PageCertificate>| {
            page.seen().is_some_and(|seen| seen.names.iter().any(|own| own == name))
        };
        self.names.iter().any(|own| own == name) || self.certificate.as_ref().is_some_and(certified)
    }
}

/// The name without its port; none if it is no host.
fn bare(host: &str) -> Option<String> {
    let host = host.trim().to_ascii_lowercase();
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (name, rest) = rest.split_once(']')?;
            (name, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some(""))?)
        }
        None => host.split_once(':').unwrap_or((&host, "")),
    };
    let is_port = port.is_empty() || port.parse::<u16>().is_ok();
    (is_port && !name.is_empty()).then(|| name.to_owned())
}

/// Names are compared without case and without the dot of the root.
fn plain(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Refuses what is asked under another name, before any route. Who names no host is no browser.
pub(super) async fn known(
    State(hosts): State<Arc<Hosts>>,
    request: Request,
    next: Next,
) -> Response {
    let mut named = request.headers().get_all(header::HOST).iter();
    let is_known = named.all(|host| host.to_str().is_ok_and(|host| hosts.knows(host)))
        && request.uri().host().is_none_or(|host| hosts.knows(host));
    if is_known {
        return next.run(request).await;
    }
    let body = json!({ "error": {
        "code": "other_host",
        "message_vi": "Trang này không mang tên đó; hãy mở bằng địa chỉ của máy, hoặc nhờ bộ phận CNTT thêm tên vào [page] names.",
        "message_en": "This page does not have that name; open it by the machine's address, or have IT add the name to [page] names.",
        "field": null,
    }});
    (StatusCode::MISDIRECTED_REQUEST, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_own_names_are_known_and_a_name_that_was_led_here_is_not() {
        let hosts = Hosts::new(&["Mot-Cua-1.motcua.internal".to_ascii_lowercase()], None);
        for host in [
            "127.0.0.1:8080",
            "192.168.1.10",
            "[::1]:80",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:8443",
            "mot-cua-1.motcua.internal:443",
            "MOT-CUA-1.MOTCUA.INTERNAL.",
        ] {
            assert!(hosts.knows(host), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "x.mot-cua-1.motcua.internal",
            "[::1]evil.example",
            "[::1",
            "127.0.0.1:80@evil.example",
            "localhost:80:80",
        ] {
            assert!(!hosts.knows(host), "{host}");
        }
    }
}
