//! Before every route: who asks, and whether they may.

use super::{
    People, PeopleError, audit,
    duties::{Need, need},
    setup,
    who::{self, Who},
};
use crate::{desk::Desk, error::DeskError};
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use motcua_core::id::DossierId;
use motcua_dossier::people::{Account, Role, Seen};
use std::sync::Arc;
use tokio::time::Instant;

/// Set by the page where a person did something since it last asked.
const BY_HAND: &str = "x-motcua-by-hand";

/// Puts the door before all routes.
pub(crate) fn guard(desk: &Arc<Desk>, routes: Router) -> Router {
    routes.layer(middleware::from_fn_with_state(Arc::clone(desk), pass))
}

async fn pass(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let people = desk.people();
    if !people.roster(&desk).is_in_use() {
        return next.run(request).await;
    }
    let seen = viewed(&request);
    match people.let_in(&desk, &request) {
        Ok((who, stead)) => {
            let response = who::with(who.clone(), stead, next.run(request)).await;
            // Behind the answer, and only what was shown.
            if let (Some(dossier), true) = (seen, response.status().is_success()) {
                let line = Seen { dossier, ..audit::line(&desk, Seen::VIEWED, who.as_ref()) };
                people.audit.note(line, Instant::now());
            }
            // A step that no role of theirs may take is refused by its route.
            if response.status() == StatusCode::FORBIDDEN && who.is_some() {
                let line = audit::line(&desk, Seen::FORBIDDEN, who.as_ref());
                people.audit.note(line, Instant::now());
            }
            response
        }
        Err(refused) => {
            if let (PeopleError::Role(_), Ok(who)) = (&refused, people.caller(&desk, &request)) {
                let line = audit::line(&desk, Seen::FORBIDDEN, who.as_ref());
                people.audit.note(line, Instant::now());
            }
            DeskError::from(refused).into_response()
        }
    }
}

/// The dossier that a request shows: all of it, a form or a scan of it; not who saw it.
fn viewed(request: &Request) -> Option<String> {
    if !matches!(*request.method(), Method::GET) {
        return None;
    }
    let mut parts = request.uri().path().strip_prefix("/api/v1/dossiers/")?.split('/');
    let dossier = parts.next()?.parse::<DossierId>().ok()?;
    (parts.next() != Some("views")).then(|| dossier.to_string())
}

impl People {
    fn let_in(&self, desk: &Desk, request: &Request) -> Result<(Option<Who>, String), PeopleError> {
        let path = request.extensions().get::<MatchedPath>();
        let path = path.map_or_else(|| request.uri().path(), MatchedPath::as_str);
        let need = need(request.method(), path);
        let who = self.caller(desk, request);
        if need == Need::Nobody {
            // A token that is none must not keep anybody from logging in.
            return Ok((who.ok().flatten(), String::new()));
        }
        let Some(who) = who? else {
            let coming = !self.roster(desk).awaited.is_empty();
            return Err(if coming { PeopleError::Coming } else { PeopleError::LogIn });
        };
        let account = who.account.and_then(|id| self.roster(desk).get(id).cloned());
        if account.is_some_and(|account| account.given) && path != "/api/v1/session/password" {
            return Err(PeopleError::MustChange);
        }
        match need {
            Need::Role(duty) => {
                let stead = who.may(duty).map_err(PeopleError::Role)?.to_owned();
                Ok((Some(who), stead))
            }
            Need::Nobody | Need::Somebody => Ok((Some(who), String::new())),
        }
    }

    fn caller(&self, desk: &Desk, request: &Request) -> Result<Option<Who>, PeopleError> {
        let headers = request.headers();
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(token) = bearer.and_then(|text| text.strip_prefix("Bearer ")) {
            return self.bearer(desk, token).map(Some);
        }
        let changes = !request.method().is_safe();
        let by_hand = changes || headers.contains_key(BY_HAND);
        let Some((account, known)) = self.session(desk, headers, by_hand) else { return Ok(None) };
        // Browsers name the page that makes them change something, and one that is not this page was
        // refused before.
        if changes && !headers.contains_key(header::ORIGIN) {
            return Err(PeopleError::Origin);
        }
        let lent = self.roster(desk).lent_to(account, desk.wall());
        Ok(Some(Who { account: Some(account), name: known.name, roles: known.roles, lent }))
    }

    fn bearer(&self, desk: &Desk, token: &str) -> Result<Who, PeopleError> {
        // Hashes: what is compared tells nothing of the token.
        let hash = setup::token_hash(token);
        if hash == self.machine_token {
            let name = "Dòng lệnh trên máy".to_owned();
            return Ok(Who { account: None, name, roles: Role::ALL.into(), lent: Vec::new() });
        }
        let roster = self.roster(desk);
        let (id, account) = roster.by_token(&hash).ok_or(PeopleError::Token)?;
        let (name, roles) = (account.name.clone(), account.roles.clone());
        Ok(Who { account: Some(*id), name, roles, lent: Vec::new() })
    }

    /// Whose session the cookie is.
    pub(super) fn session(
        &self,
        desk: &Desk,
        headers: &HeaderMap,
        by_hand: bool,
    ) -> Option<(DossierId, Account)> {
        let roster = self.roster(desk);
        let stands = |account: &DossierId, secret: &str| {
            let known = roster.get(*account).filter(|known| !known.closed);
            known.and_then(|known| known.secret.as_ref()).is_some_and(|(id, _)| id == secret)
        };
        let account = self.sessions.check(headers, Instant::now(), by_hand, stands)?;
        Some((account, roster.get(account)?.clone()))
    }
}
