//! The allocator of the programs, mimalloc: folding many dossiers spends two fifths less time in it
//! than in the system's. Left to itself it keeps what was freed until somebody allocates again, and a
//! hub that has taken in a catch-up is idle then: 111 MB stayed where 53 were in use
//! (design/performance.md).
//!
//! The one corner of the project with `unsafe`: mimalloc's options are set through its C interface, and
//! its Rust crate has no safe way to it. Numbers go in and out; no memory is handed over.

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, which the Rust crate does not name: milliseconds until
/// memory that was freed is given back.
const PURGE_DELAY: mi_option_t = 15;

/// From now on memory that is freed goes back to the system at once. To be called first of all.
#[allow(unsafe_code)]
pub fn give_back_at_once() {
    // SAFETY: mimalloc.h: options may be read and set at any time, by any thread; an option that does
    // not exist is ignored.
    unsafe { mi_option_set(PURGE_DELAY, 0) }
}

/// Milliseconds until memory is given back.
#[allow(unsafe_code)]
pub fn delay() -> i64 {
    // SAFETY: as above.
    unsafe { mi_option_get(PURGE_DELAY) }
}
