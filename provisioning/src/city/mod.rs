//! Making a city: keys, root document 1, catalogue 1, denial list 1 and an identity for each hub.
//! [`plan`] decides and checks everything in memory; [`write`](Plan::write) puts it on disk whole.

mod write;

pub(crate) use write::write_hub;

use crate::{
    codes,
    offices::ListedOffice,
    outcome::{Exit, Failure},
};
use motcua_core::{
    id::{DomainId, Hash, OfficeId},
    key::SecretKey,
    limits,
    time::Timestamp,
    trust::{
        Binding, Catalogue, DenialList, HubRecord, Issuer, NodeKind, OfficeRecord, RootDocument,
        Signed, SignedRoot, TrustError, TrustView,
    },
};
use motcua_shell::{
    certificate::{LIFETIME_DAYS, issue, make_ca},
    identity::Identity,
};
use std::collections::{HashMap, HashSet};

/// What to make.
#[derive(Debug, Clone)]
pub struct CreateCity {
    /// Name of the city.
    pub name: String,
    /// The offices, checked.
    pub offices: Vec<ListedOffice>,
    /// The hubs.
    pub hubs: Vec<HubSpec>,
    /// Codes of the offices to take, with those above them, and with those below where a code ends
    /// in `+`; all if empty.
    pub only: Vec<String>,
    /// How many root keys.
    pub root_keys: u8,
    /// How many of them must sign.
    pub threshold: u8,
    /// Prefix of the invented organisation codes.
    pub org_code_prefix: String,
}

/// A hub of an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSpec {
    /// Code of the office.
    pub code: String,
    /// Addresses of the data ALPN.
    pub addresses: Vec<String>,
    /// Addresses of the recovery ALPN; empty means the same.
    pub recovery_addresses: Vec<String>,
}

/// A city in memory, ready to be written.
#[derive(Debug)]
pub struct Plan {
    /// Root document, catalogue, denial list.
    pub trust: TrustView,
    /// Root keys, to be taken off the machine.
    pub roots: Vec<SecretKey>,
    /// Signs catalogues and tokens.
    pub registrar: SecretKey,
    /// Signs denial lists.
    pub denial: SecretKey,
    /// The hubs, in the order asked for.
    pub hubs: Vec<HubPlan>,
}

/// One hub, ready to be written.
#[derive(Debug)]
pub struct HubPlan {
    /// What was asked for.
    pub spec: HubSpec,
    /// The office.
    pub office: OfficeId,
    /// Its keys, binding, certificates and trust.
    pub identity: Identity,
}

/// Makes a city in memory.
///
/// # Errors
/// [`Failure`] in words if what is asked for contradicts itself.
pub fn plan(wanted: &CreateCity, now: Timestamp) -> Result<Plan, Failure> {
    let offices = selected(&wanted.offices, &wanted.only)?;
    check(wanted, &offices)?;
    let domain = DomainId(random()?);
    let catalogue = catalogue(wanted, &offices, domain, now)?;
    let by_code: HashMap<&str, &OfficeRecord> =
        catalogue.offices.iter().map(|office| (office.code.as_str(), office)).collect();
    let roots = (0..wanted.root_keys).map(|_| key()).collect::<Result<Vec<_>, _>>()?;
    let (registrar, denial) = (key()?, key()?);
    let mut hubs = Vec::new();
    for spec in &wanted.hubs {
        let office =
            by_code.get(spec.code.as_str()).ok_or_else(|| not_listed("--hub", &spec.code))?;
        hubs.push(HubKeys::new(spec, office)?);
    }
    let root = RootDocument {
        domain,
        number: 1,
        previous: Hash::ZERO,
        issued_at: now,
        name: wanted.name.clone(),
        threshold: wanted.threshold,
        roots: roots.iter().map(SecretKey::public).collect(),
        issuers: hubs.iter().map(HubKeys::issuer).collect(),
        registrars: vec![registrar.public()],
        denial_key: denial.public(),
        hubs: hubs.iter().map(HubKeys::record).collect(),
    };
    let trust = found(&root, &roots, &registrar, &denial, &catalogue).map_err(Failure::failed)?;
    serves_all(&trust)?;
    let hubs = hubs.into_iter().map(|hub| hub.finish(&trust, now)).collect::<Result<_, _>>()?;
    Ok(Plan { trust, roots, registrar, denial, hubs })
}

/// The offices named, all above them and, for `CODE+`, all below, in the order of the list.
fn selected<'a>(
    all: &'a [ListedOffice],
    only: &[String],
) -> Result<Vec<&'a ListedOffice>, Failure> {
    if only.is_empty() {
        return Ok(all.iter().collect());
    }
    let by_code: HashMap<&str, &ListedOffice> = all.iter().map(|o| (o.code.as_str(), o)).collect();
    let above = |office: &'a ListedOffice| {
        let parent = |at: &&ListedOffice| by_code.get(at.parent.as_deref()?).copied();
        std::iter::successors(Some(office), parent).take(limits::TREE_DEPTH)
    };
    let mut keep: HashSet<&str> = HashSet::new();
    for wanted in only {
        let code = wanted.strip_suffix('+').unwrap_or(wanted);
        let office = by_code.get(code).ok_or_else(|| not_listed("--only", code))?;
        keep.extend(above(office).map(|office| office.code.as_str()));
        if wanted.ends_with('+') {
            let within = |o: &&'a ListedOffice| above(o).any(|at| at.code == code);
            keep.extend(all.iter().filter(within).map(|office| office.code.as_str()));
        }
    }
    Ok(all.iter().filter(|office| keep.contains(office.code.as_str())).collect())
}

fn not_listed(option: &str, code: &str) -> Failure {
    let hint = if option == "--hub" { " or left out by --only" } else { "" };
    Failure::usage(format!("{option} names the office {code}, which is not in the list{hint}"))
}

fn check(wanted: &CreateCity, offices: &[&ListedOffice]) -> Result<(), Failure> {
    let (keys, threshold) = (wanted.root_keys, wanted.threshold);
    if threshold == 0 || threshold > keys {
        let message = format!("a threshold of {threshold} is not between 1 and {keys} root keys");
        return Err(Failure::usage(message));
    }
    let tops: Vec<&str> =
        offices.iter().filter(|o| o.parent.is_none()).map(|o| o.code.as_str()).collect();
    if tops.len() != 1 {
        let message = format!(
            "a city has one office without a parent, the list has {} ({}); choose with --only",
            tops.len(),
            tops.iter().take(8).copied().collect::<Vec<_>>().join(", "),
        );
        return Err(Failure::new(Exit::Failed, message));
    }
    let mut seen = HashSet::new();
    match wanted.hubs.iter().find(|hub| !seen.insert(&hub.code)) {
        Some(hub) => Err(Failure::usage(format!("--hub names the office {} twice", hub.code))),
        None => Ok(()),
    }
}

fn catalogue(
    wanted: &CreateCity,
    offices: &[&ListedOffice],
    domain: DomainId,
    now: Timestamp,
) -> Result<Catalogue, Failure> {
    let tree: Vec<_> = offices.iter().map(|o| (o.code.as_str(), o.parent.as_deref())).collect();
    let org_codes = codes::invent(&tree, &wanted.org_code_prefix)?;
    let mut ids = HashMap::new();
    for office in offices {
        ids.insert(office.code.as_str(), OfficeId(random()?));
    }
    let record = |office: &&ListedOffice| {
        let code = office.code.as_str();
        Some(OfficeRecord {
            id: *ids.get(code)?,
            code: code.to_owned(),
            org_code: org_codes.get(code)?.clone(),
            name: office.name.clone(),
            tier: office.tier,
            parent: office.parent.as_deref().and_then(|parent| ids.get(parent)).copied(),
            valid_from: now,
            valid_to: None,
            location: office.location,
        })
    };
    let offices = offices.iter().filter_map(record).collect();
    Ok(Catalogue { domain, number: 1, issued_at: now, offices })
}

fn found(
    root: &RootDocument,
    roots: &[SecretKey],
    registrar: &SecretKey,
    denial: &SecretKey,
    catalogue: &Catalogue,
) -> Result<TrustView, TrustError> {
    let signed = SignedRoot::sign(root, &roots.iter().collect::<Vec<_>>())?;
    let mut trust = TrustView::new(signed.hash(), signed)?;
    trust.adopt_catalogue(Signed::sign(registrar, catalogue)?)?;
    let (domain, issued_at) = (root.domain, root.issued_at);
    let list = DenialList { domain, number: 1, issued_at, denied: vec![] };
    trust.adopt_denial(Signed::sign(denial, &list)?)?;
    Ok(trust)
}

/// An office without a hub could never join.
pub(crate) fn serves_all(trust: &TrustView) -> Result<(), Failure> {
    let offices = trust.catalogue().map_or(&[][..], |catalogue| catalogue.offices.as_slice());
    match offices.iter().find(|office| trust.hub_for(office.id).is_none()) {
        Some(office) => Err(Failure::usage(format!(
            "no hub serves {} ({}): give --hub {}=host:port, or a hub above it",
            office.name, office.code, office.code
        ))),
        None => Ok(()),
    }
}

pub(crate) struct HubKeys {
    spec: HubSpec,
    office: OfficeId,
    device: SecretKey,
    issuer: SecretKey,
    ca: Vec<u8>,
}

impl HubKeys {
    pub(crate) fn new(spec: &HubSpec, office: &OfficeRecord) -> Result<Self, Failure> {
        let (device, issuer) = (key()?, key()?);
        let ca = make_ca(&issuer, &office.name).map_err(Failure::failed)?;
        Ok(Self { spec: spec.clone(), office: office.id, device, issuer, ca })
    }

    pub(crate) fn issuer(&self) -> Issuer {
        Issuer { key: self.issuer.public(), scope: self.office, ca_cert: self.ca.clone() }
    }

    pub(crate) fn record(&self) -> HubRecord {
        HubRecord {
            office: self.office,
            key: self.device.public(),
            addresses: self.spec.addresses.clone(),
            recovery_addresses: self.spec.recovery_addresses.clone(),
        }
    }

    pub(crate) fn finish(self, trust: &TrustView, now: Timestamp) -> Result<HubPlan, Failure> {
        let Self { spec, office, device, issuer, ca } = self;
        let (kind, key) = (NodeKind::Hub, device.public());
        let binding = Binding {
            domain: trust.domain(),
            key,
            office,
            kind,
            slot: 0,
            slots: 1,
            serial: 1,
            issued_at: now,
        };
        let binding = Signed::sign(&issuer, &binding).map_err(Failure::failed)?;
        let tls_chain =
            issue(&issuer, &ca, &key, kind, now, LIFETIME_DAYS).map_err(Failure::failed)?;
        let trust = trust.clone();
        let identity = Identity { device, binding, tls_chain, trust, issuer: Some(issuer) };
        Ok(HubPlan { spec, office, identity })
    }
}

fn key() -> Result<SecretKey, Failure> {
    random().map(SecretKey::from_seed)
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(format!("the system gave no random bytes: {error}")))?;
    Ok(bytes)
}
