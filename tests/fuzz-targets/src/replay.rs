//! Runs a corpus again, on any compiler.

use crate::{Outcome, Target, run};
use rustix::time::{ClockId, clock_gettime};
use std::{fs, path::PathBuf, time::Duration};

/// Where the inputs of a target are kept.
pub fn corpus(target: &Target) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target.name)
}

/// What a corpus came to.
#[derive(Debug, Default)]
pub struct Replayed {
    pub taken: usize,
    pub refused: usize,
    /// The input that took longest on this thread.
    pub slowest: (Duration, String),
}

/// Runs every input of a target's corpus.
///
/// # Panics
/// If something does not hold; the input's name stands on standard error before it.
#[expect(clippy::print_stderr, reason = "names the input whose panic follows")]
pub fn replay(target: &Target) -> Replayed {
    let folder = corpus(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut replayed = Replayed::default();
    for file in files {
        let name = format!("{}/{}", target.name, file.file_name().unwrap().display());
        eprintln!("{name}");
        let input = fs::read(&file).unwrap();
        let began = cpu();
        match run(target, &input) {
            Outcome::Taken => replayed.taken += 1,
            Outcome::Refused => replayed.refused += 1,
        }
        replayed.slowest = replayed.slowest.max((cpu() - began, name));
    }
    replayed
}

/// Time that this thread has had; other tests beside it do not count.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}
