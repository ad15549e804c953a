//! What would become of each row. Nothing is written.

use super::{Asked, ImportError, files, run::Imports};
use crate::{desk::Desk, error::DeskError};
use motcua_dossier::local;
use motcua_intake::{
    judge::{JudgeError, Judged, List, Verdict},
    mapping::Mapping,
};
use motcua_shell::clock::Clock;
use serde_json::{Value, json};
use std::{fs::File, ops::ControlFlow, sync::Arc};

/// Rows of one answer.
const ROWS: usize = 200;
/// Most of them.
const MOST: usize = 2_000;

/// Opens the list that is asked for.
pub(super) fn list(
    desk: &Desk,
    imports: &Imports,
    asked: &Asked,
) -> Result<(List<File>, Mapping, String), ImportError> {
    let hash = asked.hash()?;
    let (file, mapping) = (files::open(imports, hash)?, asked.mapping()?);
    let now = local::of_millis(desk.engine().clock().wall().0).unwrap_or_default();
    let procedures = desk.procedures().to_vec();
    let list = List::open(file, mapping.clone(), asked.choices(), procedures, now)?;
    let agreement = list.agreement(hash);
    Ok((list, mapping, agreement))
}

/// The same of a judgement's error.
pub(super) fn desk_error(error: JudgeError<DeskError>) -> DeskError {
    match error {
        JudgeError::Read(error) => ImportError::Read(error).into(),
        JudgeError::Known(error) => error,
    }
}

/// Judges the whole file, and shows some rows.
pub(super) async fn look(
    desk: &Arc<Desk>,
    imports: &Arc<Imports>,
    asked: Asked,
) -> Result<Value, DeskError> {
    let (desk, imports) = (Arc::clone(desk), Arc::clone(imports));
    let looking = tokio::task::spawn_blocking(move || {
        let (mut list, _, agreement) = list(&desk, &imports, &asked)?;
        let shown = list.shown().map_err(ImportError::from)?;
        let (remarks, columns, header) = (list.remarks(), list.columns(), list.header());
        let headers = list.headers();
        let about = list.about().clone();
        let (limit, mut rows, mut more) =
            (asked.limit.unwrap_or(ROWS).min(MOST), Vec::new(), false);
        let totals = list
            .judge(&*desk, |judged| {
                if judged.record.row > asked.after && wanted(&asked.verdict, judged.verdict) {
                    if rows.len() < limit {
                        rows.push(line(&judged));
                    } else {
                        more = true;
                    }
                }
                ControlFlow::Continue(())
            })
            .map_err(desk_error)?;
        imports.counted(&agreement, totals.read);
        let words_vi = format!(
            "{} dòng: nhập {} (trong đó {} cần xem lại), đã có {}, dừng {}, ẩn {}.",
            totals.read, totals.taken, totals.warned, totals.known, totals.stopped, totals.hidden
        );
        let words_en = format!(
            "{} rows: {} to be taken ({} of them to be looked at), {} here already, {} stopped, {} hidden.",
            totals.read, totals.taken, totals.warned, totals.known, totals.stopped, totals.hidden
        );
        Ok(json!({
            "agreement": agreement,
            "file": asked.file,
            "format": about.format,
            "sheet": about.sheet,
            "sheets": about.sheets,
            "separator": about.separator,
            "header": header,
            "columns": columns,
            "headers": headers,
            "readings": shown,
            "remarks": remarks,
            "totals": totals,
            "words_vi": words_vi,
            "words_en": words_en,
            "rows": rows,
            "more": more,
        }))
    });
    looking.await.map_err(|_| DeskError::Busy)?
}

/// `open` are those that a person has to look at.
fn wanted(asked: &str, verdict: Verdict) -> bool {
    match asked {
        "taken" => verdict == Verdict::Taken,
        "warned" => verdict == Verdict::Warned,
        "stopped" => verdict == Verdict::Stopped,
        "hidden" => verdict == Verdict::Hidden,
        "known" => verdict == Verdict::Known,
        "open" => matches!(verdict, Verdict::Warned | Verdict::Stopped | Verdict::Hidden),
        _ => true,
    }
}

/// A row as it is shown.
pub(super) fn line(judged: &Judged) -> Value {
    let record = &judged.record;
    json!({
        "row": record.row,
        "verdict": judged.verdict,
        "hidden": record.hidden,
        "values": record.values,
        "written": record.written,
        "others": record.others,
        "findings": record.findings,
    })
}
