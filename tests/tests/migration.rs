//! Old lists in, everything out, through the shipped programs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    binaries::Binaries,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const P03: &[u8] = include_bytes!("../../node/intake/tests/data/p03-so-giay.csv");
const P06: &[u8] = include_bytes!("../../node/intake/tests/data/p06-dinh-danh.csv");

/// Runs the node's program on a place; gives the exit code and its JSON.
fn program(city: &mut City, code: &str, verb: &[&str], rest: &[&str]) -> (i32, Value) {
    let programs = Binaries::ready().unwrap();
    let config = city.site(code).data.join("node.toml");
    let output = Command::new(&programs.node)
        .args(verb)
        .arg("--json")
        .arg("--config")
        .arg(config)
        .args(rest)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answer = serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!("{code} {verb:?} {rest:?}: {text} {}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code().unwrap(), answer)
}

fn preview(city: &mut City, code: &str, file: &Path, rest: &[&str]) -> (i32, Value) {
    let rest = [&[file.to_str().unwrap()], rest].concat();
    program(city, code, &["import", "preview"], &rest)
}

/// Agrees to what a preview shows.
fn run(city: &mut City, code: &str, file: &Path, rest: &[&str]) -> (i32, Value) {
    let (_, seen) = preview(city, code, file, rest);
    let agreed = seen["agreement"].as_str().unwrap();
    let rest = [&[file.to_str().unwrap(), "--agreed", agreed], rest].concat();
    program(city, code, &["import", "run"], &rest)
}

fn export(city: &mut City, code: &str, file: &Path) {
    let (exit, said) = program(city, code, &["export"], &[file.to_str().unwrap()]);
    assert_eq!(exit, 0, "{said}");
}

fn dossiers(desk: &Desk, q: &str) -> Vec<Value> {
    let path = format!("/api/v1/dossiers?limit=200&q={q}");
    desk.client.get(&path).unwrap().json()["dossiers"].as_array().unwrap().clone()
}

fn written(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = dir.join(name);
    fs::write(&file, bytes).unwrap();
    file
}

#[test]
fn a_list_is_looked_at_agreed_to_taken_once_and_comes_out_as_it_is() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (here, there, dir) = (WARDS_1[0], WARDS_1[1], city.dir.clone());
    let desk = Desk::new(city.site(here).process.client());
    let file = written(&dir, "p06.csv", P06);

    // Nothing is written by a look, nor by agreeing to something else.
    let (exit, seen) = preview(&mut city, here, &file, &[]);
    assert_eq!(exit, 3, "{seen}");
    assert_eq!((&seen["totals"]["read"], &seen["totals"]["taken"]), (&json!(13), &json!(7)));
    let agreed = seen["agreement"].as_str().unwrap().to_owned();
    let name = file.to_str().unwrap();
    let other = ["--agreed", &agreed, "--accept", "id.short"];
    let (exit, said) =
        program(&mut city, here, &["import", "run"], &[&[name][..], &other].concat());
    assert_eq!((exit, said["error"]["code"].as_str()), (5, Some("not_agreed")), "{said}");
    assert_eq!(dossiers(&desk, "").len(), 0);

    let chosen = ["--accept", "3:id_number", "--accept", "3:phone", "--accept", "9:id_number"];
    let (exit, done) = run(&mut city, here, &file, &chosen);
    assert_eq!((exit, done["written"].as_u64()), (3, Some(9)), "{done}");
    let (exit, done) = run(&mut city, here, &file, &[]);
    assert_eq!((exit, done["written"].as_u64()), (3, Some(0)), "{done}");
    assert_eq!(done["totals"]["known"], 9);
    assert_eq!(dossiers(&desk, "").len(), 9);
    let kept = fs::read(city.site(here).data.join("imports").join(done["file"].as_str().unwrap()));
    assert_eq!(kept.unwrap(), P06, "the file is kept as it came");
    let second = dossiers(&desk, "mau%20hai").remove(0);
    let shown = desk.detail(second["id"].as_str().unwrap()).unwrap();
    assert_eq!(shown["applicant"]["id_number"], "079185001235", "{shown}");
    assert_eq!(shown["history"][0]["kind"], "taken_over");
    assert!(shown["history"][0]["text_vi"].as_str().unwrap().contains("p06.csv, dòng 3"));

    // Out, and in again: here no difference, elsewhere the same dossiers.
    let mut seed = Seed::from_env().0;
    let mut form = application(&mut seed);
    form["applicant"]["id_number"] = json!("079185004321");
    form["applicant"]["phone"] = json!("0903 123 999");
    desk.register(&fresh_key(), &form).unwrap();
    for (name, taken) in [("all.csv", 10), ("all.xlsx", 0)] {
        let out = dir.join(name);
        export(&mut city, here, &out);
        let (exit, seen) = preview(&mut city, here, &out, &[]);
        assert_eq!((exit, seen["totals"]["known"].as_u64()), (0, Some(10)), "{seen}");
        let (_, done) = run(&mut city, there, &out, &[]);
        assert_eq!(done["written"].as_u64(), Some(taken), "{name}: {done}");
        assert_eq!(done["totals"]["known"].as_u64(), Some(10 - taken), "{done}");
    }
}

#[test]
fn codes_of_a_paper_register_are_kept_and_never_given_twice() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let (here, dir) = (WARDS_1[0], city.dir.clone());
    let desk = Desk::new(city.site(here).process.client());
    let file = written(&dir, "p03.csv", P03);
    let (exit, done) = run(&mut city, here, &file, &[]);
    assert_eq!((exit, done["written"].as_u64()), (3, Some(5)), "{done}");
    let first = dossiers(&desk, "H29.30.05-261125-0001").remove(0);
    let shown = desk.detail(first["id"].as_str().unwrap()).unwrap();
    // 25 November 2026, 07:10 in Việt Nam.
    assert_eq!(shown["received"], 1_795_565_400_000_u64, "{shown}");
    assert_eq!(dossiers(&desk, "000.30.05.H29-261125-0036").len(), 1);

    // Another list with one of its codes is stopped, by the name of the dossier that has it.
    let text = "Mã hồ sơ,Họ và tên\nH29.30.05-261125-0001,Trần Mẫu Khác\n";
    let (exit, seen) = preview(&mut city, here, &written(&dir, "x.csv", text.as_bytes()), &[]);
    let said = seen["rows"][0]["findings"].to_string();
    assert!(exit == 3 && said.contains("H29.30.05-261125-0001 (Lê Thị Mẫu Một)"), "{seen}");

    // A number of today that came by a list is passed over at the counter.
    let mut seed = Seed::from_env().0;
    let issued = desk.register(&fresh_key(), &application(&mut seed)).unwrap().code;
    let (rest, number) = issued.rsplit_once('-').unwrap();
    let next: u32 = number.parse::<u32>().unwrap() + 1;
    let text = format!("Mã hồ sơ,Họ và tên\n{rest}-{next:04},Lê Mẫu Giấy\n");
    let (exit, done) = run(&mut city, here, &written(&dir, "y.csv", text.as_bytes()), &[]);
    assert_eq!((exit, done["written"].as_u64()), (0, Some(1)), "{done}");
    let issued = desk.register(&fresh_key(), &application(&mut seed)).unwrap().code;
    assert_eq!(issued, format!("{rest}-{:04}", next + 1));
}

#[test]
fn a_run_that_dies_in_the_middle_is_begun_again_and_doubles_nothing() {
    const ROWS: u64 = 4_000;
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let (here, dir) = (WARDS_1[0], city.dir.clone());
    let mut text = "Họ và tên,Số định danh,Ngày nhận\n".to_owned();
    for row in 0..ROWS {
        let (day, number) = (1 + row % 28, 79_085_000_000 + row);
        text.push_str(&format!("Lê Văn Mẫu,0{number},{day:02}/09/2026 08:00\n"));
    }
    let file = written(&dir, "many.csv", text.as_bytes());
    let client = city.site(here).process.client();
    let name = "/api/v1/import/files?name=many.csv";
    let kept = client.send("POST", name, &[], text.as_bytes()).unwrap().json();
    let mut asked = json!({ "file": kept["file"] });
    let seen = client.post("/api/v1/import/preview", &[], &asked).unwrap().json();
    assert_eq!(seen["totals"]["taken"], ROWS, "{}", seen["totals"]);
    asked["agreed"] = seen["agreement"].clone();
    let begun = client.post("/api/v1/import/run", &[], &asked).unwrap();
    assert_eq!(begun.status, 202, "{}", begun.text());
    let second = client.post("/api/v1/import/run", &[], &asked).unwrap().json();
    assert_eq!(second["error"]["code"], "import_running");
    wait_for("some rows are on disk", || {
        client.get("/api/v1/import/run").unwrap().json()["written"].as_u64().unwrap() > 300
    });
    city.site(here).process.kill().unwrap();
    city.site(here).start_ready().unwrap();

    let (exit, done) = run(&mut city, here, &file, &[]);
    assert_eq!(exit, 0, "{done}");
    let (fresh, known) = (done["written"].as_u64().unwrap(), &done["totals"]["known"]);
    let known = known.as_u64().unwrap();
    assert!(fresh + known == ROWS && known > 300 && fresh > 0, "{fresh} + {known}");
    let (exit, _) = run(&mut city, here, &file, &[]);
    assert_eq!(exit, 4, "everything is here");
    let out = dir.join("out.csv");
    export(&mut city, here, &out);
    let out = fs::read_to_string(out).unwrap();
    let numbers: Vec<&str> =
        out.lines().skip(1).map(|line| line.split("\",\"").nth(8).unwrap()).collect();
    assert_eq!(numbers.len() as u64, ROWS);
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len() as u64, ROWS, "each row once");
}
