//! Dials a machine of the same office over the local network. Its key is not known before: any
//! machine of this city that is not denied may answer, and whether it is one of this office is
//! judged by what it says next, before anything is sent to it. QUIC only: a local network that
//! blocks it is the office's own.

use super::{
    Attempt, Carrier, Endpoint, LinkEnd, LinkSink, accept::peer_key, link::Open, settings::Side,
    tls,
};
use crate::certificate::server_name;
use motcua_core::{id::NodeId, key::PublicKey};
use std::sync::Arc;
use tokio::{net::lookup_host, sync::oneshot, time::timeout};

/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

impl<S: LinkSink> Endpoint<S> {
    /// Dials, hands the link to the sink, and gives the key that answered and how the link ends.
    ///
    /// # Errors
    /// [`Attempt`] of the last address tried.
    pub async fn dial_beside(
        &self,
        address: &str,
    ) -> Result<(PublicKey, oneshot::Receiver<LinkEnd>), Attempt> {
        let dialer = &self.dialer;
        let patience = dialer.settings.handshake_timeout;
        let found = match timeout(patience, lookup_host(address)).await {
            Ok(found) => found.map_err(Attempt::Name)?,
            Err(_) => return Err(Attempt::NameSilent),
        };
        let tls = tls::beside_client(&dialer.credentials)
            .map_err(|error| Attempt::Streams(error.to_string()))?;
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls)
            .map_err(|error| Attempt::Streams(error.to_string()))?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(dialer.settings.transport(Side::Dials));
        let mut last = Attempt::Silent(Carrier::Quic);
        for remote in found.take(ADDRESSES) {
            let shaking = async {
                // The name is not sent; the certificate is judged by its key and its issuer.
                let name = server_name(NodeId::ZERO);
                let connecting = dialer.data.connect_with(config.clone(), remote, &name)?;
                let connection = connecting.await.map_err(Attempt::Handshake)?;
                let nobody = || Attempt::Streams("it showed no device key".into());
                let key = peer_key(&connection).ok_or_else(nobody)?;
                let open = Open::dialed(connection, key).await;
                open.map(|open| (key, open)).map_err(|error| Attempt::Streams(error.to_string()))
            };
            match timeout(patience, shaking).await {
                Ok(Ok((key, open))) => return Ok((key, self.carry_beside(open))),
                Ok(Err(attempt)) => last = attempt,
                Err(_) => last = Attempt::Silent(Carrier::Quic),
            }
        }
        Err(last)
    }

    fn carry_beside(&self, open: Open) -> oneshot::Receiver<LinkEnd> {
        let (end, ended) = oneshot::channel();
        let dialer = Arc::clone(&self.dialer);
        let mut tasks = self.dialer.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let stop = dialer.stop.subscribe();
            let how = open.run(dialer.sink.clone(), &dialer.settings, stop).await;
            // Whoever dialled may have gone.
            let _ = end.send(how);
        });
        ended
    }
}
