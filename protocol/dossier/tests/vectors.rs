//! The shared test vectors.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_dossier::{
    code::{Code, CodeError, Layout},
    search::fold,
};
use serde_json::Value;

fn cases(text: &str, op: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let all = file["cases"].as_array().unwrap().clone();
    let cases: Vec<Value> = all.into_iter().filter(|case| case["op"] == op).collect();
    assert!(!cases.is_empty());
    cases
}

fn word(error: CodeError) -> &'static str {
    match error {
        CodeError::Empty => "empty",
        CodeError::TooLong => "too_long",
        CodeError::Charset => "charset",
        CodeError::Parts => "parts",
        CodeError::Org => "org",
        CodeError::Date => "date",
        CodeError::Seq => "seq",
    }
}

#[test]
fn codes_are_read_as_the_vectors_say() {
    for case in cases(include_str!("vectors/dossier-codes.json"), "read") {
        let text = case["text"].as_str().unwrap();
        let expect = &case["expect"];
        match Code::read(text) {
            Err(error) => assert_eq!(expect["error"], word(error), "{}", case["id"]),
            Ok(code) => {
                assert_eq!(code.to_string(), text);
                assert_eq!(expect["org"], code.org.as_str(), "{}", case["id"]);
                assert_eq!(expect["date"], code.day.to_string().as_str());
                assert_eq!(expect["seq"], code.seq.as_str());
                assert_eq!(expect["writable"], code.is_writable(), "{}", case["id"]);
                let layout = match code.layout {
                    Layout::New => "new",
                    Layout::Old => "old",
                    Layout::Other => "other",
                };
                assert_eq!(expect["layout"], layout, "{}", case["id"]);
            }
        }
    }
}

/// ISO 8601 with seconds and an offset, to Unix milliseconds.
fn millis(text: &str) -> i64 {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * m + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    let offset = match &text[19..] {
        "Z" => 0,
        sign => {
            let minutes =
                sign[1..3].parse::<i64>().unwrap() * 60 + sign[4..6].parse::<i64>().unwrap();
            if sign.starts_with('-') { -minutes } else { minutes }
        }
    };
    (seconds - offset * 60) * 1_000
}

#[test]
fn codes_are_written_as_the_vectors_say() {
    for case in cases(include_str!("vectors/dossier-codes.json"), "write") {
        let input = &case["input"];
        let seq = input["seq"].as_i64().and_then(|seq| u32::try_from(seq).ok()).unwrap_or(0);
        let org = input["org"].as_str().unwrap();
        let received = millis(input["received"].as_str().unwrap());
        match Code::write(org, received, seq) {
            Ok(code) => assert_eq!(case["expect"]["code"], code.as_str(), "{}", case["id"]),
            Err(error) => assert_eq!(case["expect"]["error"], word(error), "{}", case["id"]),
        }
    }
}

#[test]
fn text_is_folded_as_the_vectors_say() {
    for case in cases(include_str!("vectors/search-fold.json"), "fold") {
        let folded = fold(case["text"].as_str().unwrap());
        assert_eq!(case["expect"], folded.as_str(), "{}", case["id"]);
    }
}
