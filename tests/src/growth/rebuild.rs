//! How fast a lost state comes back: a node and a hub with so many dossiers, each without its state, once
//! from the journal alone and once from a base at its end.

use super::{left, machine::Machine, until_applied};
use crate::{papers, storm, usage};
use anyhow::{Context, bail};
use motcua_core::trust::NodeKind;
use motcua_shell::{
    content::DossierContent,
    identity::Identity,
    service::{Probes, Service, ServiceOptions},
    startup::Startup,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Measures and prints row by row.
///
/// # Errors
/// If this machine refuses something.
#[expect(clippy::print_stdout, reason = "the answer")]
pub fn run(dossiers: &[u64], within: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + within;
    println!(
        "| dossiers | who, from what | records | counter works | links | lists whole | entries/s | peak memory |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|");
    for &dossiers in dossiers {
        if let Err(error) = of(dossiers, deadline) {
            println!("| {dossiers} | not measured: {error:#} |");
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer")]
fn of(dossiers: u64, deadline: Instant) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("motcua-growth-").tempdir()?;
    let (mut hub, port) = storm::start_hub(dir.path(), papers::OFFICES, "")?;
    let folder = |name: &str| dir.path().join(name);
    let mut node = Machine::start(&folder("node"), 0, port)?;
    node.ask("load", dossiers, deadline)?;
    let began = Instant::now();
    node.ask("sync", 0, deadline)?;
    until_applied(&hub, dossiers, began, deadline)?;
    node.end(deadline)?;
    hub.stop(left(deadline)?)?;
    for name in ["node", "hub"] {
        let data = folder(name);
        // A base at the clean end, if there was enough for one.
        let bases = data.join("bases");
        let kept = data.join("kept");
        let has_base = fs::read_dir(&bases).is_ok_and(|mut files| files.next().is_some());
        if has_base {
            fs::remove_dir_all(data.join("state"))?;
            let row = child(&data, deadline)?;
            println!("| {dossiers} | {name}, base and journal | {row} |");
            fs::rename(&bases, &kept)?;
        }
        fs::remove_dir_all(data.join("state"))?;
        let row = child(&data, deadline)?;
        println!("| {dossiers} | {name}, journal alone | {row} |");
    }
    Ok(())
}

/// In a process of its own, so that its memory is its own.
fn child(data: &Path, deadline: Instant) -> anyhow::Result<String> {
    let own = std::env::current_exe().context("where is this program?")?;
    let mut child =
        Command::new(own).arg("rebuild-one").arg(data).stdout(Stdio::piped()).spawn()?;
    let ended = crate::patience::until(left(deadline)?, || child.try_wait().transpose());
    if ended.is_none() {
        child.kill()?;
        child.wait()?;
        bail!("the time is over");
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().last().context("it says nothing")?.to_owned())
}

/// Starts the service of a data folder once, waits until all is there, and says how long that took.
///
/// # Errors
/// What did not start.
#[expect(clippy::print_stdout, reason = "the answer")]
pub fn one(data_dir: PathBuf) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let binding = Identity::load(&data_dir)?.bound()?;
        let hub = binding.kind == NodeKind::Hub;
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let began = Instant::now();
        let opening = Service::open(ServiceOptions {
            data_dir,
            listen: hub.then(|| any.into()),
            recovery_listen: None,
            content: match hub {
                true => DossierContent::of_hub(),
                false => DossierContent::of_office(binding.office),
            },
            changed: Box::new(|_| {}),
            probes: Probes { offline: true, ..Probes::default() },
            startup: Startup::default(),
        })
        .await?;
        let counter = began.elapsed();
        let engine = opening.engine.clone();
        let records = engine.books().journal.durable();
        let service = opening.up().await?;
        let links = began.elapsed();
        engine.whole().await;
        let whole = began.elapsed();
        let rate = engine.meta()?.entries as f64 / whole.as_secs_f64();
        let peak = usage::peak_megabytes()?;
        println!("{records} | {counter:.2?} | {links:.2?} | {whole:.2?} | {rate:.0} | {peak} MB");
        service.stop().await;
        Ok(())
    })
}
