//! Hand-overs inside an office, by page and API: who has a dossier, seen at both offices.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    story::Story,
};
use serde_json::{Value, json};

fn pass(desk: &Desk, key: &str, id: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/dossiers/{id}/passes");
    let answer = desk.client.post(&path, &[("idempotency-key", key)], body).unwrap();
    (answer.status, answer.json())
}

#[test]
fn a_dossier_goes_from_hand_to_hand_inside_an_office_and_everybody_sees_who_has_it() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let other = story.city.site(two).office.clone();
    let (here, there) = (story.desk(one), story.desk(two));
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut form = application(&mut story.seed);
    form["procedure"] = "1.004873".into();
    form["due"] = (soon.as_millis() as i64 + 10 * 86_400_000).into();
    let id = here.register(&fresh_key(), &form).unwrap().id;
    story.expected.at(&story.city, &id, one);

    let (status, refused) = pass(&here, &fresh_key(), &id, &json!({ "section": "kho" }));
    assert_eq!((status, &refused["error"]["field"]), (422, &json!("section")));
    let (status, refused) = pass(&here, &fresh_key(), &id, &json!({ "person": "A", "step": 5 }));
    assert_eq!((status, &refused["error"]["field"]), (422, &json!("step")));
    let (status, refused) = pass(&here, &fresh_key(), &id, &json!({}));
    assert_eq!((status, &refused["error"]["field"]), (422, &json!("section")));

    let page = format!("http://{}", story.city.site(one).page);
    drive(&["process.mjs", &page, &id], |_| None);
    let detail = here.detail(&id).unwrap();
    let filed = &detail["filed"];
    assert_eq!(
        (&filed["owner"], &filed["section"], &filed["untaken"]),
        (&json!("Trần Văn Mẫu"), &json!("Tư pháp - Hộ tịch"), &Value::Null)
    );
    let turns = detail["process"]["turns"].as_array().unwrap();
    assert_eq!(turns.len(), 3, "received, not taken, taken");
    assert_eq!((&turns[2]["step"], &turns[2]["minutes"]), (&json!(2), &json!(840)));
    assert_eq!(turns[0]["outcome"], "on_time");

    // The same request again is the same hand-over; of a section only.
    let (key, body) = (fresh_key(), json!({ "section": "lanh-dao", "clerk": "Trần Văn Mẫu" }));
    let answers = [(); 3].map(|()| pass(&here, &key, &id, &body));
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 200), "{answers:?}");
    let detail = here.detail(&id).unwrap();
    assert_eq!(detail["process"]["turns"].as_array().unwrap().len(), 4);
    assert_eq!((&detail["process"]["now"], &detail["process"]["next"]), (&json!(3), &json!(4)));

    // Found by section, and by nobody's name.
    let found = |query: &[(&str, &str)]| {
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let path = format!("/api/v1/lists/in_work?{}", query.join("&"));
        here.client.get(&path).unwrap().json()["dossiers"].as_array().unwrap().len()
    };
    assert_eq!(found(&[("section", "Lãnh đạo Ủy ban nhân dân")]), 1);
    assert_eq!(found(&[("section", "Tư pháp - Hộ tịch")]), 0);
    assert_eq!(found(&[("owner", "Trần Văn Mẫu")]), 0, "given on");

    // The control sheet has every hand-over, and how the turns ended.
    let sheet = here.client.get(&format!("/api/v1/dossiers/{id}/forms/control?as=html")).unwrap();
    let sheet = sheet.text();
    for words in ["Đúng", "Thiếu", "Lãnh"] {
        assert!(sheet.contains(words), "{words} is not on the control sheet");
    }

    // Given to another office with what was done inside: there they see it, and give it on themselves.
    here.forward(&id, &other, "").unwrap();
    story.expected.at(&story.city, &id, two);
    wait_for("it is there", || there.has(&id));
    let (status, refused) = pass(&there, &fresh_key(), &id, &json!({ "person": "Hoa" }));
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("not_yours")), "not taken yet");
    there.take(&id, "").unwrap();
    let given = pass(&there, &fresh_key(), &id, &json!({ "person": "Hoa", "clerk": "Minh" }));
    assert_eq!(given.0, 200, "{given:?}");
    wait_for("the desk sees who has it there", || {
        let filed = &here.detail(&id).unwrap()["filed"];
        filed["owner"] == "Hoa" && filed["untaken"].is_i64() && filed["place"]["id"] == other
    });
    let (status, refused) = pass(&here, &fresh_key(), &id, &json!({ "person": "Lan" }));
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("not_yours")));
    assert_eq!(here.detail(&id).unwrap()["can_pass"], false);
    story.settled("at the end");
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
