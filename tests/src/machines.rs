//! Further machines of an office: enrolled at its hub like the first one.

use crate::{
    binaries::Binaries,
    city::City,
    ports,
    process::{Process, Recipe},
};
use anyhow::{Context, ensure};
use std::{fs, path::Path, process::Command};

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
