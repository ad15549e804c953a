//! Forms printed by the shipped programs: counted once and for ever, signed, and the same from a browser's
//! print dialog as from the PDF.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use motcua_core::key::{Purpose, Signature};
use motcua_shell::identity::Identity;
use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, Site, WARDS_1},
    desk::fresh_key,
    http::Answer,
    patience::wait_for,
    picture::{Picture, words_of_pdf},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("printings").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn bare(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Registers the person and papers of P10; the dossier's id.
fn registered(site: &Site) -> String {
    let body = json!({
        "procedure": "1.001193",
        "applicant": {
            "name": "Công Tằng Tôn Nữ Hoàng Mẫu Nguyễn Phước Ngọc Khánh",
            "id_number": "079185001234",
            "address": "Số 1 đường <script>alert(\"Mẫu\")</script> 'Phường'",
        },
        "papers": [{ "name": "Tờ khai đăng ký khai sinh", "form": "original", "count": 1 }],
        "fee": 150_000,
        "clerk": "Nguyễn Thị Mẫu",
    });
    let headers = [("idempotency-key", fresh_key())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let answer = site.process.client().post("/api/v1/dossiers", &headers, &body).unwrap();
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

fn print(site: &Site, id: &str, form: &str, key: &str, paper: &str) -> Answer {
    let path = format!("/api/v1/dossiers/{id}/forms/{form}/printings");
    let body = json!({ "paper": paper, "clerk": "Lê Thị Mẫu" });
    site.process.client().post(&path, &[("idempotency-key", key)], &body).unwrap()
}

fn get(site: &Site, path: &str) -> Answer {
    site.process.client().get(path).unwrap()
}

fn printing(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["printing"].clone()
}

#[test]
fn every_printing_is_counted_once_and_the_second_says_so_also_after_a_restart() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let other = city.site(WARDS_1[1]).office.clone();
    let site = city.site(WARDS_1[0]);
    let id = registered(site);
    let form = format!("/api/v1/dossiers/{id}/forms/receipt");

    let preview = get(site, &format!("{form}?paper=a5&as=html")).text();
    assert!(preview.contains("BẢN XEM TRƯỚC") && !preview.contains("<script"), "{preview}");
    let (first_key, second_key) = (fresh_key(), fresh_key());
    let first = printing(&print(site, &id, "receipt", &first_key, "a5"));
    assert_eq!(first["number"], 1);
    let again = printing(&print(site, &id, "receipt", &first_key, "a5"));
    assert_eq!(again, first, "the same request is the same printing");
    let second = printing(&print(site, &id, "receipt", &second_key, "80"));
    assert_eq!(second["number"], 2);

    site.stop().unwrap();
    site.start_ready().unwrap();
    assert_eq!(printing(&print(site, &id, "receipt", &second_key, "80")), second);
    let third = printing(&print(site, &id, "receipt", &fresh_key(), "a4"));
    assert_eq!(third["number"], 3);
    // Each is shown again as it was printed.
    for (printed, mark) in [(&first, None), (&second, Some(1)), (&third, Some(2))] {
        let text = get(site, printed["html"].as_str().unwrap()).text();
        assert!(!text.contains("BẢN XEM TRƯỚC"), "{text}");
        let said = (1..4).find(|number| text.contains(&format!("In lại lần {number}")));
        assert_eq!(said, mark);
        assert!(text.contains("Nguyễn Phước") && text.contains("&lt;script&gt;"));
    }
    let detail = get(site, &format!("/api/v1/dossiers/{id}")).json();
    assert_eq!(detail["printings"].as_array().unwrap().len(), 3);
    let history = detail["history"].to_string();
    assert!(history.contains("in lại lần 2"), "{history}");

    // What was never printed, or cannot be, is refused in words.
    let refused = |path: &str| {
        let answer = get(site, path);
        (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(refused(&format!("{form}?printing=01KAX3W6")), (422, "unknown".into()));
    assert_eq!(refused(&format!("{form}?paper=a4-wide")), (422, "paper".into()));
    assert_eq!(refused(&format!("{form}?as=doc")), (422, "unknown".into()));
    let refusal = format!("/api/v1/dossiers/{id}/forms/refusal");
    assert_eq!(refused(&refusal), (409, "no_form".into()));
    assert_eq!(print(site, &id, "refusal", &fresh_key(), "a4").status, 409);
    assert_eq!(print(site, &id, "receipt", &fresh_key(), "a4-wide").status, 422);
    let detail = get(site, &format!("/api/v1/dossiers/{id}")).json();
    assert_eq!(detail["printings"].as_array().unwrap().len(), 3, "nothing was counted");

    // The office that it is given to goes on counting.
    let path = format!("/api/v1/dossiers/{id}/forwards");
    site.process.client().post(&path, &[], &json!({ "office": other })).unwrap();
    let there = city.site(WARDS_1[1]);
    wait_for("the dossier is there with its printings", || {
        let detail = get(there, &format!("/api/v1/dossiers/{id}")).json();
        detail["printings"].as_array().map(Vec::len) == Some(3)
    });
    assert_eq!(printing(&print(there, &id, "receipt", &fresh_key(), "a5"))["number"], 4);
}

#[test]
fn a_form_can_be_printed_once_its_step_was_taken_and_the_register_lists_the_day() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let other = city.site(WARDS_1[1]).office.clone();
    let site = city.site(WARDS_1[0]);
    let (id, second) = (registered(site), registered(site));
    let forms = |id: &str| {
        let detail = get(site, &format!("/api/v1/dossiers/{id}")).json();
        let all = detail["forms"].as_array().unwrap().clone();
        all.iter().map(|form| form["form"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(forms(&id), ["receipt", "control"]);
    assert_eq!(print(site, &id, "supplement", &fresh_key(), "a4").status, 409);
    let move_to = |to: u8, note: &str| {
        let path = format!("/api/v1/dossiers/{id}/moves");
        let answer = site.process.client().post(&path, &[], &json!({ "to": to, "note": note }));
        assert_eq!(answer.unwrap().status, 200);
    };
    move_to(5, "Thiếu giấy chứng sinh\nTờ khai ghi sai ngày sinh");
    assert_eq!(forms(&id), ["receipt", "supplement", "control"]);
    let printed = printing(&print(site, &id, "supplement", &fresh_key(), "a4"));
    assert_eq!(printed["number"], 1, "each form is counted by itself");
    let text = bare(&get(site, printed["html"].as_str().unwrap()).text());
    assert!(text.contains("Thiếugiấychứngsinh") && text.contains("Tờkhaighisaingàysinh"));
    move_to(8, "Công dân xin dừng");
    assert_eq!(forms(&id), ["receipt", "supplement", "stop", "control"]);
    // A printing is shown with what was known then.
    let before = get(site, printed["html"].as_str().unwrap()).text();
    assert_eq!(bare(&before), text);

    let path = format!("/api/v1/dossiers/{second}/forwards");
    site.process.client().post(&path, &[], &json!({ "office": other, "clerk": "Lê" })).unwrap();
    let control = get(site, &format!("/api/v1/dossiers/{second}/forms/control?as=html")).text();
    assert!(control.contains("1. Giao:") && control.contains("2. Nhận: …"), "{control}");

    let codes = [&id, &second].map(|id| {
        let detail = get(site, &format!("/api/v1/dossiers/{id}")).json();
        detail["code"].as_str().unwrap().to_owned()
    });
    let digits = codes[0].split('-').nth(1).unwrap();
    let day = format!("20{}-{}-{}", &digits[..2], &digits[2..4], &digits[4..]);
    let register = get(site, &format!("/api/v1/register?from={day}&to={day}"));
    let text = bare(&register.text().replace("</text>", " ").replace('>', "> "));
    let text: String =
        text.split('<').filter_map(|part| part.split_once('>')).map(|p| p.1).collect();
    assert!(codes.iter().all(|code| text.contains(code.as_str())), "{text}");
    let refused = get(site, "/api/v1/register?from=2026-02-30&to=2026-03-01");
    assert_eq!((refused.status, refused.json()["error"]["field"].as_str()), (422, Some("from")));
    let empty = get(site, "/api/v1/register?from=2020-01-01&to=2020-12-31&as=pdf");
    assert!(empty.status == 200 && empty.body.starts_with(b"%PDF"));
}

#[test]
fn what_the_browser_prints_is_what_the_pdf_prints_and_is_scanned_at_every_scale() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let (id, out) = (registered(site), folder("browser"));
    let page = format!("http://{}", site.page);
    drive(&["forms.mjs", &page, &id, out.to_str().unwrap()], |_| None);

    let detail = get(site, &format!("/api/v1/dossiers/{id}")).json();
    let identity = Identity::load(&site.data).unwrap();
    for printed in detail["printings"].as_array().unwrap() {
        let paper = printed["paper"].as_str().unwrap();
        let dots_per_inch = if paper == "80" { 203.0 } else { 300.0 };
        let ours = out.join(format!("{paper}-ours.pdf"));
        std::fs::write(&ours, get(site, printed["pdf"].as_str().unwrap()).body).unwrap();
        let theirs = |scale: u32| out.join(format!("{paper}-{scale}.pdf"));

        // The words, and where they stand.
        let words = bare(&words_of_pdf(&ours).unwrap());
        assert_eq!(bare(&words_of_pdf(&theirs(100)).unwrap()), words, "{paper}");
        let drawn = |path: &Path| Picture::of_pdf(path, dots_per_inch).unwrap();
        let (left, right) = (drawn(&ours), drawn(&theirs(100)));
        assert_eq!(left.len(), right.len(), "{paper}");
        for (left, right) in left.iter().zip(&right) {
            let apart = left.apart(right, 3).max(right.apart(left, 3));
            assert!(apart < 0.002, "{paper}: {apart} of the black dots have none near them");
        }

        // Scanned though every dot grew, and within the paper.
        let qr = left[0].qr().expect("the PDF is scanned");
        for scale in [100, 90, 110] {
            let pages = drawn(&theirs(scale));
            assert_eq!(pages.len(), left.len(), "{paper} at {scale} %");
            assert_eq!(pages[0].widened().qr().as_ref(), Some(&qr), "{paper} at {scale} %");
            let (first, last) = pages[0].extent().unwrap();
            let millimetres = |dot: usize| dot as f64 * 25.4 / dots_per_inch;
            if paper == "80" {
                assert!(millimetres(first) >= 3.5 && millimetres(last) <= 76.0, "at {scale} %");
            }
        }

        // Whoever holds the city's keys can tell who printed it, without a network.
        let (content, signed) = qr.rsplit_once('|').unwrap();
        let (node, signature) = signed.split_once('.').unwrap();
        let key = identity.device.public();
        assert!(key.node_id().to_string().starts_with(node));
        let signature = Signature(bytes_of(signature).try_into().unwrap());
        let domain = identity.trust.domain();
        assert!(key.verify(Purpose::Form, domain, content.as_bytes(), &signature));
        let forged = content.replace("079185001234", "079185001235");
        assert!(!key.verify(Purpose::Form, domain, forged.as_bytes(), &signature));
    }
}

fn bytes_of(base64url: &str) -> Vec<u8> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut out) = (0_u32, 0, Vec::new());
    for letter in base64url.chars() {
        bits = bits << 6 | u32::try_from(letters.find(letter).unwrap()).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}
