//! What is to be said of a cell or a row.

use crate::field::Field;
use serde::Serialize;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The value is certain; how it was written is told.
    Note,
    /// The value is taken, and a person should look at it.
    Warn,
    /// The row is not taken like this.
    Stop,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind it is, such as `id.short`: proposals are accepted by it.
    pub kind: &'static str,
    /// How much it matters.
    pub level: Level,
    /// In which field; none for the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// The cell, such as `D13`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
    /// What it can have been; taken only if a person accepts it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<String>,
    /// The proposal that was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl Finding {
    /// One without a place yet.
    pub fn new(
        level: Level,
        kind: &'static str,
        vi: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            level,
            field: None,
            cell: None,
            vi: vi.into(),
            en: en.into(),
            proposals: Vec::new(),
            accepted: None,
        }
    }

    /// With a proposal.
    #[must_use]
    pub fn or(mut self, proposal: impl Into<String>) -> Self {
        self.proposals.push(proposal.into());
        self
    }

    /// With proposals.
    #[must_use]
    pub fn or_all(mut self, proposals: impl IntoIterator<Item = String>) -> Self {
        self.proposals.extend(proposals);
        self
    }
}

/// What a cell was read as.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The value; empty if there is none, or none that may be taken.
    pub value: String,
    /// What is to be said of it.
    pub findings: Vec<Finding>,
}

impl Reading {
    /// A value of which nothing is to be said.
    pub fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), findings: Vec::new() }
    }

    /// No value, and why.
    pub fn stopped(finding: Finding) -> Self {
        Self { value: String::new(), findings: vec![finding] }
    }

    /// With a finding.
    #[must_use]
    pub fn with(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }
}

/// Short for a note.
pub(crate) fn note(kind: &'static str, vi: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding::new(Level::Note, kind, vi, en)
}

/// Short for a warning.
pub(crate) fn warn(kind: &'static str, vi: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding::new(Level::Warn, kind, vi, en)
}

/// Short for a stop.
pub(crate) fn stop(kind: &'static str, vi: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding::new(Level::Stop, kind, vi, en)
}
