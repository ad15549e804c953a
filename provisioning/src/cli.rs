//! The command line: `city create`, `city show`, `token create`, `token list`, `ban`, `suspend`,
//! `unban`, `hub set`, `hub retire`, `publish`, `page root`, `page issue`, `act`, `completions`.

use crate::{
    act,
    city::{CreateCity, HubSpec, plan},
    cli_hubs::{self, HubVerb},
    codes::INVENTED,
    deny,
    folder::City,
    hub::HubConsole,
    offices,
    outcome::{Exit, Failure, Report, write},
    pages::{self, PageVerb},
    token::{self, CreateToken, TokenRecord},
};
use clap::{Args, CommandFactory, Parser, Subcommand, error::ErrorKind};
use motcua_core::{id::LogId, time::Timestamp, trust::Tier};
use motcua_shell::clock::{Clock, SystemClock};
use serde_json::json;
use std::{ffi::OsString, io::Write, path::PathBuf};

/// Makes cities, tokens and identities.
///
/// Exit codes: 0 done, 1 failed, 2 usage, 3 partly done, 4 nothing to do, 5 refused.
#[derive(Debug, Parser)]
#[command(name = "motcua-provision", version, propagate_version = true)]
struct Cli {
    /// Print the result, or the error, as JSON on stdout.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// A city: its keys, root document, catalogue and hubs.
    #[command(subcommand)]
    City(CityVerb),
    /// Join bundles for the machines of offices.
    #[command(subcommand)]
    Token(TokenVerb),
    /// Ban a machine for good: it is out, and what lies beyond its last good position counts
    /// nowhere.
    Ban(Denial),
    /// Suspend a machine: it is out until it is let back in, what lies beyond is held.
    Suspend(Denial),
    /// Let a banned or suspended machine back in.
    Unban(Denial),
    /// Where the hubs stand: the next root document.
    #[command(subcommand)]
    Hub(HubVerb),
    /// Hand trust documents to hubs again.
    Publish {
        /// The city folder.
        #[arg(long, value_name = "DIR")]
        city: PathBuf,
        /// Console of a hub, host:port; repeat for each.
        #[arg(long = "hub", required = true, value_parser = HubConsole::parse, value_name = "ADDR")]
        hubs: Vec<HubConsole>,
    },
    /// Certificates for the pages of offices and hubs (docs/page-tls.md).
    #[command(subcommand)]
    Page(PageVerb),
    /// A registrar's act: offices join or leave a dossier whose office is gone.
    Act(ActArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
struct Denial {
    /// The city folder.
    #[arg(long, value_name = "DIR")]
    city: PathBuf,
    /// Id of the machine.
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
    /// Code, id or unique name of an office that has one machine.
    #[arg(long, value_name = "CODE", conflicts_with = "machine")]
    office: Option<String>,
    /// Console of a hub, host:port: asked for log positions, then told. The machine's own hub and
    /// the city's, at least; repeat for each. From another machine: host:port,token=FILE with the
    /// hub's console/read-token.
    #[arg(long = "hub", value_parser = HubConsole::parse, value_name = "ADDR")]
    hubs: Vec<HubConsole>,
    /// The last sequence of a log that is still believed; replaces what the hubs say.
    #[arg(long, value_parser = parse_position, value_name = "LOG=SEQUENCE")]
    last_good: Vec<(LogId, u64)>,
    /// Why; kept in the city folder.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
struct ActArgs {
    /// The city folder.
    #[arg(long, value_name = "DIR")]
    city: PathBuf,
    /// Id of the dossier.
    #[arg(long, value_name = "ID")]
    dossier: String,
    /// Office that joins: OFFICE or OFFICE:desk|received|competent|returns; desk if not said.
    #[arg(long, value_name = "OFFICE[:ROLE]")]
    assign: Vec<String>,
    /// Office that leaves; from every role if not said.
    #[arg(long, value_name = "OFFICE[:ROLE]")]
    release: Vec<String>,
    /// Why; everybody who has the dossier sees it.
    #[arg(long)]
    reason: String,
    /// File to write; must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Console of a hub, host:port, to carry it in at once.
    #[arg(long, value_parser = HubConsole::parse, value_name = "ADDR")]
    hub: Option<HubConsole>,
}

#[derive(Debug, Subcommand)]
enum CityVerb {
    /// Make a new city from a list of offices.
    Create(CityCreate),
    /// Show what a city folder holds.
    Show {
        /// The city folder.
        #[arg(long, value_name = "DIR")]
        city: PathBuf,
    },
}

#[derive(Debug, Args)]
struct CityCreate {
    /// CSV (UTF-8) with the columns gso_code,name,tier,parent_gso_code,lat,lon.
    #[arg(long, value_name = "FILE")]
    offices: PathBuf,
    /// Folder to make; must not exist.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Name of the city.
    #[arg(long)]
    name: String,
    /// How many root keys to make.
    #[arg(long, default_value_t = 3, value_name = "N")]
    root_keys: u8,
    /// How many root keys must sign a new root document.
    #[arg(long, default_value_t = 2, value_name = "K")]
    threshold: u8,
    /// A hub and its addresses; repeat for each hub.
    #[arg(
        long = "hub",
        help = "A hub: CODE=host:port[,host:port][,recovery=host:port]. Repeat for each hub",
        required = true, value_parser = parse_hub, value_name = "CODE=ADDR")]
    hubs: Vec<HubSpec>,
    /// Take only these offices and those above them; CODE+ also takes those below.
    #[arg(long, value_delimiter = ',', value_name = "CODE,CODE")]
    only: Vec<String>,
    /// Prefix of the invented organisation codes.
    #[arg(long, default_value = "H29", value_name = "PREFIX")]
    org_code_prefix: String,
}

#[derive(Debug, Subcommand)]
enum TokenVerb {
    /// Write a join bundle for one machine of an office.
    Create(TokenCreate),
    /// List the tokens made from a city folder.
    List {
        /// The city folder.
        #[arg(long, value_name = "DIR")]
        city: PathBuf,
    },
}

#[derive(Debug, Args)]
struct TokenCreate {
    /// The city folder.
    #[arg(long, value_name = "DIR")]
    city: PathBuf,
    /// Code, id or unique name of the office.
    #[arg(long, value_name = "CODE")]
    office: String,
    /// Which machine of the office, from 1.
    #[arg(long, default_value_t = 1)]
    slot: u16,
    /// How many machines the office is to have.
    #[arg(long, default_value_t = 1)]
    slots: u16,
    /// How long it may be used first: minutes, hours or days, such as 30m, 12h, 7d.
    #[arg(long, default_value = "7d", value_parser = parse_lifetime)]
    expires: i64,
    /// Bundle file to write; must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs one command line. Results go to `out`, messages to `err`.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => write(dispatch(cli.verb), cli.json, out, err),
        Err(error) => {
            let text = error.render().to_string();
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                let _ = out.write_all(text.as_bytes());
                return Exit::Done;
            }
            let text = text.trim_end().trim_start_matches("error: ");
            write(Err(Failure::usage(text)), args.iter().any(|arg| arg == "--json"), out, err)
        }
    }
}

fn dispatch(verb: Verb) -> Result<Report, Failure> {
    match verb {
        Verb::City(CityVerb::Create(args)) => city_create(args),
        Verb::City(CityVerb::Show { city }) => City::open(&city).map(|city| show(&city)),
        Verb::Token(TokenVerb::Create(args)) => token_create(args),
        Verb::Token(TokenVerb::List { city }) => token_list(&City::open(&city)?),
        Verb::Ban(args) => denial(deny::Verb::Ban, args),
        Verb::Suspend(args) => denial(deny::Verb::Suspend, args),
        Verb::Unban(args) => denial(deny::Verb::Unban, args),
        Verb::Hub(verb) => cli_hubs::run(verb),
        Verb::Publish { city, hubs } => publish(&City::open(&city)?, &hubs),
        Verb::Page(verb) => pages::run(verb),
        Verb::Act(args) => registrar_act(args),
        Verb::Completions { shell } => Ok(completions(shell)),
    }
}

fn city_create(args: CityCreate) -> Result<Report, Failure> {
    let wanted = CreateCity {
        name: args.name,
        offices: offices::read(&args.offices)?,
        hubs: args.hubs,
        only: args.only,
        root_keys: args.root_keys,
        threshold: args.threshold,
        org_code_prefix: args.org_code_prefix,
    };
    plan(&wanted, now()?)?.write(&args.out)?;
    let mut report = show(&City::open(&args.out)?);
    let secret = args.out.join("secret");
    report.notes.push(format!("note: {INVENTED}"));
    report.notes.push(format!(
        "note: take the root keys off this machine, each to a safe of its own: {}",
        secret.join("root-*.key").display()
    ));
    report.notes.push(format!(
        "note: copy each folder of {} to its hub, then delete it here",
        args.out.join("hubs").display()
    ));
    Ok(report)
}

fn show(city: &City) -> Report {
    let (trust, root) = (&city.trust, city.trust.root());
    let numbers = trust.numbers();
    let offices = trust.catalogue().map_or(&[][..], |catalogue| catalogue.offices.as_slice());
    let count = |tier| offices.iter().filter(|office| office.tier == tier).count();
    let name = |id| trust.office(id).map_or_else(String::new, |office| office.name.clone());
    let code = |id| trust.office(id).map_or_else(String::new, |office| office.code.clone());
    let hub = |hub: &motcua_core::trust::HubRecord| {
        json!({
            "code": code(hub.office), "office": hub.office.to_string(), "name": name(hub.office),
            "key": hub.key.to_string(), "addresses": hub.addresses,
            "recovery_addresses": hub.recovery(),
        })
    };
    let json = json!({
        "name": root.name,
        "folder": city.dir.display().to_string(),
        "domain": trust.domain().to_string(),
        "root_pin": trust.pin().to_string(),
        "root_number": numbers.root,
        "catalogue_number": numbers.catalogue,
        "denial_number": numbers.denial,
        "root_keys": root.roots.len(),
        "threshold": root.threshold,
        "offices": offices.len(),
        "cities": count(Tier::City),
        "districts": count(Tier::District),
        "wards": count(Tier::Ward),
        "others": count(Tier::Other),
        "denied": trust.denial().map_or(0, |list| list.denied.len()),
        "org_codes": INVENTED,
        "hubs": root.hubs.iter().map(hub).collect::<Vec<_>>(),
    });
    let mut text = format!(
        "{}\n  domain     {}\n  root pin   {}\n  documents  root {}, catalogue {}, denial list {}\n  \
         keys       {} root keys, {} must sign\n  offices    {} ({} city, {} districts, {} wards)\n",
        root.name,
        trust.domain(),
        trust.pin(),
        numbers.root,
        numbers.catalogue,
        numbers.denial,
        root.roots.len(),
        root.threshold,
        offices.len(),
        count(Tier::City),
        count(Tier::District),
        count(Tier::Ward),
    );
    for hub in &root.hubs {
        let (code, name) = (code(hub.office), name(hub.office));
        text.push_str(&format!("  hub        {code}  {name}  {}\n", hub.addresses.join(", ")));
    }
    Report { json, text, notes: vec![] }
}

fn token_create(args: TokenCreate) -> Result<Report, Failure> {
    let city = City::open(&args.city)?;
    let TokenCreate { office, slot, slots, expires: lifetime_ms, out, .. } = args;
    let wanted = CreateToken { office, slot, slots, lifetime_ms, out };
    let now = now()?;
    let before = token::list(&city)?;
    let record = token::create(&city, &wanted, now)?;
    let same = |old: &&TokenRecord| {
        old.office == record.office && old.slot == record.slot && old.expires_at > now.0
    };
    let mut notes = Vec::new();
    if let Some(old) = before.iter().find(same) {
        notes.push(format!(
            "note: token {} for machine {} of {} can still be used",
            old.token, old.slot, old.name
        ));
    }
    if record.replaces {
        notes.push(format!(
            "note: {} had a machine with these numbers before; this one prints others on its first day. If both \
             are to work, machines of one office need the same --slots and each its own --slot",
            record.name
        ));
    }
    let text = format!(
        "{}: join bundle for machine {} of {}, {} ({})\n",
        record.file, record.slot, record.slots, record.name, record.code
    );
    Ok(Report { json: to_json(&record)?, text, notes })
}

fn denial(verb: deny::Verb, args: Denial) -> Result<Report, Failure> {
    let mut city = City::open(&args.city)?;
    let machine = args.machine.as_deref().map(str::parse).transpose();
    let wanted = deny::Wanted {
        verb,
        machine: machine.map_err(|error| Failure::usage(format!("--machine: {error}")))?,
        office: args.office,
        last_good: args.last_good,
        hubs: args.hubs,
        reason: args.reason.trim().to_owned(),
    };
    if wanted.reason.is_empty() {
        return Err(Failure::usage("--reason must say why"));
    }
    let done = deny::deny(&mut city, &wanted, now()?)?;
    let mut text = format!("denial list {}: machine {}\n", done.number, done.machine);
    for (log, last) in &done.last_good {
        text.push_str(&format!("  log {log}: believed up to {last}\n"));
    }
    let told = done.published.iter().map(|hub| format!("  published at {hub}\n"));
    text.extend(told);
    let mut notes: Vec<String> =
        done.not_published.iter().map(|why| format!("note: not published: {why}")).collect();
    if done.published.is_empty() {
        notes.push("note: no hub has it yet; use publish --hub".to_owned());
    }
    if !done.not_published.is_empty() {
        let words = done.not_published.join("; ");
        let number = done.number;
        let message = match done.published.is_empty() {
            true => format!("denial list {number} is kept here, and no hub confirms it: {words}"),
            false => format!("denial list {number} is in force, but not everywhere: {words}"),
        };
        return Err(Failure::new(Exit::Partly, message));
    }
    Ok(Report { json: to_json(&done)?, text, notes })
}

fn publish(city: &City, hubs: &[HubConsole]) -> Result<Report, Failure> {
    let mut told = Vec::new();
    for hub in hubs {
        deny::publish(city, hub)?;
        told.push(hub.to_string());
    }
    let text = told.iter().map(|hub| format!("published at {hub}\n")).collect();
    Ok(Report { json: json!({ "published": told }), text, notes: vec![] })
}

fn registrar_act(args: ActArgs) -> Result<Report, Failure> {
    let city = City::open(&args.city)?;
    let dossier = args.dossier.parse();
    let wanted = act::WantedAct {
        dossier: dossier.map_err(|error| Failure::usage(format!("--dossier: {error}")))?,
        assign: args.assign,
        release: args.release,
        reason: args.reason,
    };
    let signed = act::sign(&city, &wanted, now()?)?;
    act::write(&args.out, &signed)?;
    let mut text = format!("{}: act on dossier {}\n", args.out.display(), wanted.dossier);
    if let Some(hub) = &args.hub {
        hub.post("/api/v1/acts", &signed.encode())?;
        text.push_str(&format!("  carried in at {hub}\n"));
    }
    let file = args.out.display().to_string();
    Ok(Report {
        json: json!({ "file": file, "carried_in": args.hub.is_some() }),
        text,
        notes: vec![],
    })
}

fn token_list(city: &City) -> Result<Report, Failure> {
    let records = token::list(city)?;
    let now = now()?;
    let line = |record: &TokenRecord| {
        let state = if record.expires_at > now.0 { "open   " } else { "expired" };
        let TokenRecord { token, code, name, slot, slots, file, .. } = record;
        format!("{token}  {state}  {slot}/{slots}  {code}  {name}  {file}\n")
    };
    let text = records.iter().map(line).collect();
    let notes =
        if records.is_empty() { vec!["no tokens were made yet".to_owned()] } else { vec![] };
    Ok(Report { json: json!({ "tokens": to_json(&records)? }), text, notes })
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(value).map_err(Failure::failed)
}

fn completions(shell: clap_complete::Shell) -> Report {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "motcua-provision", &mut script);
    let text = String::from_utf8_lossy(&script).into_owned();
    Report { json: json!({ "script": text }), text, notes: vec![] }
}

pub(crate) fn now() -> Result<Timestamp, Failure> {
    let now = SystemClock::default().wall();
    if now.0 > EARLIEST {
        return Ok(now);
    }
    let message = "the clock of this machine is wrong (before 2025); set it and try again";
    Err(Failure::failed(message))
}

/// 2025-01-01; a token dated by a dead clock would have expired before it is used.
const EARLIEST: i64 = 1_735_689_600_000;

pub(crate) fn parse_hub(text: &str) -> Result<HubSpec, String> {
    let (code, list) = text
        .split_once('=')
        .filter(|(code, _)| !code.is_empty())
        .ok_or("a hub is given as CODE=host:port[,recovery=host:port]")?;
    if !is_folder_name(code) {
        return Err(format!("the code {code:?} of a hub may have letters, digits, - and _ only"));
    }
    let mut hub = HubSpec { code: code.to_owned(), addresses: vec![], recovery_addresses: vec![] };
    for address in list.split(',').map(str::trim) {
        let (list, address) = match address.strip_prefix("recovery=") {
            Some(address) => (&mut hub.recovery_addresses, address),
            None => (&mut hub.addresses, address),
        };
        motcua_core::trust::check_hub_address(address).map_err(|error| error.to_string())?;
        list.push(address.to_owned());
    }
    if hub.addresses.is_empty() {
        return Err(format!("the hub {code} needs an address besides that for recovery"));
    }
    Ok(hub)
}

/// The code becomes a folder's name, so it must not lead anywhere else.
fn is_folder_name(code: &str) -> bool {
    code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn parse_position(text: &str) -> Result<(LogId, u64), String> {
    let wrong = || format!("{text:?} is not LOG=SEQUENCE");
    let (log, sequence) = text.split_once('=').ok_or_else(wrong)?;
    let log = log.parse().map_err(|_| wrong())?;
    Ok((log, sequence.parse().map_err(|_| wrong())?))
}

fn parse_lifetime(text: &str) -> Result<i64, String> {
    const MINUTE: i64 = 60_000;
    const YEAR: i64 = 366 * 1_440 * MINUTE;
    let wrong = || format!("{text:?} is not a time such as 30m, 12h or 7d, at most 366d");
    let unit = match text.chars().last() {
        Some('m') => MINUTE,
        Some('h') => 60 * MINUTE,
        Some('d') => 1_440 * MINUTE,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let millis = i64::from(count) * unit;
    if (1..=YEAR).contains(&millis) { Ok(millis) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hubs_and_lifetimes_are_read_or_refused_in_words() {
        let hub = parse_hub("760=10.0.0.1:4433,q1.example:443,recovery=q1.example:444");
        let hub = hub.expect("well formed");
        assert_eq!((hub.addresses.len(), hub.recovery_addresses.len()), (2, 1));
        for bad in ["760", "=a:1", "../x=a:1", "760=a", "760=a:0", "760=", "760=recovery=a:1"] {
            assert!(parse_hub(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_lifetime("7d"), Ok(604_800_000));
        for bad in ["", "d", "7", "-1d", "0h", "367d", "1y", "7é", "99999999999d"] {
            assert!(parse_lifetime(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
