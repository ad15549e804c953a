//! Looks at the scanner's folder while somebody asks, and at no other time. One look serves all who ask, and one
//! that does not come back holds one thread and nobody's page.

use super::{
    disk::{self, Found},
    judge::{self, Entry, Look, Verdict},
    limits,
};
use motcua_core::id::Hash;
use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// Why there is nothing to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No such folder: a share that is not mounted, or a wrong path.
    Missing,
    /// No right to read it.
    Denied,
    /// It does not answer.
    Silent,
    /// Anything else, as the system says it.
    Failed(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// A file of the folder, judged.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) entry: Entry,
    pub(super) verdict: Verdict,
    /// Of its bytes, once they were read.
    pub(super) hash: Option<Hash>,
}

/// What one look saw: the newest files, and those with a code in their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    pub(super) files: Vec<Seen>,
    pub(super) total: usize,
    pub(super) is_more: bool,
    pub(super) can_write: bool,
    pub(super) trouble: Option<Trouble>,
}

/// What is known of one state of a file.
#[derive(Debug, Clone)]
struct Known {
    since: Instant,
    look: Option<Look>,
    hash: Option<Hash>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, Known>,
    last: Option<(Instant, Duration, Arc<Sight>)>,
    /// Whoever waits for the look that is under way.
    running: Option<watch::Receiver<()>>,
}

/// The folder. See the module.
pub(crate) struct Watch {
    dir: PathBuf,
    state: Mutex<State>,
    /// One is attached at a time: two who choose one file do not both attach it.
    pub(super) turn: tokio::sync::Mutex<()>,
    list: fn(&Path) -> io::Result<Found>,
    patience: Duration,
}

impl Watch {
    /// Of this folder, which need not be there.
    pub(crate) fn new(dir: PathBuf) -> Arc<Self> {
        Self::with(dir, disk::list, limits::PATIENCE)
    }

    fn with(dir: PathBuf, list: fn(&Path) -> io::Result<Found>, patience: Duration) -> Arc<Self> {
        let (state, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(Self { dir, state, turn, list, patience })
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is there now, or was a moment ago; within [`limits::PATIENCE`] in any case.
    pub(super) async fn look(self: &Arc<Self>) -> Arc<Sight> {
        let mut running = {
            let mut state = self.state();
            if let Some((at, good, sight)) = &state.last
                && at.elapsed() < *good
            {
                return Arc::clone(sight);
            }
            match &state.running {
                Some(running) if running.has_changed().is_ok() => running.clone(),
                _ => {
                    let (done, running) = watch::channel(());
                    state.running = Some(running.clone());
                    let watch = Arc::clone(self);
                    tokio::task::spawn_blocking(move || {
                        watch.look_now();
                        drop(done);
                    });
                    running
                }
            }
        };
        // It ends when the sender is gone, also where the look did not end well.
        let over = async { while running.changed().await.is_ok() {} };
        if timeout(self.patience, over).await.is_err() {
            return Arc::new(Sight { trouble: Some(Trouble::Silent), ..Sight::default() });
        }
        let last = self.state().last.as_ref().map(|(_, _, sight)| Arc::clone(sight));
        last.unwrap_or_default()
    }

    fn look_now(&self) {
        let begun = Instant::now();
        let known = std::mem::take(&mut self.state().known);
        let (sight, known) = match (self.list)(&self.dir) {
            Ok(found) => self.judge(found, known, begun),
            // What was known of files stays: a share that comes back is as it was.
            Err(error) => (Sight { trouble: Some(error.into()), ..Sight::default() }, known),
        };
        let good = (begun.elapsed() * 10).clamp(limits::SAME_LOOK, limits::SAME_LOOK_MOST);
        let mut state = self.state();
        state.known = known;
        state.last = Some((Instant::now(), good, Arc::new(sight)));
        state.running = None;
    }

    fn judge(
        &self,
        found: Found,
        mut before: HashMap<String, Known>,
        now: Instant,
    ) -> (Sight, HashMap<String, Known>) {
        let Found { mut entries, is_more } = found;
        let total = entries.len();
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.stamp.seconds, entry.stamp.nanos)));
        let mut known = HashMap::with_capacity(total);
        let (mut files, mut named, mut budget) = (Vec::new(), 0, limits::HASHED_AT_ONCE);
        for (place, entry) in entries.into_iter().enumerate() {
            let id = entry.id();
            let anew = || Known { since: now, look: None, hash: None };
            let mut one = before.remove(&id).unwrap_or_else(anew);
            let is_shown = place < limits::SHOWN
                || (named < limits::NAMED && judge::codes(&entry.name).next().is_some());
            if is_shown {
                named += usize::from(place >= limits::SHOWN);
                let verdict = judge::judge(&entry, now - one.since, || {
                    let look = one.look.map_or_else(|| disk::look(&self.dir, &entry), Ok)?;
                    one.look = Some(look);
                    Ok(look)
                });
                if verdict.media().is_some() && one.hash.is_none() && entry.stamp.size <= budget {
                    budget -= entry.stamp.size;
                    one.hash = disk::open(&self.dir, &entry).and_then(|file| hash(&file)).ok();
                }
                files.push(Seen { id: id.clone(), entry, verdict, hash: one.hash });
            }
            known.insert(id, one);
        }
        let can_write = disk::can_write(&self.dir);
        (Sight { files, total, is_more, can_write, trouble: None }, known)
    }

    /// The file that was shown under an id, if it still is as it was.
    pub(super) async fn find(self: &Arc<Self>, id: &str) -> Option<Seen> {
        self.look().await.files.iter().find(|seen| seen.id == id).cloned()
    }

    /// What was seen holds no more: a file was put away.
    pub(super) fn forget(&self) {
        self.state().last = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(file: &File) -> io::Result<Hash> {
    let (mut hasher, mut buffer, mut at) = (blake3::Hasher::new(), vec![0; 64 * 1024], 0);
    loop {
        let got = disk::read_at(file, &mut buffer, at)?;
        if got == 0 {
            return Ok(Hash(*hasher.finalize().as_bytes()));
        }
        hasher.update(&buffer[..got]);
        at += got as u64;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{
        fs,
        sync::{
            Condvar,
            atomic::{AtomicUsize, Ordering},
        },
    };

    const PDF: &[u8] = b"%PDF-1.7\n%%EOF\n";

    async fn verdict(watch: &Arc<Watch>, name: &str) -> Verdict {
        watch.forget();
        let sight = watch.look().await;
        sight.files.iter().find(|seen| seen.entry.name == name).unwrap().verdict
    }

    /// As if so much time had passed since the last look.
    fn later(watch: &Watch, time: Duration) {
        for known in watch.state().known.values_mut() {
            known.since -= time;
        }
    }

    #[tokio::test]
    async fn a_file_is_ready_when_it_has_stopped_growing_and_ends_as_its_type_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pdf");
        let watch = Watch::new(dir.path().to_owned());
        fs::write(&path, &PDF[..9]).unwrap();
        assert_eq!(verdict(&watch, "a.pdf").await, Verdict::Growing);
        later(&watch, limits::SETTLED);
        assert_eq!(verdict(&watch, "a.pdf").await, Verdict::Growing, "its end is not there");
        fs::write(&path, PDF).unwrap();
        assert_eq!(verdict(&watch, "a.pdf").await, Verdict::Growing, "it has just grown");
        later(&watch, limits::SETTLED);
        assert!(verdict(&watch, "a.pdf").await.media().is_some());
        let hash = watch.look().await.files[0].hash;
        assert_eq!(hash, Some(Hash(*blake3::hash(PDF).as_bytes())));
        fs::write(&path, &PDF[..12]).unwrap();
        assert_eq!(verdict(&watch, "a.pdf").await, Verdict::Growing);
        later(&watch, limits::SETTLED_WITHOUT_END);
        assert!(matches!(verdict(&watch, "a.pdf").await, Verdict::Cut(_)));
    }

    #[tokio::test]
    async fn a_folder_that_goes_is_said_to_be_gone_and_comes_back_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let share = dir.path().join("share");
        let watch = Watch::new(share.clone());
        assert_eq!(watch.look().await.trouble, Some(Trouble::Missing));
        fs::create_dir(&share).unwrap();
        watch.forget();
        let sight = watch.look().await;
        assert_eq!((sight.trouble.clone(), sight.total, sight.can_write), (None, 0, true));
        fs::remove_dir(&share).unwrap();
        fs::write(&share, b"a file now").unwrap();
        watch.forget();
        assert!(matches!(watch.look().await.trouble, Some(Trouble::Failed(_))));
    }

    static LISTED: AtomicUsize = AtomicUsize::new(0);
    static ANSWERS: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    #[tokio::test]
    async fn a_share_that_never_answers_holds_one_thread_and_keeps_nobody_waiting() {
        fn hangs(_: &Path) -> io::Result<Found> {
            LISTED.fetch_add(1, Ordering::SeqCst);
            let mut answers = ANSWERS.0.lock().unwrap();
            while !*answers {
                answers = ANSWERS.1.wait(answers).unwrap();
            }
            Ok(Found::default())
        }
        let watch = Watch::with("/".into(), hangs, Duration::from_millis(50));
        let mut told = Vec::new();
        for _ in 0..3 {
            told.push(watch.look().await.trouble.clone());
        }
        let listed = LISTED.load(Ordering::SeqCst);
        // Before anything is judged: a thread that hangs would keep a test that fails from ending.
        *ANSWERS.0.lock().unwrap() = true;
        ANSWERS.1.notify_all();
        assert_eq!(told, vec![Some(Trouble::Silent); 3]);
        assert_eq!(listed, 1, "nobody asks it again meanwhile");
        let answered = async {
            while watch.look().await.trouble.is_some() {
                tokio::task::yield_now().await;
            }
        };
        timeout(limits::PATIENCE, answered).await.expect("it answers again");
    }

    #[tokio::test]
    async fn ten_thousand_files_at_once_show_the_newest_and_those_that_name_a_dossier() {
        let dir = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH;
        let named = dir.path().join("H29.30.05-261125-0038.pdf");
        fs::write(&named, PDF).unwrap();
        File::options().write(true).open(&named).unwrap().set_modified(old).unwrap();
        for number in 0..10_000 {
            fs::write(dir.path().join(format!("{number}.pdf")), PDF).unwrap();
        }
        let watch = Watch::new(dir.path().to_owned());
        let sight = watch.look().await;
        assert_eq!((sight.total, sight.files.len()), (10_001, limits::SHOWN + 1));
        assert_eq!(sight.files.last().unwrap().entry.name, "H29.30.05-261125-0038.pdf");
        let again = watch.look().await;
        assert!(Arc::ptr_eq(&sight, &again), "one look serves all who ask together");
    }
}
