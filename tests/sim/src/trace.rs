//! Everything that happens in a run, as a hash, with the last steps kept for people.

use std::collections::VecDeque;

/// Steps that are kept.
const KEPT: usize = 60;

/// See the module.
pub struct Trace {
    hash: blake3::Hasher,
    last: VecDeque<String>,
    lines: u64,
    /// Prints every step as it happens.
    pub loud: bool,
}

impl Trace {
    /// Nothing has happened yet.
    pub fn new(loud: bool) -> Self {
        Self { hash: blake3::Hasher::new(), last: VecDeque::new(), lines: 0, loud }
    }

    /// One step.
    #[expect(clippy::print_stderr, reason = "asked for by whoever looks into one seed")]
    pub fn note(&mut self, now: u64, what: String) {
        let line = format!("{:>12}.{:03} {what}", now / 1_000, now % 1_000);
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        self.lines += 1;
        if self.loud {
            eprintln!("{line}");
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Bytes that went by; only their hash is shown.
    pub fn bytes(&mut self, bytes: &[u8]) -> String {
        let hash = blake3::hash(bytes);
        self.hash.update(hash.as_bytes());
        hash.to_hex()[..8].to_owned()
    }

    /// Hash of everything so far.
    pub fn digest(&self) -> String {
        self.hash.clone().finalize().to_hex().to_string()
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.lines
    }

    /// The last steps, oldest first.
    pub fn tail(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}
