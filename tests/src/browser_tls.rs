//! A browser's half of TLS: it trusts one root, asks for a name, and goes no further if the certificate will
//! not do.

use crate::http::{Answer, parse};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, version::TLS13};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use socket2::{Domain, Socket, Type};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// A connection that comes from another address of this machine.
///
/// # Errors
/// What the system says.
pub fn connect_from(source: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&source.into())?;
    socket.connect_timeout(&to.into(), Duration::from_secs(10))?;
    Ok(socket.into())
}

/// One PC of the office.
#[derive(Debug, Clone)]
pub struct Pc {
    config: Arc<ClientConfig>,
    address: SocketAddr,
}

impl Pc {
    /// That trusts the root in a PEM file and asks for every name at one address.
    ///
    /// # Errors
    /// If the file is no certificate.
    pub fn trusting(root: &Path, address: SocketAddr) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(root)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), address })
    }

    /// One request to `name`, with the `host` and other lines of `head` as they are given.
    ///
    /// # Errors
    /// What the socket says, or why the certificate will not do.
    pub fn send(&self, name: &str, start: &str, head: &[&str], body: &str) -> io::Result<Answer> {
        let patience = Some(Duration::from_secs(10));
        let server = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let connection =
            ClientConnection::new(Arc::clone(&self.config), server).map_err(io::Error::other)?;
        let tcp = TcpStream::connect_timeout(&self.address, Duration::from_secs(10))?;
        tcp.set_read_timeout(patience)?;
        tcp.set_write_timeout(patience)?;
        let mut stream = StreamOwned::new(connection, tcp);
        let lines: String = head.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        write!(
            stream,
            "{start} HTTP/1.1\r\n{lines}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )?;
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        match (parse(&bytes), read) {
            (Some(answer), _) => Ok(answer),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// `GET path`, as the address line has it.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn get(&self, name: &str, path: &str) -> io::Result<Answer> {
        let host = format!("host: {name}:{}", self.address.port());
        self.send(name, &format!("GET {path}"), &[&host], "")
    }
}
