//! A run: what was agreed to, row by row. Stopped anywhere, it is simply begun again: rows that are here
//! are known by their keys.

use super::{
    Asked, ImportError, Parts, preview,
    values::{self, Source},
};
use crate::{
    desk::{Caller, Desk},
    error::DeskError,
};
use motcua_core::id::Hash;
use motcua_intake::judge::{Judged, Totals};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::mpsc::{Receiver, channel},
    task::JoinSet,
};

/// Rows on their way to the disk at once: they share its syncs.
const AT_ONCE: usize = 64;
/// Refusals that are shown.
const SHOWN: usize = 200;
/// Files whose name and size are remembered for progress.
const REMEMBERED: usize = 64;

/// Imports of this machine: one at a time.
#[derive(Debug)]
pub(crate) struct Imports {
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<Hash, String>,
    rows: HashMap<String, u32>,
    run: Option<Progress>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Progress {
    /// `running`, `done` or `failed`.
    state: &'static str,
    file: String,
    agreement: String,
    /// Rows of the file, if a preview counted them.
    of: Option<u32>,
    /// Rows that were judged.
    read: u32,
    /// Dossiers that are on disk.
    written: u32,
    /// Totals, once all rows were judged.
    totals: Option<Totals>,
    /// Rows that the desk refused in the end.
    refused: u32,
    /// Some of them.
    refusals: Vec<Value>,
    /// Why it failed.
    error_vi: Option<String>,
    error_en: Option<String>,
}

impl Imports {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { dir: data_dir.join("imports"), state: Mutex::default() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn named(&self, file: Hash, name: &str) {
        let mut state = self.lock();
        if state.names.len() >= REMEMBERED {
            state.names.clear();
        }
        state.names.insert(file, name.to_owned());
    }

    pub(super) fn counted(&self, agreement: &str, rows: u32) {
        let mut state = self.lock();
        if state.rows.len() >= REMEMBERED {
            state.rows.clear();
        }
        state.rows.insert(agreement.to_owned(), rows);
    }

    pub(super) fn progress(&self) -> Value {
        match &self.lock().run {
            Some(run) => json!(run),
            None => json!({ "state": "none" }),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        if let Some(run) = &mut self.lock().run {
            change(run);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only one at a time.
    fn begin(&self, file: &str, agreement: &str) -> Result<(), ImportError> {
        let mut state = self.lock();
        if state.run.as_ref().is_some_and(|run| run.state == "running") {
            return Err(ImportError::Running);
        }
        let of = state.rows.get(agreement).copied();
        state.run = Some(Progress {
            state: "running",
            file: file.into(),
            agreement: agreement.into(),
            of,
            ..Progress::default()
        });
        Ok(())
    }
}

/// Begins a run of what was agreed to.
pub(super) async fn start(
    desk: &Arc<Desk>,
    imports: &Arc<Imports>,
    asked: Asked,
    clerk: String,
) -> Result<Value, DeskError> {
    let parts: Parts = (Arc::clone(desk), Arc::clone(imports));
    let opening = tokio::task::spawn_blocking(move || {
        let (list, mapping, agreement) = preview::list(&parts.0, &parts.1, &asked)?;
        Ok::<_, ImportError>((list, mapping, agreement, asked, parts))
    });
    let (mut list, mapping, agreement, asked, parts) =
        opening.await.map_err(|_| DeskError::Busy)??;
    if asked.agreed != agreement {
        return Err(ImportError::NotAgreed(agreement).into());
    }
    let file = asked.hash()?;
    let name = imports.lock().names.get(&file).cloned().unwrap_or_default();
    let sheet = list.about().sheet.clone();
    let source = Source { file, name, sheet, without_code: mapping.without_code };
    imports.begin(&asked.file, &agreement)?;
    tracing::info!(file = %asked.file, %clerk, "an import begins");
    tokio::spawn(async move {
        let (desk, imports) = parts;
        let (rows, waiting) = channel::<Judged>(AT_ONCE);
        let (judging_desk, judging_imports) = (Arc::clone(&desk), Arc::clone(&imports));
        let judging = tokio::task::spawn_blocking(move || {
            list.judge(&*judging_desk, |judged| {
                judging_imports.change(|run| run.read += 1);
                let gone = judged.verdict.makes_one() && rows.blocking_send(judged).is_err();
                if gone { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        let caller = Caller { clerk, ..Caller::default() };
        let written = write(&desk, &imports, waiting, &source, &caller).await;
        let judged = match judging.await {
            Ok(judged) => judged.map_err(preview::desk_error),
            Err(_) => Err(DeskError::Busy),
        };
        desk.settled().await;
        let ended = written.and(judged);
        imports.change(|run| match ended {
            Ok(totals) => (run.state, run.totals) = ("done", Some(totals)),
            Err(error) => {
                run.state = "failed";
                (run.error_vi, run.error_en) = (Some(error.vi()), Some(error.to_string()));
            }
        });
        tracing::info!(progress = %imports.progress(), "an import ended");
    });
    Ok(imports.progress())
}

/// Writes rows as they come; ends at the first that the disk refuses.
async fn write(
    desk: &Arc<Desk>,
    imports: &Imports,
    mut rows: Receiver<Judged>,
    source: &Source,
    caller: &Caller,
) -> Result<(), DeskError> {
    let mut writing: JoinSet<(u32, Result<(), DeskError>)> = JoinSet::new();
    let mut more = true;
    while more || !writing.is_empty() {
        tokio::select! {
            row = rows.recv(), if more && writing.len() < AT_ONCE => match row {
                None => more = false,
                Some(judged) => {
                    let (desk, caller) = (Arc::clone(desk), caller.clone());
                    let new = values::taken_over(&judged, source);
                    let row = judged.record.row;
                    writing.spawn(async move {
                        (row, desk.take_over(new, &caller).await.map(|_| ()))
                    });
                }
            },
            Some(done) = writing.join_next(), if !writing.is_empty() => {
                let (row, done) = done.map_err(|_| DeskError::Busy)?;
                match done {
                    Ok(()) => imports.change(|run| run.written += 1),
                    Err(error @ (DeskError::Save(_) | DeskError::Store(_))) => return Err(error),
                    Err(error) => imports.change(|run| {
                        run.refused += 1;
                        if run.refusals.len() < SHOWN {
                            let (vi, en) = (error.vi(), error.to_string());
                            run.refusals.push(json!({ "row": row, "vi": vi, "en": en }));
                        }
                    }),
                }
            }
        }
    }
    Ok(())
}
