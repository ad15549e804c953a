//! Accounts over the API, for administrators:
//!
//! - `POST /accounts/first` with the set-up code: the head's; once
//! - `GET /accounts`; `POST /accounts`: a person; `GET` and `POST /tokens`: a program, whose token is shown once
//! - `POST /accounts/{account}/roles`, `/closing`, `/opening`, `/password` (a new one is given), `/recovery` (a new
//!   sheet of codes, shown once); the same for programs, `/closing` being what revokes a token

use super::{People, PeopleError, account_id, limits, log_in, setup, who};
use crate::{
    api::{Api, Body, read},
    desk::Desk,
    error::DeskError,
};
use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, State as Extract},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use motcua_core::id::DossierId;
use motcua_dossier::{
    action::Draft,
    fact::Act,
    people::{Account, AccountKind, Role, Said, Seen},
};
use motcua_shell::{clock::Clock, password};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/accounts", get(list).post(make))
        .route("/api/v1/accounts/first", post(first))
        .route("/api/v1/tokens", get(tokens).post(make_token))
        .route("/api/v1/accounts/{account}/roles", post(give_roles))
        .route("/api/v1/accounts/{account}/closing", post(close))
        .route("/api/v1/accounts/{account}/opening", post(open))
        .route("/api/v1/accounts/{account}/password", post(give_password))
        .route("/api/v1/accounts/{account}/recovery", post(give_codes))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    code: String,
    login: String,
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    login: String,
    name: String,
    roles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MakeToken {
    name: String,
    roles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GiveRoles {
    roles: Vec<String>,
}

async fn list(Extract(api): Extract<Api>) -> Json<Value> {
    Json(json!({ "accounts": lines(&api.desk, AccountKind::Person) }))
}

async fn tokens(Extract(api): Extract<Api>) -> Json<Value> {
    Json(json!({ "tokens": lines(&api.desk, AccountKind::Program) }))
}

fn lines(desk: &Desk, kind: AccountKind) -> Vec<Value> {
    let people = desk.people();
    let roster = people.roster(desk);
    let of_kind = roster.all().iter().filter(|(_, account)| account.kind == kind);
    of_kind.map(|(id, account)| people.line(desk, *id, account)).collect()
}

async fn first(
    Extract(api): Extract<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    let First { code, login, name, password } = read(&body)?;
    let (desk, people) = (&api.desk, api.desk.people());
    desk.whole()?;
    let _one = people.changing.lock().await;
    if people.roster(desk).is_in_use() {
        return Err(PeopleError::Exists.into());
    }
    let (login, name) = people.fresh(desk, &login, &name)?;
    log_in::fit(&password, &login, "password")?;
    // One at a time, so that a list of codes does not get anywhere.
    let turn = people.hashing.acquire().await.map_err(|_| PeopleError::SetUp)?;
    let hash = log_in::hashed(password.into()).await?;
    drop(turn);
    if !setup::use_code(&people.data, &code).map_err(PeopleError::from)? {
        return Err(PeopleError::SetUp.into());
    }
    let roles = vec![Role::Leader, Role::Admin];
    let by = name.clone();
    let (id, account) = people
        .make(
            desk,
            (AccountKind::Person, login, name),
            roles,
            Said::Password { hash, given: false },
            &by,
        )
        .await?;
    people.at_door(desk, Seen::LOGGED_IN, Some(id), peer.ip());
    tracing::warn!(account = %id, "the first account was made; from here on everybody logs in");
    Ok((StatusCode::CREATED, people.opened(desk, &headers, id, &account)?).into_response())
}

async fn make(Extract(api): Extract<Api>, body: Body) -> Result<Response, DeskError> {
    let Make { login, name, roles } = read(&body)?;
    let (desk, people) = (&api.desk, api.desk.people());
    let roles = known_roles(&roles)?;
    let _one = people.changing.lock().await;
    // Whoever makes accounts while there are none would be locked out by them.
    let by = by(&people.roster(desk))?;
    let (login, name) = people.fresh(desk, &login, &name)?;
    let given = password::digits(limits::GIVEN_GROUPS).map_err(PeopleError::from)?;
    let hash = people.hash(given.clone()).await?;
    let secret = Said::Password { hash, given: true };
    let (id, account) =
        people.make(desk, (AccountKind::Person, login, name), roles, secret, &by).await?;
    let body = json!({ "account": people.line(desk, id, &account), "password": *given });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn make_token(Extract(api): Extract<Api>, body: Body) -> Result<Response, DeskError> {
    let MakeToken { name, roles } = read(&body)?;
    let (desk, people) = (&api.desk, api.desk.people());
    let roles = known_roles(&roles)?;
    let _one = people.changing.lock().await;
    let by = by(&people.roster(desk))?;
    let name = people.fresh_name(desk, &name)?;
    let token = password::secret().map_err(PeopleError::from)?;
    let secret = Said::Token { hash: setup::token_hash(&token) };
    let made = (AccountKind::Program, String::new(), name);
    let (id, account) = people.make(desk, made, roles, secret, &by).await?;
    let body = json!({ "account": people.line(desk, id, &account), "token": *token });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn give_roles(
    Extract(api): Extract<Api>,
    Path(account): Path<String>,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let GiveRoles { roles } = read(&body)?;
    let roles = known_roles(&roles)?;
    let said = words(&roles);
    change(&api, &account, |people, id, account| {
        let stays = account.closed || roles.contains(&Role::Admin);
        if !stays && people.is_last_admin(id) {
            Err(PeopleError::LastAdmin)
        } else {
            Ok(vec![said])
        }
    })
    .await
}

async fn close(
    Extract(api): Extract<Api>,
    Path(account): Path<String>,
) -> Result<Json<Value>, DeskError> {
    change(&api, &account, |people, id, _| {
        if people.is_last_admin(id) { Err(PeopleError::LastAdmin) } else { Ok(vec![Said::Closed]) }
    })
    .await
}

async fn open(
    Extract(api): Extract<Api>,
    Path(account): Path<String>,
) -> Result<Json<Value>, DeskError> {
    change(&api, &account, |_, _, _| Ok(vec![Said::Opened])).await
}

async fn give_password(
    Extract(api): Extract<Api>,
    Path(account): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let given = password::digits(limits::GIVEN_GROUPS).map_err(PeopleError::from)?;
    let hash = api.desk.people().hash(given.clone()).await?;
    let mut answer = change(&api, &account, |_, _, account| match account {
        Account { kind: AccountKind::Program, .. } => Err(PeopleError::Unknown),
        Account { closed: true, .. } => Err(PeopleError::Closed),
        _ => Ok(vec![Said::Password { hash, given: true }]),
    })
    .await?;
    answer["password"] = json!(*given);
    Ok(answer)
}

async fn give_codes(
    Extract(api): Extract<Api>,
    Path(account): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let id = account_id(&account)?;
    let code = |_| password::digits(limits::CODE_GROUPS);
    let codes: Vec<Zeroizing<String>> =
        (0..limits::CODES).map(code).collect::<Result<_, _>>().map_err(PeopleError::from)?;
    let hashes = codes.iter().map(|code| log_in::code_hash(id, code)).collect();
    let mut answer = change(&api, &account, |_, _, account| match account {
        Account { kind: AccountKind::Program, .. } => Err(PeopleError::Unknown),
        Account { closed: true, .. } => Err(PeopleError::Closed),
        _ => Ok(vec![Said::Codes { hashes }]),
    })
    .await?;
    answer["codes"] = codes.iter().map(|code| code.as_str()).collect();
    Ok(answer)
}

/// Changes one account, and tells how it stands.
async fn change(
    api: &Api,
    account: &str,
    decide: impl FnOnce(&super::Roster, DossierId, &Account) -> Result<Vec<Said>, PeopleError>,
) -> Result<Json<Value>, DeskError> {
    let (desk, people, id) = (&api.desk, api.desk.people(), account_id(account)?);
    let _one = people.changing.lock().await;
    let roster = people.roster(desk);
    let by = by(&roster)?;
    let known = roster.get(id).cloned().ok_or(PeopleError::Unknown)?;
    let said = decide(&roster, id, &known)?;
    let account = people.say(desk, id, &known, said, &by).await?;
    Ok(Json(json!({ "account": people.line(desk, id, &account) })))
}

/// Who changes accounts: never somebody who only says so.
fn by(roster: &super::Roster) -> Result<String, PeopleError> {
    let who = who::asks().filter(|_| roster.is_in_use());
    who.map(|who| who.name).ok_or(PeopleError::LogIn)
}

fn known_roles(all: &[String]) -> Result<Vec<Role>, PeopleError> {
    let refused = |vi: &str, en: &str| PeopleError::Invalid {
        field: "roles",
        vi: vi.to_owned(),
        en: en.to_owned(),
    };
    let one = |word: &String| {
        Role::from_word(word)
            .ok_or_else(|| refused("Không có vai trò này.", "there is no such role"))
    };
    let roles: Vec<Role> = all.iter().map(one).collect::<Result<_, _>>()?;
    if roles.is_empty() {
        return Err(refused("Hãy chọn ít nhất một vai trò.", "choose at least one role"));
    }
    Ok(roles)
}

fn words(roles: &[Role]) -> Said {
    Said::Roles { roles: roles.iter().map(|role| role.word().to_owned()).collect() }
}

impl People {
    async fn hash(&self, password: Zeroizing<String>) -> Result<String, PeopleError> {
        let turn = self.hashing.acquire().await.map_err(|_| PeopleError::LogIn)?;
        let hash = log_in::hashed(password).await;
        drop(turn);
        hash
    }

    /// A login and a name that nobody has.
    fn fresh(&self, desk: &Desk, login: &str, name: &str) -> Result<(String, String), PeopleError> {
        let login = super::roster::fold(login);
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
        let count = login.chars().count();
        if !(2..=limits::LOGIN).contains(&count) || !login.chars().all(fits) {
            return Err(PeopleError::Invalid {
                field: "login",
                vi: format!(
                    "Tên đăng nhập có 2 đến {} chữ, số hoặc dấu . - _ @, không có khoảng trắng.",
                    limits::LOGIN
                ),
                en: format!("a login has 2 to {} letters, digits or . - _ @", limits::LOGIN),
            });
        }
        if self.roster(desk).by_login(&login).is_some() {
            return Err(PeopleError::LoginTaken);
        }
        Ok((login, self.fresh_name(desk, name)?))
    }

    fn fresh_name(&self, desk: &Desk, name: &str) -> Result<String, PeopleError> {
        let name: String = super::roster::tidy(name);
        let count = name.chars().count();
        if !(1..=limits::NAME).contains(&count) || name.chars().any(char::is_control) {
            return Err(PeopleError::Invalid {
                field: "name",
                vi: format!("Họ tên có 1 đến {} ký tự, trên một dòng.", limits::NAME),
                en: format!("a name has 1 to {} characters on one line", limits::NAME),
            });
        }
        let roster = self.roster(desk);
        if roster.all().len() >= limits::ACCOUNTS {
            return Err(PeopleError::Full);
        }
        let same = |known: &str| super::roster::fold(known) == super::roster::fold(&name);
        match roster.all().iter().any(|(_, account)| same(&account.name)) {
            true => Err(PeopleError::NameTaken),
            false => Ok(name),
        }
    }

    /// Writes a new account; it is on the disk and in the roster when this returns.
    async fn make(
        &self,
        desk: &Desk,
        (kind, login, name): (AccountKind, String, String),
        roles: Vec<Role>,
        secret: Said,
        by: &str,
    ) -> Result<(DossierId, Account), DeskError> {
        let said = Said::Made { kind, login, name };
        let facts = Account::make(said, vec![words(&roles), secret], &self.act(desk, by));
        let id = desk.write_account(None, facts, by).await?;
        Ok((id, self.newest(desk, id).await?))
    }

    /// Writes what is said of an account, in one entry.
    pub(super) async fn say(
        &self,
        desk: &Desk,
        id: DossierId,
        account: &Account,
        said: Vec<Said>,
        by: &str,
    ) -> Result<Account, DeskError> {
        if account.history.len() >= limits::CHANGES {
            return Err(PeopleError::Full.into());
        }
        let act = self.act(desk, by);
        let facts: Vec<Draft> =
            said.into_iter().map(|said| account.say(said, act.clone())).collect();
        desk.write_account(Some(id), facts, by).await?;
        self.newest(desk, id).await
    }

    async fn newest(&self, desk: &Desk, id: DossierId) -> Result<Account, DeskError> {
        desk.settled().await;
        self.stale.store(true, std::sync::atomic::Ordering::Release);
        Ok(self.roster(desk).get(id).cloned().ok_or(PeopleError::Unknown)?)
    }

    fn act(&self, desk: &Desk, by: &str) -> Act {
        Act {
            at: desk.engine().clock().wall().0,
            by: by.to_owned(),
            office: self.office.to_string(),
            ..Act::default()
        }
    }

    /// An account as the page lists it: nothing that lets anybody in.
    fn line(&self, desk: &Desk, id: DossierId, account: &Account) -> Value {
        let history: Vec<Value> = account
            .history
            .iter()
            .map(|(_, fact)| {
                json!({ "what": fact.said.word(), "at": fact.act.at, "by": fact.act.by })
            })
            .collect();
        json!({
            "id": id.to_string(),
            "login": account.login,
            "name": account.name,
            "roles": account.roles.iter().map(|role| role.word()).collect::<Vec<_>>(),
            "closed": account.closed,
            "given": account.given,
            "codes": account.codes.len(),
            "shadowed": self.roster(desk).is_shadowed(id),
            "sessions": self.sessions.count(&id, Instant::now()),
            "history": history,
        })
    }
}
