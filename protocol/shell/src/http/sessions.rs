//! Sessions of people at a page: a secret in a cookie, in memory alone. A machine that starts again asks
//! everybody to log in. All of it by the monotonic clock: one that is set does nothing here.

use crate::password::{self, PasswordError};
use axum::http::{HeaderMap, header};
use motcua_core::id::NodeId;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long a session lasts, and how many there are.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// It is over after this long without anything that a person did.
    pub idle: Duration,
    /// It is over after this long in any case.
    pub whole: Duration,
    /// Open ones of one owner.
    pub each: usize,
    /// Open ones of all.
    pub all: usize,
}

#[derive(Debug)]
struct Session<Owner> {
    owner: Owner,
    /// What names the password that opened it: with another one it is over.
    proof: String,
    opened: Instant,
    used: Instant,
}

impl<Owner> Session<Owner> {
    fn is_over(&self, bounds: &Bounds, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= bounds.idle
            || now.saturating_duration_since(self.opened) >= bounds.whole
    }
}

/// Open sessions, by the hash of their secret: what is compared tells nothing of it.
type Open<Owner> = HashMap<blake3::Hash, Session<Owner>>;

/// The sessions of one machine's page.
#[derive(Debug)]
pub struct Sessions<Owner> {
    cookie: String,
    bounds: Bounds,
    open: Mutex<Open<Owner>>,
}

impl<Owner: Clone + PartialEq> Sessions<Owner> {
    /// None yet. Browsers keep cookies by host and not by port, so each machine's has a name of its own.
    pub fn new(node: NodeId, bounds: Bounds) -> Self {
        let node = node.to_string();
        let cookie = format!("motcua-{}", &node[..8.min(node.len())]);
        Self { cookie, bounds, open: Mutex::default() }
    }

    /// Opens one for who asks, in place of the one they had; gives the value of `Set-Cookie`. Of an owner
    /// that has the most, and of all, the one unused longest ends.
    ///
    /// # Errors
    /// [`PasswordError::Random`]
    pub fn open(
        &self,
        headers: &HeaderMap,
        owner: Owner,
        proof: &str,
        now: Instant,
    ) -> Result<String, PasswordError> {
        let secret = password::secret()?;
        let bounds = self.bounds;
        let mut open = self.lock();
        open.retain(|_, session| !session.is_over(&bounds, now));
        if let Some(before) = self.secret_in(headers) {
            open.remove(&key(before));
        }
        if open.values().filter(|session| session.owner == owner).count() >= bounds.each {
            end_oldest(&mut open, |session| session.owner == owner);
        }
        if open.len() >= bounds.all {
            end_oldest(&mut open, |_| true);
        }
        let session = Session { owner, proof: proof.to_owned(), opened: now, used: now };
        open.insert(key(&secret), session);
        // Behind TLS the browser must not give it to anybody without.
        let is_tls = headers.get(super::FORWARDED_PROTO).is_some_and(|value| value == "https");
        let secure = if is_tls { "; Secure" } else { "" };
        let (name, age) = (&self.cookie, bounds.whole.as_secs());
        Ok(format!("{name}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}", *secret))
    }

    /// Whose it is that a request bears, while it is open and `stands` says that its owner is known with
    /// the password that opened it. `by_hand` if a person did something, which keeps it open.
    pub fn check(
        &self,
        headers: &HeaderMap,
        now: Instant,
        by_hand: bool,
        stands: impl FnOnce(&Owner, &str) -> bool,
    ) -> Option<Owner> {
        let key = key(self.secret_in(headers)?);
        let mut open = self.lock();
        let session = open.get_mut(&key)?;
        if session.is_over(&self.bounds, now) || !stands(&session.owner, &session.proof) {
            open.remove(&key);
            return None;
        }
        if by_hand {
            session.used = now;
        }
        Some(session.owner.clone())
    }

    /// Ends the one that a request bears; gives the value of `Set-Cookie` that takes it away.
    pub fn close(&self, headers: &HeaderMap) -> String {
        if let Some(secret) = self.secret_in(headers) {
            self.lock().remove(&key(secret));
        }
        format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", self.cookie)
    }

    /// Open sessions of an owner.
    pub fn count(&self, owner: &Owner, now: Instant) -> usize {
        let of = |session: &&Session<Owner>| {
            session.owner == *owner && !session.is_over(&self.bounds, now)
        };
        self.lock().values().filter(of).count()
    }

    fn secret_in<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = texts.flat_map(|text| text.split("; ")).filter_map(|p| p.split_once('='));
        pairs.find(|(name, _)| *name == self.cookie).map(|(_, secret)| secret)
    }

    fn lock(&self) -> MutexGuard<'_, Open<Owner>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end_oldest<Owner>(open: &mut Open<Owner>, of: impl Fn(&Session<Owner>) -> bool) {
    let oldest = open.iter().filter(|(_, session)| of(session));
    let oldest = oldest.min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
    if let Some(key) = oldest {
        open.remove(&key);
    }
}

fn key(secret: &str) -> blake3::Hash {
    blake3::hash(secret.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const BOUNDS: Bounds =
        Bounds { idle: Duration::from_secs(600), whole: HOURS_8, each: 4, all: 10 };
    const HOURS_8: Duration = Duration::from_secs(8 * 3_600);

    fn sessions() -> Sessions<&'static str> {
        Sessions::new(NodeId::ZERO, BOUNDS)
    }

    /// What a browser sends after it was given this.
    fn sent(set_cookie: &str) -> HeaderMap {
        let pair = set_cookie.split("; ").next().unwrap();
        [(header::COOKIE, format!("other=1; {pair}").parse().unwrap())].into_iter().collect()
    }

    fn opened(sessions: &Sessions<&'static str>, owner: &'static str, now: Instant) -> HeaderMap {
        sent(&sessions.open(&HeaderMap::new(), owner, "p", now).unwrap())
    }

    fn check(
        sessions: &Sessions<&'static str>,
        headers: &HeaderMap,
        now: Instant,
    ) -> Option<&'static str> {
        sessions.check(headers, now, true, |_, _| true)
    }

    #[test]
    fn a_session_locks_when_nobody_does_anything_although_the_page_keeps_asking() {
        let (sessions, now) = (sessions(), Instant::now());
        let one = opened(&sessions, "A", now);
        for minute in 1..10 {
            let at = now + MINUTE * minute;
            assert_eq!(sessions.check(&one, at, false, |_, _| true), Some("A"), "{minute}");
        }
        assert_eq!(sessions.check(&one, now + BOUNDS.idle, false, |_, _| true), None);
        assert_eq!(check(&sessions, &one, now), None, "it is gone for good");
    }

    #[test]
    fn what_a_person_does_keeps_it_open_but_not_beyond_a_working_day() {
        let (sessions, now) = (sessions(), Instant::now());
        let one = opened(&sessions, "A", now);
        let mut at = now;
        while at + 9 * MINUTE < now + BOUNDS.whole {
            at += 9 * MINUTE;
            assert_eq!(check(&sessions, &one, at), Some("A"));
        }
        assert_eq!(check(&sessions, &one, now + BOUNDS.whole), None);
    }

    #[test]
    fn it_ends_with_the_password_that_opened_it_with_its_owner_and_with_log_out() {
        let (sessions, now) = (sessions(), Instant::now());
        let [a, b, c] = ["A", "B", "C"].map(|owner| opened(&sessions, owner, now));
        let stands = |owner: &&str, proof: &str| *owner == "B" || proof == "new";
        assert_eq!(sessions.check(&a, now, true, stands), None);
        assert_eq!(sessions.check(&b, now, true, stands), Some("B"));
        assert_eq!(sessions.check(&b, now, true, |_, _| false), None);
        assert_eq!(check(&sessions, &b, now), None);
        let gone = sessions.close(&c);
        assert!(gone.contains("=; ") && gone.contains("Max-Age=0"), "{gone}");
        assert_eq!(check(&sessions, &c, now), None);
    }

    #[test]
    fn an_owner_has_a_few_and_the_one_unused_longest_goes() {
        let (sessions, now) = (sessions(), Instant::now());
        let other = opened(&sessions, "B", now);
        let mine: Vec<_> =
            (0..4).map(|n| opened(&sessions, "A", now + Duration::from_secs(n))).collect();
        let later = now + MINUTE;
        assert_eq!(check(&sessions, &mine[0], later), Some("A"));
        let new = opened(&sessions, "A", later);
        assert_eq!(sessions.count(&"A", later), BOUNDS.each);
        assert_eq!(check(&sessions, &mine[1], later), None);
        for kept in [&mine[0], &new] {
            assert_eq!(check(&sessions, kept, later), Some("A"));
        }
        assert_eq!(check(&sessions, &other, later), Some("B"));
    }

    #[test]
    fn all_together_are_bounded_too() {
        let (sessions, now) = (sessions(), Instant::now());
        let owners = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];
        let second = |n: usize| now + Duration::from_secs(n as u64);
        let all: Vec<_> = owners
            .iter()
            .enumerate()
            .map(|(n, owner)| opened(&sessions, owner, second(n)))
            .collect();
        assert!(check(&sessions, &all[0], second(10)).is_some());
        opened(&sessions, "K", second(11));
        assert_eq!(sessions.lock().len(), BOUNDS.all);
        assert!(check(&sessions, &all[1], second(12)).is_none());
        assert!(check(&sessions, &all[0], second(12)).is_some());
    }

    #[test]
    fn who_logs_in_again_has_one_session_and_behind_tls_a_cookie_for_tls_alone() {
        let (sessions, now) = (sessions(), Instant::now());
        let mut first = opened(&sessions, "A", now);
        first.insert("x-forwarded-proto", "https".parse().unwrap());
        let set = sessions.open(&first, "A", "p", now).unwrap();
        assert!(set.contains("; Secure") && set.contains("; HttpOnly; SameSite=Strict"), "{set}");
        assert_eq!(check(&sessions, &first, now), None);
        assert_eq!(check(&sessions, &sent(&set), now), Some("A"));
        let plain = sessions.open(&HeaderMap::new(), "A", "p", now).unwrap();
        assert!(!plain.contains("Secure"), "{plain}");
    }

    #[test]
    fn cookies_of_other_machines_under_the_same_host_are_not_taken() {
        let (sessions, now) = (sessions(), Instant::now());
        let set = sessions.open(&HeaderMap::new(), "A", "p", now).unwrap();
        let other = set.replace("motcua-0", "motcua-1");
        assert_ne!(set, other);
        assert_eq!(check(&sessions, &sent(&other), now), None);
        assert_eq!(check(&sessions, &sent(&set), now), Some("A"));
    }
}
