//! Steps that the law asks something of, by page and API, at two offices.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use jiff::ToSpan;
use motcua_dossier::local;
use motcua_tests::{
    browser::drive,
    city::{CITY, DISTRICT_1, WARDS_1},
    desk::{Desk, Trouble, application, fresh_key},
    patience::wait_for,
    story::Story,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400_000;

/// Status, code and field of a refusal.
fn refusal(done: Result<Value, Trouble>) -> (u16, Value, Value) {
    match done {
        Err(Trouble::Refused(answer)) => {
            let error = &answer.json()["error"];
            (answer.status, error["code"].clone(), error["field"].clone())
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn extend(desk: &Desk, id: &str, until: i64, note: &str) -> Result<Value, Trouble> {
    let body = json!({ "until": until, "note": note });
    let path = format!("/api/v1/dossiers/{id}/extensions");
    let answer = desk.client.post(&path, &[("idempotency-key", &fresh_key())], &body)?;
    if answer.is_success() { Ok(answer.json()) } else { Err(Trouble::Refused(answer)) }
}

#[test]
fn steps_ask_for_reasons_a_date_is_set_anew_once_and_a_return_says_who_collected() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let offices = [one, two].map(|code| story.city.site(code).office.clone());
    let (here, there) = (story.desk(one), story.desk(two));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let due = (now / 60_000) * 60_000 + 10 * DAY;
    let mut form = application(&mut story.seed);
    form["due"] = due.into();
    let id = here.register(&fresh_key(), &form).unwrap().id;
    here.forward(&id, &offices[1], "").unwrap();
    story.expected.at(&story.city, &id, one);
    story.expected.at(&story.city, &id, two);
    wait_for("it is there", || there.has(&id));

    let (status, code, field) = refusal(there.step(&id, 5, ""));
    assert_eq!((status, code, field), (422, json!("invalid"), json!("note")));
    let moves = there.detail(&id).unwrap()["allowed"].clone();
    let asks = |state: u64| {
        let moves = moves.as_array().unwrap();
        moves.iter().find(|one| one["state"] == state).unwrap()["reason"].clone()
    };
    assert_eq!((asks(5), asks(4)), (json!(true), json!(false)));

    // Given back: from here on it is none of their business.
    there.take(&id, "").unwrap();
    there.forward(&id, &offices[0], "").unwrap();
    let (status, code, _) = refusal(there.step(&id, 4, ""));
    assert_eq!((status, code), (409, json!("not_yours")));
    let (_, code, _) = refusal(extend(&there, &id, due + DAY, "Chờ"));
    assert_eq!(code, "not_yours");
    let detail = there.detail(&id).unwrap();
    assert_eq!((&detail["allowed"], &detail["can_extend"]), (&json!([]), &json!(false)));

    wait_for("it is back", || here.detail(&id).unwrap()["can_take"] == true);
    here.take(&id, "").unwrap();
    let (status, _, field) = refusal(extend(&here, &id, due + DAY, " "));
    assert_eq!((status, field), (422, json!("note")));
    let (status, _, field) = refusal(extend(&here, &id, due, "Chờ"));
    assert_eq!((status, field), (422, json!("until")));

    let until = local::of_millis(due).unwrap().checked_add(3.days()).unwrap();
    let typed = until.strftime("%d/%m/%Y %H:%M").to_string();
    let page = format!("http://{}", story.city.site(one).page);
    drive(&["steps.mjs", &page, &id, &typed], |_| None);

    let detail = here.detail(&id).unwrap();
    assert_eq!(detail["due_dates"][0]["at"], due, "the printed one is kept");
    assert_eq!(detail["due"], due + 3 * DAY);
    assert_eq!(detail["state"], 10);
    let flags = detail["history"].as_array().unwrap().iter().map(|act| act["flags"].clone());
    assert!(flags.clone().count() > 5 && flags.into_iter().all(|flags| flags == json!([])));
    let (status, code, _) = refusal(extend(&here, &id, due + 5 * DAY, "Chờ nữa"));
    assert_eq!((status, code), (409, json!("no_extension")));
    wait_for("the other office knows", || {
        let told = there.detail(&id).unwrap();
        told["state"] == 10 && told["due_dates"] == detail["due_dates"]
    });
    story.settled("at the end");
}
