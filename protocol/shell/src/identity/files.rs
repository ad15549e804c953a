//! Reading and replacing single files so that a power cut leaves the old or the new one.

use super::{IdentityError, damaged};
use motcua_core::{key::SecretKey, limits};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const SUFFIX: &str = ".new";

/// A bounded read: a file that grew without end must not take the memory.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, IdentityError> {
    let limit = limits::TRUST_BYTES as u64;
    let mut bytes = Vec::new();
    File::open(file).and_then(|opened| opened.take(limit + 1).read_to_end(&mut bytes)).map_err(
        |source| match source.kind() {
            io::ErrorKind::NotFound => IdentityError::Missing { file: file.to_owned() },
            _ => IdentityError::Io { file: file.to_owned(), did: "read", source },
        },
    )?;
    if bytes.len() as u64 > limit {
        return Err(damaged(file, &format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

pub(super) fn read_key(file: &Path) -> Result<SecretKey, IdentityError> {
    let text = Zeroizing::new(read(file)?);
    let seed = unhex(text.trim_ascii())
        .ok_or_else(|| damaged(file, &"it is not a key of 64 hexadecimal digits"))?;
    Ok(SecretKey::from_seed(*seed))
}

pub(super) fn write_key(file: &Path, key: &SecretKey) -> Result<(), IdentityError> {
    let digits = b"0123456789abcdef";
    let mut text = Zeroizing::new(Vec::with_capacity(65));
    for byte in key.seed().iter() {
        text.push(digits[usize::from(byte >> 4)]);
        text.push(digits[usize::from(byte & 15)]);
    }
    text.push(b'\n');
    write(file, &text)
}

/// Written beside (mode 0600), synced, renamed, folder synced.
pub(super) fn write(file: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    let replace = || -> io::Result<()> {
        let beside = beside(file);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut new = options.open(&beside)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        fs::rename(&beside, file)?;
        sync_folder(file)
    };
    replace().map_err(|source| IdentityError::Io { file: file.to_owned(), did: "written", source })
}

/// Makes the folder (mode 0700) and those above it.
pub(super) fn create_folder(folder: &Path) -> Result<(), IdentityError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| sync_folder(folder))
        .map_err(|source| IdentityError::Io { file: folder.to_owned(), did: "written", source })
}

/// A file a power cut left half written beside the good one; it may hold a secret.
pub(super) fn remove_remains(folder: &Path) {
    for name in ["device.key", "issuer.key", "binding", "tls-chain", "trust"] {
        // If it cannot be removed it does no harm: the next write replaces it.
        let _ = fs::remove_file(beside(&folder.join(name)));
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

fn sync_folder(of: &Path) -> io::Result<()> {
    let parent = of.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn unhex(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut seed = Zeroizing::new([0; 32]);
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in seed.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(seed)
}
