//! How a verb ends: exit codes, failures in words, and both output forms (design/provisioning.md).

use serde::Serialize;
use std::io::Write;

/// Exit codes, part of the contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Not done; nothing was changed.
    Failed = 1,
    /// The command line asks for something that does not exist or is ambiguous.
    Usage = 2,
    /// Some of it done.
    Partly = 3,
    /// Everything was so already.
    Nothing = 4,
    /// Could be done and must not be.
    Refused = 5,
}

/// One thing wrong in a file, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: u64,
    /// Column of the table, from 1; none if the whole line is meant.
    pub column: Option<usize>,
    /// Name of the column.
    pub field: Option<&'static str>,
    /// What is wrong and what is expected.
    pub message: String,
}

/// One of several offices that are meant by a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Administrative code.
    pub code: String,
    /// Office id, hex.
    pub id: String,
    /// Name.
    pub name: String,
    /// Name of the office above.
    pub parent: Option<String>,
}

/// Why a verb was not done. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What failed and what to do.
    pub message: String,
    /// Every bad row of an input file.
    pub problems: Vec<Problem>,
    /// What an ambiguous name may mean.
    pub candidates: Vec<Candidate>,
}

impl Failure {
    /// A failure in words.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), problems: vec![], candidates: vec![] }
    }

    /// The verb failed for a reason outside the command line.
    pub fn failed(message: impl std::fmt::Display) -> Self {
        Self::new(Exit::Failed, message.to_string())
    }

    /// The command line is at fault.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

/// What a verb gives: a value for programs, text for people, remarks beside it.
#[derive(Debug, Default)]
pub struct Report {
    /// The value of `--json`, without `ok`.
    pub json: serde_json::Value,
    /// Results, to stdout.
    pub text: String,
    /// Messages, to stderr.
    pub notes: Vec<String>,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    ok: bool,
    exit: u8,
    error: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [Problem],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [Candidate],
}

/// Writes a result or a failure. A closed pipe is not an error of the verb.
pub fn write(
    result: Result<Report, Failure>,
    json: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    match result {
        Ok(report) => {
            let text = if json { done(report.json) } else { report.text };
            let _ = out.write_all(text.as_bytes());
            for note in report.notes {
                let _ = writeln!(err, "{note}");
            }
            Exit::Done
        }
        Err(failure) => {
            if json {
                let _ = out.write_all(failed(&failure).as_bytes());
            }
            let _ = err.write_all(words(&failure).as_bytes());
            failure.exit
        }
    }
}

fn done(mut value: serde_json::Value) -> String {
    if let Some(object) = value.as_object_mut() {
        object.insert("ok".to_owned(), true.into());
    }
    format!("{value:#}\n")
}

fn failed(failure: &Failure) -> String {
    let Failure { exit, message, problems, candidates } = failure;
    let json = FailureJson { ok: false, exit: *exit as u8, error: message, problems, candidates };
    let text = serde_json::to_string_pretty(&json);
    text.unwrap_or_else(|_| "{\"ok\": false}".to_owned()) + "\n"
}

fn words(failure: &Failure) -> String {
    let mut text = format!("error: {}\n", failure.message);
    for problem in &failure.problems {
        let place = match (problem.column, problem.field) {
            (Some(column), Some(field)) => {
                format!("line {}, column {column} ({field})", problem.line)
            }
            _ => format!("line {}", problem.line),
        };
        text.push_str(&format!("  {place}: {}\n", problem.message));
    }
    for Candidate { code, id, name, parent } in &failure.candidates {
        let below = parent.as_ref().map_or_else(String::new, |parent| format!(", {parent}"));
        text.push_str(&format!("  {code}  {name}{below}  ({id})\n"));
    }
    text
}
