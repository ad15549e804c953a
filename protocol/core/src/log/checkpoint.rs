//! A checkpoint: the author's signature over the head of its tree. Everything an author ever said
//! can be proved from its newest checkpoint.

use crate::{
    id::{DomainId, Hash, LogId, NodeId},
    key::{PublicKey, Purpose, SecretKey, Signature},
};
use serde::{Deserialize, Serialize};

/// A signed tree head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which log.
    pub log: LogId,
    /// Entries in the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// The author's signature.
    pub signature: Signature,
}

/// The signature is not the author's over this head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("checkpoint of log {log} at {size} entries is not signed by node {node}")]
pub struct CheckpointError {
    log: LogId,
    size: u64,
    node: NodeId,
}

impl Checkpoint {
    /// Signs the head of the author's own log.
    pub fn sign(key: &SecretKey, domain: DomainId, log: LogId, size: u64, root: Hash) -> Self {
        let message = message(key.public().node_id(), log, size, root);
        Self { log, size, root, signature: key.sign(Purpose::Checkpoint, domain, &message) }
    }

    /// Whether `author` signed this head in `domain`.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the log, the size and who was claimed to have signed.
    pub fn verify(&self, author: &PublicKey, domain: DomainId) -> Result<(), CheckpointError> {
        let node = author.node_id();
        let message = message(node, self.log, self.size, self.root);
        if author.verify(Purpose::Checkpoint, domain, &message, &self.signature) {
            Ok(())
        } else {
            Err(CheckpointError { log: self.log, size: self.size, node })
        }
    }
}

/// node 16, log 16, size u64 LE, root 32; context, suite and domain are added by the key.
fn message(node: NodeId, log: LogId, size: u64, root: Hash) -> [u8; 72] {
    let mut out = [0; 72];
    out[..16].copy_from_slice(&node.0);
    out[16..32].copy_from_slice(&log.0);
    out[32..40].copy_from_slice(&size.to_le_bytes());
    out[40..].copy_from_slice(&root.0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_binds_author_domain_log_size_and_root() {
        let key = SecretKey::from_seed([1; 32]);
        let domain = DomainId([2; 16]);
        let good = Checkpoint::sign(&key, domain, LogId([3; 16]), 7, Hash([4; 32]));
        assert_eq!(good.verify(&key.public(), domain), Ok(()));
        assert!(good.verify(&SecretKey::from_seed([9; 32]).public(), domain).is_err());
        assert!(good.verify(&key.public(), DomainId([9; 16])).is_err());
        for bad in [
            Checkpoint { log: LogId([9; 16]), ..good },
            Checkpoint { size: 8, ..good },
            Checkpoint { root: Hash([9; 32]), ..good },
        ] {
            assert!(bad.verify(&key.public(), domain).is_err());
        }
    }
}
