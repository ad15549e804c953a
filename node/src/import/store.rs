//! What is here already, as a preview asks for it.

use super::values;
use crate::{desk::Desk, error::DeskError};
use motcua_core::{
    id::DossierId,
    state::{Key, Kv, rows},
};
use motcua_dossier::{
    code::Code,
    view::{Summary, view},
};
use motcua_intake::{field::Field, judge::Known, record::RowKey};
use motcua_shell::{content, find};
use std::collections::BTreeMap;

impl Known for Desk {
    type Error = DeskError;

    fn by_key(&self, key: &RowKey) -> Result<Option<String>, DeskError> {
        self.first(find::origin_range(key))
    }

    fn by_code(&self, code: &str) -> Result<Option<String>, DeskError> {
        let Ok(code) = Code::read(code) else { return Ok(None) };
        self.holder_of_code(&code)?.map(|id| self.in_words(id)).transpose()
    }

    fn by_id(&self, id: &str) -> Result<Option<BTreeMap<Field, String>>, DeskError> {
        let Ok(id) = id.parse::<DossierId>() else { return Ok(None) };
        self.values_of(id)
    }
}

impl Desk {
    /// The first dossier that a range of the index points to, in words.
    fn first(&self, (from, to): (Vec<u8>, Vec<u8>)) -> Result<Option<String>, DeskError> {
        let rows = self.engine().books().range(&from, &to, 1)?;
        let Some(id) = rows.first().and_then(|(key, _)| find::dossier_of(key)) else {
            return Ok(None);
        };
        self.in_words(id).map(Some)
    }

    fn in_words(&self, id: DossierId) -> Result<String, DeskError> {
        let summary = self.summary_of(id)?.unwrap_or_default();
        let code = if summary.code.is_empty() { id.to_string() } else { summary.code };
        Ok(format!("{code} ({})", summary.applicant))
    }

    fn summary_of(&self, id: DossierId) -> Result<Option<Summary>, DeskError> {
        let row: Option<rows::Summary> = self.engine().books().row(Key::Summary(id))?;
        Ok(row.and_then(|row| content::read_summary(&row.bytes)))
    }

    /// The values of a dossier; of one whose history is at the hub, what its line says.
    pub(super) fn values_of(
        &self,
        id: DossierId,
    ) -> Result<Option<BTreeMap<Field, String>>, DeskError> {
        match self.facts(id) {
            Ok(facts) => Ok(Some(values::of(id, &view(&facts)))),
            Err(DeskError::NoDossier(_)) => Ok(None),
            Err(DeskError::Away) => {
                let outlined = self.summary_of(id)?.map(crate::views::outline);
                Ok(outlined.map(|view| values::of(id, &view)))
            }
            Err(error) => Err(error),
        }
    }
}
