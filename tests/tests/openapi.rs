//! Every answer of the node's API is as its description says, and every operation described is asked.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{application, fresh_key},
    http::{Answer, Client},
    openapi::Described,
    scan::scan,
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
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
    let other = city.site(WARDS_1[1]).office.clone();
    let client = city.site(WARDS_1[0]).process.client();
    let file = client.get("/api/v1/openapi.json").unwrap().json();
    let (names, described) = (BTreeMap::new(), Described::new(file));
    let mut asker = Asker { client, described, names };

    for route in ["office", "offices", "procedures", "sync", "numbers", "held", "lists", "verify"] {
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
    asker.post("/api/v1/verify", json!({}));
    asker.described.see("get", "/api/v1/events", &events(&client));

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
