//! Sessions of operators, in memory: a hub that starts again asks everybody to log in.

use super::operators::Operator;
use crate::limits;
use std::collections::HashMap;
use tokio::time::Instant;

#[derive(Debug)]
struct Session {
    operator: Operator,
    opened: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= limits::IDLE
            || now.saturating_duration_since(self.opened) >= limits::SESSION
    }
}

/// Open sessions, by the hash of their secret: what is compared tells nothing of it.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<blake3::Hash, Session>);

impl Sessions {
    pub(super) fn open(&mut self, secret: &str, operator: Operator, now: Instant) {
        self.0.retain(|_, session| !session.is_over(now));
        if self.0.len() >= limits::SESSIONS {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(key(secret), Session { operator, opened: now, used: now });
    }

    /// Whose session it is, while it is open and `known` still knows its operator with the password
    /// it was opened with. `by_hand` if a person did something, which keeps it open.
    pub(super) fn check(
        &mut self,
        secret: &str,
        now: Instant,
        by_hand: bool,
        known: impl FnOnce(&Operator) -> bool,
    ) -> Option<String> {
        let key = key(secret);
        let session = self.0.get_mut(&key)?;
        if session.is_over(now) || !known(&session.operator) {
            self.0.remove(&key);
            return None;
        }
        if by_hand {
            session.used = now;
        }
        Some(session.operator.name.clone())
    }

    pub(super) fn close(&mut self, secret: &str) {
        self.0.remove(&key(secret));
    }
}

fn key(secret: &str) -> blake3::Hash {
    blake3::hash(secret.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_secs(60);

    fn operator(name: &str) -> Operator {
        Operator { name: name.into(), hash: "h".into() }
    }

    #[test]
    fn a_session_ends_when_nobody_does_anything_although_the_page_keeps_asking() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        sessions.open("s", operator("A"), now);
        for minute in 1..30 {
            assert!(sessions.check("s", now + MINUTE * minute, false, |_| true).is_some());
        }
        assert_eq!(sessions.check("s", now + limits::IDLE, false, |_| true), None);
        assert_eq!(sessions.check("s", now, true, |_| true), None, "it is gone for good");
    }

    #[test]
    fn what_a_person_does_keeps_a_session_open_but_not_for_ever() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        sessions.open("s", operator("A"), now);
        let mut at = now;
        while at + 20 * MINUTE < now + limits::SESSION {
            at += 20 * MINUTE;
            assert_eq!(sessions.check("s", at, true, |_| true).as_deref(), Some("A"));
        }
        assert_eq!(sessions.check("s", now + limits::SESSION, true, |_| true), None);
    }

    #[test]
    fn a_session_ends_with_its_operator_and_with_log_out() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        for secret in ["a", "b", "c"] {
            sessions.open(secret, operator(secret), now);
        }
        assert_eq!(sessions.check("x", now, true, |_| true), None);
        assert_eq!(sessions.check("a", now, true, |_| false), None);
        sessions.close("b");
        assert_eq!(sessions.check("b", now, true, |_| true), None);
        assert_eq!(sessions.check("c", now, true, |_| true).as_deref(), Some("c"));
    }

    #[test]
    fn sessions_are_bounded_and_the_one_unused_longest_goes() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        for n in 0..limits::SESSIONS {
            sessions.open(&n.to_string(), operator("A"), now + Duration::from_secs(n as u64));
        }
        let later = now + Duration::from_secs(limits::SESSIONS as u64);
        assert!(sessions.check("0", later, true, |_| true).is_some());
        sessions.open("new", operator("A"), later);
        assert_eq!(sessions.0.len(), limits::SESSIONS);
        assert_eq!(sessions.check("1", later, true, |_| true), None);
        assert!(sessions.check("0", later, true, |_| true).is_some());
    }
}
