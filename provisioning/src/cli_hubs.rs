//! The verbs `hub set` and `hub retire`.

use crate::{
    city::HubSpec,
    cli::{now, parse_hub, to_json},
    folder::City,
    hub::HubConsole,
    hubs::{self, WantedHubs},
    outcome::{Exit, Failure, Report},
};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum HubVerb {
    /// Put hubs at addresses: a new one, one that moved, or one that was retired and comes back.
    Set {
        /// A hub and its addresses.
        #[arg(required = true, value_parser = parse_hub,
            value_name = "CODE=ADDR[,ADDR][,recovery=ADDR]")]
        places: Vec<HubSpec>,
        /// The machine of the hub is lost: make new keys and a new folder for it.
        #[arg(long)]
        new_machine: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Take hubs out of service; the next hub above serves their offices from then on.
    Retire {
        /// Code, id or unique name of the hub's office.
        #[arg(required = true, value_name = "CODE")]
        offices: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The city folder.
    #[arg(long, value_name = "DIR")]
    city: PathBuf,
    /// A root key beside those in the city folder; repeat for each.
    #[arg(long = "root-key", value_name = "FILE")]
    root_keys: Vec<PathBuf>,
    /// Console of a hub, host:port, to publish the root document at: the city's, at least; it hands
    /// it down. Repeat for each.
    #[arg(long = "hub", value_parser = HubConsole::parse, value_name = "ADDR")]
    hubs: Vec<HubConsole>,
}

pub(crate) fn run(verb: HubVerb) -> Result<Report, Failure> {
    let (wanted, common) = match verb {
        HubVerb::Set { places, new_machine, common } => {
            (WantedHubs { set: places, new_machine, ..WantedHubs::default() }, common)
        }
        HubVerb::Retire { offices, common } => {
            (WantedHubs { retire: offices, ..WantedHubs::default() }, common)
        }
    };
    let Common { city, root_keys, hubs } = common;
    let wanted = WantedHubs { root_keys, hubs, ..wanted };
    let done = hubs::change(&mut City::open(&city)?, &wanted, now()?)?;
    let mut text = format!("root document {}\n", done.number);
    text.extend(done.set.iter().map(|code| format!("  hub {code} set\n")));
    text.extend(done.retired.iter().map(|code| format!("  hub {code} retired\n")));
    text.extend(done.published.iter().map(|hub| format!("  published at {hub}\n")));
    let copy = |folder| format!("note: copy {folder} to its hub, then delete it here");
    let mut notes: Vec<String> = done.folders.iter().map(copy).collect();
    notes.extend(done.not_published.iter().map(|why| format!("note: not published: {why}")));
    if done.published.is_empty() {
        notes.push("note: no hub has it yet; use publish --hub".to_owned());
    } else if !done.not_published.is_empty() {
        let words = done.not_published.join("; ");
        let message =
            format!("root document {} is in force, but not everywhere: {words}", done.number);
        return Err(Failure::new(Exit::Partly, message));
    }
    Ok(Report { json: to_json(&done)?, text, notes })
}
