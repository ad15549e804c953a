//! People of the office: accounts, log-in without a network, sessions, roles. See design/people.md.
//!
//! [`door`] stands before every route and says who asks; [`log_in`] and [`accounts`] are the routes; [`roster`]
//! holds the accounts as the state has them; what accounts are is [`motcua_dossier::people`].

mod accounts;
mod audit;
mod door;
mod duties;
mod limits;
mod log_in;
mod refused;
mod roster;
mod setup;
mod stead;
mod waits;
pub(crate) mod who;

pub(crate) use audit::{flush, run as write_audit, saw_file};
pub(crate) use door::guard;
pub use refused::PeopleError;
pub use setup::{SetupError, TOKEN_FILE, new_code};

use crate::{api::Api, desk::Desk};
use axum::{Router, extract::DefaultBodyLimit};
use motcua_core::id::{DossierId, NodeId, OfficeId};
use motcua_shell::{driver::Signal, http::Sessions, rate::SourceRates};
use roster::Roster;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{sync::Semaphore, time::Instant};
use waits::Waits;

/// Who works here, and who is logged in.
pub(crate) struct People {
    data: PathBuf,
    office: OfficeId,
    roster: RwLock<Arc<Roster>>,
    /// Folds of accounts so far, counted by the content.
    folds: Arc<AtomicU64>,
    seen: AtomicU64,
    /// Whether the state may have other accounts than the roster.
    stale: AtomicBool,
    /// By account; what opened it is the fact with its password.
    sessions: Sessions<DossierId>,
    waits: Mutex<Waits>,
    rates: Mutex<SourceRates>,
    /// Hashes that are made at once: each takes much memory.
    hashing: Semaphore,
    /// One change of accounts at a time, so that each has seen the one before.
    changing: tokio::sync::Mutex<()>,
    machine_token: String,
    audit: audit::Audit,
}

impl People {
    /// Of the node with this data folder. `folds` counts folds of accounts.
    pub(crate) fn open(
        data: &Path,
        (office, node): (OfficeId, NodeId),
        folds: Arc<AtomicU64>,
    ) -> anyhow::Result<Self> {
        let machine_token = setup::machine_token(data)?;
        let file = known(data);
        let roster = Roster::load(&file).unwrap_or_else(|error| {
            tracing::error!(%error, file = %file.display(), "accounts are known again with the state");
            Roster::unknown()
        });
        let rates = SourceRates::new(
            limits::ATTEMPTS,
            limits::ATTEMPTS_OF_ALL,
            limits::REMEMBERED,
            Instant::now(),
        );
        Ok(Self {
            data: data.to_owned(),
            office,
            roster: RwLock::new(Arc::new(roster)),
            folds,
            seen: AtomicU64::new(0),
            stale: AtomicBool::new(true),
            sessions: Sessions::new(node, limits::SESSIONS),
            waits: Mutex::default(),
            rates: Mutex::new(rates),
            hashing: Semaphore::new(1),
            changing: tokio::sync::Mutex::default(),
            machine_token,
            audit: audit::Audit::default(),
        })
    }

    /// Figures for a scraper.
    pub(crate) fn metrics(&self, out: &mut motcua_shell::http::Metrics) {
        self.audit.metrics(out);
    }

    /// Called by the applier behind each batch.
    pub(crate) fn applied(&self) {
        let folds = self.folds.load(Ordering::Acquire);
        if self.seen.swap(folds, Ordering::AcqRel) != folds {
            self.stale.store(true, Ordering::Release);
        }
    }

    /// The accounts: as the state has them, and until it is whole as they were known before.
    fn roster(&self, desk: &Desk) -> Arc<Roster> {
        let engine = desk.engine();
        if engine.startup().is_level() && self.stale.swap(false, Ordering::AcqRel) {
            match Roster::read(engine, self.office) {
                Ok(new) => self.take(desk, new),
                Err(error) => {
                    self.stale.store(true, Ordering::Release);
                    tracing::warn!(%error, "accounts cannot be read; those known before hold");
                }
            }
        }
        Arc::clone(&self.roster.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, desk: &Desk, new: Roster) {
        for id in &new.awaited {
            desk.engine().driver().signal(Signal::WantHistory(*id));
        }
        let mut kept = self.roster.write().unwrap_or_else(PoisonError::into_inner);
        if **kept == new {
            return;
        }
        // Without the copy accounts are known again when the state is whole; nothing is lost.
        if let Err(error) = new.keep(&known(&self.data)) {
            tracing::warn!(%error, "the copy of the accounts cannot be written");
        }
        *kept = Arc::new(new);
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the copy of the accounts stands.
fn known(data: &Path) -> PathBuf {
    data.join("people/known")
}

/// The routes that need no state; log-in works from the first moment on.
pub(crate) fn early_routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Desk>: axum::extract::FromRef<S>,
{
    log_in::routes().layer(DefaultBodyLimit::max(limits::BODY_BYTES))
}

/// All of them.
pub(crate) fn routes() -> Router<Api> {
    let all = accounts::routes().merge(audit::routes()).merge(stead::routes());
    early_routes().merge(all.layer(DefaultBodyLimit::max(limits::BODY_BYTES)))
}

/// The account that a path names.
fn account_id(text: &str) -> Result<DossierId, PeopleError> {
    text.parse().map_err(|_| PeopleError::Unknown)
}
