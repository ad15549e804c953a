//! The machine's side: joins with a bundle, or comes back with its key. Nothing is kept until all
//! of it is checked, so it may be cut anywhere and begun again.

use super::call::Call;
use crate::{
    certificate::device_key_of,
    transport::{
        Carrier,
        tls::{self, TrustHandle},
    },
};
use motcua_core::{
    id::{DomainId, Nonce},
    key::{PublicKey, Purpose, SecretKey},
    time::Timestamp,
    trust::{
        HubRecord, JoinBundle, JoinToken, Signed, SignedRoot, TrustError, TrustView,
        enrol::{RecoveryReply, RecoveryRequest, RefusalCode, prove, time_message},
    },
};
use std::time::Duration;
use tokio::time::timeout;

/// One small reply may take this long.
const REPLY: Duration = Duration::from_secs(15);
/// The reply with the trust store, over the worst link.
const STORE: Duration = Duration::from_secs(300);
/// What a machine has after joining or coming back; checked up to the root.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The signed binding of this machine's key.
    pub binding: Signed,
    /// TLS certificates, DER, the device's first.
    pub certificate_chain: Vec<Vec<u8>>,
    /// Trust documents.
    pub trust: TrustView,
    /// The hub's clock, signed over this machine's nonce.
    pub hub_time: Timestamp,
}

/// Why a machine did not join or come back.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The bundle itself is wrong.
    #[error("the join bundle cannot be used: {0}")]
    Bundle(TrustError),
    /// No address led to the hub.
    #[error(
        "hub {hub} was not reached: {tried}; check the network, and that it lets UDP or TCP through \
         to these addresses"
    )]
    Unreachable {
        /// Device key of the hub.
        hub: PublicKey,
        /// Each address and what came of it.
        tried: String,
    },
    /// The connection ended on the way; nothing is lost by trying again.
    #[error("the connection to the hub broke ({0}); try again, nothing is lost")]
    Cut(String),
    /// The hub said no.
    #[error("the hub refused ({code}): {words}")]
    Refused {
        /// [`RefusalCode`] as a number.
        code: u16,
        /// What to do.
        words: String,
    },
    /// The hub serves another part of the city; it knows this machine and handed out its documents.
    #[error("the hub does not serve this office")]
    Elsewhere(Box<TrustView>),
    /// The hub answered what it may not.
    #[error("the hub's answer is not valid: {0}; report it to the city's operators")]
    Answer(String),
    /// A document in the answer does not hold.
    #[error("the hub's answer is not valid: {0}")]
    Trust(#[from] TrustError),
    /// The machine gave no random bytes or no socket.
    #[error("this machine cannot call the hub: {0}")]
    Machine(String),
}

impl EnrolError {
    /// Whether trying again later may help without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Cut(_) | Self::Machine(_) => true,
            Self::Refused { code, .. } => *code == RefusalCode::Busy as u16,
            Self::Bundle(_) | Self::Elsewhere(_) | Self::Answer(_) | Self::Trust(_) => false,
        }
    }
}

/// Joins with a bundle. To be repeated with the same device key until it answers: the hub gives the
/// same grant again.
///
/// # Errors
/// [`EnrolError`]; this machine's state is as before.
pub async fn enrol(bundle: &JoinBundle, device: &SecretKey) -> Result<Enrolment, EnrolError> {
    match enrol_by(Carrier::Quic, bundle, device).await {
        // Some filters let a handshake over UDP pass, and no more.
        Err(EnrolError::Cut(_)) => enrol_by(Carrier::Tcp, bundle, device).await,
        done => done,
    }
}

async fn enrol_by(
    first: Carrier,
    bundle: &JoinBundle,
    device: &SecretKey,
) -> Result<Enrolment, EnrolError> {
    let token = bundle.check().map_err(EnrolError::Bundle)?;
    let hub = bundle.hub_key;
    let mut call = Call::connect(first, Some(hub), hub, &bundle.hub_addresses).await?;
    let (challenge, hub_time) = call.hello(bundle.domain).await?;
    let request = RecoveryRequest::Enrol {
        token: bundle.token.clone(),
        key: device.public(),
        nonce: challenge,
        proof: prove(device, bundle.domain, challenge, token.id),
    };
    let granted = call.ask_for_grant(&request).await?;
    call.done().await;
    let trust = TrustView::from_peer(&granted.trust, bundle.root_pin)?;
    let enrolment = granted.check(device, trust, hub_time)?;
    as_promised(&enrolment, &token)?;
    Ok(enrolment)
}

/// Comes back: a new binding and certificate for a key that is bound, and whatever trust documents
/// are newer than `trust`. `binding` is the newest this machine holds.
///
/// The hub may have another key by now than this machine knows. It is asked all the same, because
/// what it is told is no secret and the proof is good for nothing else; its answer counts only if
/// the root documents, followed from those held here, name it as a hub.
///
/// # Errors
/// [`EnrolError`]; this machine's state is as before.
pub async fn renew(
    hub: &HubRecord,
    device: &SecretKey,
    binding: Option<&Signed>,
    trust: &TrustView,
) -> Result<Enrolment, EnrolError> {
    match renew_by(Carrier::Quic, hub, device, binding, trust).await {
        Err(EnrolError::Cut(_)) => renew_by(Carrier::Tcp, hub, device, binding, trust).await,
        done => done,
    }
}

async fn renew_by(
    first: Carrier,
    hub: &HubRecord,
    device: &SecretKey,
    binding: Option<&Signed>,
    trust: &TrustView,
) -> Result<Enrolment, EnrolError> {
    let mut call = Call::connect(first, None, hub.key, hub.recovery()).await?;
    let domain = trust.domain();
    let (challenge, hub_time) = call.hello(domain).await?;
    let request = RecoveryRequest::Renew {
        key: device.public(),
        binding: binding.cloned(),
        nonce: challenge,
        proof: prove(device, domain, challenge, Nonce::ZERO),
    };
    let granted = match call.ask_for_grant(&request).await {
        Err(EnrolError::Refused { code, .. }) if code == RefusalCode::OtherHub as u16 => {
            let newer = call.roots_after(trust).await;
            call.done().await;
            return Err(EnrolError::Elsewhere(Box::new(newer?)));
        }
        granted => granted?,
    };
    let answered = call.hub;
    call.done().await;
    let mut view = trust.clone();
    // One document that may not be taken does not void the others; the binding is judged by what
    // is then in force.
    if let Err(error) = view.adopt_all(&granted.trust) {
        tracing::error!(%error, "the hub handed out a trust document that may not be taken");
    }
    if !view.root().hubs.iter().any(|listed| listed.key == answered) {
        let words = format!("key {answered} is no hub of the root document in force");
        return Err(EnrolError::Answer(words));
    }
    granted.check(device, view, hub_time)
}

impl Call {
    async fn hello(&mut self, domain: DomainId) -> Result<(Nonce, Timestamp), EnrolError> {
        let mut asked = Nonce::ZERO;
        getrandom::fill(&mut asked.0).map_err(|error| EnrolError::Machine(error.to_string()))?;
        let reply = self.ask(&RecoveryRequest::Hello { nonce: asked }, REPLY).await?;
        let RecoveryReply::Challenge { nonce, time, signature } = reply else {
            return Err(unexpected(reply, "a challenge"));
        };
        let message = time_message(asked, nonce, time);
        if self.hub.verify(Purpose::Time, domain, &message, &signature) {
            Ok((nonce, time))
        } else {
            Err(EnrolError::Answer("its time is not signed by its key".to_owned()))
        }
    }

    async fn ask_for_grant(&mut self, request: &RecoveryRequest) -> Result<Granted, EnrolError> {
        match self.ask(request, STORE).await? {
            RecoveryReply::Enrolled { binding, certificate_chain, trust } => {
                Ok(Granted { binding, certificate_chain, trust })
            }
            reply => Err(unexpected(reply, "a binding")),
        }
    }

    /// The documents here with the root documents that this hub has beyond them.
    async fn roots_after(&mut self, trust: &TrustView) -> Result<TrustView, EnrolError> {
        let mut view = trust.clone();
        loop {
            let after = view.numbers().root;
            let reply = self.ask(&RecoveryRequest::Roots { after }, STORE).await?;
            let RecoveryReply::Roots { documents, more } = reply else {
                return Err(unexpected(reply, "root documents"));
            };
            for bytes in documents {
                view.adopt_root(SignedRoot::decode(&bytes)?)?;
            }
            if !more || view.numbers().root == after {
                return Ok(view);
            }
        }
    }

    async fn ask(
        &mut self,
        request: &RecoveryRequest,
        wait: Duration,
    ) -> Result<RecoveryReply, EnrolError> {
        let bytes = timeout(wait, self.exchange(&request.encode()))
            .await
            .map_err(|_| EnrolError::Cut("no answer in time".to_owned()))?
            .map_err(EnrolError::Cut)?;
        RecoveryReply::decode(&bytes).map_err(EnrolError::Trust)
    }
}

fn unexpected(reply: RecoveryReply, wanted: &str) -> EnrolError {
    match reply {
        RecoveryReply::Refused { code, words } => {
            // What a stranger says is shown, not obeyed.
            let words = words.chars().filter(|c| !c.is_control()).take(300).collect();
            EnrolError::Refused { code, words }
        }
        _ => EnrolError::Answer(format!("it was asked for {wanted} and sent something else")),
    }
}

struct Granted {
    binding: Signed,
    certificate_chain: Vec<Vec<u8>>,
    trust: Vec<u8>,
}

impl Granted {
    fn check(
        self,
        device: &SecretKey,
        trust: TrustView,
        hub_time: Timestamp,
    ) -> Result<Enrolment, EnrolError> {
        let wrong = |words: &str| Err(EnrolError::Answer(words.to_owned()));
        if trust.binding(&self.binding)?.key != device.public() {
            return wrong("the binding is for another device key");
        }
        let Some(leaf) = self.certificate_chain.first() else {
            return wrong("it has no certificate");
        };
        if device_key_of(leaf) != Some(device.public()) {
            return wrong("the certificate is for another device key");
        }
        if !tls::is_of_a_known_ca(leaf, &TrustHandle::new(trust.clone())) {
            return wrong("the certificate is of no CA of the root document");
        }
        let Self { binding, certificate_chain, .. } = self;
        Ok(Enrolment { binding, certificate_chain, trust, hub_time })
    }
}

/// The token named office, kind and slot; nothing else is to come of it.
fn as_promised(enrolment: &Enrolment, token: &JoinToken) -> Result<(), EnrolError> {
    let bound = enrolment.trust.binding(&enrolment.binding)?;
    let got = (bound.office, bound.kind, bound.slot, bound.slots);
    if got == (token.office, token.kind, token.slot, token.slots) {
        return Ok(());
    }
    // A machine that joined earlier may have been moved since; its place is the hub's to say then.
    if bound.serial > 1 {
        return Ok(());
    }
    Err(EnrolError::Answer("the binding is not for the place the bundle names".to_owned()))
}
