//! Two ways to one hub against each other: for links and for the recovery ALPN alike.

use super::{Attempt, Carrier};
use std::{fmt, net::SocketAddr, pin::pin, time::Duration};
use tokio::{net::lookup_host, time::timeout};

/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// Each address tried, and what came of it.
pub(crate) type Failed = Vec<(String, Attempt)>;

/// The first way alone for the head start, then, or as soon as it has failed, the other beside it.
/// The first that comes through wins, the other attempt is dropped.
pub(crate) async fn race<T, F>(head_start: Duration, one: F, two: F) -> Result<T, Failed>
where
    F: Future<Output = Result<T, Failed>>,
{
    let (mut one, mut two) = (pin!(one), pin!(two));
    let (done, other) = match timeout(head_start, &mut one).await {
        Ok(done) => (done, two),
        Err(_) => tokio::select! {
            biased;
            done = &mut one => (done, two),
            done = &mut two => (done, one),
        },
    };
    let mut attempts = match done {
        Ok(reached) => return Ok(reached),
        Err(attempts) => attempts,
    };
    attempts.extend(match other.await {
        Ok(reached) => return Ok(reached),
        Err(more) => more,
    });
    Err(attempts)
}

/// Tries addresses in order, each with a bounded handshake.
pub(crate) async fn reach<T, F>(
    addresses: &[String],
    carrier: Carrier,
    patience: Duration,
    shake_hands: impl Fn(SocketAddr) -> F,
) -> Result<(T, SocketAddr), Failed>
where
    F: Future<Output = Result<T, Attempt>>,
{
    let mut attempts = Failed::new();
    for address in addresses {
        let found = match timeout(patience, lookup_host(address)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                attempts.push((address.clone(), Attempt::Name(error)));
                continue;
            }
            Err(_) => {
                attempts.push((address.clone(), Attempt::NameSilent));
                continue;
            }
        };
        for remote in found.take(ADDRESSES) {
            let attempt = match timeout(patience, shake_hands(remote)).await {
                Ok(Ok(ready)) => return Ok((ready, remote)),
                Ok(Err(attempt)) => attempt,
                Err(_) => Attempt::Silent(carrier),
            };
            tracing::debug!(%remote, ?carrier, %attempt, "hub not reached");
            attempts.push((remote.to_string(), attempt));
        }
    }
    Err(attempts)
}

/// In words, one after the other.
pub(crate) struct Attempts<'a>(pub(crate) &'a [(String, Attempt)]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (address, attempt)) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{address}: {attempt}")?;
        }
        Ok(())
    }
}
