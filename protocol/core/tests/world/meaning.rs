//! State as it is meant: all rows, with histories unpacked, for how they are cut into parts depends
//! on the batches.

use motcua_core::{
    id::DossierId,
    state::{
        Key, MemKv,
        history::{self, Stored},
        rows::Dossier,
    },
};
use std::collections::BTreeMap;

pub type Meaning = (BTreeMap<Vec<u8>, Vec<u8>>, Vec<(Dossier, Vec<Stored>)>);

pub fn meaning(kv: &MemKv) -> Meaning {
    let (mut rows, mut dossiers) = (BTreeMap::new(), Vec::new());
    let table = |key: Key| key.bytes()[0];
    let (dossier, history) =
        (table(Key::Dossier(DossierId::ZERO)), table(Key::History(DossierId::ZERO, 0, 0)));
    for (key, value) in &kv.0 {
        if key[0] == dossier {
            let id = DossierId::from_slice(&key[1..]).unwrap();
            let row: Dossier = postcard::from_bytes(value).unwrap();
            let all = history::read(kv, id, &row).unwrap();
            dossiers.push((Dossier { parts: 0, ..row }, all));
        } else if key[0] != history {
            rows.insert(key.clone(), value.clone());
        }
    }
    (rows, dossiers)
}
