//! motcua-provision: makes a city's keys, root document, catalogue and hubs from a list of offices,
//! and join bundles for its machines.
//!
//! Everything is checked before anything is written, and a city folder appears whole or not at all.
//! The binary only calls [`run`]; the modules are public for tests and the demo.

pub mod act;
pub mod city;
mod cli;
mod cli_hubs;
pub mod codes;
pub mod deny;
pub mod folder;
pub mod hub;
pub mod hubs;
pub mod lookup;
pub mod offices;
pub mod outcome;
mod pages;
pub mod token;

pub use cli::run;
