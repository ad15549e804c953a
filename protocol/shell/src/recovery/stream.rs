//! Answers the recovery ALPN over TCP, within the bounds of [`serve`](super::serve).

use super::{
    RecoverySession,
    framing::{self, Frame},
    refused,
    serve::Desk,
};
use motcua_core::{
    limits,
    trust::enrol::{RecoveryReply, RefusalCode},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::server::TlsStream;

/// How long a caller that is being left may take to end its side. A socket that is closed with
/// unread bytes makes the system throw away what it had not sent yet.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes of what it still says that are read, at once.
const REST: usize = 4 * 1024;

impl Desk {
    /// Answers one caller to its end.
    pub(crate) async fn over_tcp(
        self: Arc<Self>,
        shaking: impl Future<Output = io::Result<TlsStream<TcpStream>>>,
        remote: SocketAddr,
        _slot: OwnedSemaphorePermit,
    ) {
        let start = Instant::now();
        let Ok(Ok(mut stream)) = timeout_at(start + self.lifetime, shaking).await else {
            return tracing::debug!(%remote, "recovery caller did not shake hands");
        };
        // Unlike QUIC, TLS alone lets a caller pass that names no protocol at all.
        if stream.get_ref().1.alpn_protocol().is_none() {
            return tracing::debug!(%remote, "recovery caller named no protocol");
        }
        let mut session = RecoverySession::new(remote.ip().to_canonical());
        let end = loop {
            if let Err(end) = self.answer_one_of(&mut stream, &mut session, start).await {
                break end;
            }
        };
        tracing::debug!(%remote, end, "recovery caller gone");
        let farewell = async {
            stream.shutdown().await?;
            let mut rest = [0; REST];
            while stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(FAREWELL, farewell).await;
    }

    async fn answer_one_of(
        &self,
        stream: &mut TlsStream<TcpStream>,
        session: &mut RecoverySession,
        start: Instant,
    ) -> Result<(), &'static str> {
        let request = async {
            let frame = framing::read(stream, limits::RECOVERY_BYTES).await.map_err(|_| "ended")?;
            let Frame::Whole(bytes) = frame else {
                return Ok((refused(RefusalCode::BadRequest), Err("request too long")));
            };
            // A caller that is gone frees its slot, and its key, at once; one that does not wait for
            // its answer is none of ours.
            let mut early = [0];
            tokio::select! {
                biased;
                _ = stream.read(&mut early) => Err("gone"),
                reply = self.answer(&bytes, session) => Ok((reply, Ok(()))),
            }
        };
        let request: Result<(RecoveryReply, Result<(), &'static str>), &'static str> =
            timeout_at(start + self.lifetime, request).await.map_err(|_| "time is up")?;
        let (reply, then) = request?;
        let reply = reply.encode();
        let writing = framing::write(stream, &reply);
        let wrote = timeout_at(self.end_of_reply(start, session), writing).await;
        wrote.map_err(|_| "time is up")?.map_err(|_| "reply not taken")?;
        then
    }
}
