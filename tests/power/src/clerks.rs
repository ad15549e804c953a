//! Clerks who write while power comes and goes, and what they were promised.

use anyhow::{Context, bail};
use motcua_tests::{
    desk::{Desk, Registered, Trouble, application, fresh_key},
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// Longer than any stretch without power.
const PATIENCE: Duration = Duration::from_secs(240);
/// Before the same is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// What a node answered as saved.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Key of the request.
    pub key: String,
    /// The request.
    pub body: Value,
    /// Id and code that were given.
    pub made: Registered,
    /// Notes that were answered as saved.
    pub notes: Vec<String>,
    /// Offices, by code, to which forwarding was answered as saved.
    pub forwarded: Vec<String>,
}

/// The clerks of one office, all together.
pub struct Clerks {
    /// Code of the office.
    pub code: String,
    desk: Desk,
    promises: Mutex<Vec<Promise>>,
    /// Requests that had to be asked again with their key.
    pub doubts: AtomicUsize,
    /// Set when there is no more to wait for.
    pub abandoned: AtomicBool,
}

impl Clerks {
    /// Nobody has written yet.
    pub fn new(code: &str, desk: Desk) -> Self {
        let desk = Desk::new(desk.client.patient(Duration::from_secs(10)));
        Self {
            code: code.to_owned(),
            desk,
            promises: Mutex::default(),
            doubts: AtomicUsize::new(0),
            abandoned: AtomicBool::new(false),
        }
    }

    /// What was promised until now.
    pub fn promises(&self) -> Vec<Promise> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One clerk: registers as many as are allowed, notes and forwards, until told to stop.
    ///
    /// # Errors
    /// A refusal that no power cut explains, or an answer that differs from the one before.
    pub fn write(
        &self,
        others: &[(String, String)],
        mut seed: Seed,
        allowed: &AtomicUsize,
        stop: &AtomicBool,
    ) -> anyhow::Result<()> {
        let mut done = 0;
        while !stop.load(Relaxed) {
            if done >= allowed.load(Relaxed) {
                thread::sleep(PAUSE);
                continue;
            }
            done += 1;
            let (key, body) = (fresh_key(), application(&mut seed));
            let made = self.surely(|| self.desk.register(&key, &body))?;
            let (id, promise) = (
                made.id.clone(),
                Promise {
                    key: key.clone(),
                    body: body.clone(),
                    made: made.clone(),
                    notes: Vec::new(),
                    forwarded: Vec::new(),
                },
            );
            self.lock().push(promise);
            if seed.below(3) == 0 {
                let (key, text) = (fresh_key(), format!("ghi chú mẫu {}", fresh_key()));
                let body = json!({ "text": text });
                self.surely(|| self.post(&format!("/api/v1/dossiers/{id}/notes"), &key, &body))?;
                self.of(&id, |promise| promise.notes.push(text));
            }
            if let Some((to, office)) = (!others.is_empty()).then(|| seed.pick(others))
                && *to != self.code
                && seed.below(4) == 0
            {
                let key = fresh_key();
                self.surely(|| self.desk.forward_under(&key, &id, office))?;
                self.of(&id, |promise| promise.forwarded.push(to.clone()));
            }
            if seed.below(5) == 0 {
                let again = self.surely(|| self.desk.register(&key, &body))?;
                if again != made {
                    bail!("{}: one key gave {made:?} and {again:?}", self.code);
                }
            }
            thread::sleep(seed.millis(5, 50));
        }
        Ok(())
    }

    /// What of these promises the node does not hold, in words.
    pub fn broken(&self, promises: &[Promise]) -> Vec<String> {
        let broken = |promise: &Promise| {
            let id = &promise.made.id;
            let detail = match self.desk.detail(id) {
                Ok(detail) => detail,
                Err(trouble) => return Some(format!("{}: {id} is lost: {trouble}", self.code)),
            };
            let text = detail.to_string();
            let (name, code) = (&promise.body["applicant"]["name"], &promise.made.code);
            let whole = detail["applicant_name"] == *name
                && detail["request"] == promise.body["request"]
                && detail["code"] == **code
                && promise.notes.iter().all(|note| text.contains(note.as_str()));
            (!whole).then(|| format!("{}: {id} is not what was saved: {promise:?}", self.code))
        };
        promises.iter().filter_map(broken).collect()
    }

    /// Asks some of the requests again: each must be answered as before.
    ///
    /// # Errors
    /// Which one was not.
    pub fn ask_again(&self, promises: &[Promise], seed: &mut Seed) -> anyhow::Result<()> {
        for _ in 0..promises.len().min(3) {
            let promise = seed.pick(promises);
            let again = self.desk.register(&promise.key, &promise.body)?;
            if again != promise.made {
                bail!("{}: {:?} is {again:?} when asked again", self.code, promise.made);
            }
        }
        Ok(())
    }

    fn surely<T>(&self, mut ask: impl FnMut() -> Result<T, Trouble>) -> anyhow::Result<T> {
        let began = Instant::now();
        let mut asked = 0;
        loop {
            let trouble = match ask() {
                Ok(done) => {
                    self.doubts.fetch_add(usize::from(asked > 0), Relaxed);
                    return Ok(done);
                }
                Err(Trouble::Refused(answer)) if answer.status < 500 => {
                    return Err(Trouble::Refused(answer)).with_context(|| self.code.clone());
                }
                Err(trouble) => trouble,
            };
            asked += 1;
            if began.elapsed() > PATIENCE || self.abandoned.load(Relaxed) {
                bail!("{}: not done after {:?}: {trouble}", self.code, began.elapsed());
            }
            thread::sleep(PAUSE);
        }
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, Trouble> {
        let answer = self.desk.client.post(path, &[("idempotency-key", key)], body)?;
        if answer.is_success() { Ok(answer.json()) } else { Err(Trouble::Refused(answer)) }
    }

    fn of(&self, id: &str, change: impl FnOnce(&mut Promise)) {
        if let Some(promise) = self.lock().iter_mut().rev().find(|one| one.made.id == id) {
            change(promise);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Promise>> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
