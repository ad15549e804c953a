//! Written procedures, carried out: the commands in a page of `docs/` are run as they stand there, with the
//! shipped programs.

use crate::binaries::Binaries;
use anyhow::{Context, ensure};
use std::{collections::BTreeMap, process::Command};

/// A page of `docs/`.
#[derive(Debug, Clone)]
pub struct Procedure {
    steps: Vec<Step>,
    values: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone)]
struct Step {
    /// The word behind `sh`; empty for a step that is always taken.
    when: String,
    commands: String,
}

impl Procedure {
    /// Reads the blocks that begin with ```` ```sh ````, and a word that says when they are for.
    pub fn read(page: &str) -> Self {
        let mut steps = Vec::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            let Some(when) = line.strip_prefix("```sh") else { continue };
            let commands: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            steps.push(Step { when: when.trim().to_owned(), commands: commands.join("\n") });
        }
        Self { steps, values: BTreeMap::new() }
    }

    /// What stands for a word in capitals.
    pub fn fill_in(&mut self, word: &'static str, value: impl ToString) {
        self.values.insert(word, value.to_string());
    }

    /// Runs the next step of this kind; gives what it said.
    ///
    /// # Errors
    /// If there is no such step left, a word is not filled in, or a command fails; with its words.
    pub fn take(&mut self, when: &str) -> anyhow::Result<String> {
        let at = self.steps.iter().position(|step| step.when == when);
        let step = self.steps.remove(at.with_context(|| format!("no step {when:?} is left"))?);
        let programs = Binaries::ready()?.node.parent().context("programs in no folder")?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [programs.to_owned()].into_iter().chain(std::env::split_paths(&path));
        // -u: a word that nobody filled in is a fault of the page or of the test.
        let output = Command::new("sh")
            .args(["-euc", &step.commands])
            .env("PATH", std::env::join_paths(folders)?)
            .envs(&self.values)
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}\n{said}{words}", step.commands);
        Ok(said)
    }

    /// Every step was taken, or left out by name.
    ///
    /// # Errors
    /// Names what was not.
    pub fn finish(mut self, left_out: &[&str]) -> anyhow::Result<()> {
        self.steps.retain(|step| !left_out.contains(&&*step.when));
        ensure!(self.steps.is_empty(), "never taken: {:?}", self.steps);
        Ok(())
    }
}
