//! The scanner's folder on the disk: what lies in it, one file opened, one put away. Nothing here follows a link or
//! waits for a pipe, and nothing is ever deleted or replaced.

use super::{
    judge::{Entry, Look, Sort, Stamp, has_end},
    limits,
};
use motcua_core::scan::Media;
use rustix::fs::{Mode, OFlags};
use std::{
    ffi::OsStr,
    fs::{self, File, Metadata},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, MetadataExt},
    },
    path::Path,
};

/// Where attached files go.
pub(super) const AWAY: &str = "da-dinh-kem";
/// Names that are tried for a file that is put away.
const NAMES: u32 = 1_000;

/// What lies in the folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// Whether there is more than was read.
    pub(super) is_more: bool,
}

/// Lists the folder; what vanishes meanwhile is left out, and so is what is hidden.
pub(super) fn list(dir: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        // Scanners and file managers write under such names until a file is whole.
        if name == AWAY || name.as_bytes().starts_with(b".") || name.as_bytes().starts_with(b"~$") {
            continue;
        }
        if found.entries.len() == limits::ENTRIES {
            found.is_more = true;
            break;
        }
        match fs::symlink_metadata(dir.join(&name)) {
            Ok(data) => found.entries.push(Entry { name, sort: sort(&data), stamp: stamp(&data) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn sort(data: &Metadata) -> Sort {
    let kind = data.file_type();
    match () {
        () if kind.is_file() => Sort::File,
        () if kind.is_symlink() => Sort::Link,
        () if kind.is_dir() => Sort::Folder,
        () => Sort::Other,
    }
}

fn stamp(data: &Metadata) -> Stamp {
    Stamp {
        device: data.dev(),
        inode: data.ino(),
        size: data.len(),
        seconds: data.mtime(),
        nanos: data.mtime_nsec(),
    }
}

/// Opens just the file that was seen.
pub(super) fn open(dir: &Path, entry: &Entry) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(dir.join(&entry.name), flags, Mode::empty())?);
    still(&file, entry)?;
    Ok(file)
}

/// Refuses where the open file is not in the state that was seen.
pub(super) fn still(file: &File, entry: &Entry) -> io::Result<()> {
    let data = file.metadata()?;
    match sort(&data) == Sort::File && stamp(&data) == entry.stamp {
        true => Ok(()),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

/// The first and last bytes.
pub(super) fn look(dir: &Path, entry: &Entry) -> io::Result<Look> {
    let file = open(dir, entry)?;
    let mut first = [0; 16];
    let got = read_at(&file, &mut first, 0)?;
    let Ok(media) = Media::of(&first[..got]) else {
        return Ok(Look { media: None, has_end: false });
    };
    let mut tail = [0; limits::TAIL as usize];
    let got = read_at(&file, &mut tail, entry.stamp.size.saturating_sub(limits::TAIL))?;
    Ok(Look { media: Some(media), has_end: has_end(media, &tail[..got]) })
}

/// As much as there is from a place on.
pub(super) fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < into.len() {
        match file.read_at(&mut into[got..], at + got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// Whether files could be put away, as far as rights tell.
pub(super) fn can_write(dir: &Path) -> bool {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(dir, access).is_ok()
}

/// Moves a file into the folder of attached ones, under its own name or one with a number. If another one stands
/// under its name by now it is left, and so is everything where a link stands for the folder.
pub(super) fn put_away(dir: &Path, entry: &Entry) -> io::Result<()> {
    let away = dir.join(AWAY);
    match fs::create_dir(&away) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !fs::symlink_metadata(&away)?.is_dir() {
        return Err(io::Error::other(format!("{AWAY} is no folder")));
    }
    let from = dir.join(&entry.name);
    let is_it = |path: &Path| {
        fs::symlink_metadata(path)
            .is_ok_and(|data| sort(&data) == Sort::File && stamp(&data) == entry.stamp)
    };
    if !is_it(&from) {
        return Err(io::Error::from(io::ErrorKind::NotFound));
    }
    let free = (0..NAMES).map(|number| away.join(numbered(&entry.name, number)));
    let mut free = free.filter(|path| fs::symlink_metadata(path).is_err());
    let to = free.next().ok_or_else(|| io::Error::other("a thousand files of this name"))?;
    fs::rename(&from, &to)?;
    if !is_it(&to) && fs::symlink_metadata(&from).is_err() {
        // The scanner wrote another one under this name in between: that one is new.
        fs::rename(&to, &from)?;
        return Err(io::Error::from(io::ErrorKind::NotFound));
    }
    // Nothing hangs on it: what is attached stands in the dossier, and is known again by its content.
    let _ = File::open(&away).and_then(|folder| folder.sync_all());
    Ok(())
}

fn numbered(name: &OsStr, number: u32) -> std::ffi::OsString {
    if number == 0 {
        return name.to_owned();
    }
    let path = Path::new(name);
    let mut all = path.file_stem().unwrap_or(name).to_owned();
    all.push(format!(" ({number})"));
    if let Some(end) = path.extension() {
        all.push(".");
        all.push(end);
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::{fs::symlink, net::UnixListener};

    fn entry(dir: &Path, name: &str) -> Entry {
        list(dir).unwrap().entries.into_iter().find(|entry| entry.name == name).unwrap()
    }

    #[test]
    fn links_pipes_sockets_and_folders_are_told_apart_and_never_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a.pdf"), b"%PDF-1.7\n%%EOF").unwrap();
        fs::write(at(".hidden.pdf"), b"%PDF-").unwrap();
        symlink("/etc/passwd", at("l.pdf")).unwrap();
        symlink("nowhere", at("dangling.pdf")).unwrap();
        fs::create_dir(at("d.pdf")).unwrap();
        fs::create_dir(at(AWAY)).unwrap();
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("p.pdf"), rustix::fs::FileType::Fifo, mode, 0)
            .unwrap();
        let _socket = UnixListener::bind(at("s.pdf")).unwrap();
        let mut sorts: Vec<(String, Sort)> = list(dir.path())
            .unwrap()
            .entries
            .into_iter()
            .map(|entry| (entry.name.into_string().unwrap(), entry.sort))
            .collect();
        sorts.sort_by(|one, two| one.0.cmp(&two.0));
        let expected = [
            ("a.pdf", Sort::File),
            ("d.pdf", Sort::Folder),
            ("dangling.pdf", Sort::Link),
            ("l.pdf", Sort::Link),
            ("p.pdf", Sort::Other),
            ("s.pdf", Sort::Other),
        ];
        assert_eq!(sorts, expected.map(|(name, sort)| (name.to_owned(), sort)));
        for name in ["l.pdf", "dangling.pdf", "d.pdf", "p.pdf", "s.pdf"] {
            // Also where it took the place of the file between look and opening.
            let stamp = entry(dir.path(), name).stamp;
            let posing = Entry { name: name.into(), sort: Sort::File, stamp };
            assert!(open(dir.path(), &posing).is_err(), "{name}");
            assert!(put_away(dir.path(), &posing).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_is_put_away_beside_others_of_its_name_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let scan = dir.path().join("scan.pdf");
        for number in 0..3 {
            fs::write(&scan, format!("{number}")).unwrap();
            put_away(dir.path(), &entry(dir.path(), "scan.pdf")).unwrap();
            assert!(!scan.exists());
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(AWAY).join(name)).unwrap();
        assert_eq!([read("scan.pdf"), read("scan (1).pdf"), read("scan (2).pdf")], ["0", "1", "2"]);
    }

    #[test]
    fn a_newer_file_of_the_same_name_stays_and_a_link_for_the_folder_takes_nothing() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let scan = dir.path().join("scan.pdf");
        fs::write(&scan, "one").unwrap();
        let seen = entry(dir.path(), "scan.pdf");
        fs::write(&scan, "another").unwrap();
        assert!(put_away(dir.path(), &seen).is_err() && open(dir.path(), &seen).is_err());
        assert_eq!(fs::read_to_string(&scan).unwrap(), "another");
        fs::remove_dir(dir.path().join(AWAY)).unwrap();
        symlink(other.path(), dir.path().join(AWAY)).unwrap();
        assert!(put_away(dir.path(), &entry(dir.path(), "scan.pdf")).is_err());
        assert!(scan.exists() && fs::read_dir(other.path()).unwrap().next().is_none());
    }

    #[test]
    fn more_than_can_be_looked_at_is_said() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..=limits::ENTRIES {
            File::create(dir.path().join(number.to_string())).unwrap();
        }
        let found = list(dir.path()).unwrap();
        assert_eq!((found.entries.len(), found.is_more), (limits::ENTRIES, true));
    }
}
