//! `bundle export` and `bundle import`: carries a file between the disk and the local API of the
//! running service, which does the work.

use super::http::ABOUT;
use crate::http::bearer;
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

/// Exit codes, the same for all programs (design/provisioning.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Not done; nothing was changed.
    Failed = 1,
    /// Done in part; what is left is said.
    Partly = 3,
    /// Everything was so already.
    Nothing = 4,
    /// Could be done and must not be.
    Refused = 5,
}

/// How the verb ended, for people and programs.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code.
    pub exit: Exit,
    /// What is printed.
    pub text: String,
}

/// The local API of the running service.
#[derive(Debug, Clone)]
pub struct Local {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether answers are printed as JSON.
    pub json: bool,
    /// Its token, where it wants one.
    pub token: Option<String>,
}

/// A bundle of the largest size is hashed, opened and journaled before there is an answer.
const PATIENCE: Duration = Duration::from_secs(600);
/// Where bundles come and go.
const BUNDLE: &str = "/api/v1/bundle";
const CONNECT: Duration = Duration::from_secs(5);
/// Files from this size on are worth a line of progress.
const SHOWN: u64 = 16 * 1024 * 1024;
/// Longest answer that is no bundle.
const ANSWER_BYTES: u64 = 64 * 1024;
/// Lines of an answer's head, and the length of one.
const HEAD: (usize, u64) = (64, 16 * 1024);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The service does not answer.
    #[error("the service does not answer at {0} ({1}); start it first: it does the work")]
    Unreachable(SocketAddr, io::Error),
    /// The file to be written is there.
    #[error("{} exists already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// The file cannot be read or written.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
    /// The connection broke.
    #[error("the service broke off: {0}")]
    Line(#[from] io::Error),
    /// No answer of the service's own.
    #[error("the service gave an answer that is none of its own")]
    Answer,
    /// The service said no.
    #[error("{}", words(.0))]
    Refused(Value),
}

impl Local {
    /// For the address in the settings, which may mean every address of the machine.
    pub fn new(listen: SocketAddr, json: bool, token: Option<String>) -> Self {
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        Self { address: SocketAddr::new(ip, listen.port()), json, token }
    }

    /// Has a bundle written to `file`, which must not exist. `query` says which one.
    pub fn export(&self, query: &str, file: &Path) -> Outcome {
        self.ended(self.fetch(query, file).map(|about| (about, Exit::Done)))
    }

    /// Has a bundle taken in; at a hub, the answer to it may be written at once.
    pub fn import(&self, file: &Path, reply: Option<&Path>) -> Outcome {
        let done = self.send(file).and_then(|mut answer| {
            if let (Some(reply), Some(path)) = (reply, answer["reply"].as_str()) {
                let query = path.split_once('?').map_or("", |(_, query)| query).to_owned();
                answer["reply_file"] = self.fetch(&query, reply)?;
            }
            let nothing = answer["fresh"] == 0 && answer["scans"] == 0;
            Ok((answer, if nothing { Exit::Nothing } else { Exit::Done }))
        });
        self.ended(done)
    }

    /// Sends a body of `length` bytes and gives the answer, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn post(
        &self,
        path: &str,
        (body, length): (&mut impl Read, u64),
        limit: u64,
    ) -> Result<Value, Trouble> {
        let mut stream = self.connect()?;
        self.head(&mut stream, "POST", path, length)?;
        let sent = copy(body, &mut stream, length);
        // A refused upload is often answered before it is whole: the answer counts.
        let answer = match (Head::read(stream), sent) {
            (Ok(answer), _) => answer,
            (Err(_), Err(error)) => return Err(Trouble::Line(error)),
            (Err(trouble), Ok(())) => return Err(trouble),
        };
        answer.success(limit)
    }

    /// Asks for something, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn get(&self, path: &str, limit: u64) -> Result<Value, Trouble> {
        let mut stream = self.connect()?;
        self.head(&mut stream, "GET", path, 0)?;
        Head::read(stream)?.success(limit)
    }

    /// Has something written into a file, which must not exist; its length in bytes.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn download(&self, path: &str, file: &Path) -> Result<u64, Trouble> {
        self.keep(path, file).map(|(_, length)| length)
    }

    /// How a verb ended.
    pub fn ended(&self, done: Result<(Value, Exit), Trouble>) -> Outcome {
        match done {
            Ok((answer, exit)) if self.json => Outcome { exit, text: answer.to_string() },
            Ok((answer, exit)) => {
                let mut text = words(&answer);
                if !answer["reply_file"].is_null() {
                    text.push('\n');
                    text.push_str(&words(&answer["reply_file"]));
                }
                Outcome { exit, text }
            }
            Err(trouble) => {
                let exit = match &trouble {
                    Trouble::Refused(_) | Trouble::Exists(_) => Exit::Refused,
                    _ => Exit::Failed,
                };
                let text = match (&trouble, self.json) {
                    (Trouble::Refused(body), true) => body.to_string(),
                    (_, true) => {
                        let message = trouble.to_string();
                        let error = serde_json::json!({ "code": "failed", "message_en": message });
                        serde_json::json!({ "error": error }).to_string()
                    }
                    (_, false) => trouble.to_string(),
                };
                Outcome { exit, text }
            }
        }
    }

    fn fetch(&self, query: &str, file: &Path) -> Result<Value, Trouble> {
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let (head, _) = self.keep(&format!("{BUNDLE}{query}"), file)?;
        let about = head.header(ABOUT).ok_or(Trouble::Answer)?;
        serde_json::from_str(about).map_err(|_| Trouble::Answer)
    }

    fn keep(&self, path: &str, file: &Path) -> Result<(Head, u64), Trouble> {
        if file.exists() {
            return Err(Trouble::Exists(file.to_owned()));
        }
        let mut stream = self.connect()?;
        self.head(&mut stream, "GET", path, 0)?;
        let mut answer = Head::read(stream)?;
        if answer.status != 200 {
            return Err(Trouble::Refused(answer.json()?));
        }
        let length = answer.length.ok_or(Trouble::Answer)?;
        let part = file.with_extension("part");
        let failed = |error| Trouble::File(part.clone(), error);
        let mut out = File::create(&part).map_err(failed)?;
        let copied = copy(&mut answer.body, &mut out, length).and_then(|()| out.sync_all());
        if let Err(error) = copied {
            // Half a file is of no use to anybody.
            let _ = fs::remove_file(&part);
            return Err(failed(error));
        }
        fs::rename(&part, file).map_err(|error| Trouble::File(file.to_owned(), error))?;
        Ok((answer, length))
    }

    fn send(&self, file: &Path) -> Result<Value, Trouble> {
        let failed = |error| Trouble::File(file.to_owned(), error);
        let mut from = File::open(file).map_err(failed)?;
        let length = from.metadata().map_err(failed)?.len();
        let mut stream = self.connect()?;
        self.head(&mut stream, "POST", BUNDLE, length)?;
        let sent = copy(&mut from, &mut stream, length);
        // A refused upload is often answered before it is whole: the answer counts.
        let mut answer = match (Head::read(stream), sent) {
            (Ok(answer), _) => answer,
            (Err(_), Err(error)) => return Err(Trouble::Line(error)),
            (Err(trouble), Ok(())) => return Err(trouble),
        };
        let body = answer.json()?;
        if answer.status == 200 { Ok(body) } else { Err(Trouble::Refused(body)) }
    }

    fn connect(&self) -> Result<TcpStream, Trouble> {
        let stream = TcpStream::connect_timeout(&self.address, CONNECT)
            .map_err(|error| Trouble::Unreachable(self.address, error))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn head(
        &self,
        stream: &mut TcpStream,
        method: &str,
        path: &str,
        length: u64,
    ) -> Result<(), Trouble> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{}connection: close\r\n\
             content-length: {length}\r\n\r\n",
            self.address,
            bearer(self.token.as_deref())
        );
        Ok(stream.write_all(head.as_bytes())?)
    }
}

/// Parameters as a query, whatever characters they have.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |text: &str| -> String {
        let byte = |byte: u8| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

/// The two sentences of an answer or a refusal.
fn words(answer: &Value) -> String {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    match answer.get("error") {
        Some(error) => format!("{}\n{}", text(error, "message_vi"), text(error, "message_en")),
        None => format!("{}\n{}", text(answer, "words_vi"), text(answer, "words_en")),
    }
}

/// The head of an answer, and what follows it.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    length: Option<u64>,
    body: BufReader<TcpStream>,
}

impl Head {
    fn read(stream: TcpStream) -> Result<Self, Trouble> {
        let mut body = BufReader::new(stream);
        let status = line(&mut body)?;
        let status = status.split(' ').nth(1).and_then(|word| word.parse().ok());
        let mut headers = Vec::new();
        for _ in 0..HEAD.0 {
            let text = line(&mut body)?;
            let Some((name, value)) = text.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut head = Self { status: status.ok_or(Trouble::Answer)?, headers, length: None, body };
        head.length = head.header("content-length").and_then(|text| text.parse().ok());
        Ok(head)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The answer, if it is not a no.
    fn success(mut self, limit: u64) -> Result<Value, Trouble> {
        let body = self.json_within(limit)?;
        if (200..300).contains(&self.status) { Ok(body) } else { Err(Trouble::Refused(body)) }
    }

    fn json(&mut self) -> Result<Value, Trouble> {
        self.json_within(ANSWER_BYTES)
    }

    fn json_within(&mut self, limit: u64) -> Result<Value, Trouble> {
        let length = self.length.unwrap_or_default().min(limit);
        let mut bytes = Vec::new();
        (&mut self.body).take(length).read_to_end(&mut bytes)?;
        serde_json::from_slice(&bytes).map_err(|_| Trouble::Answer)
    }
}

fn line(from: &mut BufReader<TcpStream>) -> Result<String, Trouble> {
    let mut text = String::new();
    from.take(HEAD.1).read_line(&mut text)?;
    if !text.ends_with('\n') {
        return Err(Trouble::Line(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(text.trim_end().to_owned())
}

/// Copies exactly `length` bytes, with a line of progress for whoever waits at a terminal.
fn copy(from: &mut impl Read, to: &mut impl Write, length: u64) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let (mut done, mut shown) = (0, 0);
    let told = length >= SHOWN && io::stderr().is_terminal();
    while done < length {
        let room = buffer.len().min(usize::try_from(length - done).unwrap_or(usize::MAX));
        let count = from.read(&mut buffer[..room])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended too early"));
        }
        to.write_all(&buffer[..count])?;
        done += count as u64;
        if told && (done - shown >= SHOWN / 4 || done == length) {
            shown = done;
            let end = if done == length { "\n" } else { "" };
            // Only a sign of life.
            let _ = write!(io::stderr(), "\r{} / {} MB{end}", done >> 20, length >> 20);
        }
    }
    Ok(())
}
