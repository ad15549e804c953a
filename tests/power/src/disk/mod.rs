//! A disk whose power can be cut: files and names as programs see them, and what of it would be there
//! after a cut at this moment. No file system yet: [`crate::mount`] makes it one.

mod content;
mod faults;
mod mood;
mod names;

pub use faults::{ALL, Counts};
pub use mood::Mood;

use content::{Content, PAGE, room_of};
use faults::Faults;
use motcua_tests::seed::Seed;
use names::{Ino, Names, Table};
use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// The directory that is mounted.
pub(crate) const ROOT: Ino = 1;
/// Size of the disk where no budget says otherwise.
const SIZE: u64 = 8 << 30;

/// What was refused, as the system numbers it.
pub(crate) type Refused<T> = Result<T, i32>;

/// A file or directory as a look at it tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) ino: Ino,
    /// Length of a file; none of a directory.
    pub(crate) len: Option<u64>,
    pub(crate) mode: u32,
    pub(crate) changed: SystemTime,
}

#[derive(Debug)]
struct Node {
    /// None of a directory.
    content: Option<Content>,
    mode: u32,
    part: String,
    open: u32,
    changed: SystemTime,
}

/// When the power goes.
struct Fuse {
    /// Events until then.
    left: u64,
    /// Told before the event is answered.
    blown: Box<dyn FnOnce() + Send>,
}

struct Inner {
    nodes: BTreeMap<Ino, Node>,
    names: Names,
    next: Ino,
    faults: Faults,
    seed: Seed,
    fuse: Option<Fuse>,
    /// What is left, while the power is off.
    off: Option<(BTreeMap<Ino, Node>, Table)>,
    mood: Mood,
}

/// See the module. Cheap to clone: all are the same disk.
#[derive(Clone)]
pub struct Disk {
    inner: Arc<Mutex<Inner>>,
    went_off: Arc<Condvar>,
}

impl Disk {
    /// A disk that holds what a folder holds, all of it synced; `seed` decides what cuts leave.
    ///
    /// # Errors
    /// What the system says about the folder.
    pub fn load(folder: &Path, seed: u64) -> io::Result<Self> {
        let mut inner = Inner {
            nodes: BTreeMap::new(),
            names: Names::default(),
            next: ROOT + 1,
            faults: Faults::default(),
            seed: Seed::new(seed),
            fuse: None,
            off: None,
            mood: Mood::Mixes,
        };
        inner.nodes.insert(ROOT, Node::new(None, 0o700, ""));
        let mut table = Table::new();
        inner.read_in(ROOT, folder, &mut table)?;
        inner.names = Names::durable(table);
        Ok(Self { inner: Arc::new(Mutex::new(inner)), went_off: Arc::default() })
    }

    /// Cuts the power at the `events`-th write, sync or change of names from now; `blown` is called
    /// before that event is answered, and must see to it that the program does not live on.
    pub fn cut_after(&self, events: u64, mood: Mood, blown: impl FnOnce() + Send + 'static) {
        let mut inner = self.lock();
        inner.mood = mood;
        inner.fuse = Some(Fuse { left: events, blown: Box::new(blown) });
    }

    /// Cuts the power now. Whoever uses the disk gets an error for everything from here on.
    pub fn cut(&self, mood: Mood) {
        let mut inner = self.lock();
        inner.mood = mood;
        inner.go_off();
        drop(inner);
        self.went_off.notify_all();
    }

    /// Waits until the power is off; whether it went.
    pub fn wait_off(&self, patience: Duration) -> bool {
        let waiting = |inner: &mut Inner| inner.off.is_none();
        let waited = self.went_off.wait_timeout_while(self.lock(), patience, waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.off.is_some()
    }

    /// The power is back: what the cut left is what the disk holds.
    pub fn power_on(&self) {
        let mut inner = self.lock();
        inner.fuse = None;
        if let Some((nodes, table)) = inner.off.take() {
            (inner.nodes, inner.names) = (nodes, Names::durable(table));
        }
    }

    /// Bytes that files may take, all together; without, the disk is large.
    pub fn set_budget(&self, bytes: Option<u64>) {
        self.lock().faults.budget = bytes;
    }

    /// Bytes that files take.
    pub fn used(&self) -> u64 {
        self.lock().used()
    }

    /// Whether files of a part, or [`ALL`], may not grow.
    pub fn set_full(&self, part: &str, full: bool) {
        let mut inner = self.lock();
        match full {
            true => inner.faults.full.insert(part.to_owned()),
            false => inner.faults.full.remove(part),
        };
    }

    /// Lets syncs of a part, or of [`ALL`], fail: `times` of them, after so many good ones.
    pub fn fail_syncs(&self, part: &str, after: u64, times: u64) {
        self.lock().faults.failing.insert(part.to_owned(), (after, times));
    }

    /// Syncs of a part, or of [`ALL`], are answered well and do nothing, as if they were left out.
    pub fn ignore_syncs(&self, part: &str) {
        self.lock().faults.deaf.insert(part.to_owned());
    }

    /// Ends [`Self::ignore_syncs`].
    pub fn heed_syncs(&self, part: &str) {
        self.lock().faults.deaf.remove(part);
    }

    /// Flips a bit in one of so many reads of a part; 0 ends it.
    pub fn flip_bits(&self, part: &str, one_in: usize) {
        let mut inner = self.lock();
        match one_in {
            0 => inner.faults.flips.remove(part),
            _ => inner.faults.flips.insert(part.to_owned(), one_in),
        };
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.lock().faults.counts
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that changes the disk: `work` is done unless the power goes before it.
    fn event<T>(&self, work: impl FnOnce(&mut Inner) -> Refused<T>) -> Refused<T> {
        let mut inner = self.lock();
        inner.alive()?;
        inner.faults.counts.events += 1;
        let blows = match &mut inner.fuse {
            Some(fuse) => {
                fuse.left = fuse.left.saturating_sub(1);
                fuse.left == 0
            }
            None => false,
        };
        if !blows {
            return work(&mut inner);
        }
        // The power goes before it or after it; what is half done is chosen with what was pending.
        if inner.seed.below(2) == 0 {
            let _ = work(&mut inner);
        }
        let fuse = inner.fuse.take();
        inner.go_off();
        drop(inner);
        if let Some(fuse) = fuse {
            (fuse.blown)();
        }
        self.went_off.notify_all();
        Err(libc::EIO)
    }
}

/// What a file system asks of it.
impl Disk {
    pub(crate) fn about(&self, ino: Ino) -> Refused<About> {
        let inner = self.lock();
        inner.alive()?;
        inner.about(ino)
    }

    pub(crate) fn look_up(&self, dir: Ino, name: &str) -> Refused<About> {
        let inner = self.lock();
        inner.alive()?;
        let ino = inner.names.get(&(dir, name.to_owned())).ok_or(libc::ENOENT)?;
        inner.about(ino)
    }

    pub(crate) fn list(&self, dir: Ino) -> Refused<Vec<(String, About)>> {
        let inner = self.lock();
        inner.alive()?;
        let named = inner.names.list(dir);
        named.map(|(name, ino)| Ok((name.to_owned(), inner.about(ino)?))).collect()
    }

    pub(crate) fn open(&self, ino: Ino) -> Refused<()> {
        let mut inner = self.lock();
        inner.alive()?;
        inner.node(ino)?.open += 1;
        Ok(())
    }

    pub(crate) fn close(&self, ino: Ino) {
        if let Ok(node) = self.lock().node(ino) {
            node.open = node.open.saturating_sub(1);
        }
    }

    pub(crate) fn make(&self, dir: Ino, name: &str, mode: u32, is_dir: bool) -> Refused<About> {
        self.event(|inner| {
            let name = (dir, name.to_owned());
            if inner.names.get(&name).is_some() {
                return Err(libc::EEXIST);
            }
            let part = match inner.node(dir)?.part.as_str() {
                _ if dir == ROOT => name.1.split('.').next().unwrap_or_default().to_owned(),
                part => part.to_owned(),
            };
            // A name takes room in its directory.
            inner.room_for(&part, PAGE as u64)?;
            let ino = inner.next;
            inner.next += 1;
            let content = (!is_dir).then(Content::default);
            inner.nodes.insert(ino, Node::new(content, mode, &part));
            inner.names.put(name, ino);
            inner.about(ino)
        })
    }

    pub(crate) fn remove(&self, dir: Ino, name: &str) -> Refused<()> {
        self.event(|inner| {
            let name = (dir, name.to_owned());
            let ino = inner.names.get(&name).ok_or(libc::ENOENT)?;
            if inner.names.list(ino).next().is_some() {
                return Err(libc::ENOTEMPTY);
            }
            inner.names.remove(name);
            Ok(())
        })
    }

    pub(crate) fn rename(&self, from: (Ino, &str), to: (Ino, &str)) -> Refused<()> {
        self.event(|inner| {
            let (from, to) = ((from.0, from.1.to_owned()), (to.0, to.1.to_owned()));
            let ino = inner.names.get(&from).ok_or(libc::ENOENT)?;
            let replaced = inner.names.get(&to);
            if replaced.is_some_and(|old| inner.names.list(old).next().is_some()) {
                return Err(libc::ENOTEMPTY);
            }
            inner.names.rename(from, to, ino);
            Ok(())
        })
    }

    pub(crate) fn read(&self, ino: Ino, at: u64, size: usize) -> Refused<Vec<u8>> {
        let mut inner = self.lock();
        inner.alive()?;
        let node = inner.node(ino)?;
        let seen = &node.content.as_ref().ok_or(libc::EISDIR)?.seen;
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(seen.len());
        let mut bytes = seen[from..seen.len().min(from.saturating_add(size))].to_vec();
        let part = node.part.clone();
        if let Some(one_in) = inner.faults.flips(&part)
            && inner.seed.below(one_in) == 0
            && !bytes.is_empty()
        {
            let bit = inner.seed.below(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            inner.faults.counts.flips += 1;
        }
        Ok(bytes)
    }

    pub(crate) fn write(&self, ino: Ino, at: u64, bytes: &[u8]) -> Refused<()> {
        self.event(|inner| {
            inner.grow(ino, at + bytes.len() as u64)?;
            let node = inner.node(ino)?;
            node.changed = SystemTime::now();
            let at = usize::try_from(at).map_err(|_| libc::EFBIG)?;
            node.content.as_mut().ok_or(libc::EISDIR)?.write(at, bytes);
            Ok(())
        })
    }

    /// Reserves room: the file is at least this long, its new bytes are zero.
    pub(crate) fn reserve(&self, ino: Ino, end: u64, keep_size: bool) -> Refused<()> {
        self.event(|inner| {
            inner.grow(ino, end)?;
            let content = inner.node(ino)?.content.as_mut().ok_or(libc::EISDIR)?;
            let end = usize::try_from(end).map_err(|_| libc::EFBIG)?;
            if !keep_size && end > content.seen.len() {
                content.set_len(end);
            }
            Ok(())
        })
    }

    pub(crate) fn set(&self, ino: Ino, mode: Option<u32>, len: Option<u64>) -> Refused<About> {
        self.event(|inner| {
            if let Some(len) = len {
                inner.grow(ino, len)?;
                let node = inner.node(ino)?;
                node.changed = SystemTime::now();
                let len = usize::try_from(len).map_err(|_| libc::EFBIG)?;
                node.content.as_mut().ok_or(libc::EISDIR)?.set_len(len);
            }
            if let Some(mode) = mode {
                inner.node(ino)?.mode = mode;
            }
            inner.about(ino)
        })
    }

    pub(crate) fn sync(&self, ino: Ino) -> Refused<()> {
        self.event(|inner| {
            let part = inner.node(ino)?.part.clone();
            let fails = inner.faults.sync_fails(&part);
            let deaf = inner.faults.is_deaf(&part);
            match &mut inner.node(ino)?.content {
                Some(content) if fails => content.fail_sync(),
                Some(content) if !deaf => content.sync(),
                None if !fails && !deaf => inner.names.sync(ino),
                _ => {}
            }
            inner.collect();
            inner.faults.counts.syncs += u64::from(!fails);
            if fails { Err(libc::EIO) } else { Ok(()) }
        })
    }

    /// Bytes in all, and bytes free.
    pub(crate) fn space(&self) -> (u64, u64) {
        let inner = self.lock();
        let all = inner.faults.budget.unwrap_or(SIZE);
        let free = if inner.faults.is_full(ALL) { 0 } else { all.saturating_sub(inner.used()) };
        (all, free)
    }
}

impl Node {
    fn new(content: Option<Content>, mode: u32, part: &str) -> Self {
        Self { content, mode, part: part.to_owned(), open: 0, changed: SystemTime::now() }
    }
}

impl Inner {
    fn read_in(&mut self, dir: Ino, folder: &Path, table: &mut Table) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let (entry, ino) = (entry?, self.next);
            self.next += 1;
            let name = entry.file_name().to_string_lossy().into_owned();
            let part = match self.nodes.get(&dir).map(|node| node.part.clone()) {
                Some(part) if dir != ROOT => part,
                _ => name.split('.').next().unwrap_or_default().to_owned(),
            };
            let is_dir = entry.file_type()?.is_dir();
            let content = match is_dir {
                true => None,
                false => Some(Content::durable(fs::read(entry.path())?)),
            };
            let mode = if is_dir { 0o700 } else { 0o600 };
            self.nodes.insert(ino, Node::new(content, mode, &part));
            table.insert((dir, name), ino);
            if is_dir {
                self.read_in(ino, &entry.path(), table)?;
            }
        }
        Ok(())
    }

    fn alive(&self) -> Refused<()> {
        if self.off.is_some() { Err(libc::EIO) } else { Ok(()) }
    }

    fn node(&mut self, ino: Ino) -> Refused<&mut Node> {
        self.nodes.get_mut(&ino).ok_or(libc::ESTALE)
    }

    fn about(&self, ino: Ino) -> Refused<About> {
        let node = self.nodes.get(&ino).ok_or(libc::ESTALE)?;
        let len = node.content.as_ref().map(|content| content.seen.len() as u64);
        Ok(About { ino, len, mode: node.mode, changed: node.changed })
    }

    fn used(&self) -> u64 {
        let files = self
            .nodes
            .values()
            .map(|node| PAGE as u64 + node.content.as_ref().map(Content::room).unwrap_or_default());
        files.sum()
    }

    fn room_for(&mut self, part: &str, bytes: u64) -> Refused<()> {
        let over = |budget| self.used() + bytes > budget;
        if bytes > 0 && (self.faults.is_full(part) || self.faults.budget.is_some_and(over)) {
            self.faults.counts.no_space += 1;
            return Err(libc::ENOSPC);
        }
        Ok(())
    }

    /// Refuses a length for which there is no room.
    fn grow(&mut self, ino: Ino, len: u64) -> Refused<()> {
        let node = self.node(ino)?;
        let now = node.content.as_ref().ok_or(libc::EISDIR)?.room();
        let part = node.part.clone();
        self.room_for(&part, room_of(len).saturating_sub(now))
    }

    /// Files that no name leads to any more, and that nobody has open, take no room.
    fn collect(&mut self) {
        let kept = self.names.led_to();
        self.nodes.retain(|ino, node| *ino == ROOT || node.open > 0 || kept.contains(ino));
    }

    /// Chooses what is left and goes off. Files get new numbers: no handle from before is of use.
    fn go_off(&mut self) {
        if self.off.is_some() {
            return;
        }
        let (mood, mut seed) = (self.mood, self.seed.clone());
        let table = self.names.after_cut(mood, &mut seed);
        let (mut nodes, mut left) = (BTreeMap::new(), Table::new());
        nodes.insert(ROOT, Node::new(None, 0o700, ""));
        let mut folders = vec![(ROOT, ROOT)];
        while let Some((old, new)) = folders.pop() {
            for ((_, name), ino) in table.range((old, String::new())..(old + 1, String::new())) {
                let Some(node) = self.nodes.get(ino) else { continue };
                let number = self.next;
                self.next += 1;
                let after = node.content.as_ref().map(|content| content.after_cut(mood, &mut seed));
                let mut kept = Node::new(after.map(Content::durable), node.mode, &node.part);
                kept.changed = node.changed;
                if kept.content.is_none() {
                    folders.push((*ino, number));
                }
                nodes.insert(number, kept);
                left.insert((new, name.clone()), number);
            }
        }
        self.seed = seed;
        self.off = Some((nodes, left));
    }
}
