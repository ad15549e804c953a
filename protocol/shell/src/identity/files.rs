//! Reading and replacing single files so that a power cut leaves the old or the new one.

use super::{IdentityError, damaged};
use crate::private;
use motcua_core::{key::SecretKey, limits};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};
use zeroize::Zeroizing;

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

pub(super) fn write(file: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    private::write(file, bytes).map_err(|source| not_written(file, source))
}

pub(super) fn create_folder(folder: &Path) -> Result<(), IdentityError> {
    private::create_folder(folder).map_err(|source| not_written(folder, source))
}

fn not_written(file: &Path, source: io::Error) -> IdentityError {
    IdentityError::Io { file: file.to_owned(), did: "written", source }
}

/// A file a power cut left half written beside the good one; it may hold a secret.
pub(super) fn remove_remains(folder: &Path) {
    for name in ["device.key", "issuer.key", "binding", "tls-chain", "trust"] {
        // If it cannot be removed it does no harm: the next write replaces it.
        let _ = fs::remove_file(private::beside(&folder.join(name)));
    }
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
