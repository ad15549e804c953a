//! Telling peers of a life before that it is over (RFC 9000 section 10.3): a machine that was killed
//! or lost power answers packets of its former links with a stateless reset, and the peer dials
//! again at once instead of waiting for its idle timeout.
//!
//! For this, connection ids and reset tokens must come from keys that outlive the process. Both are
//! derived from the device key, so nothing else needs to be kept.
//!
//! The ids are checked by a short hash that is no secret worth keeping: whoever finds its key can
//! make this machine answer with resets, each smaller than the packet that asked for it, and with
//! tokens of links that do not exist. The tokens' key is another one, and cannot be told from them.
//! One process at a time answers under these keys; the recovery socket has keys of its own.

use motcua_core::key::SecretKey;
use quinn::{
    EndpointConfig,
    crypto::{CryptoError, HmacKey},
};
use quinn_proto::HashedConnectionIdGenerator;
use std::{fmt, sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// Between two resets.
const RESETS_EVERY: Duration = Duration::from_millis(1);
const TOKENS: &str = "motcua 2026 stateless reset tokens v1";
const CONNECTION_IDS: &str = "motcua 2026 connection ids v1";

/// Keys of one machine's connection ids and reset tokens.
#[derive(Clone)]
pub(crate) struct ResetKeys {
    tokens: Arc<Zeroizing<[u8; 32]>>,
    connection_ids: u64,
}

impl fmt::Debug for ResetKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetKeys")
    }
}

impl ResetKeys {
    /// The same for every process of the machine.
    pub(crate) fn of(device: &SecretKey) -> Self {
        let seed = device.seed();
        let tokens = Arc::new(Zeroizing::new(blake3::derive_key(TOKENS, seed.as_ref())));
        let [a, b, c, d, e, f, g, h, ..] = blake3::derive_key(CONNECTION_IDS, seed.as_ref());
        Self { tokens, connection_ids: u64::from_le_bytes([a, b, c, d, e, f, g, h]) }
    }

    /// An endpoint whose peers learn of its restart.
    pub(crate) fn endpoint_config(&self) -> EndpointConfig {
        let mut config = EndpointConfig::new(Arc::new(Tokens(Arc::clone(&self.tokens))));
        // The library answers at most one stranger's packet in 20 ms. After a hub's restart
        // thousands of peers ask within seconds; who is not answered waits out its idle time, and
        // may then take UDP for blocked. A reset is smaller than what it answers, so that nobody
        // gains by asking.
        config.min_reset_interval(RESETS_EVERY);
        let key = self.connection_ids;
        config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(key)));
        config
    }
}

/// Keyed BLAKE3 in the place of an HMAC; only this machine ever computes or checks one.
struct Tokens(Arc<Zeroizing<[u8; 32]>>);

impl Tokens {
    fn hash(&self, data: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, data)
    }
}

impl HmacKey for Tokens {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        let hash = self.hash(data);
        let length = signature_out.len().min(hash.as_bytes().len());
        signature_out[..length].copy_from_slice(&hash.as_bytes()[..length]);
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // Comparing with blake3's own type takes the same time wherever the difference lies.
        let given: [u8; 32] = signature.try_into().map_err(|_| CryptoError)?;
        if self.hash(data) == given { Ok(()) } else { Err(CryptoError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_the_same_tokens_in_every_life_and_no_other_machine_has_them() {
        let token = |seed: u8, data: &[u8]| {
            let keys = ResetKeys::of(&SecretKey::from_seed([seed; 32]));
            let mut out = [0; 32];
            Tokens(keys.tokens).sign(data, &mut out);
            (out, keys.connection_ids)
        };
        assert_eq!(token(1, b"id"), token(1, b"id"));
        assert_ne!(token(1, b"id").0, token(1, b"other id").0);
        assert_ne!(token(1, b"id").0, token(2, b"id").0);
        assert_ne!(token(1, b"id").1, token(2, b"id").1);
        let tokens = Tokens(ResetKeys::of(&SecretKey::from_seed([1; 32])).tokens);
        assert!(tokens.verify(b"id", &token(1, b"id").0).is_ok());
        assert!(tokens.verify(b"id", &token(2, b"id").0).is_err());
        assert!(tokens.verify(b"id", &[]).is_err());
    }
}
