//! The hub side.

use super::{Side, now_ns};
use anyhow::{Context, ensure};
use motcua_core::{
    id::{DossierId, LogId},
    record::Record,
    trust::NodeKind,
    wire::UpFrame,
};
use motcua_shell::{
    content::DossierContent,
    engine::Engine,
    service::{Probes, Service, ServiceOptions},
};
use motcua_tests::papers;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// When entries became durable: log, first and last sequence, nanoseconds.
type Arrivals = Arc<Mutex<Vec<(LogId, u64, u64, u64)>>>;

pub(crate) struct Hub {
    service: Service,
    arrivals: Arrivals,
    durable: Arc<watch::Sender<u64>>,
    last: Arc<AtomicU64>,
}

impl Hub {
    pub(crate) async fn start(dir: PathBuf, port: u16) -> anyhow::Result<Self> {
        papers::write_identity(papers::OFFICES, &dir, NodeKind::Hub, 0, 0, port)?;
        let arrivals = Arrivals::default();
        let (durable, last) = (Arc::new(watch::Sender::new(0)), Arc::<AtomicU64>::default());
        let probe = {
            let (arrivals, durable, last) =
                (Arc::clone(&arrivals), Arc::clone(&durable), Arc::clone(&last));
            Arc::new(move |_: u64, record: &Record| {
                let Record::Up { frame, .. } = record else { return };
                let Ok(head) = UpFrame::peek(frame) else { return };
                let now = now_ns();
                last.store(now, Ordering::Relaxed);
                durable.send_modify(|entries| *entries += head.count);
                lock(&arrivals).push((head.log, head.first, head.last(), now));
            })
        };
        let service = Service::start(ServiceOptions {
            data_dir: dir,
            listen: Some(SocketAddr::from(([127, 0, 0, 1], port)).into()),
            recovery_listen: None,
            content: DossierContent::of_hub(),
            changed: Box::new(|_| {}),
            probes: Probes { durable: Some(probe), ..Probes::default() },
            startup: motcua_shell::startup::Startup::default(),
        })
        .await?;
        Ok(Self { service, arrivals, durable, last })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Dossiers and events in applied state, counted row by row.
pub(crate) fn count(engine: &Engine) -> anyhow::Result<(u64, u64)> {
    let (mut documents, mut events) = (0, 0);
    let mut after: Option<DossierId> = None;
    loop {
        let page = engine.books().dossiers(after, 1_000)?;
        for (_, row) in &page {
            documents += 1;
            events += u64::from(row.entries - row.held).saturating_sub(1);
        }
        match page.last() {
            Some((id, _)) if page.len() == 1_000 => after = Some(*id),
            _ => return Ok((documents, events)),
        }
    }
}

impl Side for Hub {
    async fn verb(&mut self, verb: &str, asked: &Value) -> anyhow::Result<Option<Value>> {
        let number = |field: &str| asked[field].as_u64().unwrap_or_default();
        Ok(Some(match verb {
            "pair" => json!({ "ok": true }),
            // Durable and acknowledged; that everything is applied too is counted by `status`.
            "wait" => {
                let wanted = number("docs") + number("events");
                let mut durable = self.durable.subscribe();
                let enough = durable.wait_for(|entries| *entries >= wanted);
                let limit = Duration::from_secs(number("timeout"));
                let ok = matches!(tokio::time::timeout(limit, enough).await, Ok(Ok(_)));
                json!({ "ok": ok, "t": self.last.load(Ordering::Relaxed) })
            }
            "arm" => {
                lock(&self.arrivals).clear();
                json!({ "ok": true })
            }
            "arrivals" => {
                let arrivals = lock(&self.arrivals);
                let each = arrivals.iter().flat_map(|(log, first, last, at)| {
                    (*first..=*last).map(move |sequence| json!([format!("{log}:{sequence}"), at]))
                });
                json!({ "t": each.collect::<Vec<_>>() })
            }
            "status" => {
                let started = now_ns();
                ensure!(self.service.engine.level().await, "the state is broken");
                let lag = (now_ns() - started) as f64 / 1e9;
                tracing::warn!(seconds_after_asking = lag, "everything is applied");
                let engine = &self.service.engine;
                let (documents, events) = count(engine).context("counting applied state")?;
                json!({ "docs": documents, "events": events, "applied_after": lag })
            }
            _ => return Ok(None),
        }))
    }

    async fn end(self) {
        self.service.stop().await;
    }
}
