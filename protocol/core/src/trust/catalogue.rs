//! The catalogue: the tree of offices with the codes and names they have now. Ids are for ever;
//! an abolished office stays listed with an end, because what it wrote must still be read.

use super::{
    TrustError,
    signed::{Document, readable, within},
};
use crate::{
    id::{DomainId, OfficeId},
    key::Purpose,
    limits,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// All offices of a city.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The city.
    pub domain: DomainId,
    /// 1, 2, 3 and so on; never goes back.
    pub number: u64,
    /// When the registrar says it was made; for people, never judged.
    pub issued_at: Timestamp,
    /// The offices, in any order.
    pub offices: Vec<OfficeRecord>,
}

/// One office as it is called now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeRecord {
    /// For ever.
    pub id: OfficeId,
    /// Administrative code (*mã GSO*), opaque; reused by other offices at other times.
    pub code: String,
    /// Organisation identifier used in dossier codes (*mã hồ sơ*).
    pub org_code: String,
    /// Name as published.
    pub name: String,
    /// Level of the administration.
    pub tier: Tier,
    /// The office above; none for the top.
    pub parent: Option<OfficeId>,
    /// Since when it has this record's code and name.
    pub valid_from: Timestamp,
    /// When it was abolished, if it was.
    pub valid_to: Option<Timestamp>,
    /// Where to draw its dot on a map.
    pub location: Option<Location>,
}

/// A place, in millionths of a degree (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Latitude, north positive.
    pub lat_e6: i32,
    /// Longitude, east positive.
    pub lon_e6: i32,
}

/// Level of the administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// City or province.
    City,
    /// District, until 30 June 2025.
    District,
    /// Ward, commune, special zone.
    Ward,
    /// Anything else: a ministry, a department.
    Other,
}

impl Tier {
    /// The word in CSV files and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::District => "district",
            Self::Ward => "ward",
            Self::Other => "other",
        }
    }

    /// From the word in CSV files and JSON.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::City, Self::District, Self::Ward, Self::Other]
            .into_iter()
            .find(|tier| tier.word() == word)
    }
}

impl Document for Catalogue {
    const PURPOSE: Purpose = Purpose::Catalogue;
    const WHAT: &'static str = "catalogue";
    const MAX_BYTES: usize = limits::CATALOGUE_BYTES;

    fn domain(&self) -> DomainId {
        self.domain
    }

    fn check(&self) -> Result<(), TrustError> {
        within(Self::WHAT, "offices", self.offices.len(), limits::CATALOGUE_OFFICES)?;
        if self.number == 0 || self.offices.is_empty() {
            return invalid("its number is zero or it lists no office".to_owned());
        }
        self.offices.iter().try_for_each(OfficeRecord::check)?;
        self.check_tree()
    }
}

impl Catalogue {
    fn check_tree(&self) -> Result<(), TrustError> {
        let mut parents = HashMap::with_capacity(self.offices.len());
        for office in &self.offices {
            if parents.insert(office.id, office.parent).is_some() {
                return invalid(format!("office {} ({}) is listed twice", office.id, office.name));
            }
        }
        self.offices.iter().try_for_each(|office| check_ancestors(office, &parents))
    }
}

/// Whether every office above is listed, and the top is reached within the depth allowed.
fn check_ancestors(
    office: &OfficeRecord,
    parents: &HashMap<OfficeId, Option<OfficeId>>,
) -> Result<(), TrustError> {
    let mut at = office.id;
    for _ in 0..limits::TREE_DEPTH {
        match parents.get(&at) {
            Some(None) => return Ok(()),
            Some(Some(parent)) => at = *parent,
            None => {
                let why = format!("{} has the parent {at}, which is not listed", office.name);
                return invalid(why);
            }
        }
    }
    let why = format!(
        "the offices above {} ({}) form a circle, or are more than {}",
        office.name,
        office.code,
        limits::TREE_DEPTH - 1
    );
    invalid(why)
}

impl OfficeRecord {
    fn check(&self) -> Result<(), TrustError> {
        if self.id.is_zero() {
            return invalid(format!("the office {:?} has the id zero", self.name));
        }
        readable(Catalogue::WHAT, "an office name", &self.name, limits::NAME_BYTES)?;
        readable(Catalogue::WHAT, "an office code", &self.code, limits::CODE_BYTES)?;
        readable(Catalogue::WHAT, "an organisation code", &self.org_code, limits::CODE_BYTES)
    }
}

fn invalid(why: String) -> Result<(), TrustError> {
    Err(TrustError::Invalid { what: Catalogue::WHAT, why })
}
