//! The sheet of a block of codes on paper. Its printings are counted in the journal; what is looked at without one
//! says so.

use super::data::{self, Occasion};
use crate::{
    api::{Api, Seek},
    error::DeskError,
    people::who::name_or,
};
use axum::{
    extract::{Path, State as Extract},
    response::Response,
};
use motcua_dossier::emergency::EmergencyError;
use motcua_forms::{
    edition::Form,
    model::{Printing, Slips, Subject},
    paper::Paper,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default, rename = "as")]
    kind: Option<String>,
    /// Which printing; only looked at if none.
    #[serde(default)]
    printing: Option<u32>,
    #[serde(default)]
    clerk: String,
}

pub(super) async fn show(
    Extract(api): Extract<Api>,
    Path(number): Path<String>,
    Seek(asked): Seek<Asked>,
) -> Result<Response, DeskError> {
    let desk = &api.desk;
    let (block, printed) = {
        let blocks = desk.emergency().blocks();
        let printed = match asked.printing {
            None => None,
            Some(count) => {
                let at = usize::try_from(count).unwrap_or_default().checked_sub(1);
                let one = at.and_then(|at| blocks.printings(&number).get(at));
                let value = count.to_string();
                Some((count, one.cloned().ok_or(DeskError::Unknown { field: "printing", value })?))
            }
        };
        (blocks.get(&number)?.clone(), printed)
    };
    let codes = block.numbers().map(|one| block.code(one)).collect::<Result<Vec<String>, _>>();
    let trust = desk.engine().trust();
    let me = trust.office(desk.engine().me.office);
    let phone = me.and_then(|office| desk.office_data().telephones.of(&office.code, ""));
    let day = block.on();
    let slips = Slips {
        number: block.number.clone(),
        day: jiff::civil::Date::new(day.year as i16, day.month as i8, day.day as i8).ok(),
        phone: phone.unwrap_or_default().to_owned(),
        drawer: block.by.clone(),
        codes: codes.map_err(EmergencyError::from)?,
    };
    let (printing, at, clerk) = match printed {
        Some((count, one)) => (Printing::Number(count), one.at, one.by),
        None => {
            let clerk = name_or(&asked.clerk).chars().take(100).collect();
            (Printing::Preview, desk.wall(), clerk)
        }
    };
    let occasion = Occasion { form: Form::Emergency, printing, at, clerk, of: String::new() };
    let made = data::around(desk, &trust, &occasion, Subject::Slips(Box::new(slips)))?;
    super::answer(api, Form::Emergency, made, Paper::A4, asked.kind.as_deref()).await
}
