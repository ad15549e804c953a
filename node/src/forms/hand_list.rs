//! The sheet of a paper hand-over list, for both sides to sign. It is the office's own and not counted.

use super::data::{self, Occasion};
use crate::{
    api::{Api, Seek},
    error::DeskError,
    people::who::name_or,
    process::hand_lists::listed,
};
use axum::{
    extract::{Path, State as Extract},
    response::Response,
};
use motcua_core::{id::OfficeId, trust::TrustView};
use motcua_dossier::{
    local,
    process::{Given, given},
};
use motcua_forms::{
    edition::Form,
    model::{Data, HandList, Printing, Subject},
    paper::Paper,
};
use motcua_shell::clock::Clock;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default, rename = "as")]
    kind: Option<String>,
    #[serde(default)]
    clerk: String,
}

pub(super) async fn show(
    Extract(api): Extract<Api>,
    Path(number): Path<String>,
    Seek(asked): Seek<Asked>,
) -> Result<Response, DeskError> {
    api.desk.settled().await;
    let clerk = name_or(&asked.clerk).chars().take(100).collect();
    let (desk, at) = (api.clone(), api.desk.engine().clock().wall().0);
    let made = tokio::task::spawn_blocking(move || data(&desk, &number, at, clerk)).await;
    let made = made.map_err(|_| DeskError::Busy)??;
    super::answer(api, Form::HandList, made, Paper::A4, asked.kind.as_deref()).await
}

fn data(api: &Api, number: &str, at: i64, clerk: String) -> Result<Data, DeskError> {
    let desk = &api.desk;
    let trust = desk.engine().trust();
    let all = listed(api, number)?;
    let mut list = HandList { number: number.to_owned(), ..HandList::default() };
    for one in &all {
        list.dossiers.push(data::dossier(desk, &trust, &one.shown, None));
        let Some(given) = given(&one.shown.derived, number) else { continue };
        let act = given.act();
        list.given = local::of_millis(act.at);
        list.giver = act.by.clone();
        list.from = named(&trust, &act.office);
        list.to = match &given {
            Given::Forwarded(one) => named(&trust, &one.given.to),
            Given::Inside(one) => {
                let parts = [one.given.section_name.as_str(), one.given.person.as_str()];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                parts.join(", ")
            }
        };
    }
    let occasion = Occasion {
        form: Form::HandList,
        printing: Printing::Uncounted,
        at,
        clerk,
        of: String::new(),
    };
    data::around(desk, &trust, &occasion, Subject::List(Box::new(list)))
}

fn named(trust: &TrustView, id: &str) -> String {
    let office = id.parse::<OfficeId>().ok().and_then(|id| trust.office(id));
    office.map_or_else(|| id.to_owned(), |office| office.name.clone())
}
