//! A node in a process of its own, so that its memory is its own: one verb a line in, one line out.

use super::{left, work};
use crate::{papers, seed::Seed};
use anyhow::{Context, bail};
use motcua_core::{
    id::DossierId,
    replica::{Event, UpstreamPhase},
    state::rows::{Images, Meta},
    trust::NodeKind,
};
use motcua_node::{
    desk::{Caller, Desk},
    service::Node,
};
use motcua_shell::{driver::Signal, service::Probes};
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// The other end of [`serve`].
pub(super) struct Machine {
    child: Child,
    asked: Option<ChildStdin>,
    told: Receiver<String>,
}

impl Machine {
    pub(super) fn start(dir: &Path, slot: u16, port: u16) -> anyhow::Result<Self> {
        papers::write_identity(papers::OFFICES, dir, NodeKind::Node, 0, slot, port)?;
        let own = std::env::current_exe().context("where is this program?")?;
        let mut child = Command::new(own)
            .arg("growth-node")
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("a node does not start")?;
        let (asked, said) = (child.stdin.take(), child.stdout.take().context("piped")?);
        let (tell, told) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(said).lines().map_while(Result::ok);
            lines.map_while(|line| tell.send(line).ok()).for_each(drop);
        });
        Ok(Self { child, asked, told })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Begins something that [`Self::answer`] waits for.
    pub(super) fn tell(&mut self, verb: &str, dossiers: u64) -> anyhow::Result<()> {
        let asked = self.asked.as_mut().context("the node was ended")?;
        writeln!(asked, "{verb} {dossiers}").context("the node has ended")
    }

    /// How long it took.
    pub(super) fn answer(&self, deadline: Instant) -> anyhow::Result<Duration> {
        let line = self.told.recv_timeout(left(deadline)?).context("the node does not answer")?;
        match line.parse() {
            Ok(seconds) => Ok(Duration::from_secs_f64(seconds)),
            Err(_) => bail!("the node says: {line}"),
        }
    }

    pub(super) fn ask(
        &mut self,
        verb: &str,
        dossiers: u64,
        deadline: Instant,
    ) -> anyhow::Result<Duration> {
        self.tell(verb, dossiers)?;
        self.answer(deadline)
    }

    /// Stops as a node does that is told to.
    pub(super) fn end(mut self, deadline: Instant) -> anyhow::Result<()> {
        self.asked = None;
        let ended = crate::patience::until(left(deadline)?, || self.child.try_wait().transpose());
        ended.context("the node does not end")??;
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves one node until its input ends. `serve` of a benchmark's own program.
///
/// # Errors
/// What did not start.
#[expect(clippy::print_stdout, reason = "the answers")]
pub fn serve(dir: PathBuf) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut own = Own::start(dir).await?;
        let mut lines = std::io::stdin().lock().lines();
        while let Some(line) = tokio::task::block_in_place(|| lines.next()) {
            let line = line?;
            let (verb, dossiers) = line.split_once(' ').context("a verb and a number")?;
            match own.verb(verb, dossiers.parse()?).await {
                Ok(took) => println!("{}", took.as_secs_f64()),
                Err(error) => println!("{error:#}"),
            }
        }
        own.node.stop().await;
        Ok(())
    })
}

struct Own {
    node: Node,
    in_sync: watch::Receiver<Option<Instant>>,
    last: Option<DossierId>,
    seed: Seed,
}

impl Own {
    async fn start(dir: PathBuf) -> anyhow::Result<Self> {
        let (told, in_sync) = watch::channel(None);
        let event = Box::new(move |event: &Event| {
            if matches!(event, Event::InSync) {
                told.send_replace(Some(Instant::now()));
            }
        });
        let probes = Probes { event: Some(event), offline: true, ..Probes::default() };
        let node = Node::start(dir, probes).await?;
        Ok(Self { node, in_sync, last: None, seed: Seed::new(1) })
    }

    fn desk(&self) -> &Arc<Desk> {
        &self.node.desk
    }

    async fn verb(&mut self, verb: &str, dossiers: u64) -> anyhow::Result<Duration> {
        let began = Instant::now();
        match verb {
            "load" => {
                // Who asked ends this process when its time is over.
                work::load(self.desk(), dossiers).await?;
                Ok(began.elapsed())
            }
            "sync" => self.sync().await,
            "again" => {
                self.pause().await?;
                self.sync().await
            }
            "one" => {
                self.pause().await?;
                let (clerk, text) = (work::clerk(&mut self.seed), work::text(&mut self.seed));
                match self.last {
                    Some(id) => work::note(self.desk(), id, clerk, text).await?,
                    None => {
                        let new = work::registration(&mut self.seed, 0);
                        let caller = Caller { clerk, ..Caller::default() };
                        self.last = Some(self.desk().register(new, caller).await?);
                    }
                }
                self.sync().await
            }
            "shown" => {
                self.signal(false);
                self.until(|meta, images| images.done || meta.dossiers >= dossiers).await?;
                Ok(began.elapsed())
            }
            "filled" => {
                let entries = dossiers * work::REVISIONS;
                self.until(|meta, _| meta.dossiers >= dossiers && meta.entries >= entries).await?;
                Ok(began.elapsed())
            }
            _ => bail!("no verb {verb}"),
        }
    }

    /// Until the state is of some kind.
    async fn until(&self, is_so: impl Fn(&Meta, &Images) -> bool) -> anyhow::Result<()> {
        let engine = self.desk().engine();
        let mut progress = engine.progress();
        while !is_so(&engine.meta()?, &engine.images()?) {
            progress.changed().await?;
        }
        Ok(())
    }

    fn signal(&self, pause: bool) {
        self.desk().engine().driver().signal(Signal::Pause(pause));
    }

    async fn pause(&self) -> anyhow::Result<()> {
        self.signal(true);
        let mut view = self.desk().engine().driver().watch();
        view.wait_for(|view| view.upstream == UpstreamPhase::Paused).await?;
        Ok(())
    }

    /// Comes online; until nothing is missing on either side.
    async fn sync(&mut self) -> anyhow::Result<Duration> {
        self.in_sync.mark_unchanged();
        let began = Instant::now();
        self.signal(false);
        self.in_sync.changed().await?;
        let at = (*self.in_sync.borrow()).context("no time")?;
        Ok(at.saturating_duration_since(began))
    }
}
