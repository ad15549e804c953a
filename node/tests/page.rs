//! The page's words and the API's description hold together with the code.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::{Map, Value};

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
    for file in [include_str!("../page/words.js"), include_str!("../../hub/page/words.js")] {
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

#[test]
fn every_route_of_the_api_is_described_and_no_other() {
    let file: Value = serde_json::from_str(include_str!("../openapi.json")).unwrap();
    assert!(file["openapi"].as_str().unwrap().starts_with("3.1"));
    let described: Vec<&String> = file["paths"].as_object().unwrap().keys().collect();
    let code = [include_str!("../src/api.rs"), include_str!("../src/lists.rs")].concat();
    for path in &described {
        let bare = path.trim_start_matches("/api/v1");
        let tail = bare.trim_start_matches("/dossiers/{id}");
        assert!(code.contains(tail), "{path} is described but not served");
    }
    for route in [
        "office",
        "offices",
        "procedures",
        "sync",
        "verify",
        "bundle",
        "dossiers",
        "dossiers/{id}",
        "dossiers/{id}/moves",
        "dossiers/{id}/forwards",
        "dossiers/{id}/taken",
        "dossiers/{id}/notes",
        "dossiers/{id}/attachments",
        "dossiers/{id}/attachments/{scan}",
        "dossiers/{id}/forms/{form}",
        "dossiers/{id}/forms/{form}/printings",
        "scans/damaged",
        "lists",
        "lists/{list}",
    ] {
        let whole = described
            .iter()
            .any(|path| path.trim_start_matches("/api/v1").trim_start_matches('/') == route);
        assert!(whole, "{route} is served but not described");
    }
}
