//! Attaching files of the scanner's folder, one after the other: read and stored as a scan that was sent, written
//! into the dossier, and only then moved away. Each is answered by itself.

use super::{
    FolderError, disk, folder, judge, limits, unfit,
    watch::{Seen, Watch},
};
use crate::{
    api::{self, Api, Body, by_clerk, one_of_many, read},
    desk::Caller,
    error::DeskError,
};
use axum::{Json, extract::State as Extract, http::HeaderMap};
use motcua_core::{
    id::{DossierId, Hash},
    record::{Record, ScanEvent},
};
use motcua_dossier::{
    asked,
    attachment::{Scanned, attach as attach_scan, attachments},
    fact::Fact,
};
use motcua_shell::scans::{Stored, Upload};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::timeout;

/// Bytes that are read at once.
const FRAME: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attach {
    dossier: String,
    files: Vec<String>,
    /// Id of the paper that they are scans of.
    #[serde(default)]
    paper: String,
}

/// Answered when every file was attached or refused.
pub(super) async fn attach(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (asked, caller): (Attach, _) = by_clerk(&headers, "scan-folder/attached", &body)?;
    let said: Value = read(&body)?;
    let typed = said["clerk"].as_str().unwrap_or_default().to_owned();
    let watch = folder(&api)?;
    if asked.files.is_empty() || asked.files.len() > limits::AT_ONCE {
        let why = format!("must name 1 to {} files", limits::AT_ONCE);
        return Err(DeskError::Field { field: "files".into(), why });
    }
    let id = api::dossier_id(&asked.dossier)?;
    api.desk.brought_back(id).await?;
    api.desk.facts_saved(id).await?;
    let (mut attached, mut refused) = (Vec::new(), Vec::new());
    for file in &asked.files {
        let caller = match caller.request {
            Some(_) => one_of_many(&headers, "scan-folder/attached", &said, typed.clone(), file)?,
            None => Caller { clerk: caller.clerk.clone(), ..caller.clone() },
        };
        let work = One { api: &api, watch, id, paper: &asked.paper, caller };
        match work.attach(file).await {
            Ok(line) => attached.push(line),
            Err(error) => refused.push(json!({ "file": file, "error": error.told() })),
        }
    }
    api.desk.settled().await;
    Ok(Json(json!({ "attached": attached, "refused": refused })))
}

/// One file on its way into a dossier.
struct One<'a> {
    api: &'a Api,
    watch: &'a Arc<Watch>,
    id: DossierId,
    paper: &'a str,
    caller: Caller,
}

impl One<'_> {
    async fn attach(&self, file: &str) -> Result<Value, DeskError> {
        let _turn =
            timeout(limits::PATIENCE, self.watch.turn.lock()).await.map_err(|_| DeskError::Busy)?;
        // The same request again, also where its file has gone away meanwhile, as it should.
        if let Some(key) = self.caller.request.as_ref().map(|one| one.asked.key.clone()) {
            let facts = self.api.desk.facts_saved(self.id).await?;
            let done = asked::requests(&facts).filter(|(_, asked)| asked.key == key).last();
            if let Some((act, _)) = done
                && let Some((fact, scan)) = attachments(&facts).find(|(fact, _)| *fact == act.id)
            {
                let moved = match self.watch.find(file).await {
                    Some(seen) => self.put_away(seen).await,
                    None => Ok(()),
                };
                return Ok(line(file, &scan.name, (fact, &scan.hash), true, moved));
            }
        }
        let seen = self.watch.find(file).await.ok_or(FolderError::Gone)?;
        if seen.verdict.media().is_none() {
            return Err(unfit(&seen).into());
        }
        let name = judge::shown(&seen.entry.name);
        let stored = self.store(&seen, &name).await?;
        let (fact, again) = self.write(stored, &name).await?;
        // From here on it stands in the dossier, whatever becomes of the file.
        let moved = self.put_away(seen).await;
        Ok(line(file, &name, (&fact, &stored.hash.to_string()), again, moved))
    }

    /// Reads the file into the vault; it is durable there when this returns.
    async fn store(&self, seen: &Seen, name: &str) -> Result<Stored, DeskError> {
        // Refused before the file is read: a paper that is none, too many scans.
        let facts = self.api.desk.facts(self.id)?;
        let probe = Stored { hash: Hash::ZERO, size: 1, media: motcua_core::scan::Media::Pdf };
        attach_scan(&facts, self.scanned(probe, name), Default::default())?;
        let (engine, dir, entry) =
            (Arc::clone(self.api.desk.engine()), self.watch.dir().to_owned(), seen.entry.clone());
        let reading = tokio::task::spawn_blocking(move || -> Result<Stored, DeskError> {
            let file = disk::open(&dir, &entry).map_err(|_| FolderError::Gone)?;
            let mut upload: Upload = engine.scans().upload()?;
            let (mut buffer, mut at) = (vec![0; FRAME], 0);
            loop {
                // Whatever is wrong with the scanner's folder is no fault of this machine's disk.
                let got = disk::read_at(&file, &mut buffer, at).map_err(|_| FolderError::Silent)?;
                if got == 0 {
                    break;
                }
                upload.write(&buffer[..got])?;
                at += got as u64;
            }
            // What was read is what was shown, not half of it and half of the next one.
            disk::still(&file, &entry).map_err(|_| FolderError::Gone)?;
            if at != entry.stamp.size {
                return Err(FolderError::Gone.into());
            }
            Ok(upload.finish()?)
        });
        reading.await.map_err(|_| DeskError::Busy)?
    }

    /// Writes it into the dossier, unless it stands there; the id of the fact, and whether it stood there.
    async fn write(&self, stored: Stored, name: &str) -> Result<(String, bool), DeskError> {
        let hash = stored.hash.to_string();
        let here = ScanEvent::Here { size: stored.size };
        let before = vec![Record::Scan { hash: stored.hash, event: here }];
        let make = |facts: &[Fact], act| {
            // Under the own log's lock: what stands there by now counts.
            if standing(facts, &hash).is_some() {
                return Err(DeskError::Repeated(self.id));
            }
            Ok(attach_scan(facts, self.scanned(stored, name), act)?)
        };
        let done = self
            .api
            .desk
            .act_after(before, self.id, self.caller.clone(), String::new(), make)
            .await;
        let again = match done {
            Ok(_) => false,
            Err(DeskError::Repeated(_)) => true,
            Err(error) => return Err(error),
        };
        let facts = self.api.desk.facts_saved(self.id).await?;
        let fact = standing(&facts, &hash).ok_or_else(|| DeskError::NoScan(hash.clone()))?;
        Ok((fact.to_owned(), again))
    }

    fn scanned(&self, stored: Stored, name: &str) -> Scanned {
        let Stored { hash, size, media } = stored;
        Scanned { name: name.to_owned(), media, size, hash, paper: self.paper.to_owned() }
    }

    async fn put_away(&self, seen: Seen) -> Result<(), String> {
        let dir = self.watch.dir().to_owned();
        let moving = tokio::task::spawn_blocking(move || disk::put_away(&dir, &seen.entry));
        let moved = timeout(limits::PATIENCE, moving).await;
        self.watch.forget();
        match moved {
            Ok(Ok(moved)) => moved.map_err(|error| error.to_string()),
            Ok(Err(_)) | Err(_) => Err("timed out".into()),
        }
    }
}

/// The attachment with these bytes.
fn standing<'a>(facts: &'a [Fact], hash: &str) -> Option<&'a str> {
    attachments(facts).find(|(_, scan)| scan.hash == hash).map(|(fact, _)| fact)
}

fn line(
    file: &str,
    name: &str,
    (fact, hash): (&str, &str),
    again: bool,
    moved: Result<(), String>,
) -> Value {
    let (vi, en) = match (&moved, again) {
        (Ok(()), false) => {
            (format!("Đã lưu {name} vào hồ sơ."), format!("{name} is saved in the dossier."))
        }
        (Ok(()), true) => (
            format!("{name} đã có trong hồ sơ từ trước; không thêm lần nữa."),
            format!("{name} was in the dossier already; it is not added again."),
        ),
        (Err(why), _) => (
            format!(
                "Đã lưu {name} vào hồ sơ, nhưng tệp chưa chuyển được vào {} ({why}); tệp còn trong thư mục máy quét.",
                disk::AWAY
            ),
            format!(
                "{name} is saved in the dossier, but its file could not be moved to {} ({why}); it is still in the \
                 scanner's folder.",
                disk::AWAY
            ),
        ),
    };
    json!({
        "file": file,
        "name": name,
        "id": fact,
        "hash": hash,
        "saved": true,
        "again": again,
        "moved": moved.is_ok(),
        "words_vi": vi,
        "words_en": en,
    })
}
