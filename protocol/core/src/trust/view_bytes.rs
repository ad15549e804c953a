//! The byte form of a [`TrustView`]: all adopted documents, for the identity folder and for
//! handing to others. Reading verifies everything again.

use super::{
    Adopted, Catalogue, DenialList, Numbers, RootDocument, Signed, SignedRoot, TrustError,
    TrustView,
    signed::{read_versioned, versioned, within},
    view::{HeldCatalogue, HeldDenial},
};
use crate::{id::Hash, key::PublicKey, limits};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const WHAT: &str = "trust store";

#[derive(Serialize, Deserialize)]
struct Stored {
    roots: Vec<SignedRoot>,
    catalogue: Option<Signed>,
    denial: Option<Signed>,
}

impl TrustView {
    /// All adopted documents: version byte, root chain, catalogue, denial list.
    pub fn to_bytes(&self) -> Vec<u8> {
        let roots = self.0.roots.iter().map(|root| SignedRoot::clone(root)).collect();
        let catalogue = self.signed_catalogue().cloned();
        let denial = self.signed_denial().cloned();
        versioned(WHAT, &Stored { roots, catalogue, denial })
            .expect("bytes and byte arrays always have a postcard form")
    }

    /// Adopted documents that a replica with these numbers lacks, to be taken with
    /// [`Self::adopt_all`]: a ban is a few hundred bytes, a catalogue is not.
    pub fn to_bytes_after(&self, has: &Numbers) -> Vec<u8> {
        let mine = self.numbers();
        let roots = self.roots_after(has.root).iter().map(|root| SignedRoot::clone(root)).collect();
        let catalogue = self.signed_catalogue().filter(|_| mine.catalogue > has.catalogue);
        let denial = self.signed_denial().filter(|_| mine.denial > has.denial);
        let stored = Stored { roots, catalogue: catalogue.cloned(), denial: denial.cloned() };
        versioned(WHAT, &stored).expect("bytes and byte arrays always have a postcard form")
    }

    /// Reads this machine's own store. The first root document is believed because the machine's
    /// owner put it there; a catalogue or denial list signed under an earlier root document stays
    /// in force, as it did before the restart.
    ///
    /// # Errors
    /// [`TrustError`] if bytes are damaged or any document is not what it must be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrustError> {
        let stored = Stored::read(bytes)?;
        let pin = stored.roots.first().map_or(Hash::ZERO, SignedRoot::hash);
        let (mut view, history) = chain(pin, stored.roots)?;
        let inner = Arc::make_mut(&mut view.0);
        if let Some(signed) = stored.catalogue {
            let may = |root: &RootDocument| root.registrars.contains(&signed.signer);
            check_signer::<Catalogue>(&history, &signed.signer, may)?;
            let document = view_open(&inner.root, &signed)?;
            inner.catalogue = Some(Arc::new(HeldCatalogue::new(signed, document)));
        }
        if let Some(signed) = stored.denial {
            let may = |root: &RootDocument| root.denial_key == signed.signer;
            check_signer::<DenialList>(&history, &signed.signer, may)?;
            let document = view_open(&inner.root, &signed)?;
            inner.denial = Some(Arc::new(HeldDenial::new(signed, document)));
        }
        Ok(view)
    }

    /// Reads what a hub handed to a machine that knows nothing but the pin.
    ///
    /// # Errors
    /// [`TrustError::Pin`] if it is of another city, others if any document may not be adopted
    /// under the newest root document.
    pub fn from_peer(bytes: &[u8], pin: Hash) -> Result<Self, TrustError> {
        let stored = Stored::read(bytes)?;
        let (mut view, _) = chain(pin, stored.roots)?;
        if let Some(signed) = stored.catalogue {
            view.adopt_catalogue(signed)?;
        }
        if let Some(signed) = stored.denial {
            view.adopt_denial(signed)?;
        }
        Ok(view)
    }

    /// Takes whatever is newer in another replica's [`Self::to_bytes`]; older documents in it are
    /// skipped. Each document is taken by itself: a catalogue that may not be adopted does not hold
    /// up a ban.
    ///
    /// # Errors
    /// The first refusal, after everything else was tried: [`TrustError::Conflict`] if the other
    /// holds different bytes under a number held here, others if a newer document may not be
    /// adopted.
    pub fn adopt_all(&mut self, bytes: &[u8]) -> Result<Adopted, TrustError> {
        let stored = Stored::read(bytes)?;
        let before = self.numbers();
        let roots = stored.roots.into_iter().try_for_each(|root| self.adopt_root(root).map(drop));
        let denial = stored.denial.map(|signed| self.adopt_denial(signed));
        let catalogue = stored.catalogue.map(|signed| self.adopt_catalogue(signed));
        roots?;
        for result in [denial, catalogue].into_iter().flatten() {
            match result {
                Ok(_) | Err(TrustError::Older { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(if self.numbers() == before { Adopted::Known } else { Adopted::New })
    }
}

impl Numbers {
    /// Whether `self` has something that `other` lacks.
    pub fn ahead_of(&self, other: &Self) -> bool {
        self.root > other.root || self.catalogue > other.catalogue || self.denial > other.denial
    }
}

impl Stored {
    fn read(bytes: &[u8]) -> Result<Self, TrustError> {
        let stored: Self = read_versioned(WHAT, bytes, limits::TRUST_BYTES)?;
        within(WHAT, "root documents", stored.roots.len(), limits::ROOT_CHAIN)?;
        Ok(stored)
    }
}

/// Verifies document by document; also gives every document of the chain.
fn chain(
    pin: Hash,
    roots: Vec<SignedRoot>,
) -> Result<(TrustView, Vec<Arc<RootDocument>>), TrustError> {
    let mut roots = roots.into_iter();
    let empty = TrustError::Malformed { what: WHAT, why: "it has no root document" };
    let mut view = TrustView::new(pin, roots.next().ok_or(empty)?)?;
    let mut history = vec![Arc::clone(&view.0.root)];
    for root in roots {
        view.adopt_root(root)?;
        history.push(Arc::clone(&view.0.root));
    }
    Ok((view, history))
}

fn check_signer<D: super::Document>(
    history: &[Arc<RootDocument>],
    signer: &PublicKey,
    may: impl Fn(&RootDocument) -> bool,
) -> Result<(), TrustError> {
    if history.iter().any(|root| may(root)) {
        return Ok(());
    }
    let root = history.last().map_or(0, |root| root.number);
    Err(TrustError::NotAuthorised { what: D::WHAT, signer: *signer, root })
}

fn view_open<D: super::Document>(root: &RootDocument, signed: &Signed) -> Result<D, TrustError> {
    let document: D = signed.open()?;
    let (ours, theirs) = (root.domain, document.domain());
    if ours == theirs {
        Ok(document)
    } else {
        Err(TrustError::Domain { what: D::WHAT, ours, theirs })
    }
}
