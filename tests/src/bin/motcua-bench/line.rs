//! The benchmark's lines as a clerk's actions.

use anyhow::Context;
use motcua_dossier::{
    fact::{Applicant, Paper},
    state::State,
};
use motcua_node::desk::NewDossier;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
};

/// Reads lines `from..from + count`, each when it is asked for: the workload's own memory is not
/// what is measured.
pub(crate) fn lines(
    path: &Value,
    from: usize,
    count: usize,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Value>> + use<>> {
    let path = Path::new(path.as_str().context("a path")?);
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let lines = BufReader::new(file).lines().skip(from).take(count);
    Ok(lines.map(|line| Ok(serde_json::from_str(&line?)?)))
}

/// The benchmark's name of a dossier.
pub(crate) fn name(line: &Value) -> String {
    line["id"].as_str().unwrap_or_default().to_owned()
}

/// A new dossier with all of the line's fields: what has no field of its own stands in the request
/// as it came.
pub(crate) fn registration(line: &Value) -> NewDossier {
    let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
    let papers = line["thanh_phan"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rest: Vec<String> = [
        "id",
        "ma_ho_so",
        "gioi_tinh",
        "tiep_nhan_luc",
        "hen_tra_luc",
        "can_bo",
        "don_vi",
        "kenh",
        "da_thanh_toan",
        "muc_do",
        "uu_tien",
        "ghi_chu",
        "phien_ban",
    ]
    .iter()
    .map(|field| format!("{field}={}", line[field]))
    .collect();
    NewDossier {
        procedure: text("ma_thu_tuc"),
        applicant: Applicant {
            name: text("chu_ho_so"),
            id_number: text("cccd"),
            birth_date: Some(text("ngay_sinh")),
            phone: text("dien_thoai"),
            address: text("dia_chi"),
            email: text("email"),
            ..Applicant::default()
        },
        request: rest.join("; "),
        papers: papers
            .iter()
            .map(|paper| Paper {
                name: paper["ten"].as_str().unwrap_or_default().into(),
                form: if paper["ban"] == "Bản chính" { "original" } else { "copy" }.into(),
                count: paper["sl"].as_u64().unwrap_or(1) as u32,
            })
            .collect(),
        due: None,
        fee: line["le_phi"].as_u64(),
        // The workload brings its codes; 10,000 in one day are more than four digits can number.
        code: Some(text("ma_ho_so")),
        on_paper: None,
    }
}

/// What an event does: a step of the life cycle where the event's number stands for one, else a
/// remark; clerk and text either way.
pub(crate) struct Event {
    pub(crate) clerk: String,
    pub(crate) text: String,
    pub(crate) to: Option<State>,
}

pub(crate) fn event(line: &Value) -> Event {
    let event = &line["event"];
    let to = match event["k"].as_u64() {
        Some(1 | 3) => Some(State::InProcess),
        Some(2) => Some(State::Supplement),
        Some(5) => Some(State::Finished),
        Some(6) => Some(State::Returned),
        _ => None,
    };
    let text = |field: &str| event[field].as_str().unwrap_or_default();
    Event {
        clerk: text("can_bo").into(),
        text: format!("{} {}: {}", text("luc"), text("tt"), text("nd")),
        to,
    }
}
