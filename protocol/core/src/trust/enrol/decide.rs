//! Whether a hub binds a key: pure decisions over what it holds and was shown.

use super::{Audit, Refusal, RefusalCode, proven};
use crate::{
    id::{DomainId, Nonce, OfficeId},
    key::{PublicKey, Signature},
    time::Timestamp,
    trust::{Binding, JoinToken, NodeKind, Signed, TrustView},
};

/// The hub may bind this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentGrant {
    /// The token that is used up by it; zero when renewing.
    pub token: Nonce,
    /// The device key.
    pub key: PublicKey,
    /// The office it will speak for.
    pub office: OfficeId,
    /// As what.
    pub kind: NodeKind,
    /// Which of the office's machines.
    pub slot: u16,
    /// How many machines the office has.
    pub slots: u16,
    /// Serial of the binding to issue.
    pub serial: u64,
    /// The same was granted before and the answer may have been lost: answer the same binding.
    pub repeated: bool,
    /// The caller showed a serial older than the answer it may have missed: two machines may hold
    /// this key. Raise an alarm; a person decides.
    pub clone_suspected: bool,
}

impl EnrolmentGrant {
    /// The binding to sign, once the grant is on the hub's disk.
    pub fn binding(&self, domain: DomainId, issued_at: Timestamp) -> Binding {
        let Self { key, office, kind, slot, slots, serial, .. } = *self;
        Binding { domain, key, office, kind, slot, slots, serial, issued_at }
    }
}

/// Whether the hub of `this_hub_office` binds `key` on the strength of `token`. `challenge` is the
/// nonce this hub gave on this connection; `consumed` is who used the token before, `on_file` the
/// newest binding journaled for the key, both from the hub's journal. The grant must be journaled
/// before it is answered. A machine that speaks for one office never joins another: what it holds
/// would go with it.
///
/// # Errors
/// [`Refusal`] with what to tell the caller and what to note. A caller without a registrar's token
/// and the proof always gets [`RefusalCode::NotAdmitted`].
#[expect(clippy::too_many_arguments, reason = "each is a separate fact of the decision")]
pub fn decide_enrolment(
    view: &TrustView,
    token: &Signed,
    key: &PublicKey,
    proof: &Signature,
    challenge: Nonce,
    now: Timestamp,
    consumed: Option<PublicKey>,
    on_file: Option<&Binding>,
    this_hub_office: OfficeId,
) -> Result<EnrolmentGrant, Refusal> {
    let refuse = |code, audit| Err(Refusal::new(code, audit));
    let token = view
        .token(token)
        .map_err(|error| Refusal::new(RefusalCode::NotAdmitted, Audit::Token(error)))?;
    if !proven(view, key, proof, challenge, token.id) {
        return refuse(RefusalCode::NotAdmitted, Audit::Proof(*key));
    }
    if let Some(first) = consumed.filter(|first| first != key) {
        let audit = Audit::Reused { token: token.id, first, second: *key };
        return refuse(RefusalCode::TokenUsed, audit);
    }
    if view.denied(key.node_id()).is_some() {
        return refuse(RefusalCode::Denied, Audit::Denied(*key));
    }
    if !view.is_within(token.office, this_hub_office) {
        return refuse(RefusalCode::OtherHub, Audit::Office(token.office));
    }
    let on_file = on_file.filter(|binding| binding.key == *key);
    if let Some(bound) = on_file.filter(|binding| binding.office != token.office) {
        let audit = Audit::Bound { key: *key, office: bound.office, wanted: token.office };
        return refuse(RefusalCode::OtherOffice, audit);
    }
    // A used token stays good for its user: the answer may have been lost on the way, and the
    // machine may be back only weeks later.
    if consumed.is_none() && now >= token.expires_at {
        return refuse(RefusalCode::TokenExpired, Audit::Expired { token: token.id });
    }
    Ok(EnrolmentGrant::by_token(&token, *key, consumed.is_some(), on_file))
}

/// Whether the hub of `this_hub_office` re-issues for `key`. `on_file` is the newest binding it
/// journaled for the key; how old it is, and whether its issuer is still listed, does not matter: a
/// machine that was away comes back by itself. Without one, `shown` counts if it holds up to the
/// root in force, so that a restored hub or one that took over the office knows its machines.
///
/// # Errors
/// [`Refusal`]; a caller whose key is not bound gets [`RefusalCode::NotAdmitted`].
pub fn decide_renewal(
    view: &TrustView,
    key: &PublicKey,
    shown: Option<&Signed>,
    proof: &Signature,
    challenge: Nonce,
    on_file: Option<&Binding>,
    this_hub_office: OfficeId,
) -> Result<EnrolmentGrant, Refusal> {
    let refuse = |code, audit| Err(Refusal::new(code, audit));
    if !proven(view, key, proof, challenge, Nonce::ZERO) {
        return refuse(RefusalCode::NotAdmitted, Audit::Proof(*key));
    }
    let own = |binding: &Binding| binding.key == *key;
    let proved = shown.and_then(|signed| view.binding(signed).ok()).filter(own);
    let on_file = on_file.filter(|binding| own(binding));
    let newest = match (on_file, &proved) {
        (Some(filed), Some(proved)) if proved.serial > filed.serial => proved,
        (Some(filed), _) => filed,
        (None, Some(proved)) => proved,
        (None, None) => return refuse(RefusalCode::NotAdmitted, Audit::Unbound(*key)),
    };
    if view.denied(key.node_id()).is_some() {
        return refuse(RefusalCode::Denied, Audit::Denied(*key));
    }
    if !view.is_within(newest.office, this_hub_office) {
        return refuse(RefusalCode::OtherHub, Audit::Office(newest.office));
    }
    // Only the machine's word if its issuer is no longer listed, which is enough to tell a clone.
    let holds = shown.and_then(|signed| signed.open::<Binding>().ok()).filter(own);
    Ok(EnrolmentGrant::renewed(newest, holds.map(|binding| binding.serial)))
}

impl EnrolmentGrant {
    fn by_token(
        token: &JoinToken,
        key: PublicKey,
        repeated: bool,
        on_file: Option<&Binding>,
    ) -> Self {
        let JoinToken { id, office, kind, slot, slots, .. } = *token;
        let clone_suspected = false;
        let serial = match on_file {
            Some(binding) if repeated => binding.serial,
            Some(binding) => binding.serial.saturating_add(1),
            None => 1,
        };
        Self { token: id, key, office, kind, slot, slots, serial, repeated, clone_suspected }
    }

    /// One behind, or nothing held: the last answer was lost on the way, and is given again.
    fn renewed(newest: &Binding, holds: Option<u64>) -> Self {
        let Binding { key, office, kind, slot, slots, serial: issued, .. } = *newest;
        let behind = holds.map(|serial| issued.saturating_sub(serial));
        let repeated = behind != Some(0);
        let serial = if repeated { issued } else { issued.saturating_add(1) };
        let clone_suspected = behind.is_some_and(|behind| behind > 1);
        Self {
            token: Nonce::ZERO,
            key,
            office,
            kind,
            slot,
            slots,
            serial,
            repeated,
            clone_suspected,
        }
    }
}
