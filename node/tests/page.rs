//! The page's words and the API's description hold together with the code.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::{Map, Value};
use std::{collections::BTreeSet, fs, path::Path};

fn words(text: &str) -> Map<String, Value> {
    let (from, to) = (text.find('{').unwrap(), text.rfind('}').unwrap());
    serde_json::from_str(&text[from..=to]).unwrap()
}

fn keys(words: &Value) -> Vec<&String> {
    words.as_object().unwrap().keys().collect()
}

fn placeholders(text: &str) -> Vec<&str> {
    let mut all: Vec<&str> = text
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn vietnamese_and_english_say_the_same_things() {
    for file in [
        include_str!("../page/words.js"),
        include_str!("../page/words_later.js"),
        include_str!("../../hub/page/words.js"),
    ] {
        let words = words(file);
        assert!(words["vi"].as_object().unwrap().len() > 50);
        assert_eq!(keys(&words["vi"]), keys(&words["en"]));
        for (key, vi) in words["vi"].as_object().unwrap() {
            let (vi, en) = (vi.as_str().unwrap(), words["en"][key].as_str().unwrap());
            assert!(!vi.is_empty() && !en.is_empty(), "{key} is empty");
            assert_eq!(placeholders(vi), placeholders(en), "{key}");
        }
    }
}

/// What is said in both files would be said as the later one has it, and only after it has come.
#[test]
fn words_that_come_later_are_no_others() {
    let (first, later) =
        (words(include_str!("../page/words.js")), words(include_str!("../page/words_later.js")));
    let first = first["vi"].as_object().unwrap();
    let twice: Vec<&String> =
        keys(&later["vi"]).into_iter().filter(|key| first.contains_key(*key)).collect();
    assert_eq!(twice, Vec::<&String>::new());
}

#[test]
fn every_id_and_every_name_of_a_script_stands_for_one_thing() {
    for page in [include_str!("../page/index.html"), include_str!("../../hub/page/index.html")] {
        let ids = page.split(" id=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        let mut seen = BTreeSet::new();
        let twice: Vec<&str> = ids.map(|(id, _)| id).filter(|id| !seen.insert(*id)).collect();
        assert_eq!(twice, Vec::<&str>::new(), "an element would be shown for another");
        assert!(seen.len() > 20);
    }
    // The scripts of a page share one scope.
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir("page").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "js")
            && !path.ends_with("live_worker.js")
        {
            for line in fs::read_to_string(&path).unwrap().lines() {
                let named = ["function ", "async function ", "const ", "let ", "class "]
                    .iter()
                    .find_map(|word| line.strip_prefix(word));
                let name = named.and_then(|rest| {
                    rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
                });
                let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
                assert!(seen.insert(name.to_owned()), "{name} of {} is not alone", path.display());
            }
        }
    }
    assert!(seen.len() > 100);
}

#[test]
fn that_the_network_blocks_udp_is_said_only_where_it_was_found_out() {
    let blame = [("vi", "mạng chặn UDP"), ("en", "network blocks UDP")];
    for (page, key) in [
        (include_str!("../page/words.js"), "carrier_tcp"),
        (include_str!("../../hub/page/words.js"), "line_tcp"),
    ] {
        let words = words(page);
        for (language, blame) in blame {
            let texts = words[language].as_object().unwrap();
            let blaming = texts.iter().filter(|(_, text)| text.as_str().unwrap().contains(blame));
            let blaming: Vec<&str> = blaming.map(|(key, _)| key.as_str()).collect();
            assert_eq!(blaming, [format!("{key}_blocked")]);
            assert!(texts[key].as_str().unwrap().contains("QUIC"), "it is tried again");
        }
    }
    // And the pages choose by what was found out.
    for (code, choice) in [
        (include_str!("../page/sync.js"), "s.udp_blocked ? 'carrier_tcp_blocked' : 'carrier_tcp'"),
        (include_str!("../../hub/page/hub.js"), "udp_blocked ? 'line_tcp_blocked' : 'line_tcp'"),
    ] {
        assert!(code.contains(choice));
    }
}

/// Routes of `/api/v1` in the sources of a crate, as path and method.
fn routes(dir: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let code = fs::read_to_string(&path).unwrap();
            found.extend(code.split(".route(").skip(1).flat_map(routed));
        }
    }
}

/// What stands behind one `.route(`: its path, and each method that it answers.
fn routed(rest: &str) -> Vec<(String, String)> {
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    let call = &rest[..end.unwrap()];
    let dossier = "/api/v1/dossiers/{id}";
    let (path, methods) = match call.trim_start().split_once(',').unwrap() {
        ("dossier", methods) => (dossier.to_owned(), methods),
        (path, methods) if path.starts_with("&of(") => {
            (format!("{dossier}/{}", path.split('"').nth(1).unwrap_or_default()), methods)
        }
        (path, methods) => {
            let path = path.split('"').nth(1).unwrap_or_default();
            (path.replace("{dossier}", dossier), methods)
        }
    };
    let routed = |method: &str| {
        let call = format!("{method}(");
        let mut ends = methods.match_indices(&call).map(|(at, _)| &methods[..at]);
        ends.any(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let methods = ["get", "post", "put", "patch", "delete"].into_iter().filter(|one| routed(one));
    methods
        .filter(|_| path.starts_with("/api/v1/"))
        .map(|method| (path.clone(), method.to_owned()))
        .collect()
}

#[test]
fn every_code_of_a_refusal_is_described() {
    let file: Value = serde_json::from_str(include_str!("../openapi.json")).unwrap();
    let codes =
        &file["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"];
    let described: BTreeSet<&str> =
        codes["enum"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    let files = [
        include_str!("../src/error.rs"),
        include_str!("../src/people/refused.rs"),
        include_str!("../src/scan_folder/mod.rs"),
    ];
    let refusals = files.iter().flat_map(|file| file.split("(StatusCode::").skip(1));
    let codes = refusals.filter_map(|rest| rest.split_once(')')?.0.split('"').nth(1));
    // Said while nothing is open yet, by the door and not by the desk.
    let said: BTreeSet<&str> = codes.chain(["starting"]).collect();
    assert_eq!(
        said.iter().filter(|code| !described.contains(*code)).count(),
        0,
        "{said:?} {described:?}"
    );
    assert_eq!(
        described.iter().filter(|code| !said.contains(*code)).count(),
        0,
        "{said:?} {described:?}"
    );
}

/// Names that a script declares for all scripts of its page.
fn declared(script: &str) -> Vec<&str> {
    let words = ["const ", "let ", "var ", "class ", "function ", "async function "];
    let rest = |line| words.iter().find_map(|word| str::strip_prefix(line, word));
    script
        .lines()
        .filter_map(rest)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn no_two_scripts_of_the_page_declare_the_same_name() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("page/index.html")).unwrap();
    let mut known = BTreeSet::new();
    let late = fs::read_to_string(here.join("page/later.js")).unwrap();
    let tags = page.split("<script src=\"").skip(1).filter_map(|tag| tag.split('"').next());
    let late = late.split("src: '").skip(1).filter_map(|tag| tag.split('\'').next());
    for file in tags.chain(late) {
        let parts =
            file.strip_prefix("/parts/").map(|name| format!("../protocol/shell/page/{name}"));
        let script = parts.unwrap_or_else(|| format!("page{file}"));
        for name in declared(&fs::read_to_string(here.join(script)).unwrap()) {
            assert!(known.insert(name.to_owned()), "{name} of {file} is declared before");
        }
    }
    assert!(known.len() > 50);
}

#[test]
fn every_route_of_the_api_is_described_and_no_other() {
    let file: Value = serde_json::from_str(include_str!("../openapi.json")).unwrap();
    assert!(file["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut described = BTreeSet::new();
    for (path, item) in file["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
        described.extend(methods.map(|method| (path.clone(), method.clone())));
    }
    described.retain(|(path, _)| path.starts_with("/api/v1/"));
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut served = BTreeSet::new();
    routes(&here.join("src"), &mut served);
    let shell = here.join("../protocol/shell/src");
    for file in ["verify.rs", "carry/http.rs"] {
        let code = fs::read_to_string(shell.join(file)).unwrap();
        served.extend(code.split(".route(").skip(1).flat_map(routed));
    }
    // A file, not a route of its own.
    served.insert(("/api/v1/openapi.json".to_owned(), "get".to_owned()));
    assert!(served.len() > 25, "{served:?}");
    assert_eq!(served, described);
}
