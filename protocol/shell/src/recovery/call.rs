//! A machine's connection to a hub's recovery ALPN: QUIC and TCP against each other, as for links.

use super::{
    client::EnrolError,
    framing::{self, Frame},
};
use crate::{
    certificate::server_name,
    transport::{
        Attempt, Attempts, Carrier, Failed, Settings, accept::peer_key, dialing_endpoint, race,
        reach, settings::Side, tcp, tls,
    },
};
use motcua_core::{key::PublicKey, limits};
use quinn::{Connection, VarInt};
use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;

/// One address may take this long to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The end of a call may take this long to be told.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection to a hub.
pub(crate) struct Call {
    line: Line,
    /// The key that answered.
    pub(super) hub: PublicKey,
}

enum Line {
    /// The endpoint ends with the call.
    Quic(quinn::Endpoint, Connection),
    Tcp(Box<TlsStream<TcpStream>>),
}

impl Call {
    /// Dials both ways, `first` with the head start.
    pub(super) async fn connect(
        first: Carrier,
        pin: Option<PublicKey>,
        expected: PublicKey,
        addresses: &[String],
    ) -> Result<Self, EnrolError> {
        let dialer = Dialer::new(pin, expected)?;
        let head_start = Settings::default().head_start;
        let (one, two) = (dialer.reach(addresses, first), dialer.reach(addresses, first.other()));
        let reached = race(head_start, one, two).await;
        let (call, _) = reached.map_err(|attempts| EnrolError::Unreachable {
            hub: expected,
            tried: Attempts(&attempts).to_string(),
        })?;
        Ok(call)
    }

    /// As [`Self::connect`], one way only.
    #[cfg(test)]
    pub(crate) async fn by(
        carrier: Carrier,
        pin: Option<PublicKey>,
        expected: PublicKey,
        addresses: &[String],
    ) -> Result<Self, Failed> {
        let dialer = Dialer::new(pin, expected).map_err(|_| Failed::new())?;
        dialer.reach(addresses, carrier).await.map(|(call, _)| call)
    }

    /// One request and its reply.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, String> {
        match &mut self.line {
            Line::Quic(_, connection) => over_quic(connection, request).await,
            Line::Tcp(stream) => over_tcp(stream, request).await,
        }
    }

    /// Tells the hub that the slot is free.
    pub(super) async fn done(self) {
        // Best effort: the hub finds out by itself.
        match self.line {
            Line::Quic(endpoint, connection) => {
                connection.close(VarInt::from_u32(0), b"done");
                let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
            }
            Line::Tcp(mut stream) => {
                let _ = timeout(FAREWELL, stream.shutdown()).await;
            }
        }
    }
}

struct Dialer {
    endpoint: quinn::Endpoint,
    quic: quinn::ClientConfig,
    tcp: Arc<rustls::ClientConfig>,
    expected: PublicKey,
}

impl Dialer {
    fn new(pin: Option<PublicKey>, expected: PublicKey) -> Result<Self, EnrolError> {
        let machine = |error: &dyn fmt::Display| EnrolError::Machine(error.to_string());
        let tls = tls::recovery_client(pin).map_err(|error| machine(&error))?;
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls.clone())
            .map_err(|error| machine(&error))?;
        let mut quic = quinn::ClientConfig::new(Arc::new(crypto));
        quic.transport_config(Settings::default().transport(Side::Dials));
        let endpoint =
            dialing_endpoint(quinn::EndpointConfig::default()).map_err(|error| machine(&error))?;
        Ok(Self { endpoint, quic, tcp: Arc::new(tls), expected })
    }

    async fn reach(
        &self,
        addresses: &[String],
        carrier: Carrier,
    ) -> Result<(Call, SocketAddr), Failed> {
        reach(addresses, carrier, HANDSHAKE, |remote| self.shake_hands(remote, carrier)).await
    }

    async fn shake_hands(&self, remote: SocketAddr, carrier: Carrier) -> Result<Call, Attempt> {
        if carrier == Carrier::Tcp {
            let config = Arc::clone(&self.tcp);
            let shaking = tcp::shake_hands(config, self.expected, remote, tls::RECOVERY_ALPN);
            let (stream, hub) = shaking.await?;
            return Ok(Call { line: Line::Tcp(Box::new(stream)), hub });
        }
        let name = server_name(self.expected.node_id());
        let connecting = self.endpoint.connect_with(self.quic.clone(), remote, &name)?;
        let connection = connecting.await.map_err(Attempt::Handshake)?;
        let nobody = || Attempt::Streams("it showed no device key".to_owned());
        let hub = peer_key(&connection).ok_or_else(nobody)?;
        Ok(Call { line: Line::Quic(self.endpoint.clone(), connection), hub })
    }
}

async fn over_quic(connection: &Connection, request: &[u8]) -> Result<Vec<u8>, String> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(|error| error.to_string())?;
    send.write_all(request).await.map_err(|error| error.to_string())?;
    send.finish().map_err(|error| error.to_string())?;
    receive.read_to_end(limits::RECOVERY_REPLY_BYTES).await.map_err(|error| error.to_string())
}

async fn over_tcp(stream: &mut TlsStream<TcpStream>, request: &[u8]) -> Result<Vec<u8>, String> {
    framing::write(stream, request).await.map_err(|error| error.to_string())?;
    match framing::read(stream, limits::RECOVERY_REPLY_BYTES).await {
        Ok(Frame::Whole(bytes)) => Ok(bytes),
        Ok(Frame::TooLong) => Err("the answer is longer than any may be".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
