//! A [`Disk`] mounted over a folder by FUSE. Nothing is cached by the kernel: every read, write and
//! look at a name comes here.

use crate::disk::{About, Disk, ROOT};
use fuser::{
    BackgroundSession, FileAttr, FileType, Filesystem, MountOption, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request,
    TimeOrNow,
};
use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const UNCACHED: Duration = Duration::ZERO;
const BLOCK: u32 = 4096;

/// Why nothing can be mounted here, in words; none where it can.
pub fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("mounting a file system needs root; its tests are skipped".into());
    }
    let device = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    let error = device.err()?;
    Some(format!("/dev/fuse does not open ({error}): this kernel has no FUSE; tests are skipped"))
}

/// Mounted until it is dropped.
pub struct Mount {
    at: PathBuf,
    session: Option<BackgroundSession>,
}

impl Mount {
    /// Mounts a disk over a folder.
    ///
    /// # Errors
    /// What the system says; see [`obstacle`].
    pub fn over(folder: &Path, disk: Disk) -> io::Result<Self> {
        let options = [MountOption::FSName("motcua-power".into()), MountOption::NoAtime];
        let session = fuser::spawn_mount2(Served(disk), folder, &options)?;
        Ok(Self { at: folder.to_owned(), session: Some(session) })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Also where a file is still open: nobody can be helped by a mount that stays.
        let _ = rustix::mount::unmount(&self.at, rustix::mount::UnmountFlags::DETACH);
        drop(self.session.take());
    }
}

struct Served(Disk);

fn attributes(about: &About) -> FileAttr {
    let size = about.len.unwrap_or_default();
    FileAttr {
        ino: about.ino,
        size,
        blocks: size.div_ceil(512),
        atime: about.changed,
        mtime: about.changed,
        ctime: about.changed,
        crtime: about.changed,
        kind: kind(about),
        perm: (about.mode & 0o7777) as u16,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

fn kind(about: &About) -> FileType {
    if about.len.is_some() { FileType::RegularFile } else { FileType::Directory }
}

fn text(name: &OsStr) -> Result<&str, i32> {
    name.to_str().ok_or(libc::EINVAL)
}

macro_rules! or_refuse {
    ($result:expr, $reply:ident) => {
        match $result {
            Ok(done) => done,
            Err(number) => return $reply.error(number),
        }
    };
}

impl Filesystem for Served {
    fn lookup(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEntry) {
        let about = or_refuse!(text(name).and_then(|name| self.0.look_up(parent, name)), reply);
        reply.entry(&UNCACHED, &attributes(&about), 0);
    }

    fn getattr(&mut self, _: &Request<'_>, ino: u64, _: Option<u64>, reply: ReplyAttr) {
        let about = or_refuse!(self.0.about(ino), reply);
        reply.attr(&UNCACHED, &attributes(&about));
    }

    fn setattr(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<u64>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<u32>,
        reply: ReplyAttr,
    ) {
        let about = or_refuse!(self.0.set(ino, mode, size), reply);
        reply.attr(&UNCACHED, &attributes(&about));
    }

    fn mkdir(
        &mut self,
        _: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let made = text(name).and_then(|name| self.0.make(parent, name, mode & !umask, true));
        let about = or_refuse!(made, reply);
        reply.entry(&UNCACHED, &attributes(&about), 0);
    }

    fn create(
        &mut self,
        _: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let made = text(name).and_then(|name| self.0.make(parent, name, mode & !umask, false));
        let about = or_refuse!(made, reply);
        or_refuse!(self.0.open(about.ino), reply);
        let flags = fuser::consts::FOPEN_DIRECT_IO;
        reply.created(&UNCACHED, &attributes(&about), 0, 0, flags);
    }

    fn unlink(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        or_refuse!(text(name).and_then(|name| self.0.remove(parent, name)), reply);
        reply.ok();
    }

    fn rmdir(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        or_refuse!(text(name).and_then(|name| self.0.remove(parent, name)), reply);
        reply.ok();
    }

    fn rename(
        &mut self,
        _: &Request<'_>,
        parent: u64,
        name: &OsStr,
        new_parent: u64,
        new_name: &OsStr,
        flags: u32,
        reply: ReplyEmpty,
    ) {
        if flags != 0 {
            return reply.error(libc::EINVAL);
        }
        let names = text(name).and_then(|name| Ok((name, text(new_name)?)));
        let (name, new_name) = or_refuse!(names, reply);
        or_refuse!(self.0.rename((parent, name), (new_parent, new_name)), reply);
        reply.ok();
    }

    fn open(&mut self, _: &Request<'_>, ino: u64, _: i32, reply: ReplyOpen) {
        or_refuse!(self.0.open(ino), reply);
        reply.opened(0, fuser::consts::FOPEN_DIRECT_IO);
    }

    fn release(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _: u64,
        _: i32,
        _: Option<u64>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.0.close(ino);
        reply.ok();
    }

    fn flush(&mut self, _: &Request<'_>, _: u64, _: u64, _: u64, reply: ReplyEmpty) {
        // Closing a file makes nothing durable.
        reply.ok();
    }

    fn read(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _: u64,
        offset: i64,
        size: u32,
        _: i32,
        _: Option<u64>,
        reply: ReplyData,
    ) {
        let at = u64::try_from(offset).unwrap_or_default();
        let bytes = or_refuse!(self.0.read(ino, at, size as usize), reply);
        reply.data(&bytes);
    }

    fn write(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _: u64,
        offset: i64,
        data: &[u8],
        _: u32,
        _: i32,
        _: Option<u64>,
        reply: ReplyWrite,
    ) {
        or_refuse!(self.0.write(ino, u64::try_from(offset).unwrap_or_default(), data), reply);
        reply.written(data.len() as u32);
    }

    fn fallocate(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _: u64,
        offset: i64,
        length: i64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode & !libc::FALLOC_FL_KEEP_SIZE != 0 {
            return reply.error(libc::EOPNOTSUPP);
        }
        let end = u64::try_from(offset.saturating_add(length)).unwrap_or_default();
        or_refuse!(self.0.reserve(ino, end, mode & libc::FALLOC_FL_KEEP_SIZE != 0), reply);
        reply.ok();
    }

    fn fsync(&mut self, _: &Request<'_>, ino: u64, _: u64, _: bool, reply: ReplyEmpty) {
        // The length is needed to read the content, so `fdatasync` saves it too.
        or_refuse!(self.0.sync(ino), reply);
        reply.ok();
    }

    fn fsyncdir(&mut self, _: &Request<'_>, ino: u64, _: u64, _: bool, reply: ReplyEmpty) {
        or_refuse!(self.0.sync(ino), reply);
        reply.ok();
    }

    fn readdir(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _: u64,
        offset: i64,
        mut reply: ReplyDirectory,
    ) {
        let named = or_refuse!(self.0.list(ino), reply);
        let dots = [".", ".."].map(|name| (ROOT, FileType::Directory, name.to_owned()));
        let files = named.into_iter().map(|(name, about)| (about.ino, kind(&about), name));
        let skipped = usize::try_from(offset).unwrap_or_default();
        for (at, (ino, kind, name)) in dots.into_iter().chain(files).enumerate().skip(skipped) {
            if reply.add(ino, at as i64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&mut self, _: &Request<'_>, _: u64, reply: ReplyStatfs) {
        let (all, free) = self.0.space();
        let (all, free) = (all / u64::from(BLOCK), free / u64::from(BLOCK));
        reply.statfs(all, free, free, 1 << 20, 1 << 20, BLOCK, 255, BLOCK);
    }
}
