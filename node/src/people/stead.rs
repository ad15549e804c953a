//! Who is away and who stands in, and which duties are lent to whom, over the API:
//!
//! - `GET /steads`: those of now and later, and whose stead the caller takes
//! - `POST /accounts/{account}/absences`: one's own, or somebody's by the head or an administrator
//! - `POST /accounts/{account}/loans`: of one's own duties, and only those
//! - `POST /accounts/{account}/steads/{stead}/ended`: over before its time

use super::{
    People, PeopleError, account_id, limits,
    roster::{Roster, tidy},
    who::{self, Who},
};
use crate::{
    api::{Api, Body, read},
    desk::Desk,
    error::DeskError,
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    routing::{get, post},
};
use motcua_core::id::DossierId;
use motcua_dossier::people::{
    Account, AccountKind, Duty, Said, Term,
    stead::{Stead, lendable, word},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/steads", get(list))
        .route("/api/v1/accounts/{account}/absences", post(away))
        .route("/api/v1/accounts/{account}/loans", post(lend))
        .route("/api/v1/accounts/{account}/steads/{stead}/ended", post(end))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Absence {
    from: i64,
    until: i64,
    /// Account of who stands in.
    person: String,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loan {
    from: i64,
    until: i64,
    person: String,
    why: String,
    duties: Vec<String>,
}

async fn list(Extract(api): Extract<Api>) -> Json<Value> {
    let (desk, people) = (&api.desk, api.desk.people());
    let (roster, now) = (people.roster(desk), desk.wall());
    let persons = roster.persons().filter(|(_, account)| !account.closed);
    let persons = persons.map(|(id, one)| json!({ "id": id.to_string(), "name": one.name }));
    let later = |one: &&Stead| one.term.until > now;
    let open = roster.persons().filter(|(_, account)| !account.closed);
    let steads = open.flat_map(|(id, account)| {
        let all = account.steads.iter().filter(later);
        all.map(move |one| line(*id, account, one, now))
    });
    Json(json!({
        "people": persons.collect::<Vec<_>>(),
        "steads": steads.collect::<Vec<_>>(),
        "standing_in_for": people.stood_for(desk),
    }))
}

/// One as the page lists it; why is told to those it concerns and to the head.
fn line(id: DossierId, account: &Account, one: &Stead, now: i64) -> Value {
    let who = who::asks();
    let own = who.as_ref().and_then(|who| who.account).map(|id| id.to_string());
    let concerns =
        own.as_ref().is_some_and(|own| *own == id.to_string() || *own == one.term.person);
    let told = concerns || who.as_ref().is_some_and(is_head);
    json!({
        "id": one.id,
        "kind": if one.duties.is_none() { "away" } else { "lent" },
        "account": id.to_string(),
        "name": account.name,
        "person": one.term.person,
        "person_name": one.term.name,
        "duties": one.duties.iter().flatten().filter_map(|duty| word(*duty)).collect::<Vec<_>>(),
        "from": one.term.from,
        "until": one.term.until,
        "holds": one.term.holds(now) && !account.closed,
        "why": told.then_some(&one.term.why),
        "by": one.by,
        "at": one.at,
    })
}

async fn away(
    Extract(api): Extract<Api>,
    Path(account): Path<String>,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let Absence { from, until, person, why } = read(&body)?;
    let (id, who) = (account_id(&account)?, asks()?);
    if who.account != Some(id) && !is_head(&who) {
        return Err(PeopleError::Role(Duty::HandOn).into());
    }
    change(&api, id, &who, |roster, account, now| {
        let term = term(roster, id, account, (from, until, &person, &why), now)?;
        Ok(Said::Away { term })
    })
    .await
}

async fn lend(
    Extract(api): Extract<Api>,
    Path(account): Path<String>,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let Loan { from, until, person, why, duties } = read(&body)?;
    let (id, who) = (account_id(&account)?, asks()?);
    // Nobody gives away what is another's.
    if who.account != Some(id) {
        return Err(PeopleError::NotYours.into());
    }
    change(&api, id, &who, |roster, account, now| {
        let term = term(roster, id, account, (from, until, &person, &why), now)?;
        let refused = |vi: &str, en: &str| invalid("duties", vi, en);
        if duties.is_empty() {
            return Err(refused("Hãy chọn ít nhất một việc.", "choose at least one duty"));
        }
        let known = duties.iter().map(|word| lendable(word)).collect::<Option<Vec<_>>>();
        let known = known
            .ok_or_else(|| refused("Việc này không ủy quyền được.", "this duty cannot be lent"))?;
        match known.into_iter().find(|duty| !duty.is_of(&account.roles)) {
            Some(duty) => Err(PeopleError::Role(duty)),
            None => Ok(Said::Lent { term, duties }),
        }
    })
    .await
}

async fn end(
    Extract(api): Extract<Api>,
    Path((account, stead)): Path<(String, String)>,
) -> Result<Json<Value>, DeskError> {
    let (id, who) = (account_id(&account)?, asks()?);
    if who.account != Some(id) && !is_head(&who) {
        return Err(PeopleError::Role(Duty::HandOn).into());
    }
    change(&api, id, &who, |_, account, _| {
        let known = account.steads.iter().any(|one| one.id == stead);
        // Ended twice is ended once.
        let was = account.history.iter().any(|(id, _)| *id == stead);
        if known || was { Ok(Said::Ended { of: stead }) } else { Err(PeopleError::Unknown) }
    })
    .await
}

async fn change(
    api: &Api,
    id: DossierId,
    who: &Who,
    decide: impl FnOnce(&Roster, &Account, i64) -> Result<Said, PeopleError>,
) -> Result<Json<Value>, DeskError> {
    let (desk, people) = (&api.desk, api.desk.people());
    let _one = people.changing.lock().await;
    let (roster, now) = (people.roster(desk), desk.wall());
    let known = roster.get(id).filter(|account| account.kind == AccountKind::Person);
    let known = known.cloned().ok_or(PeopleError::Unknown)?;
    let said = decide(&roster, &known, now)?;
    let account = people.say(desk, id, &known, vec![said], &who.name).await?;
    let steads: Vec<Value> =
        account.steads.iter().map(|one| line(id, &account, one, now)).collect();
    Ok(Json(json!({ "steads": steads })))
}

fn term(
    roster: &Roster,
    of: DossierId,
    account: &Account,
    (from, until, person, why): (i64, i64, &str, &str),
    now: i64,
) -> Result<Term, PeopleError> {
    if account.closed {
        return Err(PeopleError::Closed);
    }
    if account.steads.iter().filter(|one| one.term.until > now).count() >= limits::STEADS {
        return Err(PeopleError::Full);
    }
    if until <= from || until <= now || until.saturating_sub(from) > limits::STEAD_MILLIS {
        let vi = "Ngày cuối phải sau ngày đầu, chưa qua, và trong vòng một năm.";
        return Err(invalid("until", vi, "the end is behind the start, ahead, and within a year"));
    }
    if from < now.saturating_sub(limits::STEAD_MILLIS) {
        let vi = "Ngày đầu đã quá lâu.";
        return Err(invalid("from", vi, "the start is too long ago"));
    }
    let id = person.parse::<DossierId>().ok().filter(|id| *id != of);
    let known = id.and_then(|id| roster.get(id));
    let Some(known) = known.filter(|one| !one.closed && one.kind == AccountKind::Person) else {
        let vi = "Hãy chọn một người khác của cơ quan, tài khoản đang mở.";
        return Err(invalid(
            "person",
            vi,
            "choose another person of the office with an open account",
        ));
    };
    let why = tidy(why);
    if !(1..=limits::WHY).contains(&why.chars().count()) || why.chars().any(char::is_control) {
        let vi = format!("Ghi lý do, 1 đến {} ký tự, trên một dòng.", limits::WHY);
        let en = format!("say why, in 1 to {} characters on one line", limits::WHY);
        return Err(PeopleError::Invalid { field: "why", vi, en });
    }
    Ok(Term { from, until, person: person.to_owned(), name: known.name.clone(), why })
}

fn invalid(field: &'static str, vi: &str, en: &str) -> PeopleError {
    PeopleError::Invalid { field, vi: vi.to_owned(), en: en.to_owned() }
}

fn asks() -> Result<Who, PeopleError> {
    who::asks().ok_or(PeopleError::LogIn)
}

fn is_head(who: &Who) -> bool {
    Duty::HandOn.is_of(&who.roles)
}

impl Roster {
    /// Whose stead somebody takes now: names.
    pub(super) fn stood_for(&self, person: DossierId, now: i64) -> Vec<String> {
        let person = person.to_string();
        let all = self.persons().filter(|(_, account)| account.is_stood_for(&person, now));
        all.map(|(_, account)| account.name.clone()).collect()
    }

    /// Duties that are lent to somebody now, each with the name of whose it is.
    pub(super) fn lent_to(&self, person: DossierId, now: i64) -> Vec<(Duty, String)> {
        let person = person.to_string();
        let of = |account: &Account| {
            let name = account.name.clone();
            let lent = Duty::ALL.into_iter().filter(|duty| account.lends(*duty, &person, now));
            lent.map(|duty| (duty, name.clone())).collect::<Vec<_>>()
        };
        self.persons().flat_map(|(_, account)| of(account)).collect()
    }
}

impl People {
    /// Whose stead the caller takes now: names.
    pub(crate) fn stood_for(&self, desk: &Desk) -> Vec<String> {
        let person = who::asks().and_then(|who| who.account);
        let stood = |person| self.roster(desk).stood_for(person, desk.wall());
        person.map(stood).unwrap_or_default()
    }

    /// The name of an open account of a person, if there is one with this name.
    pub(crate) fn is_open(&self, desk: &Desk, name: &str) -> bool {
        self.roster(desk).persons().any(|(_, one)| !one.closed && one.name == name)
    }

    /// The name of whom others may hand on for now: a closed account's, or of somebody who is away.
    pub(crate) fn gone(&self, desk: &Desk) -> Vec<(DossierId, String, bool)> {
        let (roster, now) = (self.roster(desk), desk.wall());
        let gone = roster.persons().filter(|(_, one)| one.closed || one.is_away(now));
        gone.map(|(id, one)| (*id, one.name.clone(), one.closed)).collect()
    }
}
