//! `POST /api/v1/session` `{login, password}` logs in, `GET` says who is logged in, `DELETE` logs out;
//! `POST /api/v1/session/password` `{old, new}` changes one's own password, `POST /api/v1/session/recovery`
//! `{login, code, password}` sets it by a recovery code. All of it without a network.

use super::{People, PeopleError, audit, limits, who};
use crate::{
    api::{Body, read},
    desk::Desk,
    error::DeskError,
};
use axum::{
    Json, Router,
    extract::{ConnectInfo, FromRef, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use motcua_core::id::DossierId;
use motcua_dossier::people::{Account, Said, Seen};
use motcua_shell::password;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{sync::SemaphorePermit, time::Instant};
use zeroize::Zeroizing;

/// The routes, for a node that is up and for one that is coming up.
pub(super) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Desk>: FromRef<S>,
{
    Router::new()
        .route("/api/v1/session", get(show).post(log_in).delete(log_out))
        .route("/api/v1/session/password", post(change))
        .route("/api/v1/session/recovery", post(recover))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    login: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    old: String,
    new: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recover {
    login: String,
    code: String,
    password: String,
}

async fn show(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Json<Value> {
    let people = desk.people();
    let person = people.session(&desk, &headers, false);
    Json(people.told(&desk, person.as_ref().map(|(id, account)| (*id, account))))
}

async fn log_in(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    let LogIn { login, password } = read(&body)?;
    let people = desk.people();
    let from = peer.ip();
    let turn = people.turn(&login, from).await?;
    let known = people.roster(&desk).by_login(&login).cloned();
    let kept = known.as_ref().filter(|(_, account)| !account.closed);
    let kept = kept.and_then(|(_, account)| account.secret.as_ref()).map(|(_, hash)| hash.clone());
    let right = checked(password.into(), kept).await?;
    drop(turn);
    match known {
        Some((id, account)) if right => {
            people.waits().succeeded(&login, from);
            tracing::info!(account = %id, %from, "logged in");
            people.at_door(&desk, Seen::LOGGED_IN, Some(id), from);
            Ok(people.opened(&desk, &headers, id, &account)?)
        }
        // Not the login: people type their password there.
        _ => Err(people.failed(&desk, &login, from).into()),
    }
}

/// Whether a password is the one of a hash; where there is none, after the same time, that it is not.
async fn checked(password: Zeroizing<String>, kept: Option<String>) -> Result<bool, PeopleError> {
    let work = move || match kept {
        Some(kept) => password::verify(&password, &kept),
        None => password::hash(&password, limits::COST).map(|_| false),
    };
    // A panic of the hash is no log-in.
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| PeopleError::Wrong)??)
}

pub(super) async fn hashed(password: Zeroizing<String>) -> Result<String, PeopleError> {
    let work = move || password::hash(&password, limits::COST);
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| PeopleError::Wrong)??)
}

async fn log_out(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let people = desk.people();
    let cookie = people.sessions.close(&headers);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

async fn change(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    let Change { old, new } = read(&body)?;
    let (people, from) = (desk.people(), peer.ip());
    let id = who::asks().and_then(|who| who.account).ok_or(PeopleError::LogIn)?;
    let _one = people.changing.lock().await;
    let account = people.roster(&desk).get(id).cloned().ok_or(PeopleError::Unknown)?;
    fit(&new, &account.login, "new")?;
    let turn = people.turn(&account.login, from).await?;
    let kept = account.secret.as_ref().map(|(_, hash)| hash.clone());
    if !checked(old.into(), kept).await? {
        return Err(people.failed(&desk, &account.login, from).into());
    }
    let hash = hashed(new.into()).await?;
    drop(turn);
    people.waits().succeeded(&account.login, from);
    let said = vec![Said::Password { hash, given: false }];
    let account = people.say(&desk, id, &account, said, &account.name).await?;
    Ok(people.opened(&desk, &headers, id, &account)?)
}

async fn recover(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    let Recover { login, code, password } = read(&body)?;
    let (people, from) = (desk.people(), peer.ip());
    fit(&password, &login, "password")?;
    let _one = people.changing.lock().await;
    let turn = people.turn(&login, from).await?;
    let known = people.roster(&desk).by_login(&login).cloned();
    // Made whether or not the code is right, so that both take the same time.
    let hash = hashed(password.into()).await?;
    drop(turn);
    let used = known.and_then(|(id, account)| {
        let code = code_hash(id, &code);
        (!account.closed && account.codes.contains(&code)).then_some((id, account, code))
    });
    let Some((id, account, code)) = used else {
        return Err(people.failed(&desk, &login, from).into());
    };
    people.waits().succeeded(&login, from);
    tracing::warn!(account = %id, %from, "a recovery code was used");
    people.at_door(&desk, Seen::RECOVERED, Some(id), from);
    let said = vec![Said::Used { code }, Said::Password { hash, given: false }];
    let account = people.say(&desk, id, &account, said, &account.name).await?;
    Ok(people.opened(&desk, &headers, id, &account)?)
}

/// What a recovery code is kept as: 66 random bits, bound to the account.
pub(super) fn code_hash(account: DossierId, code: &str) -> String {
    let text = [account.0.as_slice(), password::tidy(code).as_bytes()].concat();
    let hash = blake3::derive_key("motcua 2026-11 recovery code", &text);
    blake3::Hash::from(hash).to_hex().to_string()
}

/// Whether a password may be chosen.
pub(super) fn fit(password: &str, login: &str, field: &'static str) -> Result<(), PeopleError> {
    let refused = |vi: String, en: String| Err(PeopleError::Invalid { field, vi, en });
    let (least, most) = (limits::PASSWORD_LEAST, limits::PASSWORD_MOST);
    let tidy = password::tidy(password);
    let count = tidy.chars().count();
    if !(least..=most).contains(&count) {
        return refused(
            format!("Mật khẩu có từ {least} đến {most} ký tự."),
            format!("a password has {least} to {most} characters"),
        );
    }
    let mut letters: Vec<char> = tidy.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    let is_login = super::roster::fold(password).contains(&super::roster::fold(login));
    if letters.len() < 4 || (is_login && !login.trim().is_empty()) {
        return refused(
            "Mật khẩu quá dễ đoán: cần ít nhất 4 ký tự khác nhau và không chứa tên đăng nhập."
                .into(),
            "too easy to guess: it needs 4 different characters and must not hold the login".into(),
        );
    }
    Ok(())
}

impl People {
    /// A turn to make a hash, for who need not wait.
    async fn turn(&self, login: &str, from: IpAddr) -> Result<SemaphorePermit<'_>, PeopleError> {
        let allowed = {
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            rates.allow(from, Instant::now())
        };
        if !allowed {
            return Err(PeopleError::Wait(Duration::from_secs(10)));
        }
        let turn = self.hashing.acquire().await.map_err(|_| PeopleError::LogIn)?;
        // Asked in turn: of many at once each has seen how the one before ended.
        let left = self.waits().left(login, from, Instant::now());
        if left.is_zero() { Ok(turn) } else { Err(PeopleError::Wait(left)) }
    }

    fn failed(&self, desk: &Desk, login: &str, from: IpAddr) -> PeopleError {
        self.waits().failed(login, from, Instant::now());
        tracing::warn!(%from, "log-in refused");
        // Never what was typed: people type their password there.
        let known = self.roster(desk).by_login(login).map(|(id, _)| *id);
        self.at_door(desk, Seen::REFUSED, known, from);
        PeopleError::Wrong
    }

    pub(super) fn at_door(
        &self,
        desk: &Desk,
        what: &str,
        account: Option<DossierId>,
        from: IpAddr,
    ) {
        let account = account.map(|id| id.to_string()).unwrap_or_default();
        let line = audit::line(desk, what, None);
        let line = Seen { account, from: from.to_canonical().to_string(), ..line };
        self.audit.note(line, Instant::now());
    }

    /// A new session of an account.
    pub(super) fn opened(
        &self,
        desk: &Desk,
        headers: &HeaderMap,
        id: DossierId,
        account: &Account,
    ) -> Result<Response, PeopleError> {
        let (secret, _) = account.secret.as_ref().ok_or(PeopleError::Wrong)?;
        let cookie = self.sessions.open(headers, id, secret, Instant::now())?;
        let body = Json(self.told(desk, Some((id, account))));
        Ok(([(header::SET_COOKIE, cookie)], body).into_response())
    }

    /// What the page knows of the session.
    fn told(&self, desk: &Desk, person: Option<(DossierId, &Account)>) -> Value {
        let roster = self.roster(desk);
        let person = person.map(|(id, account)| {
            json!({
                "id": id.to_string(),
                "login": account.login,
                "name": account.name,
                "roles": account.roles.iter().map(|role| role.word()).collect::<Vec<_>>(),
                "must_change": account.given,
            })
        });
        json!({
            "accounts": roster.is_in_use(),
            "coming": !roster.awaited.is_empty(),
            "person": person,
            "idle_seconds": limits::SESSIONS.idle.as_secs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_enough_varied_and_not_the_login() {
        for good in ["1234 5678 9012", "một con ngựa", "Tr4n-Mau!"] {
            assert!(fit(good, "an", "password").is_ok() || good.contains("an"), "{good}");
        }
        let long = "x1y2".repeat(51);
        for bad in ["", "ngắn", "11111111", "abababab", "nguyenmau1", long.as_str()] {
            assert!(fit(bad, "nguyenmau", "password").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_recovery_code_is_bound_to_its_account_and_typed_in_any_groups() {
        let (one, two) = (DossierId([1; 16]), DossierId([2; 16]));
        assert_eq!(code_hash(one, "1234-5678"), code_hash(one, "12345678 "));
        assert_ne!(code_hash(one, "1234-5678"), code_hash(two, "1234-5678"));
    }
}
