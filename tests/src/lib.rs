//! motcua-tests: a city of real processes for the demo, the tests and the page driver.
//!
//! The harness starts the shipped programs, speaks to them over HTTP like any other client, cuts
//! their lines and kills them, and asks each replica's own API what it holds. It looks at no
//! program's insides, except where a test searches what lies on a disk.
#![allow(
    clippy::disallowed_methods,
    reason = "real processes run in real time; nothing here decides by a clock"
)]

pub mod binaries;
pub mod browser;
pub mod browser_tls;
pub mod census;
pub mod city;
pub mod clerk;
pub mod clock;
pub mod copies;
pub mod demo;
pub mod desk;
pub mod finding;
pub mod full_office;
pub mod growth;
pub mod hostile;
pub mod http;
pub mod line;
pub mod listing;
pub mod machines;
pub mod openapi;
pub mod papers;
pub mod patience;
pub mod people;
pub mod picture;
pub mod ports;
pub mod procedure;
pub mod process;
pub mod relay;
pub mod scan;
pub mod search;
pub mod seed;
pub mod service_manager;
pub mod shaper;
pub mod soak;
pub mod storm;
pub mod story;
mod stream_relay;
pub mod tails;
pub mod usage;
