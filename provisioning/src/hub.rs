//! Speaking with a hub's console: one small HTTP/1.1 request at a time, each bounded in time and
//! bytes, over TLS where the hub is another machine. What is published proves itself and needs no secret;
//! who asks a hub for its machines from another machine bears the hub's token for reading.

use crate::outcome::Failure;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, version::TLS13};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

/// How long connecting, and each read and write, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer: all trust documents of a city, or its machines.
const ANSWER_BYTES: u64 = 32 * 1024 * 1024;

/// The console of a hub, as given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubConsole {
    /// `host:port`.
    address: String,
    /// Its `console/read-token`.
    token: Option<String>,
    /// Over TLS: who vouches for it.
    tls: Option<Trusted>,
}

/// TLS that trusts one root.
#[derive(Debug, Clone)]
struct Trusted {
    file: String,
    config: Arc<ClientConfig>,
}

impl PartialEq for Trusted {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file
    }
}

impl Eq for Trusted {}

impl HubConsole {
    /// Reads `host:port` or `http://host:port`, or `https://name:port,root=FILE` with the root of the pages'
    /// certificates, and the token in the file of `,token=FILE`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let place = parts.next().unwrap_or_default();
        let (mut token, mut root) = (None, None);
        for part in parts {
            match part.split_once('=') {
                Some(("token", file)) => token = Some(read_token(file)?),
                Some(("root", file)) => root = Some(file),
                _ => return Err(format!("{text}: {part:?} is neither token=FILE nor root=FILE")),
            }
        }
        let (is_tls, bare) = match place.strip_prefix("https://") {
            Some(bare) => (true, bare),
            None => (false, place.strip_prefix("http://").unwrap_or(place)),
        };
        let bare = bare.trim_end_matches('/');
        if bare.contains('/') {
            return Err(format!(
                "{text}: give host:port of the console, or https://host:port,root=FILE"
            ));
        }
        let tls = match (is_tls, root) {
            (true, Some(file)) => Some(trust(file)?),
            (true, None) => {
                return Err(format!(
                    "{text}: give root=FILE with the city's page-root.pem as well"
                ));
            }
            (false, Some(_)) => return Err(format!("{text}: a root is for https:// only")),
            (false, None) => None,
        };
        motcua_core::trust::check_hub_address(bare).map_err(|error| error.to_string())?;
        Ok(Self { address: bare.to_owned(), token, tls })
    }

    /// `GET path`, the body.
    ///
    /// # Errors
    /// [`Failure`] naming the hub and what it said.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.ask("GET", path, b"")
    }

    /// `GET path` as JSON.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn get_json(&self, path: &str) -> Result<Value, Failure> {
        serde_json::from_slice(&self.get(path)?)
            .map_err(|error| self.failed(format!("{path}: {error}")))
    }

    /// `POST path` with bytes, the body.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn post(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, Failure> {
        self.ask("POST", path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Result<Vec<u8>, Failure> {
        let bytes = self.exchange(method, path, body).map_err(|error| self.failed(error))?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, answer) = match end {
            Some(end) => (String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 4..]),
            None => return Err(self.failed("the answer was cut off")),
        };
        let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        if length.is_some_and(|length| length != answer.len()) {
            return Err(self.failed("the answer was cut off"));
        }
        if status.starts_with('2') {
            return Ok(answer.to_vec());
        }
        let said: Value = serde_json::from_slice(answer).unwrap_or_default();
        let words = said["error"]["message_en"].as_str().unwrap_or("no reason given").to_owned();
        Err(self.failed(format!("{method} {path} was answered with {status}: {words}")))
    }

    fn exchange(&self, method: &str, path: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut last = std::io::Error::other("the name leads nowhere");
        for address in self.address.to_socket_addrs()? {
            let mut stream = match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => stream,
                Err(error) => {
                    last = error;
                    continue;
                }
            };
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            let head = format!(
                "{method} {path} HTTP/1.1\r\nhost: {}\r\n{}\
                 content-type: application/octet-stream\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n",
                self.address,
                motcua_shell::http::bearer(self.token.as_deref()),
                body.len()
            );
            let request = [head.as_bytes(), body].concat();
            return match &self.tls {
                None => converse(&mut stream, &request),
                Some(trusted) => {
                    let name = self.address.rsplit_once(':').map_or("", |(name, _)| name);
                    let name = name.trim_matches(['[', ']']).to_owned();
                    let name = ServerName::try_from(name).map_err(std::io::Error::other)?;
                    let config = Arc::clone(&trusted.config);
                    let session =
                        ClientConnection::new(config, name).map_err(std::io::Error::other)?;
                    converse(&mut StreamOwned::new(session, stream), &request)
                }
            };
        }
        Err(last)
    }

    fn failed(&self, why: impl std::fmt::Display) -> Failure {
        Failure::failed(format!("hub {}: {why}", self.address))
    }
}

fn converse(stream: &mut (impl Read + Write), request: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(answer)
}

fn trust(file: &str) -> Result<Trusted, String> {
    let failed =
        |error: &dyn std::fmt::Display| format!("{file}: {error}; give the city's page-root.pem");
    let root = CertificateDer::from_pem_file(file).map_err(|error| failed(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add(root).map_err(|error| failed(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Trusted { file: file.to_owned(), config: Arc::new(config) })
}

fn read_token(file: &str) -> Result<String, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let text = text.trim();
    let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then(|| text.to_owned()).ok_or_else(|| {
        format!("{file} holds no token; copy console/read-token from the hub's data folder")
    })
}

impl std::fmt::Display for HubConsole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_console_is_a_host_and_a_port() {
        let read = HubConsole::parse("http://127.0.0.1:8080/").map(|hub| hub.to_string());
        assert_eq!(read.as_deref(), Ok("127.0.0.1:8080"));
        assert!(HubConsole::parse("hub.example:443").is_ok());
        for bad in [
            "",
            "hub",
            "https://hub.example:443",
            "https://hub.example:443,root=/nowhere",
            "hub.example:443,root=/nowhere",
            "hub.example:443,tokn=x",
            "hub.example:0",
        ] {
            assert!(HubConsole::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_stands_in_a_file_and_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("read-token");
        let text = |file: &std::path::Path| format!("127.0.0.1:8080,token={}", file.display());
        fs::write(&file, "0a1b\n").unwrap();
        let hub = HubConsole::parse(&text(&file)).unwrap();
        assert_eq!(
            (hub.token.as_deref(), hub.to_string()),
            (Some("0a1b"), "127.0.0.1:8080".into())
        );
        fs::write(&file, "").unwrap();
        let words = HubConsole::parse(&text(&file)).unwrap_err();
        assert!(words.contains("holds no token"), "{words}");
        assert!(HubConsole::parse(&text(&dir.path().join("none"))).is_err());
    }
}
