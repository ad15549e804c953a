//! How links end, in words that help.

use super::LinkSink;
use quinn::{ApplicationClose, ConnectionError};
use rustls::AlertDescription;
use std::io;

/// What links are told when this machine stops.
pub const SHUTTING_DOWN: &str = "đang tắt / shutting down";

/// Bytes of a close reason; it has to fit into one packet.
pub(super) const REASON_BYTES: usize = 512;

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// This side closed it.
    #[error("closed here: {0}")]
    Here(String),
    /// The peer closed it.
    #[error("closed by the peer: {0}")]
    Peer(String),
    /// The peer did not accept this machine's certificate; the number is the TLS alert (RFC 8446,
    /// 6): 44 denied, 45 expired, 48 unknown CA, 116 none shown.
    #[error("the peer refused this machine's certificate (TLS alert {alert}): {words}")]
    Certificate {
        /// TLS alert.
        alert: u8,
        /// What it means and what helps.
        words: &'static str,
    },
    /// The peer sent what is no message.
    #[error("closed here, the peer broke the protocol: {0}")]
    Fault(String),
    /// Nothing came for so long that the peer, or the way to it, must be gone.
    #[error("lost: nothing was heard from the peer for the idle time")]
    Silent,
    /// The network or the peer is gone.
    #[error("lost: {0}")]
    Lost(String),
}

impl LinkEnd {
    /// Whether another certificate may help: not where the machine is denied.
    pub fn is_of_certificate(&self) -> bool {
        matches!(self, Self::Certificate { alert, .. } if *alert != 44)
    }

    pub(super) fn of(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(ApplicationClose { reason, .. }) => {
                Self::Peer(String::from_utf8_lossy(reason).into_owned())
            }
            ConnectionError::LocallyClosed => Self::Here(SHUTTING_DOWN.to_owned()),
            ConnectionError::TimedOut => Self::Silent,
            ConnectionError::ConnectionClosed(close) => {
                // TLS alerts travel as QUIC error 0x100 and the alert (RFC 9001, 4.8).
                let alert = u64::from(close.error_code).checked_sub(0x100);
                match alert.and_then(|alert| refusal(u8::try_from(alert).ok()?)) {
                    Some(refused) => refused,
                    None => Self::Lost(error.to_string()),
                }
            }
            _ => Self::Lost(error.to_string()),
        }
    }
}

/// What a failed read or write of a TLS stream says about the link.
pub(super) fn of_tls(error: &io::Error) -> LinkEnd {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let refused = match inner {
        Some(rustls::Error::AlertReceived(alert)) => refusal(number(*alert)),
        _ => None,
    };
    refused.unwrap_or_else(|| LinkEnd::Lost(error.to_string()))
}

fn number(alert: AlertDescription) -> u8 {
    alert.into()
}

/// What a peer's TLS alert means for this machine's certificate.
fn refusal(alert: u8) -> Option<LinkEnd> {
    let words = match alert {
        42 | 43 => "it is not a certificate of this system; renew it from the hub",
        44 => "the machine is suspended or banned; ask the city's operators",
        45 => "it has expired; it is renewed from the hub by itself",
        46 | 49 => "it was not accepted; renew it from the hub",
        48 => "its CA is not in the root document; renew it from the hub",
        116 => "none was shown; enrol this machine",
        _ => return None,
    };
    Some(LinkEnd::Certificate { alert, words })
}

/// Tells the sink of the end, whatever ends the link's future.
pub(super) struct Down<'a, S: LinkSink> {
    pub(super) sink: &'a S,
    pub(super) link: S::Link,
}

impl<S: LinkSink> Drop for Down<'_, S> {
    fn drop(&mut self) {
        self.sink.link_down(Some(self.link));
    }
}

/// As much of a reason as a packet takes, whole characters only.
pub(super) fn cut(reason: &str) -> &str {
    let end = (0..=reason.len().min(REASON_BYTES)).rev().find(|at| reason.is_char_boundary(*at));
    &reason[..end.unwrap_or(0)]
}
