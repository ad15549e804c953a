//! `import preview`, `import run` and `export`: the command line asks the running node, which does the
//! work.

use motcua_shell::carry::command::{Exit, Local, Outcome, Trouble, query};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    fs::File,
    io::{IsTerminal, Write as _},
    path::Path,
    thread::sleep,
    time::Duration,
};

/// Longest answer: two thousand rows with all that is to be said of them.
const ANSWER_BYTES: u64 = 64 << 20;
/// Between two looks at a run.
const LOOK: Duration = Duration::from_millis(200);

/// What is to be imported, and how.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// The list.
    pub file: Option<&'a Path>,
    /// The mapping file.
    pub mapping: Option<&'a Path>,
    /// Proposals that are accepted.
    pub accept: &'a [String],
    /// Hidden rows are taken too.
    pub hidden: bool,
    /// Who agrees.
    pub clerk: &'a str,
}

/// Sends the file and shows what would become of its rows.
pub fn preview(local: &Local, wanted: &Wanted<'_>, verdict: &str, rows: usize) -> Outcome {
    let looked = look(local, wanted, verdict, rows);
    let looked = looked.map(|mut found| {
        let stopped = found["totals"]["stopped"].as_u64().unwrap_or_default();
        let hidden = found["totals"]["hidden"].as_u64().unwrap_or_default();
        let text = words(&found);
        found["words_vi"] = json!(text.0);
        found["words_en"] = json!(text.1);
        (found, if stopped + hidden > 0 { Exit::Partly } else { Exit::Done })
    });
    local.ended(looked)
}

/// Imports what was agreed to, and waits for its end.
pub fn run(local: &Local, wanted: &Wanted<'_>, agreed: &str) -> Outcome {
    local.ended(carry_out(local, wanted, agreed))
}

/// Has everything written into a file.
pub fn export(local: &Local, format: &str, file: &Path) -> Outcome {
    let path = format!("/api/v1/export?{}", query(&[("format", format)]));
    let written = local.download(&path, file).map(|bytes| {
        let name = file.display();
        let about = json!({
            "bytes": bytes,
            "words_vi": format!("Đã ghi {name} ({bytes} byte). Tệp có dữ liệu cá nhân: giữ kín."),
            "words_en": format!("Wrote {name} ({bytes} bytes). It holds personal data: keep it closed."),
        });
        (about, Exit::Done)
    });
    local.ended(written)
}

fn look(local: &Local, wanted: &Wanted<'_>, verdict: &str, rows: usize) -> Result<Value, Trouble> {
    let mut asked = asked(local, wanted)?;
    asked["verdict"] = json!(verdict);
    asked["limit"] = json!(rows);
    post(local, "/api/v1/import/preview", &asked)
}

fn carry_out(local: &Local, wanted: &Wanted<'_>, agreed: &str) -> Result<(Value, Exit), Trouble> {
    let mut asked = asked(local, wanted)?;
    asked["agreed"] = json!(agreed);
    asked["clerk"] = json!(wanted.clerk);
    post(local, "/api/v1/import/run", &asked)?;
    let shown = std::io::stderr().is_terminal();
    let mut run = loop {
        let run = local.get("/api/v1/import/run", ANSWER_BYTES)?;
        if shown {
            let of = run["of"].as_u64().map(|of| format!(" / {of}")).unwrap_or_default();
            // Only a sign of life.
            let _ = write!(std::io::stderr(), "\r{}{of} -> {} ", run["read"], run["written"]);
        }
        if run["state"] != "running" {
            break run;
        }
        sleep(LOOK);
    };
    if shown {
        let _ = writeln!(std::io::stderr());
    }
    if run["state"] == "failed" {
        let (vi, en) = (run["error_vi"].clone(), run["error_en"].clone());
        let again = "Chạy lại cùng lệnh: dòng đã nhập không bị nhập hai lần.";
        return Err(Trouble::Refused(json!({ "error": {
            "code": "broken_off",
            "message_vi": format!("{} {again}", vi.as_str().unwrap_or_default()),
            "message_en": format!(
                "{}; run it again: rows that are here are not doubled",
                en.as_str().unwrap_or_default()
            ),
        }})));
    }
    let count = |name: &str| run["totals"][name].as_u64().unwrap_or_default();
    let number = |name: &str| run[name].as_u64().unwrap_or_default();
    let (written, refused) = (number("written"), number("refused"));
    let left = count("stopped") + count("hidden") + refused;
    let exit = match (written, left) {
        (_, 1..) => Exit::Partly,
        (0, 0) => Exit::Nothing,
        (_, 0) => Exit::Done,
    };
    let (read, known, stopped) = (count("read"), count("known"), count("stopped"));
    let hidden = count("hidden");
    let mut vi = format!(
        "{read} dòng: đã nhập {written}, đã có từ trước {known}, dừng {stopped}, ẩn {hidden}, \
         từ chối {refused}."
    );
    let mut en = format!(
        "{read} rows: {written} taken, {known} were here, {stopped} stopped, {hidden} hidden, \
         {refused} refused."
    );
    for refusal in run["refusals"].as_array().into_iter().flatten() {
        let said = |name: &str| refusal[name].as_str().unwrap_or_default().to_owned();
        let _ = write!(vi, "\n  dòng {}: {}", refusal["row"], said("vi"));
        let _ = write!(en, "\n  row {}: {}", refusal["row"], said("en"));
    }
    (run["words_vi"], run["words_en"]) = (json!(vi), json!(en));
    Ok((run, exit))
}

/// Sends the file, which may have been sent before, and what to ask of it.
fn asked(local: &Local, wanted: &Wanted<'_>) -> Result<Value, Trouble> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| Trouble::File(path.to_owned(), error))
    };
    let mapping = wanted.mapping.map(read).transpose()?.unwrap_or_default();
    let path = wanted.file.unwrap_or_else(|| Path::new(""));
    let failed = |error| Trouble::File(path.to_owned(), error);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = query(&[("name", &name.unwrap_or_default())]);
    let kept =
        local.post(&format!("/api/v1/import/files?{name}"), (&mut file, length), ANSWER_BYTES)?;
    Ok(json!({
        "file": kept["file"],
        "mapping": mapping,
        "accept": wanted.accept,
        "hidden": wanted.hidden,
    }))
}

fn post(local: &Local, path: &str, asked: &Value) -> Result<Value, Trouble> {
    let body = asked.to_string();
    local.post(path, (&mut body.as_bytes(), body.len() as u64), ANSWER_BYTES)
}

/// A preview as lines.
fn words(found: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut vi, mut en) = (text(&found["words_vi"]), text(&found["words_en"]));
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for remark in all(&found["remarks"]) {
        let _ = write!(vi, "\n{}", text(&remark["vi"]));
        let _ = write!(en, "\n{}", text(&remark["en"]));
    }
    for reading in all(&found["readings"]) {
        let _ = write!(vi, "\n{} ({}%):", text(&reading["encoding"]), reading["percent"]);
        for row in all(&reading["rows"]) {
            let cells: Vec<String> = all(&row).iter().map(text).collect();
            let _ = write!(vi, "\n  {}", cells.join(" | "));
        }
    }
    for row in all(&found["rows"]) {
        let values = &row["values"];
        let who = [&values["code"], &values["name"]].map(text).join(" ");
        for finding in all(&row["findings"]) {
            let cell = text(&finding["cell"]);
            let proposals =
                all(&finding["proposals"]).iter().map(text).collect::<Vec<_>>().join(" | ");
            let proposal =
                if proposals.is_empty() { proposals } else { format!(" -> {proposals}") };
            let start =
                format!("\n{} {} {cell} [{}]", row["row"], who.trim(), text(&finding["kind"]));
            let _ = write!(vi, "{start} {}{proposal}", text(&finding["vi"]));
            let _ = write!(en, "{start} {}{proposal}", text(&finding["en"]));
        }
    }
    let agreement = text(&found["agreement"]);
    let _ = write!(vi, "\nNếu đồng ý: motcua-node import run ... --agreed {agreement}");
    let _ = write!(en, "\nTo agree: motcua-node import run ... --agreed {agreement}");
    (vi, en)
}
