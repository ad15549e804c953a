//! The recovery ALPN: how a machine without a valid certificate joins or comes back. Requests and
//! replies in the frozen format of [`motcua_core::trust::enrol`]: over QUIC one of each a stream,
//! ended by the end of its stream; over TCP one after the other, each after its length ([`framing`]).
//!
//! [`serve`] and [`stream`] answer anybody, so they are bounded in every way; [`HubRecovery`] decides
//! and issues; [`client`] asks, over what [`call`] got through.

pub(crate) mod call;
pub mod client;
mod framing;
mod hub;
pub(crate) mod serve;
mod stream;

pub use client::{EnrolError, Enrolment, enrol, renew};
pub use hub::{Books, BooksError, HubRecovery, Issue, Issuing, Note};

use motcua_core::{
    id::Nonce,
    trust::enrol::{RecoveryReply, RecoveryRequest, RefusalCode},
};
use std::{future::Future, net::IpAddr, pin::Pin};

/// A boxed future that may borrow.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers requests. May be dropped at any point while it does.
pub trait RecoveryService: Send + Sync + 'static {
    /// The answer to one request. Whatever it promises must be on disk before this returns.
    fn handle<'a>(
        &'a self,
        request: RecoveryRequest,
        session: &'a mut RecoverySession,
    ) -> BoxFuture<'a, RecoveryReply>;
}

/// One connection of a caller, between its requests.
#[derive(Debug)]
pub struct RecoverySession {
    /// Where the caller is; proven by a round trip.
    pub remote: IpAddr,
    challenge: Option<Nonce>,
    admitted: bool,
}

impl RecoverySession {
    /// A caller that has shown nothing yet.
    pub fn new(remote: IpAddr) -> Self {
        Self { remote, challenge: None, admitted: false }
    }

    /// Notes the challenge that was given; an older one counts no more.
    pub fn challenge(&mut self, nonce: Nonce) {
        self.challenge = Some(nonce);
    }

    /// The challenge to be answered, once.
    pub fn take_challenge(&mut self) -> Option<Nonce> {
        self.challenge.take()
    }

    /// Notes that the caller has shown a token or a bound key.
    pub fn admit(&mut self) {
        self.admitted = true;
    }

    /// Whether the caller has shown a token or a bound key on this connection.
    pub fn is_admitted(&self) -> bool {
        self.admitted
    }
}

fn refused(code: RefusalCode) -> RecoveryReply {
    RecoveryReply::Refused { code: code as u16, words: code.words().to_owned() }
}

#[cfg(test)]
mod tests;
