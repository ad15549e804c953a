//! What a replica holds of its city's trust: the fold of every document it adopted. Adopting never
//! goes back, and a refused document changes nothing.

use super::{
    Binding, Catalogue, DenialList, Denied, HubRecord, Issuer, JoinToken, OfficeRecord,
    RootDocument, SignedRoot, TrustError,
    signed::{Document, Signed, within},
};
use crate::{
    id::{DomainId, Hash, NodeId, OfficeId},
    key::PublicKey,
    limits,
};
use std::{collections::HashMap, sync::Arc};

/// The trust of one city. Cloning shares everything.
#[derive(Debug, Clone)]
pub struct TrustView(pub(super) Arc<Inner>);

#[derive(Debug, Clone)]
pub(super) struct Inner {
    /// Document 1 to the one in force, without holes; never empty.
    pub(super) roots: Vec<Arc<SignedRoot>>,
    pub(super) root: Arc<RootDocument>,
    pub(super) root_hash: Hash,
    pub(super) catalogue: Option<Arc<HeldCatalogue>>,
    pub(super) denial: Option<Arc<HeldDenial>>,
}

#[derive(Debug)]
pub(super) struct HeldCatalogue {
    pub(super) signed: Signed,
    document: Catalogue,
    index: HashMap<OfficeId, usize>,
}

#[derive(Debug)]
pub(super) struct HeldDenial {
    pub(super) signed: Signed,
    document: DenialList,
    index: HashMap<NodeId, usize>,
}

/// What adopting a document did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// It is now in force.
    New,
    /// It was held already.
    Known,
}

/// Numbers of the documents in force; zero where there is none. Exchanged in every hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Numbers {
    /// Root document.
    pub root: u64,
    /// Catalogue.
    pub catalogue: u64,
    /// Denial list.
    pub denial: u64,
}

impl TrustView {
    /// A view that holds the city's first root document and nothing else.
    ///
    /// # Errors
    /// [`TrustError::Pin`] if it is not the pinned one; others if it breaks its own rules.
    pub fn new(pin: Hash, first: SignedRoot) -> Result<Self, TrustError> {
        let root = Arc::new(first.verify_first(pin)?);
        let roots = vec![Arc::new(first)];
        Ok(Self(Arc::new(Inner { roots, root, root_hash: pin, catalogue: None, denial: None })))
    }

    /// Takes the next root document, or recognises one that is held.
    ///
    /// # Errors
    /// [`TrustError::Gap`] if documents between are missing, [`TrustError::Conflict`] if another
    /// document has the number, others if a rule of the chain is broken.
    pub fn adopt_root(&mut self, offered: SignedRoot) -> Result<Adopted, TrustError> {
        let number = offered.read()?.number;
        let position = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        if let Some(held) = self.0.roots.get(position) {
            let what = RootDocument::WHAT;
            let same = held.payload == offered.payload;
            return if same {
                Ok(Adopted::Known)
            } else {
                Err(TrustError::Conflict { what, number })
            };
        }
        within("chain of root documents", "documents", position + 1, limits::ROOT_CHAIN)?;
        let root = offered.verify_next(&self.0.root, self.0.root_hash)?;
        let inner = Arc::make_mut(&mut self.0);
        inner.root_hash = offered.hash();
        inner.root = Arc::new(root);
        inner.roots.push(Arc::new(offered));
        Ok(Adopted::New)
    }

    /// Takes a catalogue signed by a registrar in force.
    ///
    /// # Errors
    /// [`TrustError::Older`] or [`TrustError::Conflict`] by its number, others if it may not be
    /// taken at all.
    pub fn adopt_catalogue(&mut self, offered: Signed) -> Result<Adopted, TrustError> {
        let document: Catalogue = self.open(&offered, &self.0.root.registrars)?;
        let held = self.0.catalogue.as_ref().map(|held| (held.document.number, &held.signed));
        let adopted = compare(Catalogue::WHAT, held, document.number, &offered)?;
        // A known one is taken again if its signer is in force: the held signature may be of a key
        // that a newer root document dropped.
        let held = HeldCatalogue::new(offered, document);
        Arc::make_mut(&mut self.0).catalogue = Some(Arc::new(held));
        Ok(adopted)
    }

    /// Takes a denial list signed by the denial key in force.
    ///
    /// # Errors
    /// As [`Self::adopt_catalogue`].
    pub fn adopt_denial(&mut self, offered: Signed) -> Result<Adopted, TrustError> {
        let document: DenialList = self.open(&offered, &[self.0.root.denial_key])?;
        let held = self.0.denial.as_ref().map(|held| (held.document.number, &held.signed));
        let adopted = compare(DenialList::WHAT, held, document.number, &offered)?;
        let held = HeldDenial::new(offered, document);
        Arc::make_mut(&mut self.0).denial = Some(Arc::new(held));
        Ok(adopted)
    }

    /// The numbers of what is in force.
    pub fn numbers(&self) -> Numbers {
        Numbers {
            root: self.0.root.number,
            catalogue: self.0.catalogue.as_ref().map_or(0, |held| held.document.number),
            denial: self.0.denial.as_ref().map_or(0, |held| held.document.number),
        }
    }

    /// The city.
    pub fn domain(&self) -> DomainId {
        self.0.root.domain
    }

    /// The root document in force.
    pub fn root(&self) -> &RootDocument {
        &self.0.root
    }

    /// The hash every machine of this city was enrolled with: that of root document 1.
    pub fn pin(&self) -> Hash {
        self.0.roots.first().map_or(Hash::ZERO, |first| first.hash())
    }

    /// Root documents with numbers above `after`, oldest first.
    pub fn roots_after(&self, after: u64) -> &[Arc<SignedRoot>] {
        let skip = usize::try_from(after).unwrap_or(usize::MAX).min(self.0.roots.len());
        &self.0.roots[skip..]
    }

    /// The catalogue in force.
    pub fn catalogue(&self) -> Option<&Catalogue> {
        self.0.catalogue.as_ref().map(|held| &held.document)
    }

    /// The denial list in force.
    pub fn denial(&self) -> Option<&DenialList> {
        self.0.denial.as_ref().map(|held| &held.document)
    }

    /// The catalogue as signed, to hand to others.
    pub fn signed_catalogue(&self) -> Option<&Signed> {
        self.0.catalogue.as_ref().map(|held| &held.signed)
    }

    /// The denial list as signed, to hand to others.
    pub fn signed_denial(&self) -> Option<&Signed> {
        self.0.denial.as_ref().map(|held| &held.signed)
    }

    /// Checks a binding up to the root in force: signature, issuer, and that the office lies in the
    /// issuer's scope. Whether the machine is denied is asked with [`Self::denied`]. Costs one
    /// signature check; keep the answer with [`Self::numbers`].
    ///
    /// # Errors
    /// [`TrustError`] naming the broken link.
    pub fn binding(&self, signed: &Signed) -> Result<Binding, TrustError> {
        let issuer =
            self.issuer(&signed.signer).ok_or_else(|| self.not_authorised::<Binding>(signed))?;
        let binding: Binding = self.open(signed, &[issuer.key])?;
        if self.is_within(binding.office, issuer.scope) {
            return Ok(binding);
        }
        if self.office(binding.office).is_none() {
            return Err(TrustError::UnknownOffice(binding.office));
        }
        Err(TrustError::OutOfScope { issuer: issuer.key, office: binding.office })
    }

    /// Checks a join token up to the root in force. Whether it is used up or late is the taking
    /// hub's question, see [`super::enrol::decide_enrolment`].
    ///
    /// # Errors
    /// [`TrustError`] naming the broken link.
    pub fn token(&self, signed: &Signed) -> Result<JoinToken, TrustError> {
        self.open(signed, &self.0.root.registrars)
    }

    /// The issuer with this key.
    pub fn issuer(&self, key: &PublicKey) -> Option<&Issuer> {
        self.0.root.issuers.iter().find(|issuer| issuer.key == *key)
    }

    /// Whether, and how, a machine is denied.
    pub fn denied(&self, node: NodeId) -> Option<Denied> {
        let held = self.0.denial.as_ref()?;
        held.index.get(&node).and_then(|at| held.document.denied.get(*at)).cloned()
    }

    /// An office as it is called now.
    pub fn office(&self, id: OfficeId) -> Option<&OfficeRecord> {
        let held = self.0.catalogue.as_ref()?;
        held.index.get(&id).and_then(|at| held.document.offices.get(*at))
    }

    /// The office above; none for the top and for unknown offices.
    pub fn parent(&self, id: OfficeId) -> Option<OfficeId> {
        self.office(id).and_then(|office| office.parent)
    }

    /// The office itself and those above it, upwards; empty if it is unknown.
    pub fn upwards(&self, office: OfficeId) -> impl Iterator<Item = OfficeId> + '_ {
        let start = self.office(office).map(|record| record.id);
        std::iter::successors(start, |at| self.parent(*at)).take(limits::TREE_DEPTH)
    }

    /// Whether an office is the ancestor or lies below it; false for unknown offices.
    pub fn is_within(&self, office: OfficeId, ancestor: OfficeId) -> bool {
        self.upwards(office).any(|at| at == ancestor)
    }

    /// The direct child of `me` on the way down to `office`; none if it is `me` or not below.
    pub fn child_towards(&self, me: OfficeId, office: OfficeId) -> Option<OfficeId> {
        self.upwards(office).find(|at| self.parent(*at) == Some(me))
    }

    /// The preferred hub of an office itself.
    pub fn hub(&self, office: OfficeId) -> Option<&HubRecord> {
        self.0.root.hubs.iter().find(|hub| hub.office == office)
    }

    /// The nearest hub at the office or above it.
    pub fn hub_for(&self, office: OfficeId) -> Option<&HubRecord> {
        self.upwards(office).find_map(|at| self.hub(at))
    }

    /// The hub a hub of `office` dials: the nearest strictly above it.
    pub fn hub_above(&self, office: OfficeId) -> Option<&HubRecord> {
        self.upwards(office).skip(1).find_map(|at| self.hub(at))
    }

    /// Reads a document of this city that one of the keys must have signed.
    fn open<D: Document>(&self, signed: &Signed, may: &[PublicKey]) -> Result<D, TrustError> {
        if !may.contains(&signed.signer) {
            return Err(self.not_authorised::<D>(signed));
        }
        let document: D = signed.open()?;
        let (ours, theirs) = (self.domain(), document.domain());
        if ours == theirs {
            Ok(document)
        } else {
            Err(TrustError::Domain { what: D::WHAT, ours, theirs })
        }
    }

    fn not_authorised<D: Document>(&self, signed: &Signed) -> TrustError {
        let (signer, root) = (signed.signer, self.0.root.number);
        TrustError::NotAuthorised { what: D::WHAT, signer, root }
    }
}

impl HeldCatalogue {
    pub(super) fn new(signed: Signed, document: Catalogue) -> Self {
        let index = document.offices.iter().enumerate().map(|(at, o)| (o.id, at)).collect();
        Self { signed, document, index }
    }
}

impl HeldDenial {
    pub(super) fn new(signed: Signed, document: DenialList) -> Self {
        let index = document.denied.iter().enumerate().map(|(at, d)| (d.node, at)).collect();
        Self { signed, document, index }
    }
}

/// The rule of numbers: forward, or the same bytes again.
fn compare(
    what: &'static str,
    held: Option<(u64, &Signed)>,
    got: u64,
    offered: &Signed,
) -> Result<Adopted, TrustError> {
    match held {
        Some((have, _)) if got < have => Err(TrustError::Older { what, have, got }),
        Some((have, signed)) if got == have && signed.payload == offered.payload => {
            Ok(Adopted::Known)
        }
        Some((have, _)) if got == have => Err(TrustError::Conflict { what, number: got }),
        _ => Ok(Adopted::New),
    }
}
