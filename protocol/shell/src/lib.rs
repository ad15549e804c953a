//! I/O shell: the only crate that reaches sockets, the state store and clocks. It carries out what the
//! pure crates decide.
//!
//! [`engine`] puts journal, state, applier and driver together; [`driver`] owns the replica.

pub mod certificate;
pub mod clock;
pub mod content;
pub mod driver;
pub mod engine;
pub mod http;
pub mod identity;
pub mod settings;
pub mod store;
