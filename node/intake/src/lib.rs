//! An office's old lists: a file becomes rows of cells, a row becomes values with findings, and a list
//! becomes verdicts. Nothing here writes anywhere, asks a clock or computes with an identifier
//! (design/migration.md).

pub mod cell;
pub mod encoding;
pub mod error;
pub mod export;
pub mod field;
pub mod finding;
pub mod judge;
pub mod limits;
pub mod mapping;
pub mod record;
pub mod table;
