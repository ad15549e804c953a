//! In a process of its own: what it measures is the process.
#![allow(clippy::unwrap_used, missing_docs)]

/// Memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// 64 MB in pieces, used and freed.
fn work() {
    let pieces: Vec<Vec<u8>> = (0..64_000u32).map(|at| vec![at as u8; 1_000]).collect();
    assert!(pieces.iter().map(|piece| usize::from(piece[0])).sum::<usize>() > 0);
}

#[test]
fn what_was_freed_is_not_kept() {
    assert_eq!(motcua_allocator::delay(), 1_000, "the option is the one that is meant");
    let before = resident();
    motcua_allocator::give_back_at_once();
    work();
    let kept = resident().saturating_sub(before);
    assert!(kept < 16_000_000, "{kept} bytes are kept");
}
