//! Cities that live in one process and one thread: production journal, ledger, own log and replica
//! on every machine, over disks that tear, fill, rot and lie dark, links that break, clocks that are
//! wrong, and operators who put back, copy, replace and retire. Everything comes from one seed, and
//! everything is held against a model of sets and names. See design/faults.md.

pub mod city;
mod content;
pub mod dice;
pub mod machine;
pub mod model;
mod papers;
mod run;
mod sabotage;
pub mod shape;
pub mod state;
pub mod trace;

pub use city::{BOUND, Failure, Fault};
pub use run::{Plan, Report, run};
pub use sabotage::Sabotage;
