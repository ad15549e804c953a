//! What is to happen when, one line each; `#` begins a comment.
//!
//! ```text
//! at 5s cut 26734
//! at 9s restore 26734
//! at 10s delay 26737 200ms
//! at 12s kill hub 760
//! at 14s start hub 760
//! ```
//! `hub` and `node` before a code are for the reader.

use std::time::Duration;

/// Something that happens to a line or a machine, named by the office's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// The office's line to its hub is cut.
    Cut(String),
    /// It is whole again.
    Restore(String),
    /// It takes longer, each way.
    Delay(String, Duration),
    /// The machine is ended by `kill -9`.
    Kill(String),
    /// It starts again.
    Start(String),
}

/// A deed at its time after the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What.
    pub deed: Deed,
}

/// Why a script is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the script, {text:?}: {why}")]
pub struct ScriptError {
    line: usize,
    text: String,
    why: &'static str,
}

/// Cuts for a run that nobody watches: each ward of Quận 1 once or twice, a district's line, a hub
/// and a node by `kill -9`. Times are parts of the run, in thousandths.
const DEFAULT: [(u64, &str); 14] = [
    (100, "cut 26734"),
    (200, "cut 27127"),
    (260, "restore 26734"),
    (300, "kill hub 760"),
    (350, "delay 26740 150ms"),
    (400, "start hub 760"),
    (430, "restore 27127"),
    (470, "cut 770"),
    (520, "kill node 26737"),
    (560, "cut 26743"),
    (600, "start node 26737"),
    (660, "restore 770"),
    (700, "delay 26740 0ms"),
    (760, "restore 26743"),
];

/// The script of a run of this length that nobody watches.
pub fn default_steps(length: Duration) -> Vec<Step> {
    let parse = |(part, words): (u64, &str)| {
        let at = length * part as u32 / 1_000;
        deed(&words.split_whitespace().collect::<Vec<_>>()).ok().map(|deed| Step { at, deed })
    };
    DEFAULT.into_iter().filter_map(parse).collect()
}

/// Reads a script; the steps come in the order of their times.
///
/// # Errors
/// The first line that is not understood.
pub fn parse(text: &str) -> Result<Vec<Step>, ScriptError> {
    let mut steps = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> =
            line.split('#').next().unwrap_or_default().split_whitespace().collect();
        let fail = |why| ScriptError { line: number, text: line.chars().take(80).collect(), why };
        match words.split_first() {
            None => {}
            Some((&"at", [time, words @ ..])) => {
                let at = duration(time).ok_or_else(|| fail("the time is written 5s or 300ms"))?;
                steps.push(Step { at, deed: deed(words).map_err(fail)? });
            }
            Some(_) => return Err(fail("a line begins with: at TIME")),
        }
    }
    steps.sort_by_key(|step| step.at);
    Ok(steps)
}

fn deed(words: &[&str]) -> Result<Deed, &'static str> {
    let words: Vec<&str> =
        words.iter().copied().filter(|word| !["hub", "node"].contains(word)).collect();
    match *words.as_slice() {
        ["cut", code] => Ok(Deed::Cut(code.into())),
        ["restore", code] => Ok(Deed::Restore(code.into())),
        ["kill", code] => Ok(Deed::Kill(code.into())),
        ["start", code] => Ok(Deed::Start(code.into())),
        ["delay", code, by] => {
            let by = duration(by).ok_or("the delay is written 200ms")?;
            Ok(Deed::Delay(code.into(), by))
        }
        _ => Err("known are: cut, restore, kill, start CODE and delay CODE 200ms"),
    }
}

fn duration(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(number) => number.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_script_is_read_in_the_order_of_its_times() {
        let text =
            "# cuts\nat 12s kill hub 760\n\nat 500ms delay 26737 200ms # slow\nat 5s cut 26734";
        let steps = parse(text).unwrap();
        let deeds: Vec<&Deed> = steps.iter().map(|step| &step.deed).collect();
        let slow = Deed::Delay("26737".into(), Duration::from_millis(200));
        assert_eq!(deeds, [&slow, &Deed::Cut("26734".into()), &Deed::Kill("760".into())]);
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for bad in ["cut 26734", "at 5 cut 26734", "at 5s burn 26734", "at 5s cut", "at"] {
            let error = parse(&format!("at 1s cut 1\n{bad}")).unwrap_err().to_string();
            assert!(error.contains("line 2") && error.contains(bad), "{error}");
        }
    }

    #[test]
    fn the_default_script_undoes_what_it_does() {
        let steps = default_steps(Duration::from_secs(30));
        assert_eq!(steps.len(), DEFAULT.len(), "every line is understood");
        assert!(steps.is_sorted_by_key(|step| step.at));
        let count = |wanted: fn(&Deed) -> bool| steps.iter().filter(|s| wanted(&s.deed)).count();
        let cuts = count(|deed| matches!(deed, Deed::Cut(_)));
        assert_eq!(cuts, count(|deed| matches!(deed, Deed::Restore(_))));
        let kills = count(|deed| matches!(deed, Deed::Kill(_)));
        assert_eq!(kills, count(|deed| matches!(deed, Deed::Start(_))));
    }
}
