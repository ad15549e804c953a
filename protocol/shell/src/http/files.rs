//! Files of a page: compiled in, packed once, and sent again only when they are others.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
use std::{io::Write as _, sync::Arc};

/// A file of the page, compiled in.
#[derive(Debug, Clone, Copy)]
pub struct PageFile {
    /// Path it is served under.
    pub path: &'static str,
    /// Media type.
    pub media: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl PageFile {
    /// The page itself.
    pub const fn html(path: &'static str, text: &'static str) -> Self {
        Self { path, media: "text/html; charset=utf-8", text }
    }

    /// A script.
    pub const fn script(path: &'static str, text: &'static str) -> Self {
        Self { path, media: "text/javascript; charset=utf-8", text }
    }

    /// A style sheet.
    pub const fn style(path: &'static str, text: &'static str) -> Self {
        Self { path, media: "text/css; charset=utf-8", text }
    }

    /// Packed as browsers of every age read it (RFC 1952); none if that cannot be done.
    fn packed(&self) -> Option<Vec<u8>> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(self.text.as_bytes()).and_then(|()| packer.finish()).ok()
    }
}

/// What the pages of node and hub have in common.
static PARTS: &[PageFile] = &[
    PageFile::style("/parts/base.css", include_str!("../../page/base.css")),
    PageFile::script("/parts/language.js", include_str!("../../page/language.js")),
    PageFile::script("/parts/build.js", include_str!("../../page/build.js")),
    PageFile::script("/parts/time.js", include_str!("../../page/time.js")),
    PageFile::script("/parts/ask.js", include_str!("../../page/ask.js")),
    PageFile::script("/parts/bundle.js", include_str!("../../page/bundle.js")),
];

/// Bytes that a browser loads before it shows the page for the first time, packed.
pub fn weight(files: &[PageFile]) -> usize {
    let shown = PARTS.iter().chain(files).filter(|file| file.media.starts_with("text/"));
    shown.map(|file| file.packed().map_or(file.text.len(), |packed| packed.len())).sum()
}

/// Routes for embedded files, and for the parts that every page has.
pub fn files<S: Clone + Send + Sync + 'static>(files: &'static [PageFile]) -> Router<S> {
    PARTS.iter().chain(files).fold(Router::new(), |router, file| {
        let served = Arc::new(Served::new(file));
        let answer = move |headers: HeaderMap| async move { served.answer(&headers) };
        router.route(file.path, get(answer))
    })
}

/// A file in both forms, each under a name of its content.
struct Served {
    file: &'static PageFile,
    packed: Option<Bytes>,
    tag: String,
}

impl Served {
    fn new(file: &'static PageFile) -> Self {
        let tag = blake3::hash(file.text.as_bytes()).to_hex();
        Self { file, packed: file.packed().map(Bytes::from), tag: tag.chars().take(32).collect() }
    }

    /// The file, or that the browser has it already. It asks each time: after an update it must not go
    /// on with scripts of before.
    fn answer(&self, asked: &HeaderMap) -> Response {
        let packed = self.packed.as_ref().filter(|_| takes_gzip(asked));
        let form = if packed.is_some() { "gzip" } else { "plain" };
        let tag = format!("\"{}-{form}\"", self.tag);
        let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        let known = known.flat_map(|text| text.split(',')).any(|one| one.trim() == tag);
        let mut response = match (known, packed) {
            (true, _) => StatusCode::NOT_MODIFIED.into_response(),
            (false, Some(packed)) => {
                ([(header::CONTENT_ENCODING, "gzip")], packed.clone()).into_response()
            }
            (false, None) => self.file.text.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.file.media));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

/// Whether whoever asks reads gzip (RFC 9110, 12.5.3).
fn takes_gzip(asked: &HeaderMap) -> bool {
    let said = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    said.flat_map(|text| text.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = |weight: &str| {
            weight.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0))
        };
        named && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read as _;

    static PAGE: PageFile = PageFile::html("/", "<h1>Một Cửa</h1><h1>Một Cửa</h1><h1>Một Cửa</h1>");

    fn asked(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, text)| (name.clone(), HeaderValue::from_static(text))).collect()
    }

    fn said(response: &Response, name: header::HeaderName) -> Option<String> {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_file_is_packed_for_whoever_reads_that_and_plain_for_others() {
        let served = Served::new(&PAGE);
        for accepts in ["gzip", "deflate, GZIP;q=0.5", "br, gzip"] {
            let answer = served.answer(&asked(&[(header::ACCEPT_ENCODING, accepts)]));
            assert_eq!(said(&answer, header::CONTENT_ENCODING).as_deref(), Some("gzip"));
            assert_eq!(said(&answer, header::VARY).as_deref(), Some("accept-encoding"));
        }
        for accepts in ["", "br", "gzip;q=0", "x-gzip2"] {
            let answer = served.answer(&asked(&[(header::ACCEPT_ENCODING, accepts)]));
            assert_eq!(said(&answer, header::CONTENT_ENCODING), None, "{accepts}");
        }
        let mut text = String::new();
        let packed = served.packed.unwrap();
        GzDecoder::new(packed.as_ref()).read_to_string(&mut text).unwrap();
        assert_eq!(text, PAGE.text);
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again_and_another_form_or_content_is() {
        let served = Served::new(&PAGE);
        let plain = said(&served.answer(&asked(&[])), header::ETAG).unwrap();
        let mut again = asked(&[]);
        again.insert(header::IF_NONE_MATCH, format!("\"x\", {plain}").parse().unwrap());
        assert_eq!(served.answer(&again).status(), StatusCode::NOT_MODIFIED);
        again.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(served.answer(&again).status(), StatusCode::OK);
        static OTHER: PageFile = PageFile::html("/", "<h1>Một Cửa 2</h1>");
        let other = said(&Served::new(&OTHER).answer(&asked(&[])), header::ETAG).unwrap();
        assert_ne!(other, plain);
    }
}
