//! motcua-power: the shipped programs on a disk whose power is cut, which is full, or whose syncs
//! fail (design/faults.md).
#![allow(
    clippy::disallowed_methods,
    reason = "real processes run in real time; nothing here decides by a clock"
)]

pub mod clerks;
pub mod disk;
pub mod mount;
pub mod rig;
pub mod story;
