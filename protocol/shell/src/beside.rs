//! Machines of one office: listens on the local network, and keeps a link to every machine that
//! the settings list, hub or no hub.

use crate::{
    driver::{Driver, Signal},
    engine::random,
    transport::{
        BindError, Carrier, Credentials, Endpoint, LinkSink, LinkWriter, Listen, Settings,
    },
};
use motcua_core::{
    key::PublicKey,
    replica::{Channel, LinkId},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet, time::sleep};

/// Where the other machines of the office are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Address on the local network for links from them; none listens without one.
    pub listen: Option<SocketAddr>,
    /// Their addresses.
    pub peers: Vec<String>,
}

/// First and longest pause before a machine is dialled again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(10));

/// The links to them.
pub struct Neighbours {
    endpoint: Arc<Endpoint<Sink>>,
    dialing: JoinSet<()>,
}

impl Neighbours {
    /// Listens and dials. None if the office has one machine.
    ///
    /// # Errors
    /// [`BindError`] naming the address.
    pub fn start(
        beside: &Beside,
        credentials: Credentials,
        driver: Driver,
        own: PublicKey,
        settings: Settings,
    ) -> Result<Option<Self>, BindError> {
        if beside.listen.is_none() && beside.peers.is_empty() {
            return Ok(None);
        }
        let listen = beside.listen.map(Listen::from);
        let endpoint = Endpoint::bind(listen, credentials.beside(), Sink(driver), None, settings)?;
        let endpoint = Arc::new(endpoint);
        let mut dialing = JoinSet::new();
        for peer in beside.peers.clone() {
            dialing.spawn(keep_dialing(Arc::clone(&endpoint), peer, own));
        }
        Ok(Some(Self { endpoint, dialing }))
    }

    /// Ends the links.
    pub async fn stop(mut self) {
        self.dialing.shutdown().await;
        self.endpoint.close().await;
    }
}

async fn keep_dialing(endpoint: Arc<Endpoint<Sink>>, address: String, own: PublicKey) {
    let mut pause = PAUSE.0;
    loop {
        match endpoint.dial_beside(&address).await {
            Ok((key, _)) if key == own => {
                tracing::error!(%address, "this address of `siblings` is this machine itself");
                return;
            }
            Ok((key, ended)) => {
                tracing::info!(%address, node = %key.node_id(), "linked with the machine beside");
                pause = PAUSE.0;
                let _ = ended.await;
            }
            Err(attempt) => tracing::debug!(%address, %attempt, "machine beside not reached"),
        }
        let part = u32::from(random::<1>()[0]) + 128;
        sleep(pause * part / 256).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Links of this kind are told to the driver as what they are.
#[derive(Clone)]
struct Sink(Driver);

impl LinkSink for Sink {
    type Link = LinkId;

    fn link_up(
        &self,
        peer: PublicKey,
        _dialed: bool,
        carrier: Carrier,
        writer: LinkWriter,
    ) -> (LinkId, Arc<Semaphore>) {
        self.0.sibling_up(peer, carrier, writer)
    }

    async fn message(&self, link: LinkId, room: &Arc<Semaphore>, channel: Channel, bytes: Vec<u8>) {
        self.0.message(link, room, channel, bytes).await;
    }

    fn link_down(&self, link: Option<LinkId>) {
        // A dial that came to nothing is no news for the replica, which did not ask for it.
        if link.is_some() {
            self.0.signal(Signal::LinkDown(link));
        }
    }
}
