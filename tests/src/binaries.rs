//! The shipped programs: found beside this one's target folder, and built by cargo first, so that
//! nobody ever tests or shows a program older than its source.

use anyhow::{Context, ensure};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `motcua-hub`.
    pub hub: PathBuf,
    /// `motcua-node`.
    pub node: PathBuf,
    /// `motcua-provision`.
    pub provision: PathBuf,
}

impl Binaries {
    /// Builds what is missing or old, in the profile this program itself was built with, or that of
    /// `MOTCUA_PROFILE` (`debug`, `release`). Cargo's progress goes to the terminal. Once a process.
    ///
    /// # Errors
    /// If cargo is not there or does not succeed.
    pub fn ready() -> anyhow::Result<&'static Self> {
        static READY: OnceLock<Result<Binaries, String>> = OnceLock::new();
        let ready = READY.get_or_init(|| build().map_err(|error| format!("{error:#}")));
        ready.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }
}

/// Asked for together with this package, so that the dependencies' features, and thus their builds,
/// are those of the build that made this program.
const PACKAGES: [&str; 4] = ["motcua-node", "motcua-hub", "motcua-provision", "motcua-tests"];

/// Variables that cargo sets for a program it runs or a test.
const OWN_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

fn build() -> anyhow::Result<Binaries> {
    let (target, own_profile) = own_place()?;
    let profile = std::env::var("MOTCUA_PROFILE").unwrap_or(own_profile);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
    let folder = target.join(&profile);
    if workspace.join("Cargo.toml").exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(workspace).stdin(Stdio::null()).arg("build").arg("--locked");
        command.arg("--target-dir").arg(&target);
        if profile != "debug" {
            command.arg("--profile").arg(&profile);
        }
        // What cargo told this program of its own package is not for the packages built here: build
        // scripts that watch these variables would build everything above them anew each time.
        let told = |name: &str| OWN_PACKAGE.iter().any(|prefix| name.starts_with(prefix));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
            command.env_remove(name);
        }
        for package in PACKAGES {
            command.arg("--package").arg(package);
        }
        let status = command.status().context("cargo is needed to build the programs")?;
        ensure!(status.success(), "cargo did not build the programs: {status}");
    }
    let binaries = Binaries {
        hub: folder.join("motcua-hub"),
        node: folder.join("motcua-node"),
        provision: folder.join("motcua-provision"),
    };
    for program in [&binaries.hub, &binaries.node, &binaries.provision] {
        ensure!(program.is_file(), "{} is missing: cargo build it", program.display());
    }
    Ok(binaries)
}

/// Target folder and profile: `TARGET/PROFILE/motcua-demo` or `TARGET/PROFILE/deps/NAME-HASH`.
fn own_place() -> anyhow::Result<(PathBuf, String)> {
    let own = std::env::current_exe().context("where is this program?")?;
    let mut folder = own.parent().context("this program has no folder")?;
    if folder.file_name().is_some_and(|name| name == "deps") {
        folder = folder.parent().context("deps has no folder")?;
    }
    let profile = folder.file_name().and_then(|name| name.to_str()).context("an odd folder")?;
    Ok((folder.parent().context("no target folder")?.to_owned(), profile.to_owned()))
}
