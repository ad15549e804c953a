//! The lying end of a link.

use anyhow::{Context, bail};
use motcua_core::{
    id::Hash,
    key::PublicKey,
    replica::{Channel, Control, Data, Hello, ScanMessage, VERSIONS, Welcome},
    state::rows::Cursor,
    time::Timestamp,
    trust::HubRecord,
};
use motcua_shell::{
    identity::Identity,
    transport::{
        Carrier, Credentials, Dialed, Endpoint, LinkSink, LinkWriter, Settings, TrustHandle,
    },
};
use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    runtime::Runtime,
    sync::{Semaphore, watch},
};

/// Longest wait for anything a hub does at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that came, on all of a peer's links.
#[derive(Debug, Default)]
pub struct Heard {
    /// Messages by channel.
    pub messages: Vec<(Channel, Vec<u8>)>,
}

/// Whether a peer takes what is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadsNothing {
    /// It reads.
    No,
    /// It never does, so that everything for it stays with the hub.
    Yes,
}

/// A machine of an office, with a loop of its own in place of the replica.
pub struct Peer {
    /// Its papers.
    pub identity: Identity,
    ear: Ear,
    endpoint: Endpoint<Ear>,
    hub: HubRecord,
    runtime: Runtime,
}

/// A link of it.
pub struct Line {
    writer: LinkWriter,
    dialed: Dialed,
}

#[derive(Clone)]
struct Ear {
    heard: Arc<Mutex<Heard>>,
    writers: Arc<Mutex<Vec<LinkWriter>>>,
    deaf: watch::Sender<bool>,
    links: Arc<AtomicUsize>,
    /// Kept low where only the cost is of interest.
    keeps: Arc<AtomicBool>,
}

impl LinkSink for Ear {
    type Link = ();

    fn link_up(
        &self,
        _: PublicKey,
        _: bool,
        _: Carrier,
        writer: LinkWriter,
    ) -> ((), Arc<Semaphore>) {
        self.links.fetch_add(1, SeqCst);
        lock(&self.writers).push(writer);
        ((), Arc::new(Semaphore::new(1)))
    }

    async fn message(&self, (): (), _: &Arc<Semaphore>, channel: Channel, bytes: Vec<u8>) {
        // The sender stands beside the receiver: it is never gone.
        let _ = self.deaf.subscribe().wait_for(|deaf| !deaf).await;
        if self.keeps.load(SeqCst) {
            lock(&self.heard).messages.push((channel, bytes));
        }
    }

    fn link_down(&self, link: Option<()>) {
        if link.is_some() {
            self.links.fetch_sub(1, SeqCst);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peer {
    /// The machine whose identity lies in a folder.
    ///
    /// # Errors
    /// If it does not load.
    pub fn new(data: &Path) -> anyhow::Result<Self> {
        let identity = Identity::load(data)?;
        let trust = TrustHandle::new(identity.trust.clone());
        let hub = identity.trust.hub_for(identity.bound()?.office).context("a hub")?.clone();
        let now = Timestamp(1_795_000_000_000);
        let credentials =
            Credentials::new(&identity.device, &identity.tls_chain, trust, Arc::new(move || now))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            // It is another machine than the hub's: where they share one, it goes last.
            .on_thread_start(|| {
                let _ = rustix::process::nice(19);
            })
            .enable_all()
            .build()?;
        let ear = Ear {
            heard: Arc::default(),
            writers: Arc::default(),
            deaf: watch::Sender::new(false),
            links: Arc::default(),
            keeps: Arc::new(AtomicBool::new(true)),
        };
        let endpoint = runtime.block_on(async {
            Endpoint::bind(None, credentials, ear.clone(), None, Settings::default())
        })?;
        Ok(Self { identity, ear, endpoint, hub, runtime })
    }

    /// From here on nothing that comes is kept, or not even read.
    pub fn only_sends(&self, reads: ReadsNothing) {
        self.ear.keeps.store(false, SeqCst);
        self.ear.deaf.send_replace(reads == ReadsNothing::Yes);
    }

    /// Dials; nothing is said yet.
    ///
    /// # Errors
    /// Why there is no link.
    pub fn dial(&self) -> anyhow::Result<Line> {
        let before = lock(&self.ear.writers).len();
        let dialed = self.runtime.block_on(self.endpoint.dial(self.hub.clone()))?;
        let writer =
            crate::patience::until(PATIENCE, || lock(&self.ear.writers).get(before).cloned());
        Ok(Line { writer: writer.context("a link without an end")?, dialed })
    }

    /// Dials and introduces itself honestly; what the hub answered.
    ///
    /// # Errors
    /// If it does not answer with a welcome.
    pub fn greet(&self) -> anyhow::Result<(Line, Welcome)> {
        let line = self.dial()?;
        let after = lock(&self.ear.heard).messages.len();
        line.say(&Control::Hello(Box::new(self.hello())));
        let welcome = self.wait(after, |message| match message {
            Control::Welcome(welcome) => Some(*welcome),
            _ => None,
        });
        Ok((line, welcome.context("no welcome")?))
    }

    /// What an honest machine that has nothing would say first.
    pub fn hello(&self) -> Hello {
        Hello {
            versions: VERSIONS,
            features: 0,
            domain: self.identity.trust.domain(),
            binding: self.identity.binding.encode(),
            heads: Hash([1; 32]),
            cursor: Cursor::default(),
            trust: self.identity.trust.numbers(),
            clock: Timestamp(1_795_000_000_000),
            software: "liar".into(),
            acknowledged: None,
        }
    }

    /// How many messages have come so far.
    pub fn heard(&self) -> usize {
        lock(&self.ear.heard).messages.len()
    }

    /// The first control message behind a place that `wanted` picks.
    pub fn wait<T>(&self, after: usize, wanted: impl Fn(Control) -> Option<T>) -> Option<T> {
        crate::patience::until(PATIENCE, || {
            let heard = lock(&self.ear.heard);
            let control =
                heard.messages.iter().skip(after).filter(|(at, _)| *at == Channel::Control);
            control.filter_map(|(_, bytes)| postcard::from_bytes(bytes).ok()).find_map(&wanted)
        })
    }

    /// Everything is read and kept again.
    pub fn hears(&self) {
        self.ear.keeps.store(true, SeqCst);
        self.ear.deaf.send_replace(false);
    }

    /// Everything that has come so far.
    pub fn peek(&self) -> Vec<(Channel, Vec<u8>)> {
        lock(&self.ear.heard).messages.clone()
    }

    /// Everything that has come, taken away.
    pub fn take(&self) -> Vec<(Channel, Vec<u8>)> {
        std::mem::take(&mut lock(&self.ear.heard).messages)
    }

    /// Waits until the hub has ended a link; why, as it said.
    ///
    /// # Errors
    /// If it does not.
    pub fn ended(&self, line: Line) -> anyhow::Result<String> {
        let ended = async { tokio::time::timeout(PATIENCE, line.dialed.ended).await };
        match self.runtime.block_on(ended) {
            Ok(Ok(end)) => Ok(end.to_string()),
            Ok(Err(_)) => Ok("gone".into()),
            Err(_) => bail!("the hub keeps the link"),
        }
    }

    /// Links that are up.
    pub fn links(&self) -> usize {
        self.ear.links.load(SeqCst)
    }
}

impl Line {
    /// On the control channel.
    pub fn say(&self, message: &Control) {
        self.raw(Channel::Control, postcard::to_stdvec(message).unwrap_or_default());
    }

    /// On the data channel.
    pub fn send(&self, message: &Data) {
        self.raw(Channel::Data, postcard::to_stdvec(message).unwrap_or_default());
    }

    /// On the channel of scans.
    pub fn scan(&self, message: &ScanMessage) {
        self.raw(Channel::Scan, postcard::to_stdvec(message).unwrap_or_default());
    }

    /// Any bytes as a message.
    pub fn raw(&self, channel: Channel, bytes: Vec<u8>) {
        self.writer.send(channel, bytes);
    }

    /// Ends it.
    pub fn close(self) {
        self.writer.close("enough".into());
    }
}
