//! The pure core of Một Cửa: who may say what, in which order it was said, and how two replicas
//! find out what the other is missing.
//!
//! Nothing here is async, opens a file or a socket, reads a clock or draws randomness: time, random
//! bytes and stored values are handed in, and what should happen is handed out. The core knows
//! nothing of a dossier beyond its id, its audience and opaque bytes.
//!
//! Read in this order: [`id`], [`entry`] (what is written), [`log`] (how an author's entries are
//! proved), [`trust`] (why a key may speak for an office), [`wire`] (how it travels), [`ledger`]
//! (what a replica makes of it) and [`replica`] (the sync state machine). [`limits`] holds every
//! bound.

pub mod author;
pub mod bundle;
pub mod entry;
pub mod hash;
pub mod id;
pub mod key;
pub mod ledger;
pub mod limits;
pub mod log;
pub mod record;
pub mod replica;
pub mod scan;
pub mod state;
pub mod time;
pub mod trust;
pub mod wire;
