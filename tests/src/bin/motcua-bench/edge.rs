//! The edge side: one node, or a swarm of them.

use super::{Side, line, now_ns};
use anyhow::{Context, ensure};
use motcua_core::{
    id::DossierId,
    replica::{Event, UpstreamPhase},
    state::{Key, Kv, rows},
    trust::NodeKind,
};
use motcua_dossier::action;
use motcua_node::{
    desk::{Caller, Desk},
    service::Node,
};
use motcua_shell::{driver::Signal, engine::Engine, service::Probes};
use motcua_tests::papers;
use serde_json::{Value, json};
use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Saves under way at once while loading; one clerk more would only wait for the same disk.
const LOADERS: usize = 64;
/// The benchmark's hub listens here.
const HUB_PORT: u16 = 7001;
/// A swarm's machines share one disk.
const SWARM_SEGMENT: u64 = 256 * 1024;

/// A node and what the probe saw of its link.
struct Machine {
    node: Node,
    /// Times when nothing was missing on either side, in nanoseconds.
    in_sync: watch::Receiver<u64>,
}

impl Machine {
    async fn start(
        dir: PathBuf,
        office: u16,
        slot: u16,
        segment_bytes: Option<u64>,
    ) -> anyhow::Result<Self> {
        papers::write_identity(papers::OFFICES, &dir, NodeKind::Node, office, slot, HUB_PORT)?;
        let (told, in_sync) = watch::channel(0);
        let event = Box::new(move |event: &Event| {
            if matches!(event, Event::InSync) {
                told.send_replace(now_ns());
            }
        });
        let probes =
            Probes { event: Some(event), segment_bytes, offline: true, ..Probes::default() };
        Ok(Self { node: Node::start(dir, probes).await?, in_sync })
    }

    fn pause(&self, paused: bool) {
        self.node.desk.engine().driver().signal(Signal::Pause(paused));
    }

    /// Comes online and gives the time at which both sides had everything.
    async fn sync(&mut self) -> anyhow::Result<u64> {
        self.in_sync.mark_unchanged();
        self.pause(false);
        self.in_sync.changed().await?;
        Ok(*self.in_sync.borrow())
    }
}

pub(crate) struct Edge {
    machine: Machine,
    dossiers: HashMap<String, DossierId>,
    dir: PathBuf,
    swarm: Vec<Machine>,
}

impl Edge {
    pub(crate) async fn start(role: &str, dir: PathBuf) -> anyhow::Result<Self> {
        let slot = u16::from(role == "edge2");
        let machine = Machine::start(dir.clone(), 0, slot, None).await?;
        Ok(Self { machine, dossiers: HashMap::new(), dir, swarm: Vec::new() })
    }

    async fn load(&mut self, asked: &Value) -> anyhow::Result<()> {
        self.dossiers.extend(load(&self.machine.node.desk, asked).await?);
        Ok(())
    }

    /// Applies one update line; gives the key of its arrival.
    async fn write(&self, update: &Value) -> anyhow::Result<String> {
        let id = *self.dossiers.get(&line::name(update)).context("a loaded dossier")?;
        let desk = &self.machine.node.desk;
        apply(desk, id, update).await?;
        let own = desk.engine().own();
        Ok(format!("{}:{}", own.log(), own.head()))
    }
}

/// Registers documents and applies updates, many at once, updates of one dossier in order.
async fn load(desk: &Arc<Desk>, asked: &Value) -> anyhow::Result<HashMap<String, DossierId>> {
    let mut dossiers = HashMap::new();
    let mut documents = line::lines(&asked["docs"], 0, usize::MAX)?.peekable();
    while documents.peek().is_some() {
        let mut saves = Vec::new();
        for document in documents.by_ref().take(LOADERS) {
            let document = document?;
            let (desk, new) = (Arc::clone(desk), line::registration(&document));
            let name = line::name(&document);
            saves.push(tokio::spawn(
                async move { (name, desk.register(new, Caller::default()).await) },
            ));
        }
        for save in saves {
            let (name, saved) = save.await?;
            dossiers.insert(name, saved?);
        }
    }
    // In order of time, in runs in which no dossier occurs twice.
    let mut run: Vec<(DossierId, Value)> = Vec::new();
    for update in line::lines(&asked["updates"], 0, usize::MAX)? {
        let update = update?;
        let id = *dossiers.get(&line::name(&update)).context("a loaded dossier")?;
        if run.len() == LOADERS || run.iter().any(|(other, _)| *other == id) {
            flush(desk, &mut run).await?;
        }
        run.push((id, update));
    }
    flush(desk, &mut run).await?;
    desk.settled().await;
    Ok(dossiers)
}

async fn flush(desk: &Arc<Desk>, run: &mut Vec<(DossierId, Value)>) -> anyhow::Result<()> {
    let saves = run.drain(..).map(|(id, update)| {
        let desk = Arc::clone(desk);
        tokio::spawn(async move { apply(&desk, id, &update).await })
    });
    for save in saves.collect::<Vec<_>>() {
        save.await??;
    }
    Ok(())
}

async fn apply(desk: &Desk, id: DossierId, update: &Value) -> anyhow::Result<()> {
    let event = line::event(update);
    let caller = Caller { clerk: event.clerk, ..Caller::default() };
    match event.to {
        Some(to) => {
            let step = |derived: &_, act| Ok(action::move_to(derived, to, act)?);
            desk.act(id, caller, event.text, step).await?;
        }
        None => {
            let text = event.text;
            let remark = |_: &_, act| Ok(action::note(text.clone(), act)?);
            desk.act(id, caller, String::new(), remark).await?;
        }
    }
    Ok(())
}

impl Side for Edge {
    async fn verb(&mut self, verb: &str, asked: &Value) -> anyhow::Result<Option<Value>> {
        let number = |field: &str| asked[field].as_u64().unwrap_or_default() as usize;
        let limit = Duration::from_secs(asked["timeout"].as_u64().unwrap_or(300));
        Ok(Some(match verb {
            "pair" => json!({ "ok": true }),
            "load" => {
                self.load(asked).await?;
                json!({ "ok": true })
            }
            "sync" => {
                let (documents, events) = (number("docs") as u64, number("events") as u64);
                let pull = asked["mode"] == "pull";
                let engine = Arc::clone(self.machine.node.desk.engine());
                let synced = tokio::time::timeout(limit, async {
                    if !pull {
                        return self.machine.sync().await;
                    }
                    self.machine.pause(false);
                    // An empty node has everything when its state shows everything.
                    let mut progress = engine.progress();
                    loop {
                        let (meta, images) = (engine.meta()?, engine.images()?);
                        let whole =
                            meta.dossiers >= documents && meta.entries >= documents + events;
                        if whole || images.done {
                            let at = now_ns();
                            let shown = shown(&engine)?;
                            ensure!(shown >= (documents, events), "shown is only {shown:?}");
                            return Ok(at);
                        }
                        progress.changed().await?;
                    }
                });
                match synced.await {
                    Ok(at) => json!({ "ok": true, "t": at? }),
                    Err(_) => json!({ "ok": false }),
                }
            }
            "live" => {
                tokio::time::timeout(limit, self.machine.sync()).await??;
                json!({ "ok": true })
            }
            "disconnect" => {
                self.machine.pause(true);
                let desk = &self.machine.node.desk;
                let mut view = desk.engine().driver().watch();
                view.wait_for(|view| view.upstream == UpstreamPhase::Paused).await?;
                json!({ "ok": true })
            }
            "touch" => {
                for update in line::lines(&asked["updates"], number("from"), number("n"))? {
                    self.write(&update?).await?;
                }
                json!({ "ok": true })
            }
            "status" => {
                self.machine.node.desk.settled().await;
                ensure!(self.machine.node.desk.engine().level().await, "the state is broken");
                let (documents, events) = shown(self.machine.node.desk.engine())?;
                json!({ "docs": documents, "events": events })
            }
            "writes" => {
                let pace =
                    Duration::from_secs_f64(asked["interval_ms"].as_f64().unwrap_or(0.0) / 1e3);
                let updates = line::lines(&asked["updates"], number("from"), number("n"))?;
                let start = tokio::time::Instant::now();
                let mut times = Vec::new();
                for (turn, update) in updates.enumerate() {
                    if !pace.is_zero() {
                        tokio::time::sleep_until(start + pace * turn as u32).await;
                    }
                    let key = self.write(&update?).await?;
                    times.push(json!([key, now_ns()]));
                }
                json!({ "t": times })
            }
            "localwrite" => {
                let mut micros = Vec::new();
                for update in line::lines(&asked["updates"], 0, number("n"))? {
                    let update = update?;
                    let started = now_ns();
                    self.write(&update).await?;
                    micros.push((now_ns() - started) as f64 / 1e3);
                }
                json!({ "lat_us": micros, "fsync": true })
            }
            "swarm_prep" => {
                for office in 1..=u16::try_from(number("edges"))? {
                    let dir = self.dir.join(format!("swarm-{office}"));
                    let machine = Machine::start(dir, office, 0, Some(SWARM_SEGMENT)).await?;
                    load(&machine.node.desk, asked).await?;
                    self.swarm.push(machine);
                }
                json!({ "ok": true })
            }
            "swarm_go" => {
                let syncs = self.swarm.iter_mut().map(Machine::sync);
                let mut last = 0;
                for machine in futures_all(syncs).await {
                    last = last.max(machine?);
                }
                json!({ "ok": true, "t": last })
            }
            _ => return Ok(None),
        }))
    }

    async fn end(self) {
        self.machine.node.stop().await;
        for machine in self.swarm {
            machine.node.stop().await;
        }
    }
}

/// All of them at once, answers in order.
/// Dossiers and events that the state shows, by histories or by images, counted row by row.
fn shown(engine: &Engine) -> anyhow::Result<(u64, u64)> {
    let (mut documents, mut events) = (0, 0);
    let end = [Key::Summary(DossierId([0xff; 16])).bytes(), vec![0]].concat();
    let mut from = Key::Summary(DossierId::ZERO).bytes();
    loop {
        let page = engine.books().range(&from, &end, 1_000)?;
        for (key, _) in &page {
            let id = DossierId::from_slice(&key[1..]).context("a summary's key")?;
            let image: Option<rows::Image> = engine.books().row(Key::Image(id))?;
            let entries = match image {
                Some(image) => image.entries,
                None => {
                    let row: Option<rows::Dossier> = engine.books().row(Key::Dossier(id))?;
                    row.map_or(0, |row| u64::from(row.entries - row.held))
                }
            };
            documents += 1;
            events += entries.saturating_sub(1);
        }
        match page.last() {
            Some((key, _)) if page.len() == 1_000 => from = [key.as_slice(), &[0]].concat(),
            _ => return Ok((documents, events)),
        }
    }
}

async fn futures_all<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<std::pin::Pin<Box<F>>> = all.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in waiting.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
