//! Names of things. Every id is fixed-size bytes, shown as lower-case hex, and never derived from
//! an administrative code: codes are dated aliases that get reused (design/identity.md).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {expected} hexadecimal digits, got {got:?}")]
pub struct ParseIdError {
    what: &'static str,
    expected: usize,
    got: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;
            /// All bytes zero: "none" where a fixed layout needs a value.
            pub const ZERO: Self = Self([0; $len]);

            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Whether this is [`Self::ZERO`].
            pub fn is_zero(&self) -> bool {
                self.0 == [0; $len]
            }

            /// Reads the id from exactly its length of bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let fail = || ParseIdError { what: $what, expected: $len * 2, got: text.chars().take(80).collect() };
                if text.len() != $len * 2 || !text.is_ascii() {
                    return Err(fail());
                }
                let mut out = [0u8; $len];
                for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
                    *byte = match (digit(pair[0]), digit(pair[1])) {
                        (Some(high), Some(low)) => high << 4 | low,
                        _ => return Err(fail()),
                    };
                }
                Ok(Self(out))
            }
        }
    };
}

id!(
    /// A city's installation; inside everything signed, so that nothing replays in another city.
    DomainId, 16, "domain id"
);
id!(
    /// An office, for ever; its codes and names are dated aliases in the catalogue.
    OfficeId, 16, "office id"
);
id!(
    /// One machine: the first half of a hash of its device key (`key::PublicKey::node_id`).
    NodeId, 16, "node id"
);
id!(
    /// One start of history of one node: 128 random bits.
    LogId, 16, "log id"
);
id!(
    /// One process start of one node: self-certifying, see `entry::actor_id`.
    ActorId, 16, "actor id"
);
id!(
    /// One dossier: 6 bytes of big-endian Unix milliseconds, then 10 bytes bound to its creator, see
    /// `entry::dossier_id`.
    DossierId, 16, "dossier id"
);
id!(
    /// Who typed it: opaque to the protocol, meaningful to the office.
    PersonId, 16, "person id"
);
id!(
    /// One numbering of one inbox; a new one whenever numbers could have been reused.
    EpochId, 16, "epoch id"
);
id!(
    /// A 256-bit hash: of a change, a payload, a leaf, a tree.
    Hash, 32, "hash"
);
id!(
    /// Random bytes that make an id or an exchange unique.
    Nonce, 16, "nonce"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_bad_text_is_named() {
        let id = OfficeId([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let error = "xyz".parse::<OfficeId>().expect_err("not hex");
        assert_eq!(error.to_string(), "office id must be 32 hexadecimal digits, got \"xyz\"");
        assert!("zz".repeat(16).parse::<OfficeId>().is_err());
        assert!("é".repeat(16).parse::<OfficeId>().is_err());
    }
}
