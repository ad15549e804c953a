//! Banning, suspending and letting back in: the next denial list, signed by the online key, kept in
//! the city folder, and handed to hubs. A ban names log positions, looked up at the hubs that are
//! asked; what lies beyond them counts nowhere.

use crate::{
    folder::City,
    hub::HubConsole,
    lookup::office,
    outcome::{Exit, Failure},
};
use motcua_core::{
    id::{LogId, NodeId},
    time::Timestamp,
    trust::{DenialList, Denied, DenyAction, Numbers, Signed},
};
use motcua_shell::identity::replace_file;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap, fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, time::Duration,
};

/// What to do.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Ban, suspend, or let back in.
    pub verb: Verb,
    /// Which machine, by id.
    pub machine: Option<NodeId>,
    /// Or which office, whose only machine is meant.
    pub office: Option<String>,
    /// Positions given by hand, which replace those looked up.
    pub last_good: Vec<(LogId, u64)>,
    /// Hubs to ask and to publish at.
    pub hubs: Vec<HubConsole>,
    /// Why; kept in the city folder.
    pub reason: String,
}

/// What to do with a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// For good.
    Ban,
    /// For a while.
    Suspend,
    /// Lifted.
    Unban,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// What.
    pub verb: Verb,
    /// Number of the denial list that says so.
    pub number: u64,
    /// Which machine.
    pub machine: String,
    /// Its logs and the last sequence that is still believed.
    pub last_good: Vec<(String, u64)>,
    /// Why.
    pub reason: String,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Hubs that have it on their disk, and act on it.
    pub published: Vec<String>,
    /// Hubs that could not be told or have not confirmed it, and why.
    pub not_published: Vec<String>,
}

/// Makes, keeps and publishes the next denial list.
///
/// # Errors
/// [`Failure`] in words. The list is kept before it is published; publishing again is harmless.
pub fn deny(city: &mut City, wanted: &Wanted, now: Timestamp) -> Result<Done, Failure> {
    let key = city.denial_key()?;
    let machines = learn(city, &wanted.hubs)?;
    let node = which(city, wanted, &machines)?;
    let mut denied: Vec<Denied> = match city.trust.denial() {
        Some(list) => list.denied.clone(),
        None => Vec::new(),
    };
    let before = denied.iter().position(|one| one.node == node);
    let before = before.map(|place| denied.remove(place));
    let last_good = match wanted.verb {
        Verb::Unban if before.is_none() => {
            let message = format!("machine {node} is neither banned nor suspended");
            return Err(Failure::new(Exit::Nothing, message));
        }
        Verb::Unban => Vec::new(),
        Verb::Ban | Verb::Suspend => positions(wanted, node, &machines, before.as_ref())?,
    };
    let action = match wanted.verb {
        Verb::Ban => Some(DenyAction::Ban),
        Verb::Suspend => Some(DenyAction::Suspend),
        Verb::Unban => None,
    };
    if let Some(action) = action {
        denied.push(Denied { node, action, last_good: last_good.clone() });
    }
    denied.sort_by_key(|one| one.node);
    let number = city.trust.numbers().denial.saturating_add(1);
    let list = DenialList { domain: city.trust.domain(), number, issued_at: now, denied };
    let signed = Signed::sign(&key, &list).map_err(Failure::failed)?;
    city.trust.adopt_denial(signed).map_err(Failure::failed)?;
    let mut done = Done {
        verb: wanted.verb,
        number,
        machine: node.to_string(),
        last_good: last_good.iter().map(|(log, last)| (log.to_string(), *last)).collect(),
        reason: wanted.reason.clone(),
        at: now.0,
        published: Vec::new(),
        not_published: Vec::new(),
    };
    keep(city, &done)?;
    for hub in &wanted.hubs {
        match publish(city, hub) {
            Ok(_) => done.published.push(hub.to_string()),
            Err(failure) => done.not_published.push(failure.message),
        }
    }
    Ok(done)
}

/// How often a hub is asked whether the documents are in force, and between two questions.
const LOOKS: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(100);

/// Hands a hub the city's trust documents; it takes what is newer and hands it on. A hub says so at
/// once, and what it has is in force when it is on its disk: that is waited for.
///
/// # Errors
/// [`Failure`] naming the hub and what it said, or that it has them and not on its disk yet.
pub fn publish(city: &City, hub: &HubConsole) -> Result<(), Failure> {
    let has = || Ok::<_, Failure>(numbers(&hub.get_json("/api/v1/trust/numbers")?));
    hub.post("/api/v1/trust", &city.trust.to_bytes_after(&has()?))?;
    let ours = city.trust.numbers();
    for _ in 0..LOOKS {
        if !ours.ahead_of(&has()?) {
            return Ok(());
        }
        std::thread::sleep(BETWEEN);
    }
    let message = format!(
        "{hub}: đã giao nhưng hub chưa ghi được xuống đĩa nên CHƯA có hiệu lực; hãy xem đĩa của hub \
         (/healthz), rồi chạy lại `publish --hub {hub}` cho đến khi có xác nhận / handed over, not on \
         the hub's disk and NOT in force yet; look after the hub's disk (/healthz), then repeat \
         `publish --hub {hub}` until it confirms"
    );
    Err(Failure::new(Exit::Partly, message))
}

fn numbers(value: &Value) -> Numbers {
    let number = |name: &str| value[name].as_u64().unwrap_or(0);
    Numbers { root: number("root"), catalogue: number("catalogue"), denial: number("denial") }
}

/// A machine's log as a hub has it.
struct Known {
    node: NodeId,
    office: String,
    log: LogId,
    entries: u64,
}

/// Takes in what the hubs have: a ban that somebody else published must not be dropped by the next
/// list. Gives the machines that they know.
fn learn(city: &mut City, hubs: &[HubConsole]) -> Result<Vec<Known>, Failure> {
    let mut known = Vec::new();
    for hub in hubs {
        if numbers(&hub.get_json("/api/v1/trust/numbers")?).denial > city.trust.numbers().denial {
            let bytes = hub.get("/api/v1/trust")?;
            city.trust.adopt_all(&bytes).map_err(Failure::failed)?;
        }
        let answer = hub.get_json("/api/v1/machines")?;
        for line in answer["machines"].as_array().into_iter().flatten() {
            let text = |name: &str| line[name].as_str().unwrap_or_default();
            if let (Ok(node), Ok(log)) = (text("node").parse(), text("log").parse()) {
                let entries = line["entries"].as_u64().unwrap_or(0);
                known.push(Known { node, office: text("office").to_owned(), log, entries });
            }
        }
    }
    Ok(known)
}

fn which(city: &City, wanted: &Wanted, machines: &[Known]) -> Result<NodeId, Failure> {
    let name = match (&wanted.machine, &wanted.office) {
        (Some(node), _) => return Ok(*node),
        (None, Some(name)) => name,
        (None, None) => return Err(Failure::usage("give --machine or --office")),
    };
    let office = office(&city.trust, name)?.id.to_string();
    let mut found: Vec<NodeId> =
        machines.iter().filter(|known| known.office == office).map(|known| known.node).collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [node] => Ok(*node),
        [] => Err(Failure::usage(format!(
            "the hubs asked know no machine of {name}; give --machine or another --hub"
        ))),
        several => {
            let list: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Failure::usage(format!(
                "{name} has several machines, give one with --machine: {}",
                list.join(", ")
            )))
        }
    }
}

fn positions(
    wanted: &Wanted,
    node: NodeId,
    machines: &[Known],
    before: Option<&Denied>,
) -> Result<Vec<(LogId, u64)>, Failure> {
    let mut last: BTreeMap<LogId, u64> =
        before.map(|denied| denied.last_good.iter().copied().collect()).unwrap_or_default();
    if before.is_none() {
        for known in machines.iter().filter(|known| known.node == node) {
            let entries = last.entry(known.log).or_default();
            *entries = known.entries.max(*entries);
        }
    }
    last.extend(wanted.last_good.iter().copied());
    if last.is_empty() && wanted.hubs.is_empty() {
        let message =
            "without --hub the last good positions must be given: --last-good LOG=SEQUENCE";
        return Err(Failure::usage(message));
    }
    Ok(last.into_iter().collect())
}

/// The trust file last: a line in the book too many is harmless, a list that nobody can explain is
/// not.
fn keep(city: &City, done: &Done) -> Result<(), Failure> {
    let book = city.dir.join("denials.jsonl");
    let line = serde_json::to_string(done).map_err(Failure::failed)? + "\n";
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&book)
        .and_then(|mut file| file.write_all(line.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        Failure::failed(format!("{} cannot be written: {error}", book.display()))
    })?;
    replace_file(&city.dir.join("trust"), &city.trust.to_bytes()).map_err(Failure::failed)
}
