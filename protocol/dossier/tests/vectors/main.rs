//! Test vectors: data whose answers are easy to get wrong. They are read from `tests/data`, or, where it
//! has a file of the same name, from the folder in `MOTCUA_VECTORS`:
//! `MOTCUA_VECTORS=DIR cargo test --workspace vectors`.
#![allow(clippy::unwrap_used, missing_docs)]

mod codes;
mod due;
mod pauses;
mod report;
mod search;

use serde_json::Value;
use std::{fs, path::Path};

/// A file of vectors.
fn file(name: &str) -> Value {
    let text = text(name);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The text of one.
fn text(name: &str) -> String {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let other = std::env::var_os("MOTCUA_VECTORS").map(|folder| Path::new(&folder).join(name));
    let path = other.filter(|path| path.exists()).unwrap_or(own);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Its cases; with an `op`, those of that operation.
fn cases(name: &str, op: Option<&str>) -> Vec<Value> {
    let all = file(name)["cases"].as_array().unwrap().clone();
    let cases: Vec<Value> =
        all.into_iter().filter(|case| op.is_none_or(|op| case["op"] == op)).collect();
    assert!(!cases.is_empty(), "{name} has nothing for {op:?}");
    cases
}

/// Runs a check on every case and names all that fail.
fn each(name: &str, op: Option<&str>, check: impl Fn(&Value) -> Result<(), String>) {
    let faults: Vec<String> = cases(name, op)
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case["id"], check(case).err()?)))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn same<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{got:?}, expected {expected:?}")) }
}
