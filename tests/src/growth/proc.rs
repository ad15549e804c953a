//! What a process takes of the machine, as the kernel counts it.

use anyhow::Context;
use std::{fmt, fs, os::unix::fs::MetadataExt, path::Path, time::Duration};

/// Memory and disk of a process.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    memory: u64,
    disk: u64,
}

impl Usage {
    pub(super) fn of(process: u32, dir: &Path) -> anyhow::Result<Self> {
        Ok(Self { memory: memory(process)?, disk: disk(dir)? })
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} MB", megabytes(self.memory), megabytes(self.disk))
    }
}

pub(super) fn megabytes(bytes: u64) -> u64 {
    (bytes + 500_000) / 1_000_000
}

/// `VmRSS` of proc(5), in bytes.
pub(crate) fn memory(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kilobytes.context("no VmRSS of a process that runs")? * 1024)
}

/// Time on a CPU so far, of the process and of the kernel for it. The kernel shows hundredths.
pub(crate) fn cpu(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold spaces; fields 14 and 15 are 11 and 12 after it.
    let (_, rest) = stat.rsplit_once(')').context("an odd stat line")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Bytes that a folder occupies.
fn disk(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let entry = entry?;
        // What is tidied away meanwhile occupies nothing.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { disk(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
