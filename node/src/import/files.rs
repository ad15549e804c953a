//! Files as they were handed over, each under its own hash, for ever: what was read from them stays
//! provable.

use super::{ImportError, run::Imports};
use crate::error::DeskError;
use axum::body::{Body, Bytes, HttpBody};
use motcua_core::{hash::Sha, id::Hash};
use motcua_intake::{error::ReadError, limits};
use motcua_shell::engine::random;
use serde_json::{Value, json};
use std::{
    fs::{self, File, OpenOptions},
    future::poll_fn,
    io::Write,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};
use tokio::{sync::mpsc::channel, time::timeout};

/// Frames that wait for the disk.
const WAITING: usize = 8;
/// Whoever sends nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Takes in a file.
pub(super) async fn take(body: Body, imports: &Imports, name: &str) -> Result<Value, DeskError> {
    let dir = imports.dir().to_owned();
    let (frames, mut waiting) = channel::<Option<Bytes>>(WAITING);
    let writing = tokio::task::spawn_blocking(move || {
        let mut part = Part::new(&dir)?;
        while let Some(frame) = waiting.blocking_recv() {
            match frame {
                Some(bytes) => part.write(&bytes)?,
                None => return part.finish(&dir).map(Some),
            }
        }
        Ok::<_, ImportError>(None)
    });
    let mut body = pin!(body);
    loop {
        let next = poll_fn(|context| body.as_mut().poll_frame(context));
        let frame = match timeout(SILENCE, next).await {
            Ok(Some(Ok(frame))) => Some(frame.into_data().ok()),
            Ok(None) => None,
            Ok(Some(Err(_))) | Err(_) => break,
        };
        let ended = frame.is_none();
        let gone = match frame {
            Some(Some(bytes)) => frames.send(Some(bytes)).await.is_err(),
            Some(None) => false,
            None => frames.send(None).await.is_err(),
        };
        if ended || gone {
            break;
        }
    }
    drop(frames);
    let written = writing.await.map_err(|_| DeskError::Busy)??;
    let (hash, bytes) =
        written.ok_or_else(|| DeskError::Broken("it did not come to its end".into()))?;
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(200).collect();
    imports.named(hash, &name);
    Ok(json!({ "file": hash.to_string(), "bytes": bytes, "name": name }))
}

/// The file with this hash.
pub(super) fn open(imports: &Imports, hash: Hash) -> Result<File, ImportError> {
    File::open(path(imports.dir(), hash)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ImportError::NoFile(hash.to_string()),
        _ => error.into(),
    })
}

fn path(dir: &Path, hash: Hash) -> PathBuf {
    dir.join(hash.to_string())
}

/// A file that is still coming; gone when dropped.
struct Part {
    file: File,
    path: PathBuf,
    sha: Sha,
    bytes: u64,
}

impl Part {
    fn new(dir: &Path) -> Result<Self, ImportError> {
        fs::create_dir_all(dir)?;
        let name: String = random::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = dir.join(format!("{name}.part"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { file: options.open(&path)?, path, sha: Sha::default(), bytes: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > limits::FILE_BYTES {
            return Err(ReadError::TooLong.into());
        }
        self.sha.update(bytes);
        Ok(self.file.write_all(bytes)?)
    }

    /// On disk under its hash before anybody is told so.
    fn finish(mut self, dir: &Path) -> Result<(Hash, u64), ImportError> {
        let hash = std::mem::take(&mut self.sha).finish();
        self.file.sync_all()?;
        fs::rename(&self.path, path(dir, hash))?;
        File::open(dir)?.sync_all()?;
        Ok((hash, self.bytes))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After the rename there is nothing of this name.
        let _ = fs::remove_file(&self.path);
    }
}
