//! Bytes of a stopped replica's state, by table: where the disk goes.
//!
//! `cargo run --release -p motcua-shell --example state_bytes -- DATA_DIR`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use motcua_shell::store::SledStore;
use std::{collections::BTreeMap, path::Path};

fn main() {
    let dir = std::env::args().nth(1).expect("usage: state_bytes DATA_DIR");
    let (store, _) = SledStore::open(&Path::new(&dir).join("state"), u64::MAX).unwrap();
    let mut tables: BTreeMap<char, (u64, usize, usize)> = BTreeMap::new();
    for pair in store.iter().unwrap() {
        let (key, value) = pair.unwrap();
        let table = tables.entry(char::from(key[0])).or_default();
        *table = (table.0 + 1, table.1 + key.len(), table.2 + value.len());
    }
    println!("table     rows    key bytes  value bytes");
    for (table, (rows, keys, values)) in &tables {
        println!("{table:5} {rows:8} {keys:12} {values:12}");
    }
}
