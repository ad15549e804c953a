//! The register (Mẫu 07): the dossiers received under the office's code in some days, from their
//! histories. It is the office's own and not counted.

use super::data::{self, Occasion};
use crate::{api::Api, desk::Desk, error::DeskError, people::who::name_or, views};
use axum::{
    extract::{Query, State as Extract},
    response::Response,
};
use jiff::{ToSpan, civil::Date};
use motcua_core::state::Kv;
use motcua_dossier::view::{View, view};
use motcua_forms::{
    edition::Form,
    limits::PAGES,
    model::{Data, Dossier, Printing, Subject},
    paper::Paper,
};
use motcua_shell::{clock::Clock, find};
use serde::Deserialize;

/// Most days at once.
const DAYS: usize = 366;
/// Most dossiers at once: about what the pages of one form hold.
const DOSSIERS: usize = 10 * PAGES;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    from: String,
    to: String,
    #[serde(default, rename = "as")]
    kind: Option<String>,
    #[serde(default)]
    clerk: String,
}

pub(super) async fn show(
    Extract(api): Extract<Api>,
    Query(asked): Query<Asked>,
) -> Result<Response, DeskError> {
    let day = |field: &'static str, text: &str| {
        let bad = || DeskError::Unknown { field, value: text.chars().take(80).collect() };
        text.parse::<Date>().map_err(|_| bad())
    };
    let (from, to) = (day("from", &asked.from)?, day("to", &asked.to)?);
    api.desk.settled().await;
    api.desk.whole()?;
    let (desk, clerk) = (api.desk.clone(), name_or(&asked.clerk).chars().take(100).collect());
    let data = tokio::task::spawn_blocking(move || data(&desk, from, to, clerk)).await;
    let data = data.map_err(|_| DeskError::Busy)??;
    super::answer(api, Form::Register, data, Paper::A4Wide, asked.kind.as_deref()).await
}

fn data(desk: &Desk, from: Date, to: Date, clerk: String) -> Result<Data, DeskError> {
    let trust = desk.engine().trust();
    let org = trust.office(desk.engine().me.office).map(|office| office.org_code.clone());
    let org = org.unwrap_or_default();
    let mut dossiers: Vec<Dossier> = Vec::new();
    let days = from.series(1.day()).take_while(|day| *day <= to);
    for (count, day) in (1..).zip(days) {
        if count > DAYS {
            return Err(motcua_forms::FormError::TooManyPages.into());
        }
        let digits = day.strftime("%y%m%d");
        let (first, end) = find::code_range(&format!("{org}-{digits}-"));
        for (key, _) in desk.engine().books().range(&first, &end, DOSSIERS)? {
            let Some(id) = find::dossier_of(&key) else { continue };
            let shown: View = match desk.facts(id) {
                Ok(facts) => view(&facts),
                // Its history left this machine: what its line in the lists says.
                Err(DeskError::Away) => views::known(desk, id)?,
                Err(error) => return Err(error),
            };
            dossiers.push(data::dossier(desk, &trust, &shown, None));
            if dossiers.len() > DOSSIERS {
                return Err(motcua_forms::FormError::TooManyPages.into());
            }
        }
    }
    let at = desk.engine().clock().wall().0;
    let occasion = Occasion {
        form: Form::Register,
        printing: Printing::Uncounted,
        at,
        clerk,
        of: String::new(),
    };
    data::around(desk, &trust, &occasion, Subject::Many { from, to, dossiers })
}
