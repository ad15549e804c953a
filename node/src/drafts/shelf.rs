//! Drafts on the disk: one file each, so that damage or a crash costs at most one of them. A file is
//! replaced whole: written beside, synced, renamed, its folder synced.

use super::{draft::Draft, limits};
use motcua_journal::Fs;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

const ENDING: &str = ".json";
const BESIDE: &str = ".new";
const DAMAGED: &str = ".damaged";

/// The folder of drafts.
#[derive(Clone)]
pub(crate) struct Shelf {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
}

impl Shelf {
    /// Opens the folder and reads what is in it. A file that cannot be read is kept aside, and the rest
    /// is there.
    pub(crate) fn open(fs: Arc<dyn Fs>, dir: &Path) -> io::Result<(Self, BTreeMap<String, Draft>)> {
        fs.create_dir(dir)?;
        let shelf = Self { fs, dir: dir.to_owned() };
        let mut drafts = BTreeMap::new();
        for name in shelf.fs.list(dir)? {
            let path = dir.join(&name);
            if name.ends_with(BESIDE) {
                // Nobody was told that it was saved.
                shelf.fs.remove(&path)?;
                continue;
            }
            let Some(id) = name.strip_suffix(ENDING) else { continue };
            match shelf.read(&path) {
                Ok(draft) if draft.id == id => {
                    drafts.insert(draft.id.clone(), draft);
                }
                Ok(_) => shelf.set_aside(&path, "it is another draft's")?,
                Err(why) => shelf.set_aside(&path, &why.to_string())?,
            }
        }
        Ok((shelf, drafts))
    }

    /// When this returns, the draft is on the disk; if it fails, the file stands as it was.
    pub(crate) fn write(&self, draft: &Draft) -> io::Result<()> {
        let bytes = serde_json::to_vec(draft).map_err(io::Error::other)?;
        let path = self.path(&draft.id);
        let beside = self.dir.join(format!("{}{BESIDE}", draft.id));
        match self.fs.remove(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.fs.create(&beside)?;
        file.write_at(0, &bytes)?;
        file.sync_data()?;
        self.fs.rename(&beside, &path)?;
        self.fs.sync_dir(&self.dir)
    }

    /// Takes a draft off the disk.
    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        self.fs.remove(&self.path(id))?;
        self.fs.sync_dir(&self.dir)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}{ENDING}"))
    }

    fn read(&self, path: &Path) -> io::Result<Draft> {
        let file = self.fs.open(path)?;
        let length = file.len()?;
        if length > limits::FILE_BYTES {
            return Err(io::Error::other(format!("{length} bytes are no draft")));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        let got = file.read_at(0, &mut bytes)?;
        serde_json::from_slice(&bytes[..got]).map_err(io::Error::other)
    }

    fn set_aside(&self, path: &Path, why: &str) -> io::Result<()> {
        let mut aside = path.as_os_str().to_owned();
        aside.push(DAMAGED);
        tracing::error!(file = %path.display(), why, "a draft cannot be read; its file is kept aside");
        self.fs.rename(path, Path::new(&aside))?;
        self.fs.sync_dir(&self.dir)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::drafts::draft::{Change, Who};
    use motcua_journal::mem::{Crash, MemFs};

    const DIR: &str = "/drafts";

    fn open(fs: &MemFs) -> io::Result<(Shelf, BTreeMap<String, Draft>)> {
        Shelf::open(Arc::new(fs.clone()), Path::new(DIR))
    }

    fn typed(draft: &mut Draft, value: &str) {
        let change = Change { field: "name".into(), value: value.into(), seen: vec![] };
        draft.save(&[change], &Who { tab: "1".into(), ..Who::default() }, 1).unwrap();
    }

    #[test]
    fn what_was_saved_is_there_after_a_power_cut_at_any_step() {
        let mut cuts = 0;
        for op in 1.. {
            let fs = MemFs::new();
            let mut saved = BTreeMap::new();
            let (shelf, _) = open(&fs).unwrap();
            fs.power_off_at(fs.ops() + op);
            let mut drafts = [Draft::new("a".into(), 0), Draft::new("b".into(), 0)];
            let all = (0..4).all(|step| {
                let draft = &mut drafts[step % 2];
                typed(draft, &step.to_string());
                let done = shelf.write(draft).is_ok();
                if done {
                    saved.insert(draft.id.clone(), draft.clone());
                }
                done
            });
            if all {
                break;
            }
            cuts += 1;
            for how in [Crash::LoseAll, Crash::KeepAll, Crash::Seed(op)] {
                let disk = fs.image(how);
                let (_, found) = open(&disk).unwrap();
                for (id, draft) in &saved {
                    let found = found.get(id).map(|found| found.revision);
                    assert!(found >= Some(draft.revision), "cut at {op}, {how:?}: {id}, {found:?}");
                }
                assert!(disk.paths().iter().all(|path| !path.to_string_lossy().ends_with(DAMAGED)));
            }
        }
        assert!(cuts >= 4 * 4, "{cuts} cuts");
    }

    #[test]
    fn a_damaged_draft_is_kept_aside_and_hides_no_other() {
        let fs = MemFs::new();
        let (shelf, _) = open(&fs).unwrap();
        let mut drafts = [Draft::new("a".into(), 0), Draft::new("b".into(), 0)];
        for draft in &mut drafts {
            typed(draft, "An");
            shelf.write(draft).unwrap();
        }
        assert!(fs.flip(Path::new("/drafts/a.json"), 0, 0xff));
        let (shelf, found) = open(&fs).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["b"]);
        assert!(fs.content(Path::new("/drafts/a.json.damaged")).is_some());
        shelf.remove("b").unwrap();
        assert!(open(&fs).unwrap().1.is_empty());
    }
}
