//! The folder that the office's scanner writes to, with the shipped program: what lies in it is attached once, moved
//! only behind that, and never lost, whatever is put there.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    people::{account, first_account},
    scan::{attachments, holds},
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    process::Command,
};

const AWAY: &str = "da-dinh-kem";

struct Office {
    city: City,
    desk: Desk,
    folder: PathBuf,
    id: String,
    code: String,
}

/// An office whose machine has a folder of the scanner, and a dossier there.
fn office() -> Office {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    site.stop().unwrap();
    let file = site.data.join("node.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + "[scan_folder]\npath = \"quet\"\n").unwrap();
    let folder = site.data.join("quet");
    site.start_ready().unwrap();
    let desk = Desk::new(site.process.client());
    let made = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
    Office { city, desk, folder, id: made.id, code: made.code }
}

fn pdf(text: &str) -> Vec<u8> {
    format!("%PDF-1.7\n{text}\n%%EOF\n").into_bytes()
}

impl Office {
    fn look(&self) -> Value {
        let path = format!("/api/v1/scan-folder?dossier={}", self.id);
        let answer = self.desk.client.get(&path).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// A file as it is listed, once it is in this state.
    fn listed(&self, name: &str, state: &str) -> Value {
        let mut found = Value::Null;
        wait_for(&format!("{name} is {state}"), || {
            let files = self.look()["files"].as_array().cloned().unwrap_or_default();
            let Some(file) = files.into_iter().find(|file| file["name"] == name) else {
                return false;
            };
            found = file;
            found["state"] == state
        });
        found
    }

    fn id_of(&self, name: &str) -> String {
        self.listed(name, "ready")["id"].as_str().unwrap().to_owned()
    }

    fn attach(&self, key: &str, files: &[&str]) -> Value {
        let body = json!({ "dossier": self.id, "files": files, "clerk": "H" });
        let headers = [("idempotency-key", key)];
        let answer =
            self.desk.client.post("/api/v1/scan-folder/attached", &headers, &body).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn scans(&self) -> Vec<Value> {
        let list = self.desk.client.get(&attachments(&self.id)).unwrap().json();
        list["attachments"].as_array().unwrap().clone()
    }

    fn away(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(AWAY).join(name)).ok()
    }
}

#[test]
fn a_file_is_attached_once_and_moved_only_then_over_kills_and_repeats() {
    let mut office = office();
    assert_eq!(office.look()["state"], "missing", "the share is not there");
    fs::create_dir(&office.folder).unwrap();
    wait_for("it is there by itself", || office.look()["state"] == "ok");
    fs::write(office.folder.join("don.pdf"), pdf("một")).unwrap();
    fs::write(office.folder.join(format!("{}-2.pdf", office.code)), pdf("hai")).unwrap();
    let (file, named) = (office.id_of("don.pdf"), office.id_of(&format!("{}-2.pdf", office.code)));
    let first = office.look()["files"][0].clone();
    assert_eq!((&first["id"], &first["offered"]), (&json!(named), &json!("name")), "{first}");
    assert!(office.scans().is_empty(), "nothing is attached without a person");
    let shown = office.desk.client.get(&format!("/api/v1/scan-folder/files/{file}")).unwrap();
    assert_eq!(shown.body, pdf("một"));
    assert!(shown.headers.contains(&("content-type".into(), "application/pdf".into())));

    // The folder of attached files cannot be made: it is saved, and stays known.
    fs::write(office.folder.join(AWAY), b"in the way").unwrap();
    let key = fresh_key();
    let done = office.attach(&key, &[&file]);
    let line = &done["attached"][0];
    assert_eq!(
        (&line["moved"], &line["saved"], &line["again"]),
        (&json!(false), &json!(true), &json!(false))
    );
    assert!(office.folder.join("don.pdf").exists());
    let hash = line["hash"].as_str().unwrap().to_owned();
    // As after a crash between the two; and the state is made again from the journal besides.
    let site = office.city.site(WARDS_1[0]);
    site.process.kill().unwrap();
    assert!(holds(&site.data, &hash), "the vault has it");
    fs::remove_file(office.folder.join(AWAY)).unwrap();
    fs::remove_dir_all(site.data.join("state")).unwrap();
    site.start_ready().unwrap();
    let known = office.listed("don.pdf", "ready");
    assert_eq!(known["attached"], json!([{ "id": office.id, "code": office.code }]));
    let again = office.attach(&fresh_key(), &[&file]);
    assert_eq!(
        (&again["attached"][0]["again"], &again["attached"][0]["moved"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(office.scans().len(), 1, "it is not doubled");
    assert_eq!(office.away("don.pdf"), Some(pdf("một")), "moved, not deleted");
    // The same request, whose answer was lost, is the same though its file has gone.
    let repeated = office.attach(&key, &[&file]);
    assert_eq!(repeated["attached"][0]["id"], line["id"], "{repeated}");
    let refused = office.attach(&fresh_key(), &[&file]);
    assert_eq!(refused["refused"][0]["error"]["code"], "no_file", "{refused}");

    // Another file under the same name and the same bytes under another one.
    fs::write(office.folder.join("don.pdf"), pdf("ba")).unwrap();
    fs::write(office.folder.join("chep.pdf"), pdf("một")).unwrap();
    let (other, copy) = (office.id_of("don.pdf"), office.id_of("chep.pdf"));
    let both = office.attach(&fresh_key(), &[&other, &copy]);
    assert_eq!(
        (&both["attached"][0]["again"], &both["attached"][1]["again"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(office.scans().len(), 2);
    assert_eq!(office.away("don (1).pdf"), Some(pdf("ba")), "beside the first");
    // Written anew behind the look: what was shown is not what is there.
    let seen = office.id_of(&format!("{}-2.pdf", office.code));
    fs::write(office.folder.join(format!("{}-2.pdf", office.code)), pdf("khác rồi")).unwrap();
    let refused = office.attach(&fresh_key(), &[&seen]);
    assert_eq!(refused["refused"][0]["error"]["code"], "no_file");
    assert_eq!(office.scans().len(), 2);
}

#[test]
fn whatever_is_put_into_the_folder_has_an_answer_and_costs_nothing() {
    let office = office();
    let at = |name: &[u8]| office.folder.join(OsStr::from_bytes(name));
    fs::create_dir(&office.folder).unwrap();
    let secret = office.folder.join("../identity");
    assert!(secret.exists());
    symlink(&secret, at(b"thu-muc.pdf")).unwrap();
    symlink("/etc/passwd", at(b"lien-ket.pdf")).unwrap();
    fs::create_dir(at(b"con")).unwrap();
    fs::write(at(b"con/trong.pdf"), pdf("x")).unwrap();
    assert!(Command::new("mkfifo").arg(at(b"ong.pdf")).status().unwrap().success());
    fs::write(at(b"rong.pdf"), b"").unwrap();
    fs::write(at(b"gia.pdf"), b"MZ\x90 a program").unwrap();
    fs::File::create(at(b"to.pdf")).unwrap().set_len(60 << 20).unwrap();
    fs::write(at(b"d\xff\nong.pdf"), pdf("tên lạ")).unwrap();
    fs::write(at(b"x\\..\\..\\etc.pdf"), pdf("tên đường dẫn")).unwrap();
    fs::write(at(b"<img src=x onerror=alert(1)>.pdf"), pdf("tên mã")).unwrap();
    for (name, state) in [
        ("thu-muc.pdf", "link"),
        ("lien-ket.pdf", "link"),
        ("con", "folder"),
        ("ong.pdf", "other"),
        ("rong.pdf", "empty"),
        ("gia.pdf", "wrong_type"),
        ("to.pdf", "too_large"),
    ] {
        let file = office.listed(name, state);
        assert!(file["media"].is_null() && file["words_vi"].as_str().unwrap().len() > 10, "{file}");
        let id = file["id"].as_str().unwrap();
        let done = office.attach(&fresh_key(), &[id]);
        assert_eq!(done["refused"][0]["error"]["code"], "unfit", "{name}: {done}");
        let looked = office.desk.client.get(&format!("/api/v1/scan-folder/files/{id}")).unwrap();
        assert_eq!(looked.status, 409, "{name}: {}", looked.text());
    }
    let odd =
        ["d\u{fffd}\u{fffd}ong.pdf", "x\\..\\..\\etc.pdf", "<img src=x onerror=alert(1)>.pdf"];
    let ids: Vec<String> = odd.iter().map(|name| office.id_of(name)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let done = office.attach(&fresh_key(), &ids);
    assert!(done["attached"].as_array().unwrap().iter().all(|one| one["moved"] == true), "{done}");
    let names: Vec<Value> = office.scans().iter().map(|scan| scan["name"].clone()).collect();
    assert_eq!(names, odd.map(|name| json!(name)));
    for moved in [&b"d\xff\nong.pdf"[..], b"x\\..\\..\\etc.pdf"] {
        assert!(office.folder.join(AWAY).join(OsStr::from_bytes(moved)).is_file());
    }
    // Ids that are none lead nowhere.
    for id in ["..%2Fidentity", "%2Fetc%2Fpasswd", "0", &"a".repeat(32)] {
        let path = format!("/api/v1/scan-folder/files/{id}");
        assert_eq!(office.desk.client.get(&path).unwrap().status, 404, "{id}");
    }
    let gone = office.attach(&fresh_key(), &["../identity", "/etc/passwd"]);
    assert_eq!(gone["attached"], json!([]));
    // A file that grows is not attached before it has stopped.
    fs::write(at(b"lon.pdf"), &pdf("trang một")[..15]).unwrap();
    let half = office.listed("lon.pdf", "growing");
    assert_eq!(office.attach(&fresh_key(), &[half["id"].as_str().unwrap()])["attached"], json!([]));
    // As many as a dossier may have, and one more.
    for number in 0..100 {
        fs::write(at(format!("n{number:03}.pdf").as_bytes()), pdf(&number.to_string())).unwrap();
    }
    let ids: Vec<String> =
        (0..100).map(|number| office.id_of(&format!("n{number:03}.pdf"))).collect();
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    let done = office.attach(&fresh_key(), &all);
    assert_eq!(done["attached"].as_array().unwrap().len(), 97, "three stood there");
    let refused = &done["refused"][0]["error"];
    assert_eq!(refused["code"], "invalid", "{refused}");
    assert!(office.folder.join("n099.pdf").exists(), "what was refused stays");
}

#[test]
fn only_who_may_attach_sees_the_folder_and_who_looked_is_written_down() {
    let mut office = office();
    fs::create_dir(&office.folder).unwrap();
    fs::write(office.folder.join("a.pdf"), pdf("một")).unwrap();
    let file = office.id_of("a.pdf");
    let site = office.city.site(WARDS_1[0]);
    let data = site.data.clone();
    let head = first_account(office.desk.client, &data, "trưởng phòng 2026").unwrap();
    let person = |login: &str, role: &str| {
        let name = format!("Nguyễn Thị Mẫu {login}");
        account(&head, (login, &name), &[role], "quầy số một 2026").unwrap().1
    };
    let (clerk, treasurer) = (person("quay1", "reception"), person("thuquy", "treasurer"));
    let path = format!("/api/v1/scan-folder/files/{file}");
    let body = json!({ "dossier": office.id, "files": [file] });
    assert_eq!(treasurer.get("/api/v1/scan-folder").unwrap().status, 403);
    assert_eq!(treasurer.get(&path).unwrap().status, 403);
    assert_eq!(treasurer.post("/api/v1/scan-folder/attached", &body).unwrap().status, 403);
    assert_eq!(office.desk.client.get(&path).unwrap().status, 401);
    assert_eq!(clerk.get(&path).unwrap().status, 200);
    wait_for("it is written down who looked", || {
        let lines = head.get("/api/v1/audit").unwrap().json()["lines"].clone();
        lines.as_array().unwrap().iter().any(|line| {
            line["what"] == "scan_seen"
                && line["file"] == "a.pdf"
                && line["by"] == "Nguyễn Thị Mẫu quay1"
        })
    });
    let done = clerk.post("/api/v1/scan-folder/attached", &body).unwrap().json();
    assert_eq!(done["attached"][0]["moved"], true, "{done}");
    let scans = clerk.get(&attachments(&office.id)).unwrap().json();
    assert_eq!(scans["attachments"][0]["by"], "Nguyễn Thị Mẫu quay1");
}

#[test]
fn scans_are_attached_on_the_page_by_keys_to_a_dossier_and_to_a_draft() {
    let mut office = office();
    fs::create_dir(&office.folder).unwrap();
    let png = Path::new(env!("CARGO_MANIFEST_DIR")).join("page/dot.png");
    fs::copy(png, office.folder.join("anh.png")).unwrap();
    fs::write(office.folder.join(format!("{}.pdf", office.code)), pdf("một")).unwrap();
    fs::write(office.folder.join("to-khai.pdf"), pdf("hai")).unwrap();
    fs::write(office.folder.join("gia.pdf"), b"MZ\x90").unwrap();
    let page = format!("http://{}", office.city.site(WARDS_1[0]).page);
    let mut made = String::new();
    drive(&["scan_folder.mjs", &page, &office.id], |said| {
        made.extend(said.strip_prefix("made "));
        None
    });
    let names: Vec<Value> = office.scans().iter().map(|scan| scan["name"].clone()).collect();
    assert_eq!(names, [json!(format!("{}.pdf", office.code))]);
    office.id = made;
    let names: Vec<Value> = office.scans().iter().map(|scan| scan["name"].clone()).collect();
    assert_eq!(names, [json!("to-khai.pdf")]);
    assert!(office.away("to-khai.pdf").is_some() && office.folder.join("anh.png").exists());
}
