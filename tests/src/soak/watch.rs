//! What processes take as time goes on, and whether it grows.

use crate::{
    city::City,
    usage::{self, descriptors, megabytes},
};
use anyhow::Context;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::Write,
    path::Path,
    time::Duration,
};

/// A look at a process.
#[derive(Debug, Clone, Copy)]
struct Sample {
    memory: u64,
    descriptors: u64,
    threads: u64,
}

/// What a process may take more in the last quarter than in the second.
///
/// Dossiers become more all the while: caches and the state's own tables may follow them, to their
/// limits. What leaks with every link, request or fault is beyond this in two hours.
#[derive(Debug, Clone, Copy)]
pub struct Bound;

impl Bound {
    /// Times as much memory as before, and so many bytes beside that.
    pub const MEMORY: (f64, u64) = (1.25, 16_000_000);
    /// Open files and sockets more than before.
    pub const DESCRIPTORS: u64 = 8;
    /// Threads more than before: blocking calls come and go.
    pub const THREADS: u64 = 8;
}

/// What a process took: in the second quarter, when it had warmed up, and in the last.
#[derive(Debug, Clone)]
pub struct Trend {
    name: String,
    before: Sample,
    after: Sample,
}

impl Trend {
    /// What grew beyond its bound, in words.
    pub fn beyond(&self) -> Vec<String> {
        let Self { name, before, after } = self;
        let mut wrong = Vec::new();
        let (times, more) = Bound::MEMORY;
        let memory = (before.memory as f64 * times) as u64 + more;
        for (what, found, bound) in [
            ("bytes of memory", after.memory, memory),
            ("descriptors", after.descriptors, before.descriptors + Bound::DESCRIPTORS),
            ("threads", after.threads, before.threads + Bound::THREADS),
        ] {
            if found > bound {
                wrong.push(format!("{name} has {found} {what} in the end, more than {bound}"));
            }
        }
        wrong
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, before, after } = self;
        write!(
            f,
            "| {name} | {} MB | {} MB | {} to {} | {} to {} |",
            megabytes(before.memory),
            megabytes(after.memory),
            before.descriptors,
            after.descriptors,
            before.threads,
            after.threads
        )
    }
}

/// Looks at all processes, and remembers those that are left alone.
pub(super) struct Watch {
    file: File,
    seen: BTreeMap<String, (String, Vec<Sample>)>,
}

impl Watch {
    pub(super) fn new(alone: &[&str], samples: &Path) -> anyhow::Result<Self> {
        let file = File::create(samples)
            .with_context(|| format!("{} cannot be written", samples.display()))?;
        let seen = alone.iter().map(|code| ((*code).to_owned(), Default::default())).collect();
        Ok(Self { file, seen })
    }

    pub(super) fn look(&mut self, city: &City, at: Duration) -> anyhow::Result<()> {
        for site in city.sites() {
            let Some(process) = site.process.id() else { continue };
            let sample = Sample {
                memory: usage::memory(process)?,
                descriptors: descriptors(process)?,
                threads: fs::read_dir(format!("/proc/{process}/task"))?.count() as u64,
            };
            let line = json!({
                "seconds": at.as_secs(),
                "office": site.code,
                "process": process,
                "memory": sample.memory,
                "descriptors": sample.descriptors,
                "threads": sample.threads,
                "cpu_seconds": usage::cpu(process)?.as_secs_f64(),
            });
            writeln!(self.file, "{line}")?;
            if let Some((name, samples)) = self.seen.get_mut(&site.code) {
                name.clone_from(&site.name);
                samples.push(sample);
            }
        }
        Ok(())
    }

    /// Those left alone, with what they took; none that was looked at fewer than four times.
    pub(super) fn trends(&self) -> Vec<Trend> {
        let long = self.seen.values().filter(|(_, samples)| samples.len() >= 4);
        long.map(|(name, samples)| {
            let quarter = samples.len() / 4;
            Trend {
                name: name.clone(),
                before: middle(&samples[quarter..2 * quarter]),
                after: middle(&samples[samples.len() - quarter..]),
            }
        })
        .collect()
    }
}

/// Medians.
fn middle(samples: &[Sample]) -> Sample {
    let of = |value: fn(&Sample) -> u64| {
        let mut values: Vec<u64> = samples.iter().map(value).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Sample {
        memory: of(|one| one.memory),
        descriptors: of(|one| one.descriptors),
        threads: of(|one| one.threads),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_grows_is_named_and_what_stays_is_not() {
        let sample = |memory, descriptors| Sample { memory, descriptors, threads: 9 };
        let of = |samples: Vec<Sample>| {
            let file = tempfile::tempfile().unwrap();
            let seen = BTreeMap::from([("79".into(), ("Hub".to_owned(), samples))]);
            Watch { file, seen }.trends().iter().flat_map(Trend::beyond).collect::<Vec<_>>()
        };
        let steady = (0..40).map(|at| sample(100_000_000 + at % 7 * 1_000_000, 40 + at % 5));
        assert_eq!(of(steady.collect()), [""; 0]);
        let leaks = of((0..40).map(|at| sample(100_000_000 + at * 4_000_000, 40 + at)).collect());
        assert!(leaks[0].contains("memory") && leaks[1].contains("descriptors"), "{leaks:?}");
    }
}
