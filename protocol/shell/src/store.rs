//! The state in sled: always rebuildable, so opened under a guard, moved aside when it will not
//! open, and written by one thread only, a batch at a time.

use motcua_core::{
    ledger::STATE_LAYOUT,
    state::{Key, Kv, Pairs, StoreError, rows::Meta},
};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// Page cache of sled in bytes. Its real use is a multiple of this; 16 MiB keeps a node with
/// 10,000 dossiers under 64 MB.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The state store of one replica.
#[derive(Clone)]
pub struct SledStore {
    dir: PathBuf,
    open: Arc<RwLock<Open>>,
}

/// The store's files, as they are open now.
struct Open {
    db: sled::Db,
    tree: sled::Tree,
}

/// How the store was found at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It opened and reflects the journal up to this position.
    At(u64),
    /// There was none.
    Empty,
    /// It would not open, or does not fit the journal, and was moved here.
    SetAside(PathBuf),
}

impl SledStore {
    /// Opens the store in `dir`; one that will not open, has another layout, or reflects more than
    /// the journal's `last` record is moved aside and an empty one takes its place.
    ///
    /// # Errors
    /// [`StoreError`] when not even an empty store can be opened.
    pub fn open(dir: &Path, last: u64) -> Result<(Self, Opened), StoreError> {
        remove_leftovers(dir);
        let existed = dir.exists();
        let trouble = match Self::try_open(dir) {
            Ok(store) => match store.fits(last) {
                Ok(Some(0)) => {
                    if existed && last > 0 {
                        tracing::warn!(store = %dir.display(), "state store is empty; it is rebuilt");
                    }
                    return Ok((store, Opened::Empty));
                }
                Ok(Some(applied)) => return Ok((store, Opened::At(applied))),
                Ok(None) => "it does not fit the journal".to_owned(),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        let aside = set_aside(dir)?;
        tracing::error!(store = %dir.display(), moved_to = %aside.display(), reason = %trouble,
            "state store will not do; it is rebuilt from the journal");
        Ok((Self::try_open(dir)?, Opened::SetAside(aside)))
    }

    fn try_open(dir: &Path) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES)
            .mode(sled::Mode::LowSpace)
            .use_compression(false)
            // The journal is the truth: what sled loses is applied again.
            .flush_every_ms(Some(1_000));
        // sled 0.34 may panic on damaged files where an error is meant.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = config.open()?;
            let tree = db.open_tree("state")?;
            Ok::<_, sled::Error>((db, tree))
        }));
        match opened {
            Ok(Ok((db, tree))) => {
                Ok(Self { dir: dir.to_owned(), open: Arc::new(RwLock::new(Open { db, tree })) })
            }
            Ok(Err(error)) => Err(backend(error)),
            Err(_) => Err(StoreError::Backend("sled panicked while opening".into())),
        }
    }

    /// The position it reflects, if that can be right.
    fn fits(&self, last: u64) -> Result<Option<u64>, StoreError> {
        let Some(bytes) = self.get(&Key::Meta.bytes())? else {
            return Ok(self.tree().is_empty().then_some(0));
        };
        let meta: Meta =
            postcard::from_bytes(&bytes).map_err(|_| StoreError::Corrupt { what: "meta row" })?;
        Ok((meta.layout == STATE_LAYOUT && meta.applied <= last).then_some(meta.applied))
    }

    /// Writes one batch, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`] when sled refuses.
    pub fn write(&self, writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree().apply_batch(batch).map_err(backend)
    }

    /// Copies everything into fresh files, which take the place of the old: values that were
    /// deleted or overwritten stand in no file any more. Called by the one writer; readers wait
    /// only for the change of files.
    ///
    /// # Errors
    /// [`StoreError`]; the store is then as it was, unless it could not be opened again.
    pub fn renew(&self) -> Result<(), StoreError> {
        let io = |error: std::io::Error| StoreError::Backend(error.to_string());
        let (fresh, old) = (beside(&self.dir, "new"), beside(&self.dir, "old"));
        remove_leftovers(&self.dir);
        {
            let copy = Self::try_open(&fresh)?;
            let mut batch = BTreeMap::new();
            let mut bytes = 0;
            for pair in self.iter() {
                let (key, value) = pair?;
                bytes += key.len() + value.len();
                batch.insert(key, Some(value));
                if bytes >= RENEW_BYTES {
                    copy.write(std::mem::take(&mut batch))?;
                    bytes = 0;
                }
            }
            copy.write(batch)?;
            copy.flush()?;
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // A crash in between leaves no store at its place, and it is rebuilt.
        std::fs::rename(&self.dir, &old).map_err(io)?;
        std::fs::rename(&fresh, &self.dir).map_err(io)?;
        let Self { open: fresh, .. } = Self::try_open(&self.dir)?;
        let fresh = Arc::try_unwrap(fresh)
            .map_err(|_| StoreError::Backend("a fresh store is in use".into()))?;
        *open = fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
        drop(open);
        remove_leftovers(&self.dir);
        Ok(())
    }

    fn tree(&self) -> sled::Tree {
        self.open.read().unwrap_or_else(PoisonError::into_inner).tree.clone()
    }

    /// Hands everything to the operating system; only to start faster next time.
    ///
    /// # Errors
    /// [`StoreError`] when sled refuses.
    pub fn flush(&self) -> Result<(), StoreError> {
        let db = self.open.read().unwrap_or_else(PoisonError::into_inner).db.clone();
        db.flush().map(drop).map_err(backend)
    }

    /// All pairs in key order, for writing a base.
    pub fn iter(&self) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>> {
        self.tree()
            .iter()
            .map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(backend))
    }
}

impl Kv for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.tree().get(key).map(|value| value.map(|bytes| bytes.to_vec())).map_err(backend)
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        self.tree()
            .range(from.to_vec()..to.to_vec())
            .take(limit)
            .map(|pair| pair.map(|(k, v)| (k.to_vec(), v.to_vec())).map_err(backend))
            .collect()
    }
}

fn backend(error: sled::Error) -> StoreError {
    StoreError::Backend(error.to_string())
}

/// Bytes copied at once while the store is renewed.
const RENEW_BYTES: usize = 1024 * 1024;

fn beside(dir: &Path, word: &str) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    dir.with_file_name(format!("{name}.{word}"))
}

/// Copies of the state that are of no use any more, also those set aside long ago: what was purged
/// must not lie about in them.
fn remove_leftovers(dir: &Path) {
    for word in ["new", "old"] {
        let leftover = beside(dir, word);
        if let Err(error) = std::fs::remove_dir_all(&leftover)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %leftover.display(), "an old state was not removed");
        }
    }
}

/// Removes states that were set aside as unusable; everything in them is in the journal.
pub(crate) fn remove_set_aside(dir: &Path) {
    for number in 1..1_000 {
        let aside = beside(dir, &format!("aside-{number}"));
        if aside.exists()
            && let Err(error) = std::fs::remove_dir_all(&aside)
        {
            tracing::warn!(%error, folder = %aside.display(), "an old state was not removed");
        }
    }
}

/// Moves a directory beside itself, under the first free name.
fn set_aside(dir: &Path) -> Result<PathBuf, StoreError> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for number in 1..1_000 {
        let target = dir.with_file_name(format!("{name}.aside-{number}"));
        if !target.exists() {
            return std::fs::rename(dir, &target)
                .map(|()| target)
                .map_err(|error| StoreError::Backend(format!("{}: {error}", dir.display())));
        }
    }
    Err(StoreError::Backend(format!(
        "{}: too many stores set aside; remove old ones",
        dir.display()
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_renewed_store_has_the_same_pairs_and_nothing_of_what_was_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let (store, _) = SledStore::open(&path, 0).unwrap();
        let secret = b"khong con o day nua".repeat(20);
        let pair = |number: u32, value: Option<Vec<u8>>| {
            store.write(BTreeMap::from([(number.to_be_bytes().to_vec(), value)])).unwrap();
        };
        pair(1, Some(secret.clone()));
        (2..500).for_each(|number| pair(number, Some(vec![number as u8; 300])));
        pair(1, None);
        store.flush().unwrap();
        let before: Vec<_> = store.iter().map(Result::unwrap).collect();
        store.renew().unwrap();
        let after: Vec<_> = store.iter().map(Result::unwrap).collect();
        assert_eq!(before, after);
        pair(7, Some(vec![7]));
        store.flush().unwrap();
        let mut files = vec![dir.path().to_owned()];
        while let Some(at) = files.pop() {
            if at.is_dir() {
                files.extend(std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let bytes = std::fs::read(&at).unwrap();
            assert!(!bytes.windows(19).any(|window| window == &secret[..19]), "{}", at.display());
        }
        drop(store);
        assert_eq!(SledStore::try_open(&path).unwrap().iter().count(), 498);
    }

    #[test]
    fn a_damaged_store_is_moved_aside_and_an_empty_one_opens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let fill = || {
            let (store, opened) = SledStore::open(&path, 0).unwrap();
            assert_eq!(opened, Opened::Empty);
            let meta = Meta { layout: STATE_LAYOUT, applied: 5, ..Meta::default() };
            let row = postcard::to_stdvec(&meta).unwrap();
            store.write(BTreeMap::from([(Key::Meta.bytes(), Some(row))])).unwrap();
            store.flush().unwrap();
        };
        fill();
        assert_eq!(SledStore::open(&path, 5).unwrap().1, Opened::At(5));
        // The journal ends before what the state claims to reflect.
        assert!(matches!(SledStore::open(&path, 4).unwrap().1, Opened::SetAside(_)));
        fill();
        // Damage of every kind: whatever sled makes of it, it never claims to reflect the journal.
        for file in ["db", "conf"] {
            let length = std::fs::metadata(path.join(file)).unwrap().len() as usize;
            std::fs::write(path.join(file), vec![0x5a; length]).unwrap();
        }
        assert!(!matches!(SledStore::open(&path, 5).unwrap().1, Opened::At(_)));
    }
}
