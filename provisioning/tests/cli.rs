//! The binary as operators and scripts meet it: output, exit codes, files.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_core::trust::{JoinBundle, NodeKind, TrustView};
use motcua_shell::{identity::Identity, settings::HubSettings};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const OFFICES: &str = "gso_code,name,tier,parent_gso_code,lat,lon
79,Thành phố Hồ Chí Minh,city,,10.823099,106.629664
760,Quận 1,district,79,10.775388,106.702825
770,Quận 3,district,79,10.784,106.686
26734,Phường Tân Định,ward,760,10.793097,106.690295
26737,Phường Đa Kao,ward,760,10.787884,106.698403
26740,Phường 1,ward,760,,
27139,Phường 1,ward,770,10.76,106.68
";

struct Desk {
    dir: tempfile::TempDir,
}

struct Answer {
    code: i32,
    out: String,
    err: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

impl Desk {
    fn new(offices: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("offices.csv"), offices).unwrap();
        Self { dir }
    }

    /// With a city in the folder `city`.
    fn with_city() -> Self {
        let desk = Self::new(OFFICES);
        let answer = desk.create(&[]);
        assert_eq!(answer.code, 0, "{}", answer.err);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Answer {
        let output = Command::new(env!("CARGO_BIN_EXE_motcua-provision"))
            .current_dir(self.dir.path())
            .args(args)
            .output()
            .unwrap();
        Answer {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn create(&self, more: &[&str]) -> Answer {
        let args = [
            "city",
            "create",
            "--offices",
            "offices.csv",
            "--out",
            "city",
            "--name",
            "Thành phố Hồ Chí Minh",
            "--hub",
            "79=10.0.0.1:4433,hub.example:4433,recovery=hub.example:443",
            "--hub",
            "760=10.0.1.1:4434",
        ];
        self.run(&[&args, more].concat())
    }

    fn token(&self, office: &str, out: &str, more: &[&str]) -> Answer {
        let args = ["token", "create", "--city", "city", "--office", office, "--out", out];
        self.run(&[&args, more].concat())
    }

    fn trust(&self) -> TrustView {
        TrustView::from_bytes(&fs::read(self.path("city/trust")).unwrap()).unwrap()
    }

    fn bundle(&self, name: &str) -> JoinBundle {
        JoinBundle::from_text(&fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_city_is_made_whole_with_secrets_for_the_owner_only() {
    let desk = Desk::with_city();
    assert_eq!(desk.names(), ["city", "offices.csv"], "nothing else is left");
    for name in ["root-1.key", "root-2.key", "root-3.key", "registrar.key", "denial.key"] {
        assert_eq!(mode(&desk.path("city/secret").join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&desk.path("city/secret")), 0o700);
    let trust = desk.trust();
    assert_eq!((trust.numbers().root, trust.root().threshold), (1, 2));
    let offices = &trust.catalogue().unwrap().offices;
    assert!(offices.iter().any(|office| office.name == "Phường Tân Định"), "{offices:?}");
    let list = fs::read_to_string(desk.path("city/offices.csv")).unwrap();
    assert!(list.starts_with("# organisation codes for dossier codes are invented"), "{list}");
    assert!(list.contains("26737,H29.01.02,"), "{list}");
}

#[test]
fn each_hub_folder_is_a_working_identity() {
    let desk = Desk::with_city();
    for (code, port, recovery) in [("79", 4433, Some(443)), ("760", 4434, None)] {
        let file = desk.path("city/hubs").join(code).join("hub.toml");
        let settings = HubSettings::load(&file).unwrap();
        assert_eq!(settings.listen.port(), port);
        assert_eq!(settings.recovery_listen.map(|address| address.port()), recovery);
        let identity = Identity::load(&settings.data_dir).unwrap();
        let binding = identity.trust.binding(&identity.binding).unwrap();
        assert_eq!(binding.kind, NodeKind::Hub);
        let record = identity.trust.hub(binding.office).unwrap();
        assert_eq!(record.key, identity.device.public());
        let issuer = identity.trust.issuer(&identity.issuer.unwrap().public()).unwrap();
        assert_eq!((issuer.scope, &issuer.ca_cert), (binding.office, &identity.tls_chain[1]));
    }
}

#[test]
fn text_goes_to_stdout_and_messages_to_stderr() {
    let desk = Desk::new(OFFICES);
    let answer = desk.create(&[]);
    for words in [
        "Thành phố Hồ Chí Minh\n  domain     ",
        "  offices    7 (1 city, 2 districts, 4 wards)\n",
        "  hub        760  Quận 1  10.0.1.1:4434\n",
    ] {
        assert!(answer.out.contains(words), "{}", answer.out);
    }
    assert!(answer.err.contains("invented, not official"), "{}", answer.err);
    assert!(answer.err.contains("take the root keys off this machine"), "{}", answer.err);
    let shown = desk.run(&["city", "show", "--city", "city"]);
    assert_eq!((shown.code, shown.out, shown.err.as_str()), (0, answer.out, ""));
}

#[test]
fn json_names_the_city_and_its_hubs() {
    let desk = Desk::new(OFFICES);
    let json = desk.create(&["--json"]).json();
    assert_eq!((json["ok"].as_bool(), json["offices"].as_u64()), (Some(true), Some(7)));
    assert_eq!(json["hubs"][1]["name"], "Quận 1");
    assert_eq!(json["hubs"][0]["recovery_addresses"][0], "hub.example:443");
    assert!(json["org_codes"].as_str().unwrap().contains("invented"));
}

#[test]
fn a_city_that_exists_is_refused_and_untouched() {
    let desk = Desk::with_city();
    let before = fs::read(desk.path("city/trust")).unwrap();
    let answer = desk.create(&["--json"]);
    assert_eq!((answer.code, answer.json()["exit"].as_u64()), (5, Some(5)));
    assert!(answer.err.contains("exists already"), "{}", answer.err);
    assert_eq!(fs::read(desk.path("city/trust")).unwrap(), before);
}

#[test]
fn a_bad_list_is_reported_row_by_row_and_nothing_is_written() {
    let bad = OFFICES
        .replace("770,Quận 3", "760,Quận 3")
        .replace("26740,Phường 1,ward", "26740,Phường 1,phường");
    let desk = Desk::new(bad);
    let answer = desk.create(&["--json"]);
    assert_eq!(answer.code, 1);
    let json = answer.json();
    let row = |row: &Value| (row["line"].as_u64().unwrap(), row["column"].as_u64().unwrap());
    let rows: Vec<(u64, u64)> = json["problems"].as_array().unwrap().iter().map(row).collect();
    assert_eq!(rows, [(4, 1), (7, 3)]);
    for words in [
        "line 4, column 1 (gso_code): code 760 is on line 3 already (Quận 1)",
        "line 7, column 3 (tier): \"phường\" is none of",
    ] {
        assert!(answer.err.contains(words), "{}", answer.err);
    }
    assert_eq!(desk.names(), ["offices.csv"]);
}

#[test]
fn each_kind_of_bad_list_is_said_in_words() {
    let changed = |from: &str, to: &str| OFFICES.replace(from, to).into_bytes();
    let cases: [(Vec<u8>, &str); 7] = [
        (
            changed("ward,770", "ward,999"),
            "line 8, column 4 (parent_gso_code): no office with the code 999",
        ),
        (changed("city,,", "city,26734,"), "form a circle: 79 -> 26734 -> 760 -> 79"),
        (
            [OFFICES.as_bytes(), b"1,Ph\xad\xea,ward,79,,\n"].concat(),
            "line 9: byte 5 of the line is not UTF-8",
        ),
        (changed("gso_code,name", "code;name"), "line 1: the header must be"),
        (changed("10.76,", "10,76,"), "line 8: 6 columns are needed, the line has 7"),
        (changed("district,79,10.784", "district,,10.784"), "the list has 2 (79, 770)"),
        (vec![], "line 1: the header must be"),
    ];
    for (bytes, words) in cases {
        let desk = Desk::new(bytes);
        let answer = desk.create(&[]);
        assert_eq!(answer.code, 1, "{}", answer.err);
        assert!(answer.err.contains(words), "wanted {words}\n{}", answer.err);
        assert_eq!(desk.names(), ["offices.csv"]);
    }
}

#[test]
fn a_wrong_command_line_is_usage_and_json_too() {
    let desk = Desk::new(OFFICES);
    for (more, words) in [
        (&["--hub", "999=a:1"][..], "--hub names the office 999"),
        (&["--hub", "760=b:1"], "--hub names the office 760 twice"),
        (&["--only", "1,2"], "--only names the office 1"),
        (&["--only", "27139"], "--hub names the office 760"),
        (&["--threshold", "4"], "a threshold of 4 is not between 1 and 3 root keys"),
        (&["--org-code-prefix", "x"], "is not a prefix"),
        (&["--hub", "../x=a:1"], "letters, digits"),
        (&["--hub", "770=nowhere"], "host:port"),
        (&["--nonsense"], "--nonsense"),
    ] {
        let answer = desk.create(&[&["--json"], more].concat());
        assert_eq!(answer.code, 2, "{more:?}: {}", answer.err);
        assert!(answer.json()["error"].as_str().unwrap().contains(words), "{}", answer.out);
        assert!(answer.err.contains(words), "{}", answer.err);
    }
    assert_eq!(desk.names(), ["offices.csv"]);
    assert_eq!(desk.run(&["city", "show", "--city", "nowhere"]).code, 2);
    assert_eq!(desk.run(&["--help"]).code, 0);
}

#[test]
fn every_office_must_have_a_hub() {
    let desk = Desk::new(OFFICES);
    let args = ["city", "create", "--offices", "offices.csv", "--out", "city", "--name", "TP"];
    let answer = desk.run(&[&args[..], &["--hub", "760=10.0.1.1:4434"]].concat());
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("no hub serves Thành phố Hồ Chí Minh (79)"), "{}", answer.err);
}

#[test]
fn only_takes_the_offices_above_too() {
    let desk = Desk::new(OFFICES);
    let answer = desk.create(&["--only", "26734,26737", "--json"]);
    assert_eq!((answer.code, answer.json()["offices"].as_u64()), (0, Some(4)), "{}", answer.err);
    let desk = Desk::new(OFFICES);
    let answer = desk.create(&["--only", "760+", "--json"]);
    assert_eq!((answer.code, answer.json()["offices"].as_u64()), (0, Some(5)), "{}", answer.err);
}

#[test]
fn a_token_is_a_bundle_for_the_nearest_hub() {
    let desk = Desk::with_city();
    let answer = desk.token("26734", "tan-dinh.join", &["--slot", "2", "--slots", "3", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(answer.json()["name"], "Phường Tân Định, Quận 1");
    assert_eq!(mode(&desk.path("tan-dinh.join")), 0o600);
    let text = fs::read_to_string(desk.path("tan-dinh.join")).unwrap();
    assert!(text.contains("Office: Phường Tân Định, Quận 1\n"), "{text}");
    let (bundle, trust) = (desk.bundle("tan-dinh.join"), desk.trust());
    let token = trust.token(&bundle.token).unwrap();
    assert_eq!((token.slot, token.slots, bundle.root_pin), (1, 3, trust.pin()));
    let hub = trust.hub_for(token.office).unwrap();
    assert_eq!((bundle.hub_key, &bundle.hub_addresses), (hub.key, &hub.addresses));
    assert_eq!(trust.office(hub.office).unwrap().code, "760");
    assert_eq!(desk.token("27139", "far.join", &[]).code, 0);
    assert_eq!(desk.bundle("far.join").hub_addresses, ["hub.example:443"]);
}

#[test]
fn an_ambiguous_name_lists_what_it_may_mean() {
    let desk = Desk::with_city();
    let answer = desk.token("phường 1", "one.join", &["--json"]);
    assert_eq!(answer.code, 2);
    let json = answer.json();
    let candidates = json["candidates"].as_array().unwrap();
    let parents: Vec<&str> = candidates.iter().map(|c| c["parent"].as_str().unwrap()).collect();
    assert_eq!(parents, ["Quận 1", "Quận 3"]);
    assert!(answer.err.contains("  27139  Phường 1, Quận 3  ("), "{}", answer.err);
    let id = candidates[1]["id"].as_str().unwrap();
    assert_eq!(desk.token(id, "one.join", &["--json"]).json()["code"], "27139");
    assert_eq!(desk.token("Phường ĐA KAO", "dakao.join", &[]).code, 0);
    let unknown = desk.token("Phường 99", "no.join", &[]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("no office has the code, id or name \"Phường 99\""));
}

#[test]
fn a_bundle_file_is_never_replaced_and_a_refused_one_leaves_no_record() {
    let desk = Desk::with_city();
    assert_eq!(desk.token("26734", "a.join", &[]).code, 0);
    let before = fs::read(desk.path("a.join")).unwrap();
    let again = desk.token("26734", "a.join", &["--json"]);
    assert_eq!((again.code, again.json()["ok"].as_bool()), (5, Some(false)));
    assert_eq!(fs::read(desk.path("a.join")).unwrap(), before);
    assert_eq!(desk.token("26734", "nowhere/a.join", &[]).code, 1);
    for bad in ["0", "3"] {
        assert_eq!(desk.token("26734", "b.join", &["--slot", bad, "--slots", "2"]).code, 2);
    }
    let list = desk.run(&["token", "list", "--city", "city", "--json"]).json();
    assert_eq!(list["tokens"].as_array().unwrap().len(), 1);
    let second = desk.token("26734", "b.join", &[]);
    assert!(second.err.contains("can still be used"), "{}", second.err);
    let shown = desk.run(&["token", "list", "--city", "city"]);
    assert_eq!(shown.out.lines().count(), 2);
    let line = "open     1/1  26734  Phường Tân Định, Quận 1  a.join";
    assert!(shown.out.contains(line), "{}", shown.out);
}

#[test]
fn without_the_registrars_key_no_token_is_made() {
    let desk = Desk::with_city();
    fs::remove_file(desk.path("city/secret/registrar.key")).unwrap();
    let answer = desk.token("26734", "a.join", &[]);
    assert_eq!(answer.code, 5);
    assert!(answer.err.contains("only the registrar makes tokens"), "{}", answer.err);
    fs::copy(desk.path("city/secret/root-1.key"), desk.path("city/secret/registrar.key")).unwrap();
    assert_eq!(desk.token("26734", "a.join", &[]).code, 5);
    assert_eq!(desk.names(), ["city", "offices.csv"]);
}

#[test]
fn a_damaged_city_is_named() {
    let desk = Desk::with_city();
    fs::write(desk.path("city/trust"), b"\x01rubbish").unwrap();
    let answer = desk.run(&["city", "show", "--city", "city", "--json"]);
    assert_eq!(answer.code, 1);
    assert!(answer.json()["error"].as_str().unwrap().contains("is damaged"), "{}", answer.out);
}

#[test]
fn completions_are_printed() {
    let answer = Desk::new("").run(&["completions", "bash"]);
    assert_eq!(answer.code, 0);
    assert!(answer.out.contains("motcua-provision"), "{}", answer.out);
}

#[test]
fn machines_are_suspended_banned_and_let_back_in_by_numbered_lists_and_nothing_is_dropped() {
    let desk = Desk::with_city();
    let (one, two, log) = ("11".repeat(16), "22".repeat(16), "33".repeat(16));
    let position = format!("{log}=7");
    let deny = |verb: &str, machine: &str| {
        let mut args = vec!["--json", verb, "--city", "city", "--machine", machine];
        args.extend(["--last-good", &position, "--reason", "mất máy"]);
        desk.run(&args)
    };
    let trust = || TrustView::from_bytes(&fs::read(desk.path("city/trust")).unwrap()).unwrap();
    let suspended = deny("suspend", &one);
    assert_eq!((suspended.code, suspended.json()["number"].as_u64()), (0, Some(2)));
    assert_eq!(suspended.json()["last_good"][0][1], 7);
    assert_eq!(deny("ban", &two).code, 0);
    let held = trust();
    assert_eq!((held.numbers().denial, held.denial().unwrap().denied.len()), (3, 2));
    // Suspended, then banned: one line, the newer word.
    assert_eq!(deny("ban", &one).code, 0);
    let action = trust().denied(one.parse().unwrap()).unwrap().action;
    assert_eq!(action, motcua_core::trust::DenyAction::Ban);
    let back = desk.run(&["unban", "--city", "city", "--machine", &one, "--reason", "đã tìm thấy"]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert!(back.err.contains("no hub has it yet"), "{}", back.err);
    assert!(trust().denied(one.parse().unwrap()).is_none());
    assert!(trust().denied(two.parse().unwrap()).is_some());
    let again = desk.run(&["unban", "--city", "city", "--machine", &one, "--reason", "x"]);
    assert_eq!(again.code, 4, "{}", again.err);
    let book = fs::read_to_string(desk.path("city/denials.jsonl")).unwrap();
    assert_eq!(book.lines().count(), 4);
    // Without hub or position nobody knows what is still believed; without reason nobody knows why.
    let bare = ["ban", "--city", "city", "--machine", &one, "--reason"];
    assert_eq!(desk.run(&[&bare[..], &["mất"]].concat()).code, 2);
    assert_eq!(desk.run(&[&bare[..], &[" ", "--last-good", &position]].concat()).code, 2);
    fs::remove_file(desk.path("city/secret/denial.key")).unwrap();
    assert_eq!(deny("ban", &one).code, 5);
    assert_eq!(trust().numbers().denial, 5);
}

#[test]
fn a_registrars_act_is_a_signed_file_that_names_offices_roles_and_a_reason() {
    use motcua_core::trust::{RegistrarAct, Signed};
    let desk = Desk::with_city();
    let dossier = "ab".repeat(16);
    let base = ["act", "--city", "city", "--dossier", &dossier, "--out", "act"];
    let more = ["--assign", "26737:competent", "--release", "26734", "--reason", "sáp nhập phường"];
    let answer = desk.run(&[&base[..], &more].concat());
    assert_eq!(answer.code, 0, "{}", answer.err);
    let trust = TrustView::from_bytes(&fs::read(desk.path("city/trust")).unwrap()).unwrap();
    let signed = Signed::decode::<RegistrarAct>(&fs::read(desk.path("act")).unwrap()).unwrap();
    let act = trust.may_carry_in(&signed).unwrap();
    assert_eq!((act.steps.len(), act.reason.as_str()), (5, "sáp nhập phường"));
    assert!(act.steps[0].joins && !act.steps[4].joins);
    assert_eq!(desk.run(&[&base[..], &more].concat()).code, 5, "a file is never replaced");
    fs::remove_file(desk.path("act")).unwrap();
    for wrong in [
        &["--reason", "không làm gì"][..],
        &["--assign", "26737:king", "--reason", "x"],
        &["--assign", "26737", "--reason", " "],
        &["--assign", "Phường 1", "--reason", "x"],
    ] {
        assert_eq!(desk.run(&[&base[..], wrong].concat()).code, 2, "{wrong:?}");
        assert!(!desk.path("act").exists());
    }
}

fn hub_of<'a>(shown: &'a Value, code: &str) -> Option<&'a Value> {
    shown["hubs"].as_array().unwrap().iter().find(|hub| hub["code"] == code)
}

#[test]
fn hubs_move_are_retired_come_back_and_are_replaced_by_signed_root_documents() {
    let desk = Desk::with_city();
    let show = || desk.run(&["--json", "city", "show", "--city", "city"]).json();
    let hub = |verb: &[&str]| {
        let args = [&["--json", "hub"], verb, &["--city", "city"]].concat();
        desk.run(&args)
    };
    let key = hub_of(&show(), "760").unwrap()["key"].clone();

    // Moved: another address, the same machine.
    let answer = hub(&["set", "760=10.9.9.9:4433,recovery=10.9.9.9:4434"]);
    assert_eq!((answer.code, &answer.json()["number"]), (0, &2.into()), "{}", answer.err);
    let shown = show();
    let moved = hub_of(&shown, "760").unwrap();
    assert_eq!((&moved["key"], &moved["addresses"][0]), (&key, &"10.9.9.9:4433".into()));
    assert_eq!(hub(&["set", "760=10.9.9.9:4433,recovery=10.9.9.9:4434"]).code, 4, "nothing to do");

    // Retired, and back with the key it had; the city's own cannot go.
    assert_eq!(hub(&["retire", "760"]).code, 0);
    assert!(hub_of(&show(), "760").is_none());
    assert_eq!(hub(&["retire", "79"]).code, 2, "offices would have no hub");
    assert_eq!(hub(&["set", "760=10.9.9.9:4433"]).code, 0);
    assert_eq!(hub_of(&show(), "760").unwrap()["key"], key);

    // A machine that burnt is replaced: new keys in a new folder; the issuer of before stays.
    let answer = hub(&["set", "--new-machine", "760=10.9.9.9:4433"]);
    assert_eq!(answer.code, 5, "the folder of before is not overwritten: {}", answer.err);
    fs::rename(desk.path("city/hubs/760"), desk.path("burnt")).unwrap();
    let answer = hub(&["set", "--new-machine", "760=10.9.9.9:4433"]);
    assert_eq!((answer.code, &answer.json()["number"]), (0, &5.into()), "{}", answer.err);
    assert_ne!(hub_of(&show(), "760").unwrap()["key"], key);
    let fresh = Identity::load(&desk.path("city/hubs/760")).unwrap();
    assert!(fresh.trust.binding(&fresh.binding).is_ok());
    let burnt = Identity::load(&desk.path("burnt")).unwrap();
    assert!(fresh.trust.binding(&burnt.binding).is_ok(), "what it bound still counts");

    // The chain leads from the pin to the newest.
    let trust = TrustView::from_bytes(&fs::read(desk.path("city/trust")).unwrap()).unwrap();
    assert_eq!((trust.numbers().root, trust.roots_after(0).len()), (5, 5));

    // Keys in their safes: refused until as many are brought as must sign.
    for number in [1, 2, 3] {
        let name = format!("root-{number}.key");
        fs::rename(desk.path(&format!("city/secret/{name}")), desk.path(&name)).unwrap();
    }
    let answer = hub(&["set", "760=10.1.1.1:4433", "--root-key", "root-1.key"]);
    assert_eq!(answer.code, 5, "{}", answer.out);
    assert!(answer.err.contains("1 root keys") && answer.err.contains("--root-key"));
    let answer =
        hub(&["set", "760=10.1.1.1:4433", "--root-key", "root-1.key", "--root-key", "root-3.key"]);
    assert_eq!((answer.code, &answer.json()["number"]), (0, &6.into()), "{}", answer.err);
}
