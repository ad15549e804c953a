//! What travels and what is stored: round trips, hostile bytes and golden files.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod author;
mod chunks;
mod down;
mod golden;
mod hostile;
mod stored;
mod up;
