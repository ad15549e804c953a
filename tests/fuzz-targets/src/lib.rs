//! What the fuzzers run. Each target takes bytes from a stranger, carries them below the checks that
//! would stop a blind fuzzer (compression, checksums, signatures: made right again), and holds the
//! code to more than "it did not panic" (design/faults.md).
//!
//! The fuzzers themselves are in `tests/fuzz`; [`replay`] runs a corpus on the stable compiler.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

pub mod apply;
#[path = "../../../protocol/core/tests/wire/author.rs"]
#[allow(dead_code)]
pub mod author;
pub mod bundle;
mod bytes;
pub mod checkpoint;
#[path = "../../../protocol/core/tests/trust/city.rs"]
#[allow(dead_code)]
mod city;
pub mod control;
pub mod down_frame;
pub mod entry;
pub mod image_frame;
pub mod journal;
pub mod lanes;
pub mod replay;
pub mod session;
pub mod trust;
pub mod up_frame;
#[path = "../../../protocol/core/tests/world/mod.rs"]
pub mod world;

/// Counts what everything here allocates.
#[global_allocator]
pub static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An error, and nothing else.
    Refused,
    /// Taken, and everything that must then hold held.
    Taken,
}

/// Something that is fuzzed.
pub struct Target {
    /// Name of its program and of its corpus.
    pub name: &'static str,
    /// Panics if something does not hold.
    pub run: fn(&[u8]) -> Outcome,
    /// Bytes that may be allocated at once, whatever the input.
    pub memory: usize,
}

const MIB: usize = 1024 * 1024;

/// All targets.
pub const TARGETS: &[Target] = &[
    // A frame restores 1 MiB at most: once as unpacked, once as entries, and the same again where the
    // target encodes what it read and reads that; tables and lanes beside it.
    Target { name: "up_frame", run: up_frame::run, memory: 16 * MIB },
    Target { name: "down_frame", run: down_frame::run, memory: 16 * MIB },
    Target { name: "image_frame", run: image_frame::run, memory: 16 * MIB },
    Target { name: "entry", run: entry::run, memory: 4 * MIB },
    Target { name: "trust", run: trust::run, memory: 4 * MIB },
    // Segments are zero-filled ahead of their records.
    Target { name: "journal", run: journal::run, memory: 16 * MIB },
    Target { name: "apply", run: apply::run, memory: 32 * MIB },
    // A file is held whole, sealed and unsealed; items are bounded.
    Target { name: "bundle", run: bundle::run, memory: 16 * MIB },
    Target { name: "checkpoint", run: checkpoint::run, memory: MIB },
    Target { name: "control", run: control::run, memory: 64 * MIB },
    // Six replicas with journals and state.
    Target { name: "session", run: session::run, memory: 64 * MIB },
];

/// Runs a target on an input, and holds it to its bound of memory.
///
/// # Panics
/// If something does not hold.
pub fn run(target: &Target, input: &[u8]) -> Outcome {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let outcome = (target.run)(input);
    let used = MEMORY.peak_usage().saturating_sub(before);
    let (name, bound) = (target.name, target.memory);
    assert!(used <= bound, "{name}: {} bytes cost {used} of memory, at most {bound}", input.len());
    outcome
}

/// The target of that name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("a target of that name")
}
