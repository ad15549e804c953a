//! From an engine whose counter can write to one that does everything: on the applier's thread the state
//! is brought up to the journal, then the replica is made over it, and everything that acts on the state
//! is started.

use super::{Engine, Eviction, StartError, Told, applier::Applier, evict, forget, recover, spawn};
use crate::{
    driver::{self, Signal, Surroundings},
    startup::Step,
};
use motcua_core::{
    ledger::Content,
    replica::Replica,
    trust::{NodeKind, Offered},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, Weak,
        mpsc::{Receiver, channel, sync_channel},
    },
    time::Duration,
};

/// What is started once the state reflects the journal.
pub(super) struct Rest {
    pub(super) signals: Receiver<Signal>,
    pub(super) dial: Box<dyn Fn() + Send>,
    pub(super) event: Told,
    pub(super) purge_delay: Duration,
    pub(super) evict: Option<Eviction>,
    /// Without one there are no links either that could say what to forget.
    pub(super) runtime: Option<tokio::runtime::Handle>,
}

/// In what a machine says of its software at hello, before the time at which it found its state lost:
/// whoever looks after the offices sees it at the hub.
const REBUILT: &str = "+rebuilt.";

/// Version, and when the state was found lost (Unix milliseconds), in what a machine says of itself.
pub fn said_of(software: &str) -> (&str, Option<i64>) {
    match software.split_once(REBUILT) {
        Some((version, at)) => (version, at.parse().ok()),
        None => (software, None),
    }
}

/// Starts the applier's thread, which does the rest; says how that ended.
pub(super) fn rise<C: Content + Send + 'static>(
    engine: &Arc<Engine>,
    mut applier: Applier<C>,
    rest: Rest,
) -> Result<Receiver<Result<(), StartError>>, StartError> {
    let (told, ended) = channel();
    // Not to be kept alive by its own thread.
    let weak = Arc::downgrade(engine);
    let (queue, pen, driver) =
        (Arc::clone(&engine.queue), engine.pen.clone(), engine.driver.clone());
    let opened = engine.opened.clone();
    let run = move || {
        let up = match recover::bring_up(&mut applier, &opened, &queue) {
            Ok(true) => start_rest(&weak, &applier, rest),
            Ok(false) => Err(StartError::Stopped),
            Err(error) => Err(error),
        };
        let runs = up.is_ok();
        if let Err(error) = &up {
            applier.failed(error, &queue);
        }
        // Who started it may have gone.
        let _ = told.send(up);
        if runs {
            applier.run(&queue, &pen, &driver);
        }
    };
    engine.threads().push(spawn("applier", run)?);
    Ok(ended)
}

/// Replica, links' side of the engine, and housekeeping, over a state that nobody else writes now.
fn start_rest<C: Content>(
    engine: &Weak<Engine>,
    applier: &Applier<C>,
    rest: Rest,
) -> Result<(), StartError> {
    let engine = engine.upgrade().ok_or(StartError::Stopped)?;
    let startup = engine.startup.clone();
    if startup.is_stopping() {
        return Err(StartError::Stopped);
    }
    startup.begin(Step::Links, 0, 0);
    let queue = Arc::clone(&engine.queue);
    startup.watch(move || queue.waiting() > 0);
    recover::settle_undecided(applier, &engine.pen)?;
    let trust = applier.ledger.trust().clone();
    *engine.trust.lock().unwrap_or_else(PoisonError::into_inner) = trust.clone();
    *engine.offered.lock().unwrap_or_else(PoisonError::into_inner) = Offered::new(trust.clone());
    let mut config = engine.config();
    if let Some(rebuild) = startup.rebuild() {
        config.software = format!("{}{REBUILT}{}", config.software, rebuild.found.0);
    }
    let replica = Replica::new(config, trust, &engine.books)?;
    engine.own.rescue(&engine.books)?;
    // The state answers for them from here on.
    *engine.own_records() = super::OwnRecords::default();
    let Rest { signals, dial, event, purge_delay, evict, runtime } = rest;
    engine.scans.look_after().map_err(|source| StartError::Io {
        what: "no thread looks after the scans".into(),
        source,
    })?;
    let (asks, asked) = channel();
    let cutting = {
        let (books, driver) = (engine.books.clone(), engine.driver.clone());
        spawn("images", move || crate::images::run(&asked, &books, &driver))?
    };
    let around = Surroundings {
        store: engine.books.clone(),
        scribe: Box::new(engine.pen.clone()),
        clock: engine.clock,
        dial,
        scans: engine.scans.mover(),
        images: Box::new(move |request| {
            // The thread ends after the driver, which owns this.
            let _ = asks.send(request);
        }),
        event: {
            let engine = Arc::downgrade(&engine);
            Box::new(move |happened| {
                event(&happened);
                if let Some(engine) = engine.upgrade() {
                    engine.react(happened);
                }
            })
        },
    };
    let driver = engine.driver.clone();
    let driving = spawn("driver", move || driver::run(replica, &driver, &signals, around))?;
    engine.threads().extend([driving, cutting]);
    let Some(runtime) = runtime else { return Ok(()) };
    let (running, stop) = sync_channel(0);
    let weak = Arc::downgrade(&engine);
    let forgetter =
        forget::Forgetter { engine: weak.clone(), delay: purge_delay, runtime: runtime.clone() };
    engine.keep_house(running, spawn("forgetter", move || forgetter.run(&stop))?);
    if let Some(when) = evict.filter(|_| engine.kind == NodeKind::Node) {
        let (running, stop) = sync_channel(0);
        let evictor = evict::Evictor { engine: weak, when, runtime, left: HashMap::new() };
        engine.keep_house(running, spawn("evictor", move || evictor.run(&stop))?);
    }
    Ok(())
}
