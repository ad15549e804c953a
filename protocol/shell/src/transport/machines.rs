//! How many links each machine has: one that is let in may not fill the places of all others.

use super::settings::LINKS_OF_ONE;
use motcua_core::key::PublicKey;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Links by device key.
#[derive(Debug, Clone, Default)]
pub(super) struct Machines(Arc<Mutex<HashMap<PublicKey, usize>>>);

/// The place of one link; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    machines: Machines,
    peer: PublicKey,
}

impl Machines {
    /// A place for one more link of a machine; `None` when it has all that it may have.
    pub(super) fn place(&self, peer: PublicKey) -> Option<Place> {
        let mut machines = self.lock();
        let links = machines.entry(peer).or_default();
        if *links >= LINKS_OF_ONE {
            return None;
        }
        *links += 1;
        Some(Place { machines: self.clone(), peer })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PublicKey, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut machines = self.machines.lock();
        if let Some(links) = machines.get_mut(&self.peer) {
            *links -= 1;
            if *links == 0 {
                machines.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_so_many_places_and_gets_them_back() {
        let (machines, peer, other) = (Machines::default(), PublicKey([1; 32]), PublicKey([2; 32]));
        let places: Vec<Option<Place>> = (0..LINKS_OF_ONE).map(|_| machines.place(peer)).collect();
        assert!(places.iter().all(Option::is_some) && machines.place(peer).is_none());
        let others = machines.place(other);
        assert!(others.is_some(), "another machine has its own");
        drop(places);
        assert!(machines.place(peer).is_some());
        assert_eq!(machines.lock().len(), 1, "who has none is forgotten");
    }
}
