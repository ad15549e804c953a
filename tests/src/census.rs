//! Where every dossier is, as each replica itself says, against where it belongs.

use crate::{city::City, http::Client, patience::until};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

/// Where dossiers belong: the offices that take part, and every hub above one of them.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    places: BTreeMap<String, BTreeSet<String>>,
    /// Registrations that were never answered: they may exist or not, but only where they belong.
    doubtful: BTreeSet<String>,
    /// Forwards that were never answered.
    allowed: BTreeMap<String, BTreeSet<String>>,
}

impl Expected {
    /// The office takes part in the dossier from now on.
    pub fn at(&mut self, city: &City, id: &str, code: &str) {
        let places = self.places.entry(id.to_owned()).or_default();
        places.insert(code.to_owned());
        places.extend(city.above(code));
    }

    /// Whether the office takes part is not known: a forward to it was not answered.
    pub fn maybe_at(&mut self, city: &City, id: &str, code: &str) {
        let places = self.allowed.entry(id.to_owned()).or_default();
        places.insert(code.to_owned());
        places.extend(city.above(code));
    }

    fn may_be(&self, id: &str, at: &str) -> bool {
        let known = match self.places.get(id) {
            Some(places) => places.contains(at),
            None => self.doubtful.contains(at),
        };
        known || self.allowed.get(id).is_some_and(|places| places.contains(at))
    }

    /// One registration at this office was not answered.
    pub fn doubtful_at(&mut self, city: &City, code: &str) {
        self.doubtful.insert(code.to_owned());
        self.doubtful.extend(city.above(code));
    }

    /// All dossiers.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// How many dossiers.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where one belongs.
    pub fn places(&self, id: &str) -> impl Iterator<Item = &str> {
        self.places.get(id).into_iter().flatten().map(String::as_str)
    }
}

/// One difference, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Not where it belongs.
    Missing {
        /// Which dossier.
        id: String,
        /// Code of the office that lacks it.
        at: String,
    },
    /// Where it does not belong.
    Stray {
        /// Which dossier.
        id: String,
        /// Code of the office that has it.
        at: String,
    },
    /// Two replicas hold different versions.
    Different {
        /// Which dossier.
        id: String,
        /// Codes of the offices and what each holds.
        held: BTreeMap<String, Vec<String>>,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { id, at } => write!(f, "dossier {id} is missing at {at}"),
            Self::Stray { id, at } => write!(f, "dossier {id} is at {at}, where it must not be"),
            Self::Different { id, held } => write!(f, "dossier {id} differs: {held:?}"),
        }
    }
}

/// What every running replica holds: by office code, then dossier id, its heads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census(pub BTreeMap<String, BTreeMap<String, Vec<String>>>);

impl Census {
    /// Asks every replica that runs, for versions as well.
    ///
    /// # Errors
    /// If one does not answer.
    pub fn take(city: &City) -> anyhow::Result<Self> {
        Self::ask(city, true)
    }

    fn ask(city: &City, versions: bool) -> anyhow::Result<Self> {
        let mut census = Self::default();
        for site in city.sites().filter(|site| site.process.id().is_some()) {
            let held = holdings(&site.process.client(), versions)
                .with_context(|| format!("{} does not say what it holds", site.name))?;
            census.0.insert(site.code.clone(), held);
        }
        Ok(census)
    }

    /// How many dossiers a replica holds.
    pub fn count(&self, code: &str) -> usize {
        self.0.get(code).map_or(0, BTreeMap::len)
    }

    /// Whether a replica holds a dossier.
    pub fn has(&self, code: &str, id: &str) -> bool {
        self.0.get(code).is_some_and(|held| held.contains_key(id))
    }

    /// Everything that is not as expected among the replicas that were asked.
    pub fn faults(&self, expected: &Expected) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (id, places) in &expected.places {
            for at in places.iter().filter(|at| self.0.contains_key(*at)) {
                if !self.has(at, id) {
                    faults.push(Fault::Missing { id: id.clone(), at: at.clone() });
                }
            }
            let held: BTreeMap<String, Vec<String>> = self
                .0
                .iter()
                .filter_map(|(at, all)| Some((at.clone(), all.get(id)?.clone())))
                .filter(|(_, heads)| !heads.is_empty())
                .collect();
            let versions: BTreeSet<&Vec<String>> = held.values().collect();
            if versions.len() > 1 {
                faults.push(Fault::Different { id: id.clone(), held });
            }
        }
        for (at, held) in &self.0 {
            for id in held.keys() {
                if !expected.may_be(id, at) {
                    faults.push(Fault::Stray { id: id.clone(), at: at.clone() });
                }
            }
        }
        faults
    }

    /// Asks again and again until everything is as expected.
    ///
    /// # Errors
    /// The faults that are left when the time is over.
    pub fn settled(city: &City, expected: &Expected, patience: Duration) -> anyhow::Result<Self> {
        let mut faults = Vec::new();
        let census = until(patience, || {
            let asked = Self::ask_twice(city, expected);
            match asked {
                Ok((census, left)) => {
                    faults = left;
                    faults.is_empty().then_some(Ok(census))
                }
                Err(error) => Some(Err(error)),
            }
        });
        census.with_context(|| format!("after {patience:?}: {}", words(&faults)))?
    }

    /// Versions cost a request a dossier, so they are asked for when all are in place.
    fn ask_twice(city: &City, expected: &Expected) -> anyhow::Result<(Self, Vec<Fault>)> {
        let census = Self::ask(city, false)?;
        let faults = census.faults(expected);
        if !faults.is_empty() {
            return Ok((census, faults));
        }
        let census = Self::ask(city, true)?;
        let faults = census.faults(expected);
        Ok((census, faults))
    }
}

/// The first twenty faults and how many more there are.
pub fn words(faults: &[Fault]) -> String {
    let mut lines: Vec<String> = faults.iter().take(20).map(ToString::to_string).collect();
    if faults.len() > lines.len() {
        lines.push(format!("and {} more", faults.len() - lines.len()));
    }
    lines.join("\n")
}

/// All dossiers of a replica, page by page, with their heads in order if `versions` are wanted. A
/// node's list has no heads; they are asked for one by one.
///
/// # Errors
/// If it does not answer, or an answer has another shape.
pub fn holdings(client: &Client, versions: bool) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut held = BTreeMap::new();
    let mut path = "/api/v1/dossiers?limit=200".to_owned();
    loop {
        let answer = client.get(&path)?;
        ensure!(answer.is_success(), "{path}: {} {}", answer.status, answer.text());
        let page = answer.json();
        let rows = page["dossiers"].as_array().with_context(|| format!("no dossiers in {page}"))?;
        for row in rows {
            let id = row["id"].as_str().with_context(|| format!("no id in {row}"))?;
            let heads = match row.get("heads") {
                _ if !versions => Vec::new(),
                Some(heads) => sorted(heads),
                None => sorted(&client.get(&format!("/api/v1/dossiers/{id}"))?.json()["heads"]),
            };
            ensure!(held.insert(id.to_owned(), heads).is_none(), "{id} is listed twice");
        }
        let Some(next) = page["next"].as_str() else { return Ok(held) };
        path = format!("/api/v1/dossiers?limit=200&after={next}");
    }
}

fn sorted(heads: &Value) -> Vec<String> {
    let heads = heads.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut heads: Vec<String> =
        heads.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    heads.sort();
    heads
}
