//! What travels and what is stored: round trips, hostile bytes and golden files.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod author;
mod down;
mod up;
