//! Every answer of the node's API is as its description says, and every operation described is asked.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{application, fresh_key},
    http::{Answer, Client},
    openapi::Described,
    patience::wait_for,
    people::Person,
    scan::scan,
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::{Path, PathBuf},
};

/// Asks, and holds the answer against the description; `names` stand for what is in braces.
struct Asker {
    client: Client,
    described: Described,
    names: BTreeMap<&'static str, String>,
}

impl Asker {
    fn path(&self, route: &str) -> String {
        let named = |path: String, (name, value): (&&str, &String)| path.replace(name, value);
        self.names.iter().fold(route.to_owned(), named)
    }

    fn get(&mut self, route: &str, query: &str) -> Answer {
        let answer = self.client.get(&format!("{}{query}", self.path(route))).unwrap();
        self.described.see("get", route, &answer);
        answer
    }

    fn post(&mut self, route: &str, body: Value) -> Answer {
        self.under(&fresh_key(), route, body)
    }

    fn under(&mut self, key: &str, route: &str, body: Value) -> Answer {
        let headers = [("idempotency-key", key)];
        let answer = self.client.post(&self.path(route), &headers, &body).unwrap();
        self.described.see("post", route, &answer);
        answer
    }
}

#[test]
fn every_answer_is_as_it_is_described() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let folder = with_scan_folder(&mut city);
    let other = city.site(WARDS_1[1]).office.clone();
    let client = city.site(WARDS_1[0]).process.client();
    let file = client.get("/api/v1/openapi.json").unwrap().json();
    let (names, described) = (BTreeMap::new(), Described::new(file));
    let mut asker = Asker { client, described, names };

    for route in [
        "office",
        "offices",
        "procedures",
        "sync",
        "numbers",
        "held",
        "lists",
        "verify",
        "sections",
    ] {
        asker.get(&format!("/api/v1/{route}"), "");
    }
    for route in
        ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/scans/damaged"]
    {
        asker.get(route, "");
    }

    // A registration, repeated, refused in every way, and typed in a draft.
    let (all, key, body) = ("/api/v1/dossiers", fresh_key(), application(&mut seed));
    let made = asker.under(&key, all, body.clone());
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(asker.under(&key, all, body.clone()).status, 201);
    asker.post(all, body.clone());
    let mut wrong = body.clone();
    wrong["applicant"]["name"] = "Người Khác".into();
    assert_eq!(asker.under(&key, all, wrong.clone()).status, 409);
    wrong["procedure"] = "0".into();
    assert_eq!(asker.post(all, wrong).status, 422);
    assert_eq!(asker.post(all, json!({ "x": 1 })).status, 400);
    assert_eq!(asker.post(all, json!({ "x": "x".repeat(300_000) })).status, 413);
    for query in ["", "?q=Mau", "?q=0001", "?limit=1", "?after=zz", "?limit=x", "?state=4"] {
        asker.get(all, query);
    }

    // Paging: every dossier once, in pages of one.
    let (mut after, mut pages) = (String::new(), Vec::new());
    loop {
        let page = asker.get(all, &format!("?limit=1{after}")).json();
        pages
            .extend(page["dossiers"].as_array().unwrap().iter().map(|line| line["id"].to_string()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    pages.sort();
    pages.dedup();
    assert_eq!(pages.len(), 2);

    let one = "/api/v1/dossiers/{id}";
    asker.names.insert("{id}", made.json()["id"].as_str().unwrap().to_owned());
    assert_eq!(asker.get(one, "").status, 200);
    let of = |tail: &str| format!("{one}/{tail}");
    let attached = client
        .send(
            "POST",
            &format!("{}?name=a.pdf", asker.path(&of("attachments"))),
            &[],
            &scan(&mut seed, 5_000),
        )
        .unwrap();
    asker.described.see("post", &of("attachments"), &attached);
    let refused = client.send("POST", &asker.path(&of("attachments")), &[], b"no scan").unwrap();
    asker.described.see("post", &of("attachments"), &refused);
    scan_folder(&mut asker, &folder);
    asker.get(&of("attachments"), "");
    asker.names.insert("{scan}", attached.json()["hash"].as_str().unwrap().to_owned());
    asker.get(&of("attachments/{scan}"), "");
    asker.post(&of("notes"), json!({ "text": "một" }));
    asker.post(&of("notes"), json!({ "text": "" }));
    asker.post(&of("moves"), json!({ "to": 4 }));
    asker.post(&of("moves"), json!({ "to": 2 }));
    asker.post(&of("moves"), json!({ "to": 99 }));
    for until in [4_102_444_800_000_i64, 4_102_444_900_000, 0] {
        asker.post(&of("extensions"), json!({ "until": until, "note": "chờ xác minh" }));
    }
    asker.post(&of("extensions"), json!({ "until": "x" }));
    corrections(&mut asker, one);
    for body in [json!({ "section": "tu-phap", "person": "A" }), json!({}), json!({ "step": 99 })] {
        asker.post(&of("passes"), body);
    }
    asker.post(&of("passes/refused"), json!({ "note": "" }));
    asker.post(&of("passes/refused"), json!({ "note": "thiếu" }));
    asker.post(&of("passes"), json!({ "person": "B" }));
    asker.post(&of("passes/taken"), json!({}));
    asker.post(&of("passes/taken"), json!({}));
    asker.get(one, "");
    links(&mut asker, pages[0].trim_matches('"'), pages[1].trim_matches('"'));
    money(&mut asker);
    hand_lists(&mut asker);
    emergency(&mut asker);
    asker.post(&of("forwards"), json!({ "office": other }));
    asker.post(&of("forwards"), json!({ "office": "x" }));
    asker.post(&of("taken"), json!({}));
    asker.post(&of("withdrawals"), json!({ "office": other, "reason": "nhầm" }));
    asker.post(&of("withdrawals"), json!({ "office": "x", "reason": "" }));
    asker.get(&of("redo"), "");
    asker.post(&of("redo"), json!({}));
    asker.get(one, "");
    asker.names.insert("{form}", "receipt".to_owned());
    asker.get(&of("forms/{form}"), "?as=html");
    asker.post(&of("forms/{form}/printings"), json!({ "paper": "a5" }));
    asker.post(&of("forms/{form}/printings"), json!({ "paper": "x" }));
    let lists: Vec<String> = {
        let told = asker.get("/api/v1/lists", "").json();
        let lists = told["lists"].as_array().unwrap().iter();
        lists.map(|one| one["list"].as_str().unwrap().to_owned()).collect()
    };
    for name in lists.into_iter().chain(["x".to_owned()]) {
        asker.names.insert("{list}", name);
        asker.get("/api/v1/lists/{list}", "");
    }

    // Drafts.
    let (draft, known) = ("/api/v1/drafts/{id}", asker.names["{id}"].clone());
    asker.names.insert("{id}", fresh_key());
    assert_eq!(asker.get(draft, "").status, 404);
    let typed = |field: &str, value: &str, tab: &str| json!({ "changes": [{ "field": field, "value": value }], "clerk": "A", "pc": "B", "tab": tab });
    for body in [
        typed("applicant-name", "An", "1"),
        typed("applicant-name", "Anh", "2"),
        typed("Bad Name", "x", "1"),
        typed("request", &"x".repeat(3_000), "1"),
        json!({}),
    ] {
        asker.post(draft, body);
    }
    assert_eq!(
        asker.get(draft, "").json()["fields"]["applicant-name"].as_array().unwrap().len(),
        2
    );
    asker.get("/api/v1/drafts", "");
    let gone = client.send("DELETE", &asker.path(draft), &[], b"{\"clerk\":\"A\"}").unwrap();
    asker.described.see("delete", draft, &gone);
    assert_eq!(asker.post(draft, typed("request", "x", "1")).status, 410);
    asker.post("/api/v1/drafts/{id}/kept", json!({}));
    let line = "079190000017||Nguyễn Thị Mẫu|05031990|Nữ|12 Lê Lợi, TP. Hồ Chí Minh|21042021";
    for (text, status) in [(line, 200), (line.split_once("|Nữ").unwrap().0, 422), ("", 422)] {
        assert_eq!(asker.post("/api/v1/cards", json!({ "text": text })).status, status);
    }
    assert_eq!(asker.post("/api/v1/cards", json!({ "line": line })).status, 400);
    let mut from_draft = application(&mut seed);
    from_draft["draft"] = asker.names["{id}"].clone().into();
    assert_eq!(asker.post(all, from_draft).status, 201);
    let late = asker.post(draft, typed("request", "muộn", "1")).json();
    assert_eq!(late["phase"], "registered");
    asker.get("/api/v1/drafts", "");
    let number = late["late"]["request"][0]["n"].clone();
    let settled = asker.post("/api/v1/drafts/{id}/settled", json!({ "numbers": [number] }));
    assert_eq!(settled.json()["late"], json!({}));
    asker.names.insert("{id}", "0".repeat(32));
    for route in ["/api/v1/drafts/{id}/kept", "/api/v1/drafts/{id}/settled"] {
        asker.post(route, json!({ "numbers": [] }));
    }
    asker.post(&of("passes"), json!({ "person": "A" }));
    for route in [one.to_owned(), of("attachments"), of("redo")] {
        assert_eq!(asker.get(&route, "").status, 404);
    }
    asker.post(&of("notes"), json!({ "text": "một" }));
    asker.names.insert("{id}", known);

    // Numbers: those of today are given already.
    for number in [1, 2, 3_000, 3_000, 3_001] {
        asker.post("/api/v1/numbers", json!({ "number": number, "clerk": "A" }));
    }
    asker.get("/api/v1/numbers", "");
    asker.get("/api/v1/test-sheet/expected", "");
    for query in ["?paper=a5", "?paper=80&as=pdf", "?paper=a9", "?paper=a4&as=doc", ""] {
        asker.get("/api/v1/test-sheet", query);
    }
    asker.post("/api/v1/verify", json!({}));
    asker.described.see("get", "/api/v1/events", &events(&client));

    people(&mut asker, &city.site(WARDS_1[0]).data.clone());

    // Files, which have tests of their own.
    let files = [
        ("get", "/api/v1/bundle"),
        ("post", "/api/v1/bundle"),
        ("post", "/api/v1/import/files"),
        ("post", "/api/v1/import/preview"),
        ("get", "/api/v1/import/run"),
        ("post", "/api/v1/import/run"),
        ("get", "/api/v1/export"),
        ("get", "/api/v1/register"),
    ];
    let faults = asker.described.faults(&files);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A field corrected, by two who did not see each other, settled, taken back, and refused; a paper more.
fn with_scan_folder(city: &mut City) -> PathBuf {
    let site = city.site(WARDS_1[0]);
    site.stop().unwrap();
    let settings = site.data.join("node.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text + "[scan_folder]\npath = \"quet\"\n").unwrap();
    site.start_ready().unwrap();
    site.data.join("quet")
}

fn scan_folder(asker: &mut Asker, folder: &Path) {
    let (list, attach) = ("/api/v1/scan-folder", "/api/v1/scan-folder/attached");
    asker.get(list, "");
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("a.pdf"), b"%PDF-1.7\n%%EOF").unwrap();
    fs::write(folder.join("rong.pdf"), b"").unwrap();
    let id = asker.names["{id}"].clone();
    let mut files = Value::Null;
    wait_for("the file is ready", || {
        files = asker.get(list, &format!("?dossier={id}")).json()["files"].clone();
        files.as_array().unwrap().iter().any(|file| file["state"] == "ready")
    });
    for file in files.as_array().unwrap() {
        asker.names.insert("{file}", file["id"].as_str().unwrap().to_owned());
        asker.get("/api/v1/scan-folder/files/{file}", "");
    }
    asker.names.insert("{file}", "0".repeat(32));
    asker.get("/api/v1/scan-folder/files/{file}", "");
    let ids: Vec<Value> = files.as_array().unwrap().iter().map(|file| file["id"].clone()).collect();
    let done = asker.post(attach, json!({ "dossier": id, "files": ids }));
    assert_eq!((done.status, done.json()["attached"][0]["moved"].clone()), (200, json!(true)));
    asker.post(attach, json!({ "dossier": id, "files": [] }));
    asker.post(attach, json!({ "dossier": "0", "files": ids }));
    asker.get(list, "?dossier=0");
    asker.get(list, "?file=0");
}

fn corrections(asker: &mut Asker, one: &str) {
    let of = |tail: &str| format!("{one}/{tail}");
    let name = |value: &str, seen: Value| json!({ "field": "applicant.name", "value": value, "seen": seen, "note": "ghi nhầm" });
    for value in ["Mậu", "Mâu"] {
        assert_eq!(asker.post(&of("corrections"), name(value, json!([]))).status, 200);
    }
    let conflicts = asker.get(one, "").json()["conflicts"].clone();
    assert_eq!(conflicts[0]["values"].as_array().unwrap().len(), 2, "{conflicts}");
    let settled = asker.post(&of("corrections"), name("Mậu", conflicts[0]["heads"].clone()));
    assert_eq!(settled.status, 200);
    let fields = asker.get(one, "").json()["fields"].clone();
    let undo = fields[0]["undo"].clone();
    let back = json!({ "field": "applicant.name", "undo": undo, "note": "nhầm người" });
    assert_eq!(asker.post(&of("corrections"), back).status, 200);
    for (body, status) in [
        (json!({ "field": "applicant.name", "value": "An" }), 422),
        (
            json!({ "field": "applicant.name", "value": "<script>", "note": "x", "seen": ["y"] }),
            422,
        ),
        (json!({ "field": "procedure", "value": "1", "note": "x" }), 422),
        (json!({ "field": "due" }), 400),
    ] {
        assert_eq!(asker.post(&of("corrections"), body).status, status);
    }
    let paper =
        |note: &str| json!({ "name": "Giấy khai sinh", "form": "copy", "count": 1, "note": note });
    assert_eq!(asker.post(&of("papers"), paper("nộp thêm")).status, 200);
    assert_eq!(asker.post(&of("papers"), paper("")).status, 422);
    assert_eq!(asker.get(one, "").status, 200);
}

/// Accounts, from the first one on: behind it every request needs a session.
fn people(asker: &mut Asker, data: &Path) {
    let client = asker.client;
    let (session, all) = ("/api/v1/session", "/api/v1/accounts");
    asker.get(session, "");
    let none = json!({ "login": "an", "name": "An", "roles": ["admin"] });
    assert_eq!(asker.post(all, none).status, 401);
    let first = |code: &str| json!({ "code": code, "login": "lanhdao", "name": "Mẫu", "password": "một hai ba bốn" });
    assert_eq!(asker.post("/api/v1/accounts/first", first("1")).status, 403);
    let code = motcua_tests::people::set_up_code(data).unwrap();
    let made = asker.post("/api/v1/accounts/first", first(&code));
    let head = motcua_tests::people::session(client, &made).unwrap();
    assert_eq!(asker.post("/api/v1/accounts/first", first(&code)).status, 409);
    assert_eq!(asker.get(all, "").status, 401);
    for (password, status) in [("sai", 401), ("một hai ba bốn", 200)] {
        let body = json!({ "login": "lanhdao", "password": password });
        assert_eq!(asker.post(session, body).status, status);
    }
    let mut ask = |method: &str, route: &str, body: Value| {
        let path = asker.path(route);
        let answer = match method {
            "get" => head.get(&path),
            _ => head.post(&path, &body),
        };
        let answer = answer.unwrap();
        asker.described.see(method, route, &answer);
        answer
    };
    ask("get", session, Value::Null);
    let an = json!({ "login": "an", "name": "Trần Thị Mẫu", "roles": ["reception"] });
    let made = ask("post", all, an.clone());
    assert_eq!((made.status, ask("post", all, an).status), (201, 409));
    ask("post", all, json!({ "login": "x y", "name": "", "roles": ["reception"] }));
    ask("get", all, Value::Null);
    let program = json!({ "name": "Phần mềm", "roles": ["reception"] });
    assert_eq!(ask("post", "/api/v1/tokens", program).status, 201);
    ask("get", "/api/v1/tokens", Value::Null);
    assert_eq!(ask("get", "/api/v1/audit", Value::Null).status, 200);
    assert_eq!(ask("get", "/api/v1/dossiers/{id}/views", Value::Null).status, 200);
    for (id, status) in [(made.json()["account"]["id"].as_str().unwrap(), 200), ("0", 404)] {
        for act in ["roles", "password", "recovery", "closing", "opening"] {
            let route = format!("/api/v1/accounts/{{account}}/{act}");
            let body = if act == "roles" { json!({ "roles": ["leader"] }) } else { json!({}) };
            let answer = head.post(&route.replace("{account}", id), &body).unwrap();
            asker.described.see("post", &route, &answer);
            assert_eq!(answer.status, status, "{act} {}", answer.text());
        }
    }
    let an = made.json()["account"]["id"].as_str().unwrap().to_owned();
    steads(asker, &head, &an);
    let recovery = json!({ "login": "an", "code": "1", "password": "năm sáu bảy tám" });
    assert_eq!(asker.post("/api/v1/session/recovery", recovery).status, 401);
    for (old, status) in [("sai", 401), ("một hai ba bốn", 200)] {
        let body = json!({ "old": old, "new": "năm sáu bảy tám" });
        let answer = head.post("/api/v1/session/password", &body).unwrap();
        asker.described.see("post", "/api/v1/session/password", &answer);
        assert_eq!(answer.status, status);
    }
    let gone = client.send("DELETE", session, &[], b"").unwrap();
    asker.described.see("delete", session, &gone);
}

/// Who is away, what is lent, what a closed account holds.
fn steads(asker: &mut Asker, head: &Person, an: &str) {
    let own = head.get("/api/v1/session").unwrap().json()["person"]["id"].clone();
    asker.names.insert("{account}", an.to_owned());
    let mut ask = |names: &[(&'static str, &str)], method: &str, route: &str, body: Value| {
        for (name, value) in names {
            asker.names.insert(name, (*value).to_owned());
        }
        let path = asker.path(route);
        let answer = if method == "get" { head.get(&path) } else { head.post(&path, &body) };
        asker.described.see(method, route, answer.as_ref().unwrap());
        answer.unwrap()
    };
    let of = |tail: &str| format!("/api/v1/accounts/{{account}}/{tail}");
    let far = 4_000_000_000_000_i64;
    let term = |until: i64| json!({ "from": far, "until": until, "person": own, "why": "phép" });
    assert_eq!(ask(&[], "post", &of("absences"), term(far)).status, 422);
    let said = ask(&[], "post", &of("absences"), term(far + 1)).json();
    let stead = said["steads"][0]["id"].as_str().unwrap().to_owned();
    let mut loan = term(far + 1);
    loan["duties"] = json!(["direct"]);
    assert_eq!(ask(&[], "post", &of("loans"), loan.clone()).status, 403);
    loan["person"] = an.into();
    let mine = [("{account}", own.as_str().unwrap())];
    assert_eq!(ask(&mine, "post", &of("loans"), loan).status, 200);
    assert_eq!(ask(&[], "get", "/api/v1/steads", Value::Null).json()["steads"][1]["kind"], "away");
    let ended = of("steads/{stead}/ended");
    for (stead, status) in [("0", 404), (&stead, 200)] {
        let names = [("{account}", an), ("{stead}", stead)];
        assert_eq!(ask(&names, "post", &ended, json!({})).status, status);
    }
    let work = json!({ "person": "Mẫu", "dossiers": ["0"], "note": "nghỉ việc" });
    assert_eq!(ask(&[], "post", &of("work"), work.clone()).status, 409);
    assert_eq!(ask(&[], "post", &of("closing"), json!({})).status, 200);
    assert_eq!(ask(&[], "post", &of("work"), work).json()["given"], 0);
    assert_eq!(ask(&[], "get", "/api/v1/left-work", Value::Null).json()["left"], json!([]));
    let stood = "/api/v1/dossiers/{id}/passes/stood";
    assert_eq!(ask(&[], "post", stood, json!({ "person": "Trần Thị Mẫu" })).status, 403);
}

/// Two dossiers said to be one case and not; another voided, late, and said to stand again.
fn links(asker: &mut Asker, one: &str, other: &str) {
    let known = asker.names.insert("{id}", one.to_owned()).unwrap();
    let of = |tail: &str| format!("/api/v1/dossiers/{{id}}/{tail}");
    let link =
        |other: &str, same: bool, note: &str| json!({ "other": other, "same": same, "note": note });
    for (body, status) in [
        (link(other, true, ""), 422),
        (link(other, true, "nộp hai lần"), 200),
        (link(other, true, "lại"), 422),
        (link(other, false, "hai người"), 200),
        (link(one, true, "chính nó"), 422),
        (link(&"0".repeat(32), true, "không có"), 404),
    ] {
        assert_eq!(asker.post(&of("links"), body).status, status);
    }
    let told = asker.get("/api/v1/dossiers/{id}", "").json();
    assert_eq!(told["links"][0]["same"], false, "{}", told["links"]);
    let untouched = if one == known { other } else { one };
    asker.names.insert("{id}", untouched.to_owned());
    for (body, status) in [
        (json!({ "stands": true, "note": "" }), 422),
        (json!({ "stands": false, "note": "vì" }), 422),
        (json!({ "stands": true, "note": "nhầm thủ tục" }), 200),
        (json!({ "stands": true, "note": "nhầm thủ tục" }), 409),
        (json!({ "stands": false, "note": "đúng hồ sơ" }), 200),
        (json!({ "stands": "x" }), 400),
    ] {
        assert_eq!(asker.post(&of("voids"), body).status, status);
        assert_eq!(asker.get("/api/v1/dossiers/{id}", "").status, 200);
    }
    asker.names.insert("{id}", known);
}

/// Money demanded, taken, given back, and the day's cash.
fn money(asker: &mut Asker) {
    let one = "/api/v1/dossiers/{id}";
    let of = |act: &str| format!("{one}/{act}");
    let line = |full: u64, amount: u64| json!({ "what": "fee", "name": "Phí", "full": full, "amount": amount });
    for (lines, status) in [
        (json!([]), 422),
        (json!([line(9_000, 8_000)]), 422),
        (json!([line(8_000, 8_000), line(2_000, 2_000)]), 200),
    ] {
        assert_eq!(asker.post(&of("demands"), json!({ "lines": lines })).status, status);
    }
    assert_eq!(asker.post(&of("demands"), json!({ "lines": [{ "full": -1 }] })).status, 400);
    for (body, status) in [
        (json!({ "way": "cash", "amount": 20_000 }), 422),
        (json!({ "way": "gold" }), 400),
        (json!({ "way": "cash", "amount": 3_000, "seen": [] }), 409),
        (json!({ "way": "qr", "amount": 3_000, "reference": "A<1>" }), 200),
        (json!({ "way": "cash" }), 200),
        (json!({ "way": "cash" }), 409),
    ] {
        assert_eq!(asker.post(&of("payments"), body).status, status);
    }
    let receipts = asker.get(one, "").json()["money"]["receipts"].clone();
    let give = |amount: u64| json!({ "receipt": receipts[0]["id"], "way": "cash", "amount": amount, "note": "rút" });
    for (amount, status) in [(3_001, 422), (1_000, 200)] {
        assert_eq!(asker.post(&of("refunds"), give(amount)).status, status);
    }
    for (receipt, note, status) in [(0, "nhầm", 409), (1, "", 422), (1, "nhầm", 200)] {
        let body = json!({ "receipt": receipts[receipt]["id"], "note": note });
        assert_eq!(asker.post(&of("cancellations"), body).status, status);
    }
    assert_eq!(asker.post(&of("settlements"), json!({ "keep": [], "note": "x" })).status, 409);
    assert_eq!(asker.get(one, "").status, 200);
    asker.get("/api/v1/fees", "?procedure=2.000635");
    assert_eq!(asker.get("/api/v1/fees", "").status, 400);
    asker.get("/api/v1/money", "");
    for state in ["due", "part_paid", "x"] {
        asker.names.insert("{state}", state.to_owned());
        asker.get("/api/v1/money/{state}", "");
    }
    let day = asker.get("/api/v1/cash", "").json()["day"].clone();
    assert_eq!(asker.get("/api/v1/cash", "?day=x").status, 400);
    for (counted, note, status) in [(1, "", 422), (1, "thừa", 200), (1, "thừa", 409)] {
        let body = json!({ "day": day, "counted": counted, "note": note });
        assert_eq!(asker.post("/api/v1/cash", body).status, status);
    }
}

/// Codes on paper.
fn emergency(asker: &mut Asker) {
    let all = "/api/v1/emergency";
    let told = asker.get(all, "").json();
    let day = told["days"][0].clone();
    assert_eq!(asker.get(all, "?x=1").status, 400);
    let block = asker.post(all, json!({ "day": day, "count": 2, "clerk": "A" })).json();
    assert_eq!(asker.post(all, json!({ "day": day, "count": 0 })).status, 422);
    asker.names.insert("{block}", block["block"].as_str().unwrap().to_owned());
    let one = format!("{all}/{{block}}");
    assert_eq!(asker.post(&format!("{one}/printings"), json!({})).status, 200);
    asker.get(&format!("{one}/sheet"), "?as=html&printing=1");
    assert_eq!(asker.get(&format!("{one}/sheet"), "?as=html&printing=9").status, 422);
    let received = block["drawn_at"].clone();
    let promise = format!("{all}/promise");
    assert_eq!(
        asker.get(&promise, &format!("?procedure=1.001193&received={received}")).status,
        200
    );
    let entry = json!({ "code": block["codes"][0]["code"], "received": received, "received_by": "B",
        "procedure": "1.001193", "applicant": { "name": "An" }, "clerk": "A" });
    let entries = format!("{all}/entries");
    assert_eq!(asker.post(&entries, entry.clone()).status, 201);
    let mut other = entry.clone();
    other["received_by"] = "C".into();
    assert_eq!(asker.post(&entries, other).status, 409);
    let unused = format!("{one}/unused");
    let code = &block["codes"][1]["code"];
    assert_eq!(asker.post(&unused, json!({ "codes": [code], "why": "không" })).status, 200);
    assert_eq!(asker.post(&unused, json!({ "codes": [code], "why": "" })).status, 422);
    asker.get(all, "");
    asker.names.insert("{block}", "0".to_owned());
    assert_eq!(asker.post(&format!("{one}/printings"), json!({})).status, 404);
}

/// Dossiers given, taken and returned together.
fn hand_lists(asker: &mut Asker) {
    let (all, id) = ("/api/v1/hand-lists", asker.names["{id}"].clone());
    asker.get("/api/v1/scanned", &format!("?text={id}"));
    assert_eq!(asker.get("/api/v1/scanned", "?text=0").status, 404);
    asker.get("/api/v1/scanned", "");
    let made = asker.post(all, json!({ "section": "lanh-dao", "dossiers": [id, "0"] })).json();
    assert_eq!(
        (&made["given"], &made["dossiers"][1]["error"]["code"]),
        (&json!(1), &json!("no_dossier"))
    );
    asker.post(all, json!({ "section": "lanh-dao", "dossiers": [] }));
    asker.post(all, json!({ "dossiers": [id] }));
    asker.post(all, json!({ "office": "x", "dossiers": [id] }));
    asker.names.insert("{number}", made["number"].as_str().unwrap().to_owned());
    let one = "/api/v1/hand-lists/{number}";
    let taken = format!("{one}/taken");
    assert_eq!(asker.get(one, "").status, 200);
    asker.get(&format!("{one}/sheet"), "?as=html");
    asker.get(&format!("{one}/sheet"), "?as=x");
    assert_eq!(asker.post(&taken, json!({ "scanned": [id, "0"] })).json()["taken"], 1);
    asker.post(&taken, json!({ "scanned": [] }));
    asker.names.insert("{number}", "123".to_owned());
    assert_eq!(asker.get(one, "").status, 422);
    asker.post("/api/v1/returns", json!({ "results": [{ "dossier": id, "collector": "An" }] }));
    asker.post("/api/v1/returns", json!({ "results": [{ "dossier": id, "collector": " " }] }));
}

/// The first events of a stream: the whole state, then a beat although nothing changes.
fn events(client: &Client) -> Answer {
    let mut stream = TcpStream::connect(client.address).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    write!(stream, "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\n\r\n", client.address).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let status = lines.next().unwrap();
    assert!(status.contains(" 200 "), "{status}");
    let media = lines.find(|line| line.to_lowercase().starts_with("content-type")).unwrap();
    assert!(media.ends_with("text/event-stream"), "{media}");
    lines.find(|line| line == "event: sync").unwrap();
    let state = lines.find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert!(state["saved_total"].as_u64().unwrap() > 0, "{state}");
    lines.find(|line| line == "event: beat").unwrap();
    Answer { status: 200, ..Answer::default() }
}
