//! Bans and decisions with the shipped programs: how soon a banned machine is out, what becomes of
//! what it wrote and of innocent work on top, and a dossier that one machine cannot read yet.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_core::{
    author::Draft,
    entry::Kind,
    id::{DossierId, Hash, PersonId},
    record::Record,
    time::{ClockQuality, Timestamp},
};
use motcua_dossier::{
    document::Document,
    fact::{Fact, Kind as FactKind},
};
use motcua_shell::{
    content,
    engine::{SaveError, random},
};
use motcua_tests::{
    binaries::Binaries,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    http::Client,
    patience::{PATIENCE, wait},
    search::search,
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

fn console(city: &mut City, code: &str) -> Client {
    city.site(code).process.client()
}

fn provision(city: &City, verb: &str, arguments: &[&str]) -> Value {
    let folder = city.dir.join("city").display().to_string();
    let output = Command::new(&Binaries::ready().unwrap().provision)
        .args(["--json", verb, "--city", &folder])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Entries of a dossier that are not plainly accepted: verdict and reason.
fn odd(client: &Client, dossier: &str) -> Vec<Value> {
    let held = client.get("/api/v1/held").unwrap().json();
    let lines = held["dossiers"].as_array().cloned().unwrap_or_default();
    let line = lines.into_iter().find(|line| line["dossier"] == dossier);
    line.map(|line| line["entries"].as_array().cloned().unwrap()).unwrap_or_default()
}

fn verdicts(entries: &[Value]) -> Vec<&str> {
    entries.iter().filter_map(|entry| entry["verdict"].as_str()).collect()
}

#[test]
fn a_banned_machine_is_out_within_a_second_and_its_late_work_is_kept_out_until_a_hub_releases_it() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (a, b) = (WARDS_1[0], WARDS_1[1]);
    let (desk_a, desk_b) = (Desk::new(console(&mut city, a)), Desk::new(console(&mut city, b)));
    let (district, top) = (console(&mut city, DISTRICT_1), console(&mut city, CITY));
    let office_b = city.nodes[b].office.clone();
    let dossier = desk_a.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    desk_a.forward(&dossier, &office_b, "").unwrap();
    wait("the dossier at B", PATIENCE, || desk_b.has(&dossier).then_some(()));
    let machine = |client: &Client| {
        let all = client.get("/api/v1/machines").unwrap().json();
        let line = |line: &&Value| line["code"] == a;
        all["machines"].as_array().unwrap().iter().find(line).cloned()
    };
    let before = wait("A's log at the city", PATIENCE, || {
        machine(&top).filter(|line| line["entries"].as_u64() == Some(2))
    });
    // Late work of A, and innocent work of B on top of it.
    desk_a.note(&dossier, "ghi chú đáng ngờ").unwrap();
    let changes = |desk: &Desk| desk.detail(&dossier).unwrap()["changes"].as_u64().unwrap();
    wait("A's note at B", PATIENCE, || (changes(&desk_b) == 3).then_some(()));
    desk_b.note(&dossier, "ghi chú của B").unwrap();
    wait("B's note at the city", PATIENCE, || {
        let rows = top.get("/api/v1/dossiers").unwrap().json();
        (rows["dossiers"][0]["entries"] == 4).then_some(())
    });

    let hubs = [city.site(DISTRICT_1).page.to_string(), city.site(CITY).page.to_string()];
    let last = format!("{}=2", before["log"].as_str().unwrap());
    let arguments = [
        "--office",
        a,
        "--hub",
        &hubs[0],
        "--hub",
        &hubs[1],
        "--last-good",
        &last,
        "--reason",
        "máy bị mất",
    ];
    let done = provision(&city, "ban", &arguments);
    let told = Instant::now();
    assert_eq!(done["number"], 2, "{done}");
    let out = wait("A to be out", Duration::from_secs(1), || {
        (desk_a.sync().unwrap()["link"] != "connected").then(|| told.elapsed())
    });
    println!("out of its hub {out:?} after the verb returned");
    for client in [&district, &top] {
        let numbers = client.get("/api/v1/trust/numbers").unwrap().json();
        assert_eq!(numbers["denial"], 2);
    }
    for client in [&district, &top, &desk_b.client] {
        let entries = wait("the verdicts", PATIENCE, || {
            Some(odd(client, &dossier)).filter(|entries| entries.len() == 2)
        });
        assert_eq!(verdicts(&entries), ["quarantined", "held"]);
        assert_eq!(
            (&entries[0]["reason"], &entries[1]["reason"]),
            (&json!("banned"), &json!("builds-on-held"))
        );
        assert!(entries[0]["reason_vi"].as_str().unwrap().contains("cấm"));
    }
    // B's page says so, and B goes on working on what is accepted.
    assert_eq!(desk_b.detail(&dossier).unwrap()["sync"], "held");
    desk_b.note(&dossier, "B ghi tiếp").unwrap();
    // What B wrote on top can be done again, once.
    let redo = format!("/api/v1/dossiers/{dossier}/redo");
    let listed = desk_b.client.get(&redo).unwrap().json();
    assert_eq!(listed["steps"].as_array().unwrap().len(), 1, "{listed}");
    let done = desk_b.client.post(&redo, &[], &json!({})).unwrap().json();
    assert_eq!(done["steps"][0]["done"], true, "{done}");
    let listed = desk_b.client.get(&redo).unwrap().json();
    assert_eq!(listed["steps"], json!([]), "nothing is done twice");
    wait("B's note, done again, at the city", PATIENCE, || {
        let rows = top.get("/api/v1/dossiers").unwrap().json();
        (rows["dossiers"][0]["entries"] == 6).then_some(())
    });
    // A cannot come back.
    thread::sleep(Duration::from_secs(2));
    assert_ne!(desk_a.sync().unwrap()["link"], "connected");

    // B's note cannot be released without what it builds on; with it, it can.
    let entries = odd(&district, &dossier);
    let mut body = json!({
        "dossier": dossier, "change": entries[1]["change"], "verdict": "release",
        "reason": "đã đối chiếu hồ sơ giấy", "operator": "Trực hub",
    });
    let refused = district.post("/api/v1/decisions", &[], &body).unwrap();
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "causes");
    body["with_causes"] = json!(true);
    let done = district.post("/api/v1/decisions", &[], &body).unwrap();
    assert!(done.is_success(), "{}", done.text());
    for client in [&district, &top, &desk_b.client] {
        wait("the release", PATIENCE, || odd(client, &dossier).is_empty().then_some(()));
    }
    let texts = desk_b.detail(&dossier).unwrap()["history"].to_string();
    assert!(texts.contains("ghi chú đáng ngờ") && texts.contains("B ghi tiếp"), "{texts}");

    // A reason is needed, and only a hub above decides.
    body["reason"] = json!(" ");
    assert_eq!(district.post("/api/v1/decisions", &[], &body).unwrap().status, 422);

    // Let back in: the link is up again, the work that waited arrives.
    desk_a.note(&dossier, "viết khi bị cấm").unwrap();
    provision(&city, "unban", &["--office", a, "--hub", &hubs[0], "--reason", "tìm thấy máy"]);
    wait("A's link", PATIENCE, || (desk_a.sync().unwrap()["link"] == "connected").then_some(()));
    wait("A's work at B", PATIENCE, || {
        desk_b.detail(&dossier).unwrap()["history"]
            .to_string()
            .contains("viết khi bị cấm")
            .then_some(())
    });
}

/// A change of a dossier by a later version of the software, as its machine would write it.
async fn write_from_the_future(service: &motcua_shell::service::Service, dossier: DossierId) {
    let engine = &service.engine;
    let (_, history) = engine.books().dossier(dossier).unwrap().unwrap();
    let applied: Vec<_> = history.iter().filter(|stored| stored.verdict.applies()).collect();
    let mut document: Document = content::document(&applied).unwrap();
    let saved = engine.own().write(None, |own| {
        let fact = Fact {
            id: "9".repeat(26),
            kind: FactKind::Note,
            json: "{\"text\":\"tương lai\"}".into(),
        };
        let written = document.append(own.actor().0, 1_800_000_000_000, &[fact]).unwrap();
        let draft = Draft {
            doc_type: motcua_core::entry::DocType::Dossier,
            kind: Kind::Change,
            dossier,
            person: PersonId(random()),
            claimed_at: Timestamp(1_800_000_000_000),
            clock: ClockQuality::Unproven,
            schema: 999,
            op_count: written.ops,
            change_hash: Hash(written.hash),
            deps: written.deps.into_iter().map(Hash).collect(),
            audience: Vec::new(),
            creation: None,
            payload: written.bytes,
        };
        Ok::<_, SaveError>((draft, Vec::<Record>::new()))
    });
    saved.await.unwrap();
}

#[test]
fn a_change_of_later_software_stops_neither_direction_and_its_dossier_stays_in_use() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (a, b) = (WARDS_1[0], WARDS_1[1]);
    let (desk_a, desk_b) = (Desk::new(console(&mut city, a)), Desk::new(console(&mut city, b)));
    let (office_a, office_b) = (city.nodes[a].office.clone(), city.nodes[b].office.clone());
    let dossier = desk_a.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    desk_a.forward(&dossier, &office_b, "").unwrap();
    wait("the dossier at B", PATIENCE, || desk_b.has(&dossier).then_some(()));

    // A is cut off; B is, for a moment, a machine with later software.
    city.site(a).line.cut();
    city.site(b).stop().unwrap();
    let data = city.site(b).data.clone();
    let office = city.site(b).office.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let service =
            motcua_shell::service::Service::start(motcua_shell::service::ServiceOptions {
                data_dir: data,
                listen: None,
                recovery_listen: None,
                content: content::DossierContent::of_office(office),
                changed: Box::new(|_| {}),
                probes: motcua_shell::service::Probes { offline: true, ..Default::default() },
                startup: motcua_shell::startup::Startup::default(),
            })
            .await
            .unwrap();
        write_from_the_future(&service, dossier.parse().unwrap()).await;
        service.stop().await;
    });
    city.site(b).start_ready().unwrap();
    let desk_b = Desk::new(console(&mut city, b));
    // Twenty items behind the bad one; two changes and twenty dossiers at A.
    let mut behind = Vec::new();
    for _ in 0..20 {
        let id = desk_b.register(&fresh_key(), &application(&mut seed)).unwrap().id;
        desk_b.forward(&id, &office_a, "").unwrap();
        behind.push(id);
    }
    let mut made = Vec::new();
    for round in 0..20 {
        if round < 2 {
            desk_a.note(&dossier, &format!("A ghi {round}")).unwrap();
        }
        made.push(desk_a.register(&fresh_key(), &application(&mut seed)).unwrap().id);
    }
    let district = console(&mut city, DISTRICT_1);
    wait("B's work at the district", PATIENCE, || {
        let rows = district.get("/api/v1/hub").unwrap().json();
        (rows["dossiers"] == 21).then_some(())
    });

    city.site(a).line.restore();
    wait("A's link", PATIENCE, || (desk_a.sync().unwrap()["link"] == "connected").then_some(()));
    let handshake = Instant::now();
    wait("A's work at the district", Duration::from_secs(5), || {
        let rows = district.get("/api/v1/hub").unwrap().json();
        (rows["dossiers"] == 41 && desk_a.sync().unwrap()["unsent"] == 0).then_some(())
    });
    wait("what stood behind", Duration::from_secs(5), || {
        behind.iter().all(|id| desk_a.has(id)).then_some(())
    });
    println!("both directions level {:?} after the handshake", handshake.elapsed());
    for client in [&desk_a.client, &desk_b.client, &district] {
        let entries = odd(client, &dossier);
        assert_eq!(verdicts(&entries), ["waiting"]);
        assert_eq!(entries[0]["reason"], "later-version");
    }
    // Readable and in use at both; counted once.
    desk_a.note(&dossier, "vẫn làm việc được").unwrap();
    wait("A's note at B", PATIENCE, || {
        let detail = desk_b.detail(&dossier).unwrap();
        detail["history"].to_string().contains("vẫn làm việc được").then_some(())
    });
    let metrics = desk_a.client.get("/metrics").unwrap().text();
    let line = "motcua_entries_odd{verdict=\"waiting\",reason=\"later-version\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert!(made.iter().all(|id| desk_a.has(id)));
}

#[test]
fn an_office_taken_out_of_a_dossier_keeps_no_byte_of_it_and_says_so_and_gets_it_back_when_let_in() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (a, b) = (WARDS_1[0], WARDS_1[1]);
    let settings = city.site(b).data.join("node.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("purge_after_minutes = 0\n{text}")).unwrap();
    let (desk_a, district) = (Desk::new(console(&mut city, a)), console(&mut city, DISTRICT_1));
    let office_b = city.nodes[b].office.clone();
    let marker = format!("Dauvetriengbiet{}", fresh_key());
    let mut secret = application(&mut seed);
    secret["request"] = json!(format!("{marker} xin cấp lại"));
    secret["applicant"]["name"] = json!(format!("Nguyễn {marker}"));
    let dossier = desk_a.register(&fresh_key(), &secret).unwrap().id;
    desk_a.forward(&dossier, &office_b, "").unwrap();
    // Others that stay, in the same frames.
    let kept: Vec<String> = (0..5)
        .map(|_| {
            let id = desk_a.register(&fresh_key(), &application(&mut seed)).unwrap().id;
            desk_a.forward(&id, &office_b, "").unwrap();
            id
        })
        .collect();
    let desk_b = Desk::new(console(&mut city, b));
    wait("all at B", PATIENCE, || {
        (desk_b.has(&dossier) && kept.iter().all(|id| desk_b.has(id))).then_some(())
    });
    desk_b.note(&dossier, "ghi chú của chính B").unwrap();
    wait("B's note at A", PATIENCE, || {
        (desk_a.detail(&dossier).unwrap()["changes"] == 3).then_some(())
    });
    city.site(b).stop().unwrap();
    let data = city.site(b).data.clone();
    let (finds, looked) = search(&data, &[marker.as_bytes()]).unwrap();
    assert!(!finds.is_empty(), "the search finds what is there: {looked:?}");
    city.site(b).start_ready().unwrap();

    let body = json!({ "office": office_b, "reason": "chuyển nhầm cơ quan" });
    let path = format!("/api/v1/dossiers/{dossier}/withdrawals");
    let answer = desk_a.client.post(&path, &[], &body).unwrap();
    assert!(answer.is_success(), "{}", answer.text());
    let asked = Instant::now();
    let desk_b = Desk::new(console(&mut city, b));
    wait("the dossier to leave B", PATIENCE, || (!desk_b.has(&dossier)).then_some(()));
    let purges = || district.get("/api/v1/purges").unwrap().json()["purges"].clone();
    let confirmed = wait("B's word that it is gone", PATIENCE, || {
        let purges = purges();
        let line = purges.as_array()?.first()?.clone();
        (!line["confirmed"].as_array()?.is_empty()).then_some(line)
    });
    println!("purged and confirmed {:?} after the withdrawal", asked.elapsed());
    assert_eq!((&confirmed["code"], &confirmed["dossier"]), (&json!(b), &json!(dossier)));
    city.site(b).stop().unwrap();
    let (finds, looked) = search(&data, &[marker.as_bytes()]).unwrap();
    assert_eq!(finds, [], "{looked:?}");
    assert!(looked.records > 10 && looked.entries > 5 && looked.pairs > 10, "{looked:?}");

    // The state is lost as well: it comes back from the rewritten journal, without the dossier.
    std::fs::remove_dir_all(city.site(b).state_dir()).unwrap();
    city.site(b).start_ready().unwrap();
    let desk_b = Desk::new(console(&mut city, b));
    assert!(!desk_b.has(&dossier) && kept.iter().all(|id| desk_b.has(id)));
    // Let in again: all of it, its own note included, and work goes on.
    desk_a.forward(&dossier, &office_b, "lần này đúng").unwrap();
    wait("the dossier back at B", PATIENCE, || {
        let history = desk_b.detail(&dossier).ok()?["history"].to_string();
        (history.contains("ghi chú của chính B") && history.contains("lần này đúng")).then_some(())
    });
    desk_b.note(&dossier, "B làm tiếp").unwrap();
    wait("B's work at A", PATIENCE, || {
        desk_a.detail(&dossier).unwrap()["history"].to_string().contains("B làm tiếp").then_some(())
    });
}
