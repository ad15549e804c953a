//! A small HTTP/1.1 client over one TCP stream per request: nothing waits without a bound, and an
//! answer that was cut off is an error, never half an answer.

use serde_json::Value;
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `Null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// One server.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Where it listens.
    pub address: SocketAddr,
    /// How long connecting, and each read and write, may take.
    pub patience: Duration,
    /// Token that every request bears, in hexadecimal digits.
    pub token: Option<[u8; 64]>,
}

/// An answer larger than this is refused.
const BODY_LIMIT: usize = 64 << 20;

impl Client {
    /// A client that waits ten seconds at most.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, patience: Duration::from_secs(10), token: None }
    }

    /// The same with another bound.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same without a token.
    pub fn anonymous(self) -> Self {
        Self { token: None, ..self }
    }

    /// `GET path`.
    ///
    /// # Errors
    /// What the socket says, or an answer that is no HTTP.
    pub fn get(&self, path: &str) -> io::Result<Answer> {
        self.send("GET", path, &[], b"")
    }

    /// `POST path` with a JSON body.
    ///
    /// # Errors
    /// What the socket says, or an answer that is no HTTP.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> io::Result<Answer> {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.send("POST", path, &all, body.to_string().as_bytes())
    }

    /// Any request with any bytes; a server may answer and close before it has read all of them.
    ///
    /// # Errors
    /// What the socket says, or an answer that is no HTTP.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&self.address, self.patience)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        stream.set_nodelay(true)?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if let Some(token) = &self.token {
            head.push_str(&format!("authorization: Bearer {}\r\n", String::from_utf8_lossy(token)));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        let sent = stream.write_all(&request);
        let mut bytes = Vec::new();
        let read = stream.take(BODY_LIMIT as u64).read_to_end(&mut bytes);
        match parse(&bytes) {
            // A refused upload is often answered, then reset: the answer is there all the same.
            Some(answer) => Ok(answer),
            None => {
                sent?;
                read?;
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer was cut off"))
            }
        }
    }
}

/// An answer from its bytes; none if it was cut off.
pub fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let rest = &bytes[end + 4..];
    let value = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let body = match (value("content-length"), value("transfer-encoding")) {
        (Some(length), _) => rest.get(..length.parse().ok()?)?.to_vec(),
        (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => unchunk(rest)?,
        (None, _) => rest.to_vec(),
    };
    Some(Answer { status, headers, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let length = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn whole_answers_are_read_and_cut_ones_are_not() {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello";
        let answer = parse(whole).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (201, "hello"));
        assert!(answer.headers.contains(&("x-a".into(), "b".into())));
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut]).is_none(), "cut at {cut}");
        }
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap().text(), "abcde");
        assert!(parse(&chunked[..chunked.len() - 6]).is_none());
    }
}
