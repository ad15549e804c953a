//! Why a key may speak for an office: the root document, what hangs from it, and the fold of it
//! that a replica holds ([`TrustView`]).
//!
//! ```text
//! root keys (offline) --sign--> RootDocument n, n+1, ...      pinned at enrolment by hash of 1
//!   registrars        --sign--> Catalogue, JoinToken, RegistrarAct
//!   issuers (hubs)    --sign--> Binding (device key to office), TLS certificates
//!   denial key        --sign--> DenialList
//! device key (made on the device) --signs--> checkpoints, proofs of possession
//! ```
//! Every payload starts with a version byte and is kept and verified as received, never
//! re-encoded. Nothing here judges a document by a clock: numbers never go back, and that is all
//! the order there is. Only a join token has an end, judged by the hub that takes it.

mod act;
mod binding;
mod bundle;
mod catalogue;
mod denial;
pub mod enrol;
mod offered;
pub mod renewal;
mod root;
mod route;
mod signed;
mod token;
mod view;
mod view_bytes;

pub use act::{ActStep, RegistrarAct};
pub use binding::{Binding, NodeKind};
pub use bundle::JoinBundle;
pub use catalogue::{Catalogue, Location, OfficeRecord, Tier};
pub use denial::{DenialList, Denied, DenyAction};
pub use offered::Offered;
pub use root::{HubRecord, Issuer, RootDocument, SignedRoot, check_hub_address};
pub use signed::{Document, Signed, document_hash};
pub use token::JoinToken;
pub use view::{Adopted, Numbers, TrustView};

use crate::{
    id::{DomainId, OfficeId},
    key::PublicKey,
};

/// Why a trust document is not taken. Nothing changes when one of these is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Bytes that are not the document.
    #[error("the {what} cannot be read: {why}")]
    Malformed {
        /// Which document.
        what: &'static str,
        /// What is wrong with the bytes.
        why: &'static str,
    },
    /// Written by a later format.
    #[error(
        "the {what} has format version {version}, which is not known here; update this machine"
    )]
    Version {
        /// Which document.
        what: &'static str,
        /// The version byte.
        version: u8,
    },
    /// More than the limit allows.
    #[error("the {what} has {got} {unit}, at most {limit} are allowed")]
    Limit {
        /// Which document.
        what: &'static str,
        /// What was counted.
        unit: &'static str,
        /// How many there are.
        got: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A rule of the document itself is broken.
    #[error("the {what} contradicts itself: {why}")]
    Invalid {
        /// Which document.
        what: &'static str,
        /// Which rule, in words.
        why: String,
    },
    /// The signature is not the signer's over these bytes.
    #[error("the {what} is not signed by the key {signer} it names")]
    Signature {
        /// Which document.
        what: &'static str,
        /// The claimed signer.
        signer: PublicKey,
    },
    /// Well signed, by somebody who may not.
    #[error(
        "the {what} is signed by {signer}, which root document {root} does not allow to sign it"
    )]
    NotAuthorised {
        /// Which document.
        what: &'static str,
        /// The signer.
        signer: PublicKey,
        /// The root document in force.
        root: u64,
    },
    /// Fewer root keys signed than are needed.
    #[error(
        "root document {number} has {got} valid signatures of the keys of document {by}, {need} are needed"
    )]
    Threshold {
        /// The document that lacks signatures.
        number: u64,
        /// Whose keys were counted.
        by: u64,
        /// Valid signatures.
        got: usize,
        /// Needed signatures.
        need: usize,
    },
    /// The first root document is not the pinned one.
    #[error(
        "the first root document is not the one this machine was enrolled with; check that the join bundle is of this city"
    )]
    Pin,
    /// A document of another city.
    #[error("the {what} belongs to trust domain {theirs}, this machine to {ours}")]
    Domain {
        /// Which document.
        what: &'static str,
        /// Our domain.
        ours: DomainId,
        /// The document's domain.
        theirs: DomainId,
    },
    /// A root document whose predecessor is missing here.
    #[error(
        "root document {got} cannot follow document {have}; hand in the documents between first"
    )]
    Gap {
        /// The newest held.
        have: u64,
        /// The one offered.
        got: u64,
    },
    /// A root document that builds on another predecessor.
    #[error("root document {number} does not continue the document {} held here", number - 1)]
    Chain {
        /// The one offered.
        number: u64,
    },
    /// Older than what is held: documents never go back.
    #[error(
        "the {what} offered has number {got}, number {have} is already in force and never goes back"
    )]
    Older {
        /// Which document.
        what: &'static str,
        /// The number held.
        have: u64,
        /// The number offered.
        got: u64,
    },
    /// Two different documents with one number: the signer's key was misused or its counter lost.
    #[error(
        "there are two different {what}s with number {number}: keep both and tell the city's trust administrator"
    )]
    Conflict {
        /// Which document.
        what: &'static str,
        /// The number both have.
        number: u64,
    },
    /// The issuer may not bind machines of this office.
    #[error("the issuer {issuer} may not bind machines of office {office}")]
    OutOfScope {
        /// Who signed.
        issuer: PublicKey,
        /// For which office.
        office: OfficeId,
    },
    /// No catalogue held here names the office.
    #[error("office {0} is not in the catalogue held here")]
    UnknownOffice(OfficeId),
}
