//! What a program without a journal would do: writes keys to sled, flushes, and says which are saved;
//! or says which it finds. `tests/sled.rs` cuts its power. To compare, one verb syncs all files itself.
#![allow(clippy::print_stdout)]

use std::path::Path;

/// Bytes of a value: a change of a dossier.
const VALUE: usize = 400;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, verb, folder] = arguments.as_slice() else {
        anyhow::bail!("usage: sled-flush write|write-synced|read FOLDER");
    };
    match verb.as_str() {
        "write" => write(Path::new(folder), false),
        "write-synced" => write(Path::new(folder), true),
        _ => read(Path::new(folder)),
    }
}

fn write(folder: &Path, synced: bool) -> anyhow::Result<()> {
    let db = sled::Config::new().path(folder).open()?;
    for number in 0u32.. {
        db.insert(number.to_be_bytes(), vec![number as u8; VALUE])?;
        db.flush()?;
        if synced {
            sync(folder)?;
            // Its own name stands in the folder above.
            std::fs::File::open(folder.parent().unwrap_or(folder))?.sync_all()?;
        }
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

/// Every file of a folder and the folder itself, as nobody would do at every save.
fn sync(folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync(&entry.path())?,
            false => match std::fs::File::open(entry.path()) {
                // A snapshot that gave way to the next.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                file => file?.sync_all()?,
            },
        }
    }
    Ok(std::fs::File::open(folder)?.sync_all()?)
}
