//! What a program without a journal would do: writes keys to sled, flushes, and says which are saved;
//! or says which it finds. `tests/sled.rs` cuts its power.
#![allow(clippy::print_stdout)]

use std::path::Path;

/// Bytes of a value: a change of a dossier.
const VALUE: usize = 400;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, verb, folder] = arguments.as_slice() else {
        anyhow::bail!("usage: sled-flush write|read FOLDER");
    };
    match verb.as_str() {
        "write" => write(Path::new(folder)),
        _ => read(Path::new(folder)),
    }
}

fn write(folder: &Path) -> anyhow::Result<()> {
    let db = sled::Config::new().path(folder).open()?;
    for number in 0u32.. {
        db.insert(number.to_be_bytes(), vec![number as u8; VALUE])?;
        db.flush()?;
        println!("{number}");
    }
    Ok(())
}

fn read(folder: &Path) -> anyhow::Result<()> {
    let db = sled::Config::new().path(folder).open()?;
    for pair in db.iter() {
        let (key, value) = pair?;
        let number = u32::from_be_bytes(key.as_ref().try_into()?);
        anyhow::ensure!(value.as_ref() == vec![number as u8; VALUE], "{number} has other bytes");
        println!("{number}");
    }
    Ok(())
}
