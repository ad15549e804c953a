//! The pages in a real browser: drivers in `tests/page`, and what a test does for them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a driver that does not end well is a test that failed; what it said is printed"
)]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

/// Runs a driver to its end; `answer` answers what it says, where it waits for something.
pub fn drive(arguments: &[&str], mut answer: impl FnMut(&str) -> Option<String>) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(
        here.join("page/node_modules/axe-core").is_dir(),
        "the page driver's packages are missing: run npm ci in tests/page"
    );
    let mut driver = Command::new("timeout")
        .args(["--kill-after=5", "240", "node"])
        .args(arguments)
        .arg(here.join("../target/page"))
        .current_dir(here.join("page"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = driver.stdin.take().unwrap();
    for said in BufReader::new(driver.stdout.take().unwrap()).lines() {
        let said = said.unwrap();
        println!("page driver: {said}");
        if let Some(words) = answer(&said) {
            writeln!(answers, "{words}").unwrap();
        }
    }
    assert!(driver.wait().unwrap().success(), "the page driver did not see what it should");
}
