//! `page root` and `page issue`: certificates for the pages of offices and hubs (design/page-tls.md). The root
//! stands in the city folder and has nothing to do with the keys of links.

use crate::{
    cli::{now, to_json},
    folder::City,
    outcome::{Exit, Failure, Report},
};
use clap::Subcommand;
use motcua_core::time::Timestamp;
use motcua_shell::{
    identity::replace_file,
    lan::{
        fingerprint,
        issue::{self, IssueError, Issued, Pair},
    },
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Certificate of the root, in the city folder: for every PC.
const ROOT: &str = "page-root.pem";
/// Its key.
const ROOT_KEY: &str = "secret/page-root.key";
/// What was issued, one JSON object a line.
const ISSUED: &str = "pages.jsonl";
/// A request is a few hundred bytes.
const REQUEST_BYTES: u64 = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum PageVerb {
    /// Make the root that the PCs of the offices are to trust; once for a city.
    Root {
        /// The city folder.
        #[arg(long, value_name = "DIR")]
        city: PathBuf,
    },
    /// Issue certificates for the requests of machines. Exit codes: 0 done, 3 some were refused, 5 all were.
    Issue {
        /// The city folder.
        #[arg(long, value_name = "DIR")]
        city: PathBuf,
        /// Folder for the certificates, each under its request's name with .crt.pem; made if it is not there.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Also where a name has a certificate for another key: a machine was replaced, or asked again.
        #[arg(long)]
        again: bool,
        /// The requests.
        #[arg(required = true, value_name = "FILE")]
        requests: Vec<PathBuf>,
    },
}

/// A line of what was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    names: Vec<String>,
    key: String,
    /// Unix milliseconds.
    at: i64,
    /// Unix milliseconds.
    not_after: i64,
}

pub(crate) fn run(verb: PageVerb) -> Result<Report, Failure> {
    match verb {
        PageVerb::Root { city } => root(&City::open(&city)?, now()?),
        PageVerb::Issue { city, out, again, requests } => {
            issue_all(&City::open(&city)?, &out, again, &requests, now()?)
        }
    }
}

fn root(city: &City, now: Timestamp) -> Result<Report, Failure> {
    let (certificate, key) = (city.dir.join(ROOT), city.dir.join(ROOT_KEY));
    for file in [&certificate, &key] {
        if file.exists() {
            let message = format!(
                "{} is there: every PC would have to be set up again for another root; to make one all the \
                 same, move it and {} away first",
                file.display(),
                ROOT_KEY
            );
            return Err(Failure::new(Exit::Refused, message));
        }
    }
    let made = issue::make_root(&city.trust.root().name, now).map_err(Failure::failed)?;
    let failed = |error: io::Error| Failure::failed(format!("{}: {error}", key.display()));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key).map_err(failed)?;
    file.write_all(made.key.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    replace_file(&certificate, made.certificate.as_bytes()).map_err(Failure::failed)?;
    let print = root_print(&made.certificate)?;
    let shown = certificate.display();
    Ok(Report {
        json: json!({ "file": certificate.display().to_string(), "sha256": print }),
        text: format!("{shown}: root for the pages' certificates\n  SHA-256  {print}\n"),
        notes: vec![
            format!(
                "note: install {shown} on the PCs of the offices; they compare the SHA-256 above"
            ),
            format!(
                "note: {} signs for all of them: keep it as the registrar's key",
                key.display()
            ),
        ],
    })
}

fn root_print(pem: &str) -> Result<String, Failure> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes());
    der.map(|der| fingerprint(&der))
        .map_err(|_| Failure::failed(format!("{ROOT} is damaged; restore it")))
}

/// What became of one request.
#[derive(Debug, Serialize)]
struct Answer {
    request: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

fn issue_all(
    city: &City,
    out: &Path,
    again: bool,
    requests: &[PathBuf],
    now: Timestamp,
) -> Result<Report, Failure> {
    let root = read_root(city)?;
    fs::create_dir_all(out)
        .map_err(|error| Failure::failed(format!("{}: {error}", out.display())))?;
    let mut lines = read_lines(city)?;
    let mut held = holders(&lines, now);
    let mut done = Vec::new();
    for request in requests {
        let issued = issue_one(&root, request, again, &held, now);
        if let Ok(issued) = &issued {
            held.extend(issued.names.iter().map(|name| (name.clone(), issued.key.clone())));
            let (names, key) = (issued.names.clone(), issued.key.clone());
            lines.push(Line { names, key, at: now.0, not_after: issued.not_after.0 });
        }
        done.push((request, issued));
    }
    // First what is remembered: a name that is out must never be taken for free.
    remember(city, &lines)?;
    let mut answers = Vec::new();
    for (request, issued) in done {
        let request_shown = request.display().to_string();
        answers.push(match issued {
            Ok(Issued { chain, names, .. }) => {
                let file = file_for(out, request);
                replace_file(&file, chain.as_bytes()).map_err(Failure::failed)?;
                let file = Some(file.display().to_string());
                Answer { request: request_shown, file, names, refused: None }
            }
            Err(why) => {
                Answer { request: request_shown, file: None, names: vec![], refused: Some(why) }
            }
        });
    }
    report(&answers)
}

fn report(answers: &[Answer]) -> Result<Report, Failure> {
    let refusals: Vec<String> = answers
        .iter()
        .filter_map(|answer| {
            answer.refused.as_ref().map(|why| format!("{}: {why}", answer.request))
        })
        .collect();
    let mut text = String::new();
    for answer in answers {
        if let Some(file) = &answer.file {
            text.push_str(&format!("{file}: {}\n", answer.names.join(", ")));
        }
    }
    if refusals.is_empty() {
        return Ok(Report { json: json!({ "issued": to_json(&answers)? }), text, notes: vec![] });
    }
    let exit = if refusals.len() < answers.len() { Exit::Partly } else { Exit::Refused };
    let issued = if text.is_empty() { text } else { format!("issued:\n{text}") };
    Err(Failure::new(exit, format!("{issued}not issued: {}", refusals.join("; "))))
}

fn read_root(city: &City) -> Result<Pair, Failure> {
    let read = |name: &str| {
        let file = city.dir.join(name);
        fs::read_to_string(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::new(
                Exit::Refused,
                format!(
                    "{} is not here; make it with page root, or work where it is",
                    file.display()
                ),
            ),
            _ => Failure::failed(format!("{}: {error}", file.display())),
        })
    };
    Ok(Pair { certificate: read(ROOT)?, key: Zeroizing::new(read(ROOT_KEY)?) })
}

fn issue_one(
    root: &Pair,
    request: &Path,
    again: bool,
    held: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Issued, String> {
    let length = fs::metadata(request).map_err(|error| error.to_string())?.len();
    if length > REQUEST_BYTES {
        return Err(IssueError::Request.to_string());
    }
    let text = fs::read_to_string(request).map_err(|error| error.to_string())?;
    let issued = issue::issue(root, &text, now).map_err(|error| error.to_string())?;
    let other =
        issued.names.iter().find(|name| held.get(*name).is_some_and(|key| *key != issued.key));
    match other {
        Some(name) if !again => Err(format!(
            "{name} has a certificate for another key; give --again if the machine asked again or was replaced"
        )),
        _ => Ok(issued),
    }
}

fn read_lines(city: &City) -> Result<Vec<Line>, Failure> {
    let file = city.dir.join(ISSUED);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::failed(format!("{}: {error}", file.display()))),
    };
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let at = number + 1;
            Failure::failed(format!("{}, line {at}: {error}; restore it", file.display()))
        })
    };
    text.lines().enumerate().map(line).collect()
}

/// Whose each name is that still has a certificate.
fn holders(lines: &[Line], now: Timestamp) -> BTreeMap<String, String> {
    let valid = lines.iter().filter(|line| line.not_after > now.0);
    valid.flat_map(|line| line.names.iter().map(|name| (name.clone(), line.key.clone()))).collect()
}

/// As a whole, so that a cut leaves no half of a line.
fn remember(city: &City, lines: &[Line]) -> Result<(), Failure> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line).map_err(Failure::failed)?);
        text.push('\n');
    }
    replace_file(&city.dir.join(ISSUED), text.as_bytes()).map_err(Failure::failed)
}

fn file_for(out: &Path, request: &Path) -> PathBuf {
    let stem = request.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    out.join(format!("{}.crt.pem", stem.unwrap_or_else(|| "page".to_owned())))
}
