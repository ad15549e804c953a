//! I/O shell: journal driver, sled state store, QUIC, clocks, signals

pub mod certificate;
pub mod clock;
pub mod identity;
pub mod settings;
