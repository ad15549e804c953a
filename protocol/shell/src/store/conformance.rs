//! The store in sled does what every store must.
#![allow(clippy::unwrap_used)]

use super::SledStore;
use std::{fs, path::PathBuf};
use suite::Place;

#[path = "../../../core/tests/store/suite.rs"]
#[allow(unreachable_pub, clippy::print_stdout)]
mod suite;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }
}

impl Place for Folder {
    type Store = SledStore;
    type Reader = SledStore;

    fn open(&self) -> SledStore {
        SledStore::open_again(&self.state()).unwrap()
    }

    fn reader(&self, store: &SledStore) -> SledStore {
        store.clone()
    }

    fn settle(&self, store: &mut SledStore) {
        store.flush().unwrap();
        store.renew().unwrap();
    }

    fn close(&self, store: SledStore) {
        store.flush().unwrap();
    }

    fn crash(&self, store: SledStore) {
        // What the files hold while it is open; what it does when it is dropped is lost.
        let (state, copy) = (self.state(), self.0.path().join("as it was"));
        fs::create_dir(&copy).unwrap();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for file in fs::read_dir(state.join(&folder)).unwrap() {
                let name = folder.join(file.unwrap().file_name());
                if state.join(&name).is_dir() {
                    fs::create_dir(copy.join(&name)).unwrap();
                    folders.push(name);
                } else {
                    fs::copy(state.join(&name), copy.join(&name)).unwrap();
                }
            }
        }
        drop(store);
        fs::remove_dir_all(&state).unwrap();
        fs::rename(&copy, &state).unwrap();
    }
}

#[test]
fn the_store_in_sled_does_what_every_store_must() {
    suite::hold(Folder::new);
}
