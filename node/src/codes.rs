//! Codes of dossiers that were saved a moment ago and that the state does not show yet: who looks for the
//! holder of a code must find those as well.

use motcua_core::id::DossierId;
use motcua_dossier::code::Code;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Debug, Clone, Copy)]
struct Underway {
    dossier: DossierId,
    /// Where it stands in the journal; unknown while it is on its way to the disk.
    position: Option<u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<HashMap<String, Underway>>);

impl Codes {
    /// A dossier with this code is handed to the journal.
    pub(crate) fn begin(&self, code: &str, dossier: DossierId) {
        if let Ok(code) = Code::read(code) {
            self.lock().insert(code.number(), Underway { dossier, position: None });
        }
    }

    /// It is on the disk.
    pub(crate) fn saved(&self, dossier: DossierId, position: u64) {
        let mut all = self.lock();
        all.values_mut()
            .filter(|one| one.dossier == dossier)
            .for_each(|one| one.position = Some(position));
    }

    /// It is not; of what was saved before nothing is taken back.
    pub(crate) fn failed(&self, dossier: DossierId) {
        self.lock().retain(|_, one| one.dossier != dossier || one.position.is_some());
    }

    /// The state shows everything up to a position.
    pub(crate) fn applied(&self, applied: u64) {
        self.lock().retain(|_, one| one.position.is_none_or(|position| position > applied));
    }

    /// Who has a code.
    pub(crate) fn holder(&self, code: &Code) -> Option<DossierId> {
        self.lock().get(&code.number()).map(|one| one.dossier)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Underway>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_has_its_holder_from_the_write_until_the_state_shows_it() {
        let (codes, dossier) = (Codes::default(), DossierId([1; DossierId::LEN]));
        let code = Code::read("H29.30.05-261125-0037").unwrap();
        codes.begin("H29.30.05-261125-0037", dossier);
        let longer = Code::read("H29.30.05-261125-00037").unwrap();
        assert_eq!(codes.holder(&longer), Some(dossier), "one number in two spellings");
        codes.applied(u64::MAX);
        assert_eq!(codes.holder(&code), Some(dossier), "not on the disk yet");
        codes.saved(dossier, 7);
        codes.applied(6);
        assert_eq!(codes.holder(&code), Some(dossier));
        codes.applied(7);
        assert_eq!(codes.holder(&code), None);
        codes.begin("H29.30.05-261125-0037", dossier);
        codes.failed(dossier);
        assert_eq!(codes.holder(&code), None, "a save that failed holds nothing");
    }
}
