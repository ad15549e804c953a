//! Further machines of an office: enrolled at its hub like the first one.

use crate::{
    binaries::Binaries,
    city::{City, START},
    desk::Desk,
    patience::wait_for,
    ports,
    process::{Process, Recipe},
};
use anyhow::{Context, ensure};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

/// A second machine of an office, not started yet, with a page of its own and further settings.
///
/// # Errors
/// What the programs or the system say.
pub fn second_machine(city: &City, code: &str, settings: &str) -> anyhow::Result<Process> {
    let programs = Binaries::ready()?;
    let (join, data) = (city.dir.join("join/second.join"), city.dir.join("nodes/second"));
    let token = [
        "token".into(),
        "create".into(),
        format!("--city={}", city.dir.join("city").display()),
        format!("--office={code}"),
        "--slot=2".into(),
        "--slots=2".into(),
        format!("--out={}", join.display()),
    ];
    run(&programs.provision, &token)?;
    fs::create_dir_all(&data).with_context(|| format!("{}", data.display()))?;
    let enrol = [
        "enrol".into(),
        format!("--join={}", join.display()),
        format!("--data={}", data.display()),
    ];
    run(&programs.node, &enrol)?;
    let (file, http) = (data.join("node.toml"), ports::free()?);
    let text = format!("data_dir = \".\"\nhttp_listen = \"{http}\"\nlog = \"info\"\n{settings}");
    fs::write(&file, text)?;
    Ok(Process::new(Recipe {
        name: format!("second machine of {code}"),
        program: programs.node.clone(),
        args: vec!["run".into(), "--config".into(), file.display().to_string()],
        http,
        log: city.dir.join("logs/second.log"),
        token: None,
    }))
}

/// Settings of a machine that listens for another one and knows where it is.
fn beside(listen: SocketAddr, other: SocketAddr) -> String {
    format!("sibling_listen = \"{listen}\"\nsiblings = [\"{other}\"]\n")
}

/// Two machines of an office that are linked, neither with a line to the hub; the second one's
/// process and data.
///
/// # Errors
/// What the programs or the system say.
pub fn two_counters(city: &mut City, code: &str) -> anyhow::Result<(Process, PathBuf)> {
    let (here, there) = (ports::free()?, ports::free()?);
    let mut second = second_machine(city, code, &beside(there, here))?;
    // The first machine learns of the second, and neither reaches the hub.
    let first = city.site(code);
    first.line.cut();
    first.stop()?;
    let file = first.data.join("node.toml");
    let text = fs::read_to_string(&file)?;
    fs::write(&file, text + &beside(here, there))?;
    first.start_ready()?;
    second.start()?;
    second.wait_ready(START)?;
    let (one, two) = (Desk::new(city.site(code).process.client()), Desk::new(second.client()));
    wait_for("the two are linked", || {
        let linked =
            |desk: &Desk| desk.sync().is_ok_and(|state| state["siblings"][0]["connected"] == true);
        linked(&one) && linked(&two)
    });
    let data = city.dir.join("nodes/second");
    Ok((second, data))
}

/// Runs a program to its end, which must be a good one.
///
/// # Errors
/// Its words where it fails.
pub fn run(program: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {arguments:?}: {words}", program.display());
    Ok(())
}
