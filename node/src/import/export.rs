//! Everything this office holds, as a list.

use super::ImportError;
use crate::{api::Api, desk::Desk, error::DeskError};
use axum::{
    extract::{Query, State as Extract},
    http::header,
    response::{IntoResponse, Response},
};
use motcua_core::{
    id::DossierId,
    state::{Key, Kv},
};
use motcua_intake::export::Export;
use motcua_shell::{carry::http::file_body, engine::random};
use serde::Deserialize;
use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Read, Seek},
    path::Path,
    sync::Arc,
};

/// Dossiers read at a time.
const PAGE: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Xlsx,
    Csv,
}

/// The list as a file to be kept.
pub(super) async fn give(
    Extract(api): Extract<Api>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, DeskError> {
    api.desk.whole()?;
    api.desk.settled().await;
    let (desk, dir) = (Arc::clone(&api.desk), api.imports.dir().to_owned());
    let writing = tokio::task::spawn_blocking(move || write(&desk, &dir, wanted.format));
    let file = writing.await.map_err(|_| DeskError::Busy)??;
    let (media, name) = match wanted.format {
        Format::Csv => ("text/csv; charset=utf-8", "ho-so.csv"),
        Format::Xlsx => {
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "ho-so.xlsx")
        }
    };
    let length = file.metadata().map_err(ImportError::from)?.len();
    let shown = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, media.to_owned()),
        (header::CONTENT_DISPOSITION, shown),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, file_body(file, length, |file, buffer| file.read(buffer))).into_response())
}

/// Writes it into a file that has no name any more.
fn write(desk: &Desk, dir: &Path, format: Format) -> Result<File, DeskError> {
    let mut file = nameless(dir)?;
    let out = BufWriter::new(file.try_clone().map_err(ImportError::from)?);
    let made = match format {
        Format::Csv => Export::csv(out),
        Format::Xlsx => Export::xlsx(out, dir),
    };
    let mut export = made.map_err(ImportError::from)?;
    let mut after = Key::Summary(DossierId::ZERO).bytes();
    let end = Key::Summary(DossierId([0xff; DossierId::LEN])).bytes();
    loop {
        let page = desk.engine().books().range(&after, &end, PAGE)?;
        let Some((last, _)) = page.last() else { break };
        after = [last.as_slice(), &[0]].concat();
        for (key, _) in &page {
            let id = DossierId::from_slice(&key[1..]);
            if let Some(id) = id
                && let Some(values) = desk.values_of(id)?
            {
                export.row(&values).map_err(ImportError::from)?;
            }
        }
    }
    export.finish().map_err(ImportError::from)?;
    file.rewind().map_err(ImportError::from)?;
    Ok(file)
}

fn nameless(dir: &Path) -> Result<File, ImportError> {
    fs::create_dir_all(dir)?;
    let name: String = random::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = dir.join(format!("{name}.part"));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}
