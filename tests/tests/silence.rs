//! An office that is silent for long, with the shipped programs: what it costs its hub, who is told,
//! and how it is brought level. Scaled down by the settings that operators have.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    binaries::Binaries,
    city::{CITY, City, DISTRICT_1, START, WARD_3, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::{PATIENCE, wait, wait_for},
    seed::Seed,
};
use serde_json::Value;
use std::process::Command;

/// How much happens. `MOTCUA_SILENCE=200000` is the size of an office's nine months; its figures
/// stand in `design/retention.md`.
struct Scale {
    /// Changes of dossiers of the silent office.
    notes: usize,
    /// Rows that may wait for it.
    rows: u64,
    /// Dossiers that it keeps, has to forget, and is handed.
    kept: usize,
    gone: usize,
    new: usize,
    /// Changes of its own meanwhile.
    own: usize,
}

impl Scale {
    fn from_env() -> Self {
        let notes = std::env::var("MOTCUA_SILENCE").ok().and_then(|text| text.parse().ok());
        let notes: usize = notes.unwrap_or(2_000).max(2_000);
        let (rows, kept) = ((notes as u64 / 3).max(640), (notes / 400).max(20));
        let (gone, new, own) =
            ((notes / 400).max(50), (notes / 2_000).max(10), (notes / 6_000).max(3));
        Self { notes, rows, kept, gone, new, own }
    }
}

/// Bytes of the files in a folder.
fn bytes(dir: &std::path::Path) -> u64 {
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.and_then(|entry| entry.metadata()).map_or(0, |data| data.len())
    };
    std::fs::read_dir(dir).map_or(0, |all| all.map(size).sum())
}

/// The hub's line about an office.
fn line(city: &mut City, code: &str) -> Value {
    let told = city.site(DISTRICT_1).process.client().get("/api/v1/offices").unwrap().json();
    let offices = told["offices"].as_array().cloned().unwrap_or_default();
    offices.into_iter().find(|line| line["code"] == code).unwrap()
}

fn metric(city: &mut City, code: &str, name: &str) -> Option<f64> {
    let text = city.site(DISTRICT_1).process.client().get("/metrics").unwrap().text();
    let start = format!("{name}{{office=\"{code}\"");
    let line = text.lines().find(|line| line.starts_with(&start))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// What the verb prints.
fn offices(city: &mut City) -> String {
    let settings = city.site(DISTRICT_1).data.join("hub.toml");
    let output = Command::new(&Binaries::ready().unwrap().hub)
        .args(["offices", "--config"])
        .arg(settings)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn keep_little(city: &mut City, rows: u64) {
    let district = city.site(DISTRICT_1);
    district.stop().unwrap();
    let settings =
        format!("[retention]\nunread_rows = {rows}\nsilent_seconds = 0\nlook_seconds = 1\n");
    district.add_settings(&settings).unwrap();
    district.start_ready().unwrap();
    city.wait_connected(START).unwrap();
}

fn handed(desk: &Desk, seed: &mut Seed, office: &str) -> String {
    let id = desk.register(&fresh_key(), &application(seed)).unwrap().id;
    desk.forward(&id, office, "").unwrap();
    id
}

fn changes(desk: &Desk, id: &str) -> Option<u64> {
    desk.detail(id).ok()?["changes"].as_u64()
}

#[test]
fn an_office_silent_for_long_costs_little_is_named_in_time_and_forgets_before_it_learns() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let wards: Vec<&str> = WARDS_1.into_iter().chain([WARD_3]).collect();
    let mut city = City::start_with(&[CITY, DISTRICT_1], &wards).unwrap();
    let scale = Scale::from_env();
    keep_little(&mut city, scale.rows);
    let [a, b, c, s] = WARDS_1;
    let desk_of = |city: &mut City, code: &str| Desk::new(city.site(code).process.client());
    let (desk_a, desk_b, desk_s) =
        (desk_of(&mut city, a), desk_of(&mut city, b), desk_of(&mut city, s));
    let office_of = |city: &City, code: &str| city.nodes[code].office.clone();
    let (office_c, office_s) = (office_of(&city, c), office_of(&city, s));
    let mut kept: Vec<String> =
        (0..scale.kept + scale.gone).map(|_| handed(&desk_a, &mut seed, &office_s)).collect();
    let gone = kept.split_off(scale.kept);
    wait_for("all at S", || kept.iter().chain(&gone).all(|id| desk_s.has(id)));
    city.wait_settled_acknowledgements(DISTRICT_1, PATIENCE).unwrap();

    // Silence. S works on by itself.
    city.site(s).line.cut();
    wait_for("S away", || line(&mut city, s)["link"] == "away");
    for id in kept.iter().take(scale.own) {
        desk_s.note(id, "viết khi mất mạng").unwrap();
    }
    for id in &gone {
        let body = serde_json::json!({ "office": office_s, "reason": "chuyển nhầm" });
        let path = format!("/api/v1/dossiers/{id}/withdrawals");
        assert!(desk_a.client.post(&path, &[], &body).unwrap().is_success());
    }
    let new: Vec<String> = (0..scale.new).map(|_| handed(&desk_a, &mut seed, &office_s)).collect();
    let mut made = 0;
    let note = |made: &mut usize| {
        desk_a.note(&kept[*made % kept.len()], &format!("ghi chú {made}")).unwrap();
        *made += 1;
    };
    // The alarm comes from half of what may wait on, and before anything is cut.
    let alarm = wait("the alarm", PATIENCE, || {
        (0..20).for_each(|_| note(&mut made));
        let line = line(&mut city, s);
        assert!(
            line["behind_down"].as_u64().unwrap() < scale.rows,
            "no alarm before the bound: {line}"
        );
        line["alarm"].is_object().then_some(line)
    });
    assert!(alarm["cut_at"].is_null(), "{alarm}");
    let words = alarm["alarm"]["en"].as_str().unwrap();
    assert!(words.contains(alarm["name"].as_str().unwrap()) && words.contains("rows"), "{words}");
    assert!(alarm["alarm"]["vi"].as_str().unwrap().contains("im lặng"));
    assert_eq!(metric(&mut city, s, "motcua_inbox_alarm"), Some(1.0));
    assert_eq!(metric(&mut city, b, "motcua_inbox_alarm"), Some(0.0));
    let said = offices(&mut city);
    assert!(said.contains(s) && said.contains("kB") && !said.contains(b), "{said}");

    // Others go on as ever while it goes over the bound.
    let mut beside = Vec::new();
    while made < scale.notes {
        (0..scale.notes / 10).for_each(|_| note(&mut made));
        beside.push(handed(&desk_b, &mut seed, &office_c));
    }
    let desk_c = desk_of(&mut city, c);
    desk_c.register(&fresh_key(), &application(&mut seed)).unwrap();
    wait_for("B's work at C", || beside.iter().all(|id| desk_c.has(id)));
    let cut = wait("the cut", PATIENCE, || {
        let line = line(&mut city, s);
        (line["cut_at"].is_u64() && line["kept_rows"].as_u64()? < 64).then_some(line)
    });
    let district = &city.hubs[DISTRICT_1];
    let files = ["journal", "state"].map(|folder| bytes(&district.data.join(folder)));
    println!(
        "kept for S after {made} changes: {} rows; journal, state {files:?}",
        cut["kept_rows"]
    );
    assert!(offices(&mut city).contains("thôi giữ"));

    // Killed, and its state lost: the same rows, the same cut.
    city.site(DISTRICT_1).process.kill().unwrap();
    std::fs::remove_dir_all(city.site(DISTRICT_1).state_dir()).unwrap();
    city.site(DISTRICT_1).start_ready().unwrap();
    let again = wait("the hub level", PATIENCE, || {
        let line = line(&mut city, s);
        (line["cut_at"].is_u64() && line["kept_rows"].as_u64()? < 64).then_some(line)
    });
    for key in ["link", "cut_at", "nodes", "behind_down"] {
        assert_eq!(again[key], cut[key], "{key}");
    }
    wait_for("the others back", || {
        [a, b, c].iter().all(|code| line(&mut city, code)["link"] == "connected")
    });
    let checks =
        |desk: &Desk| desk.client.get("/api/v1/verify").unwrap().json()["set_back"].clone();
    assert_eq!((checks(&desk_b), line(&mut city, b)["kept_rows"].is_u64()), (0.into(), true));

    // Back. Whenever something new is seen, nothing is left of what it had to forget.
    city.site(s).line.restore();
    let mut seen = 0;
    let level = wait_for("S level", || {
        let here = new.iter().filter(|id| desk_s.has(id)).count();
        if here > 0 {
            assert!(!gone.iter().any(|id| desk_s.has(id)), "new work before the purges");
        }
        seen = seen.max(here);
        seen == new.len()
            && kept.iter().all(|id| {
                let there = changes(&desk_a, id);
                there.is_some() && there == changes(&desk_s, id)
            })
    });
    println!("level {level:?} after the line was back");
    let history = desk_a.detail(&kept[0]).unwrap()["history"].to_string();
    assert!(history.contains("viết khi mất mạng"), "{history}");
    assert_eq!(desk_s.sync().unwrap()["unsent"], 0);
    assert!(gone.iter().all(|id| !desk_s.has(id)));
    let over = line(&mut city, s);
    assert!(over["cut_at"].is_null(), "{over}");
    wait_for("the alarm to end", || line(&mut city, s)["alarm"].is_null());

    // C is given up: its machine is banned, and nothing is kept for it from then on.
    let hubs = [DISTRICT_1, CITY].map(|hub| city.site(hub).page.to_string());
    let told = hubs.iter().flat_map(|hub| ["--hub", hub.as_str()]);
    let ban = ["ban", "--office", c, "--reason", "máy đã bỏ"];
    let arguments: Vec<&str> = ban.into_iter().chain(told).collect();
    city.provision(&arguments).unwrap();
    let nothing = |city: &mut City| {
        wait_for("nothing kept for C", || line(city, c)["kept_rows"] == 0);
    };
    nothing(&mut city);
    let id = handed(&desk_b, &mut seed, &office_c);
    let district = city.site(DISTRICT_1).process.client();
    wait_for("B's work at the hub", || {
        let held = district.get("/api/v1/dossiers?limit=1000").unwrap().json();
        held["dossiers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["id"] == id && one["entries"] == 2)
    });
    nothing(&mut city);
    assert_eq!(line(&mut city, b)["link"], "connected");
}
