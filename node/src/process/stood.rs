//! Work of somebody who is not there: taken by their stand-in, or handed on by the head. What was given inside
//! says in whose stead.

use super::{
    Wanted,
    bulk::{Many, all_meant, each},
};
use crate::{
    api::{self, Acting, Api, Body},
    desk::{Caller, Desk},
    error::DeskError,
    people::{PeopleError, who},
    views,
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    http::HeaderMap,
    routing::{get, post},
};
use motcua_dossier::{
    action::ActionError,
    calendar,
    derive::derive,
    fact::Fact,
    lists::{About, List, listing},
    process::{self, holdings},
    view::view,
};
use motcua_shell::lists;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Dossiers of one person that are looked for: more than anybody works on.
const COUNTED: usize = 2_000;
/// Dossiers of one person that are shown at once.
const SHOWN: usize = 200;

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/dossiers/{id}/passes/stood", post(stand_in))
        .route("/api/v1/left-work", get(left))
        .route("/api/v1/accounts/{account}/work", post(hand_on))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stood {
    /// Name of who is away.
    person: String,
    #[serde(default)]
    note: String,
}

async fn stand_in(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Stood>,
) -> Result<Json<Value>, DeskError> {
    let Stood { person, note } = asked;
    if !api.desk.people().stood_for(&api.desk).contains(&person) {
        return Err(PeopleError::NotStandIn.into());
    }
    let me = caller.clerk.clone();
    let taking = Caller { request: None, ..caller.clone() };
    let caller = Caller { in_stead_of: person.clone(), ..caller };
    let done = api
        .carry_out(id, caller, note, |facts, act| {
            theirs(&api.desk, facts, &person)?;
            match waits_for(&api.desk, facts, &person) {
                true => Ok(process::take_pass(&derive(facts), act)?),
                false => onward(&api.desk, facts, &person, &me).pass(
                    &api.desk,
                    facts,
                    String::new(),
                    act,
                ),
            }
        })
        .await?;
    // What the stand-in gave to themselves is taken at once: both times stand, and nothing waits.
    if waits_for(&api.desk, &api.desk.facts_saved(id).await?, &me) {
        let take = |facts: &[Fact], act| Ok(process::take_pass(&derive(facts), act)?);
        return match api.carry_out(id, taking, String::new(), take).await {
            Err(DeskError::Action(ActionError::NothingToTake)) => Ok(done),
            taken => taken,
        };
    }
    Ok(done)
}

/// Whether somebody has it, or is to take it.
fn theirs(desk: &Desk, facts: &[Fact], person: &str) -> Result<(), DeskError> {
    let me = desk.engine().me.office.to_string();
    match listing(&view(facts), &me, calendar::usual()).about.is_of(person) {
        true => Ok(()),
        false => Err(PeopleError::NotInHands { name: person.to_owned() }.into()),
    }
}

fn waits_for(desk: &Desk, facts: &[Fact], person: &str) -> bool {
    let (derived, me) = (derive(facts), desk.engine().me.office.to_string());
    let held = holdings(&derived.hand_overs, &derived.passings, &me);
    held.iter().any(|one| one.waiting && one.person == person)
}

/// To another person at the same step and in the same section, as far as these are known here.
fn onward(desk: &Desk, facts: &[Fact], from: &str, to: &str) -> Wanted {
    let (derived, me) = (derive(facts), desk.engine().me.office.to_string());
    let held = holdings(&derived.hand_overs, &derived.passings, &me);
    let held = held.iter().find(|one| one.person == from);
    let known = desk.office_data().processes.sections();
    let section = held.filter(|held| known.iter().any(|one| one.id == held.section));
    Wanted {
        section: section.map(|held| held.section.clone()).unwrap_or_default(),
        person: to.to_owned(),
        step: None,
    }
}

async fn left(Extract(api): Extract<Api>) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    let desk = &api.desk;
    let gone = desk.people().gone(desk);
    let mut found: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    if !gone.is_empty() {
        for list in List::ALL.into_iter().filter(|list| *list != List::Closed) {
            let of = |about: &About| gone.iter().any(|(_, name, _)| about.is_of(name));
            let mut after: Option<Vec<u8>> = None;
            loop {
                let (books, now) = (desk.engine().books(), desk.wall());
                let page = lists::page(books, list, now, after.as_deref(), views::PAGE, Some(&of))?;
                for entry in &page.entries {
                    for (_, name, _) in gone.iter().filter(|(_, name, _)| entry.about.is_of(name)) {
                        let all = found.entry(name).or_default();
                        if all.len() < COUNTED {
                            all.push(entry.id);
                        }
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    let mut lines = Vec::new();
    for (id, name, closed) in &gone {
        let Some(all) = found.get(name.as_str()) else { continue };
        lines.push(json!({
            "account": id.to_string(),
            "name": name,
            "closed": closed,
            "count": all.len(),
            "dossiers": views::lines(desk, all.iter().take(SHOWN).copied())?,
        }));
    }
    Ok(Json(json!({ "left": lines })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandOn {
    /// Name of who gets them.
    person: String,
    /// Ids or codes.
    dossiers: Vec<String>,
    /// Why, since the giver is not who has them.
    note: String,
}

async fn hand_on(
    Extract(api): Extract<Api>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (asked, caller) = api::by_clerk::<HandOn>(&headers, "accounts/work", &body)?;
    let HandOn { person, dossiers, note } = asked;
    who::asks().ok_or(PeopleError::LogIn)?;
    if note.trim().is_empty() {
        return Err(ActionError::Missing { field: "note" }.into());
    }
    let (desk, people) = (&api.desk, api.desk.people());
    let gone = people.gone(desk);
    let of = gone.into_iter().find(|(id, ..)| id.to_string() == account);
    let Some((_, of, _)) = of else { return Err(PeopleError::NotGone.into()) };
    if of == person || !people.is_open(desk, &person) {
        let value = person.chars().take(80).collect();
        return Err(DeskError::Unknown { field: "person", value });
    }
    desk.settled().await;
    let (known, unknown) = all_meant(&api, "dossiers", &dossiers)?;
    let said =
        json!({ "account": account, "body": serde_json::from_slice(&body).unwrap_or(Value::Null) });
    let many = Many { headers, path: "accounts/work", said, clerk: caller.clerk, note };
    let lines = each(&api, &many, known, move |api, _, facts, mut act| {
        theirs(&api.desk, facts, &of)?;
        act.in_stead_of.clone_from(&of);
        onward(&api.desk, facts, &of, &person).pass(&api.desk, facts, String::new(), act)
    });
    let lines: Vec<_> = lines.await?.into_iter().chain(unknown).collect();
    let given = lines.iter().filter(|line| line.error.is_none()).count();
    let lines: Vec<Value> = lines.iter().map(|line| line.told(&api)).collect();
    Ok(Json(json!({ "given": given, "dossiers": lines })))
}
