//! Answers the recovery ALPN within bounds: whoever calls may be anybody.

use super::{RecoveryService, RecoverySession, refused};
use crate::{
    rate::{Rate, SourceRates},
    transport::stopped,
};
use motcua_core::{
    limits,
    trust::enrol::{RecoveryReply, RecoveryRequest, RefusalCode},
};
use quinn::{Connection, Incoming, ReadToEndError, RecvStream, SendStream, VarInt};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// Connections at once. Each holds at most one request and one reply.
const CONNECTIONS: usize = 64;
/// How long an admitted one may: a trust store of a megabyte over 2G.
const ADMITTED_LIFETIME: Duration = Duration::from_secs(300);
/// Requests of one address. A district's offices may share one, behind a translating router, and
/// each needs two requests; a stranger gains nothing by asking.
const REQUESTS_EACH: Rate = Rate { burst: 128, per_second: 8.0 };
/// Requests of all: a request costs the hub at most three signature checks and two signatures, so
/// this is a few per cent of one core.
const REQUESTS_ALL: Rate = Rate { burst: 1024, per_second: 128.0 };
/// Connections of one address: a machine needs one.
const CONNECTIONS_EACH: Rate = Rate { burst: 96, per_second: 4.0 };
/// Connections of all: each costs the hub a key exchange and a signature.
const CONNECTIONS_ALL: Rate = Rate { burst: 512, per_second: 64.0 };
/// Addresses remembered.
const SOURCES: usize = 4096;

/// Answers QUIC callers until told to stop.
pub(crate) async fn run(
    endpoint: quinn::Endpoint,
    desk: Arc<Desk>,
    mut stop: watch::Receiver<bool>,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            Some(_) = tasks.join_next() => {}
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => Arc::clone(&desk).admit(incoming, &mut tasks),
                None => return,
            },
        }
    }
}

/// Answers callers, over QUIC here and over TCP in `over_tcp`; the bounds are those of both
/// together.
pub(crate) struct Desk {
    /// TLS in which TCP callers are answered.
    pub(crate) tls: Arc<rustls::ServerConfig>,
    /// How long a caller that has shown nothing may stay.
    pub(super) lifetime: Duration,
    service: Arc<dyn RecoveryService>,
    slots: Arc<Semaphore>,
    connections: Mutex<SourceRates>,
    requests: Mutex<SourceRates>,
}

impl Desk {
    pub(crate) fn new(
        service: Arc<dyn RecoveryService>,
        tls: rustls::ServerConfig,
        lifetime: Duration,
    ) -> Self {
        let now = Instant::now();
        let rates = |each, all| Mutex::new(SourceRates::new(each, all, SOURCES, now));
        Self {
            tls: Arc::new(tls),
            lifetime,
            service,
            slots: Arc::new(Semaphore::new(CONNECTIONS)),
            connections: rates(CONNECTIONS_EACH, CONNECTIONS_ALL),
            requests: rates(REQUESTS_EACH, REQUESTS_ALL),
        }
    }

    /// Room for one caller whose address is proven; none if there are too many.
    pub(crate) fn slot(&self, remote: SocketAddr) -> Option<OwnedSemaphorePermit> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
        let slot = slot.filter(|_| allow(&self.connections, remote.ip()));
        if slot.is_none() {
            tracing::debug!(%remote, "recovery caller refused: too many");
        }
        slot
    }

    fn admit(self: Arc<Self>, incoming: Incoming, tasks: &mut JoinSet<()>) {
        let remote = incoming.remote_address();
        // The address proves itself first: then rates by address mean something, and a forged one
        // gets no more bytes than it sends.
        if incoming.may_retry() && !incoming.remote_address_validated() {
            if let Err(error) = incoming.retry() {
                error.into_incoming().refuse();
            }
            return;
        }
        match self.slot(remote) {
            Some(slot) => drop(tasks.spawn(self.converse(incoming, slot))),
            None => incoming.refuse(),
        }
    }

    async fn converse(self: Arc<Self>, incoming: Incoming, _slot: OwnedSemaphorePermit) {
        let start = Instant::now();
        let remote = incoming.remote_address();
        let Ok(connecting) = incoming.accept() else { return };
        let Ok(Ok(connection)) = timeout_at(start + self.lifetime, connecting).await else {
            return tracing::debug!(%remote, "recovery caller did not shake hands");
        };
        let mut session = RecoverySession::new(remote.ip().to_canonical());
        loop {
            let answered = self.answer_one(&connection, &mut session, start).await;
            if let Err(end) = answered {
                tracing::debug!(%remote, end, "recovery caller gone");
                return connection.close(VarInt::from_u32(0), end.as_bytes());
            }
        }
    }

    async fn answer_one(
        &self,
        connection: &Connection,
        session: &mut RecoverySession,
        start: Instant,
    ) -> Result<(), &'static str> {
        let request = async {
            let (send, receive) = connection.accept_bi().await.map_err(|_| "ended")?;
            // A caller that is gone frees its slot, and its key, at once.
            tokio::select! {
                biased;
                _ = connection.closed() => Err("gone"),
                reply = self.reply(receive, session) => Ok((send, reply?)),
            }
        };
        let (send, reply) =
            timeout_at(start + self.lifetime, request).await.map_err(|_| "time is up")??;
        timeout_at(self.end_of_reply(start, session), write(send, &reply))
            .await
            .map_err(|_| "time is up")?
    }

    async fn reply(
        &self,
        mut receive: RecvStream,
        session: &mut RecoverySession,
    ) -> Result<RecoveryReply, &'static str> {
        let bytes = match receive.read_to_end(limits::RECOVERY_BYTES).await {
            Ok(bytes) => bytes,
            Err(ReadToEndError::TooLong) => return Ok(refused(RefusalCode::BadRequest)),
            Err(ReadToEndError::Read(_)) => return Err("request cut short"),
        };
        Ok(self.answer(&bytes, session).await)
    }

    /// By when a reply must have been taken.
    pub(super) fn end_of_reply(&self, start: Instant, session: &RecoverySession) -> Instant {
        start + if session.is_admitted() { ADMITTED_LIFETIME } else { self.lifetime }
    }

    /// The answer to one request, whatever carried it.
    pub(super) async fn answer(
        &self,
        bytes: &[u8],
        session: &mut RecoverySession,
    ) -> RecoveryReply {
        if !allow(&self.requests, session.remote) {
            return refused(RefusalCode::Busy);
        }
        match RecoveryRequest::decode(bytes) {
            Ok(request) => self.service.handle(request, session).await,
            Err(error) => {
                tracing::debug!(remote = %session.remote, %error, "recovery request not read");
                refused(RefusalCode::BadRequest)
            }
        }
    }
}

fn allow(rates: &Mutex<SourceRates>, source: IpAddr) -> bool {
    rates.lock().unwrap_or_else(PoisonError::into_inner).allow(source, Instant::now())
}

/// Ends when the caller's machine has it all.
async fn write(mut send: SendStream, reply: &RecoveryReply) -> Result<(), &'static str> {
    send.write_all(&reply.encode()).await.map_err(|_| "reply not taken")?;
    send.finish().map_err(|_| "reply not taken")?;
    send.stopped().await.map(drop).map_err(|_| "reply not taken")
}
