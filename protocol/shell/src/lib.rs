//! I/O shell: the only crate that reaches sockets, the state store and clocks. It carries out what the
//! pure crates decide.
//!
//! [`service`] is what node and hub start; [`engine`] puts journal, state, applier and driver together;
//! [`driver`] owns the replica; [`transport`] brings its messages over QUIC, [`recovery`] lets machines
//! in that have no certificate; [`carry`] writes and takes in bundle files.

pub mod beside;
pub mod carry;
pub mod certificate;
pub mod clock;
pub mod content;
pub mod disk;
pub mod documents;
pub mod driver;
pub mod engine;
pub mod find;
pub mod gate;
pub mod http;
pub mod identity;
mod images;
pub mod lan;
pub mod lists;
pub mod manager;
pub mod measures;
pub mod money;
pub mod odd;
mod pace;
pub mod password;
pub mod people;
pub mod private;
pub mod program;
pub mod rate;
pub mod recovery;
pub mod renewal;
pub mod scans;
pub mod second;
pub mod service;
pub mod settings;
pub mod shutdown;
pub mod startup;
pub mod store;
pub mod telemetry;
pub mod transport;
pub mod verify;

#[cfg(test)]
mod test_city;
