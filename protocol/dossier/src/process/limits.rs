//! Limits of processes and hand-overs inside an office.

/// Most bytes of a file of steps: the processes of a province (some 2,500 procedures) fit ten times.
pub const FILE_BYTES: usize = 8 << 20;
/// Most rows of it.
pub const ROWS: usize = 100_000;
/// Most steps of one process: published ones have four to fifteen.
pub const STEPS: u32 = 50;
/// Most working hours of a step: a year. What is longer is a slip of the hand.
pub const STEP_HOURS: f64 = 2_000.0;
/// Longest id of a section.
pub const SECTION_CHARACTERS: usize = 40;
/// Most hand-overs inside offices of one dossier: a stuck key must not fill it.
pub const PASSES: usize = 500;
