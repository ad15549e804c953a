//! Papers of a dossier in one cell, one a line: `2 bản sao: Giấy khai sinh`.

use crate::{
    cell::Cell,
    finding::{Reading, stop},
};
use motcua_dossier::fact::Paper;

/// Papers as they stand in a cell.
pub fn papers_text(papers: &[Paper]) -> String {
    let line = |paper: &Paper| {
        let form = if paper.form == "copy" { "bản sao" } else { "bản chính" };
        format!("{} {form}: {}", paper.count, paper.name)
    };
    papers.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The papers that a cell lists.
pub fn papers(text: &str) -> Option<Vec<Paper>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (about, name) = line.split_once(": ")?;
            let (count, form) = about.split_once(' ')?;
            let form = match form {
                "bản sao" => "copy",
                "bản chính" => "original",
                _ => return None,
            };
            Some(Paper { name: name.trim().into(), form: form.into(), count: count.parse().ok()? })
        })
        .collect()
}

pub(super) fn read(cell: &Cell) -> Reading {
    let text = cell.written();
    match papers(&text) {
        Some(papers) => Reading::of(papers_text(&papers)),
        None => Reading::stopped(stop(
            "papers.form",
            "hãy ghi mỗi dòng một giấy tờ: “2 bản sao: Giấy khai sinh”",
            "write one paper a line: “2 bản sao: Giấy khai sinh”",
        )),
    }
}
