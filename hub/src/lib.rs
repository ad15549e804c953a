//! The hub: takes in nodes and child hubs, relays up, fills inboxes, and shows an operator which
//! office is behind, since when and by how much.

pub mod access;
pub mod console;
pub mod fleet;
pub mod limits;
pub mod metrics;
pub mod report;
mod rulings;
pub mod service;
