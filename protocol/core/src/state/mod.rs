//! The state of a replica: what the journal adds up to, in a form that can be looked up.
//!
//! State is never the truth. It is a pure function of the journal's records in order, so it may be
//! deleted at any time and rebuilt without a number changing (design/journal.md).

pub mod held;
pub mod history;
pub mod inbox;
mod key;
mod kv;
pub mod pack;
pub mod rows;
pub mod tiles;

pub use key::{Key, ScanTable};
pub(crate) use kv::read_row;
pub use kv::{Batch, Kv, KvWrite, MemKv, Pairs, StoreError, Txn};
