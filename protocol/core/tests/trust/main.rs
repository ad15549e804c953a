//! Trust documents: golden bytes, the rules of the chain, and what enrolment decides.
#![allow(clippy::unwrap_used, missing_docs)]

mod chain;
mod city;
mod enrol;
mod golden;
mod hostile;
mod view;
