//! Who saw what, written down behind the answer: a view never waits for the disk, and is answered also when
//! the disk is full. What is looked at again within [`limits::SAME_VIEW`] is one line; a page that asks every
//! few seconds costs one. Lines go into documents of this machine, in batches, as entries like any other.

use super::{
    limits,
    roster::Roster,
    who::{self, Who},
};
use crate::{
    api::{Api, dossier_id},
    desk::Desk,
    error::DeskError,
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    routing::get,
};
use motcua_core::id::DossierId;
use motcua_dossier::people::Seen;
use motcua_shell::{clock::Clock, http::Metrics, people};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// Lines on their way to the disk.
#[derive(Debug, Default)]
pub(super) struct Audit {
    waiting: Mutex<Waiting>,
    news: Notify,
    written: AtomicU64,
    lost: AtomicU64,
    failed: AtomicU64,
    /// The document that lines go into, and how many it has.
    document: tokio::sync::Mutex<Option<(DossierId, usize)>>,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Seen>,
    /// What was said lately, and when.
    lately: HashMap<(String, String, String, String), Instant>,
}

impl Waiting {
    /// Takes a line, unless the same was said lately; gives how many were pushed out for it.
    fn take(&mut self, line: Seen, now: Instant) -> u64 {
        let who = if line.account.is_empty() { &line.from } else { &line.account };
        let key = (line.what.clone(), who.clone(), line.dossier.clone(), line.file.clone());
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < limits::SAME_VIEW;
        if self.lately.get(&key).is_some_and(is_recent) {
            return 0;
        }
        if self.lately.len() >= limits::LATELY {
            self.lately.retain(|_, at| is_recent(at));
            if self.lately.len() >= limits::LATELY {
                // Better a line too many than one too few.
                self.lately.clear();
            }
        }
        self.lately.insert(key, now);
        self.lines.push_back(line);
        let beyond = self.lines.len().saturating_sub(limits::WAITING_LINES);
        self.lines.drain(..beyond);
        beyond as u64
    }
}

impl Audit {
    /// Something was seen, or happened at the door.
    pub(super) fn note(&self, line: Seen, now: Instant) {
        let lost = self.waiting().take(line, now);
        self.lost.fetch_add(lost, Ordering::Relaxed);
        self.news.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits; what the disk refuses waits on.
    pub(super) async fn flush(&self, desk: &Desk) -> Result<(), DeskError> {
        let mut document = self.document.lock().await;
        loop {
            let lines: Vec<Seen> = {
                let waiting = self.waiting();
                waiting.lines.iter().take(limits::LINES_AT_ONCE).cloned().collect()
            };
            if lines.is_empty() {
                return Ok(());
            }
            let (id, held) = match *document {
                Some((id, held)) if held < limits::LINES_IN_DOCUMENT => (Some(id), held),
                _ => (None, 0),
            };
            let facts = lines.iter().map(Seen::draft).collect();
            match desk.write_audit(id, facts).await {
                Ok(id) => *document = Some((id, held + lines.len())),
                Err(error) => {
                    // Another one next time: this one may be what cannot be opened.
                    *document = None;
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    return Err(error);
                }
            }
            self.written.fetch_add(lines.len() as u64, Ordering::Relaxed);
            let mut waiting = self.waiting();
            // Some may have been pushed out meanwhile; those behind them stay.
            let gone = waiting.lines.iter().take(lines.len()).zip(&lines);
            let gone = gone.take_while(|(one, written)| one == written).count();
            waiting.lines.drain(..gone);
        }
    }

    /// Figures for a scraper.
    pub(super) fn metrics(&self, out: &mut Metrics) {
        for (name, help, value) in [
            (
                "motcua_audit_lines_total",
                "Lines of who saw what that are on the disk.",
                &self.written,
            ),
            (
                "motcua_audit_lost_total",
                "Lines that were pushed out while the disk refused.",
                &self.lost,
            ),
            ("motcua_audit_failures_total", "Writes of lines that the disk refused.", &self.failed),
        ] {
            out.family(name, "counter", help).sample(
                name,
                &[],
                value.load(Ordering::Relaxed) as f64,
            );
        }
        let waiting = self.waiting().lines.len();
        let name = "motcua_audit_waiting";
        out.family(name, "gauge", "Lines on their way to the disk.").sample(
            name,
            &[],
            waiting as f64,
        );
    }
}

/// Writes lines down until the node stops.
pub(crate) async fn run(desk: Arc<Desk>) {
    let audit = &desk.people().audit;
    loop {
        audit.news.notified().await;
        // A moment's views are one entry.
        sleep(limits::TOGETHER).await;
        if let Err(error) = audit.flush(&desk).await {
            tracing::warn!(%error, "who saw what is not written yet");
            sleep(limits::AGAIN).await;
            audit.news.notify_one();
        }
    }
}

/// Writes what waits before the node stops.
pub(crate) async fn flush(desk: &Desk) {
    if let Err(error) = desk.people().audit.flush(desk).await {
        tracing::warn!(%error, "who saw what last is not written");
    }
}

/// The routes: `GET /dossiers/{id}/views`, who saw a dossier, and `GET /audit`, what happened at the door.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/dossiers/{id}/views", get(views)).route("/api/v1/audit", get(door))
}

async fn views(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let (id, desk) = (dossier_id(&id)?, &api.desk);
    desk.facts(id)?;
    flush(desk).await;
    desk.settled().await;
    let lines = people::views(desk.engine().books(), id, limits::SHOWN)?;
    Ok(Json(json!({ "views": all(desk, &lines) })))
}

async fn door(Extract(api): Extract<Api>) -> Result<Json<Value>, DeskError> {
    let desk = &api.desk;
    flush(desk).await;
    desk.settled().await;
    let lines = people::door(desk.engine().books(), limits::SHOWN)?;
    Ok(Json(json!({ "lines": all(desk, &lines) })))
}

fn all(desk: &Desk, lines: &[Seen]) -> Vec<Value> {
    let roster = desk.people().roster(desk);
    lines.iter().map(|line| told(&roster, line)).collect()
}

/// Somebody looks at a file that is in no dossier yet; written down once the office has accounts.
pub(crate) fn saw_file(desk: &Desk, name: &str) {
    let Some(who) = who::asks() else { return };
    let line = Seen { file: name.to_owned(), ..line(desk, Seen::SCAN_SEEN, Some(&who)) };
    desk.people().audit.note(line, Instant::now());
}

/// A line about somebody, now.
pub(super) fn line(desk: &Desk, what: &str, who: Option<&Who>) -> Seen {
    let engine = desk.engine();
    let account = who.and_then(|who| who.account).map(|id| id.to_string());
    let name = who.filter(|who| who.account.is_none()).map(|who| who.name.clone());
    Seen {
        what: what.to_owned(),
        by: name.unwrap_or_default(),
        account: account.unwrap_or_default(),
        at: engine.clock().wall().0,
        node: engine.me.node.to_string().chars().take(8).collect(),
        ..Seen::default()
    }
}

/// A line as it is told: the name of an account is said by the account.
fn told(roster: &Roster, seen: &Seen) -> Value {
    let account = seen.account.parse().ok().and_then(|id| roster.get(id));
    let by = account.map_or_else(|| seen.by.clone(), |account| account.name.clone());
    json!({
        "what": seen.what,
        "at": seen.at,
        "by": by,
        "account": seen.account,
        "dossier": seen.dossier,
        "node": seen.node,
        "from": seen.from,
        "file": seen.file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn view(account: &str, dossier: &str) -> Seen {
        Seen {
            what: Seen::VIEWED.into(),
            account: account.into(),
            dossier: dossier.into(),
            ..Seen::default()
        }
    }

    #[test]
    fn a_page_that_asks_all_the_time_is_one_line_and_another_person_or_dossier_is_another() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        for second in 0..300 {
            waiting.take(view("a", "1"), now + Duration::from_secs(second));
        }
        waiting.take(view("b", "1"), now);
        waiting.take(view("a", "2"), now);
        assert_eq!(waiting.lines.len(), 3);
        waiting.take(view("a", "1"), now + limits::SAME_VIEW);
        assert_eq!(waiting.lines.len(), 4, "later it is said again");
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_pushed_out_is_counted() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        let lost: u64 = (0..limits::WAITING_LINES + 7)
            .map(|n| waiting.take(view("a", &n.to_string()), now))
            .sum();
        assert_eq!((lost, waiting.lines.len()), (7, limits::WAITING_LINES));
        assert_eq!(waiting.lines[0].dossier, "7", "the oldest goes");
        assert!(waiting.lately.len() <= limits::LATELY);
    }
}
