//! Scans as a client attaches them and looks at them, and as they lie on a disk.

use crate::{
    http::{Answer, Client},
    seed::Seed,
};
use serde_json::Value;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Bytes of a megabyte.
pub const MEGABYTE: usize = 1 << 20;

/// Bytes of an invented PDF.
pub fn scan(seed: &mut Seed, size: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    while bytes.len() < size {
        bytes.extend((seed.below(1 << 30) as u32).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Path of a dossier's scans in the API.
pub fn attachments(id: &str) -> String {
    format!("/api/v1/dossiers/{id}/attachments")
}

/// Attaches one; the answer as it came.
///
/// # Errors
/// When nothing answered.
pub fn attach(client: Client, id: &str, name: &str, bytes: &[u8], key: &str) -> io::Result<Answer> {
    let path = format!("{}?name={name}&clerk=H", attachments(id));
    client.send("POST", &path, &[("idempotency-key", key)], bytes)
}

/// The line of a scan in its dossier's list; null where there is none.
pub fn line(client: Client, id: &str, hash: &str) -> Value {
    let Ok(list) = client.get(&attachments(id)) else { return Value::Null };
    let lines = list.json()["attachments"].as_array().cloned().unwrap_or_default();
    lines.into_iter().find(|line| line["hash"] == hash).unwrap_or_default()
}

/// A scan's file below a folder of data or of a copy.
pub fn file(data: &Path, hash: &str) -> PathBuf {
    data.join("attachments").join(&hash[..2]).join(&hash[2..4]).join(hash)
}

/// Whether it lies there whole.
pub fn holds(data: &Path, hash: &str) -> bool {
    fs::read(file(data, hash)).is_ok_and(|bytes| blake3::hash(&bytes).to_hex().as_str() == hash)
}

/// Value of a metric; zero where there is none.
pub fn metric(client: Client, name: &str) -> f64 {
    let Ok(answer) = client.get("/metrics") else { return 0.0 };
    let text = answer.text();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    found.unwrap_or_default()
}

/// Changes a file behind everybody's back and leaves its times as they were.
///
/// # Errors
/// What the system says.
pub fn spoil(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
    let before = fs::metadata(path)?.modified()?;
    let mut bytes = fs::read(path)?;
    change(&mut bytes);
    fs::write(path, bytes)?;
    fs::OpenOptions::new().write(true).open(path)?.set_modified(before)
}
