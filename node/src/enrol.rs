//! Enrolment: the device key is made here and never leaves; a join bundle says which city, which
//! hub and which office.

use anyhow::Context;
use motcua_core::{key::SecretKey, trust::JoinBundle};
use motcua_shell::{
    identity::{Identity, IdentityError},
    recovery,
};
use std::path::Path;

/// Enrols this machine. May be cut anywhere and begun again: the key is kept before the hub is
/// asked, and the hub gives the same key the same answer.
///
/// # Errors
/// What went wrong and what to do.
pub async fn enrol(bundle: &Path, data_dir: &Path) -> anyhow::Result<Identity> {
    let text = std::fs::read_to_string(bundle)
        .with_context(|| format!("the join bundle {} cannot be read", bundle.display()))?;
    let bundle = JoinBundle::from_text(&text)?;
    let device: SecretKey = Identity::device_key(data_dir)?;
    if bundle.replaces {
        Identity::mark_replacement(data_dir)?;
    }
    let joined = recovery::enrol(&bundle, &device).await?;
    let identity = Identity {
        device,
        binding: joined.binding,
        tls_chain: joined.certificate_chain,
        trust: joined.trust,
        issuer: None,
    };
    identity.save(data_dir).map_err(|error: IdentityError| anyhow::anyhow!(error))?;
    Ok(identity)
}
