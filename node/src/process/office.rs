//! What central IT puts beside a machine's data about its office: `office/process-steps.csv` and
//! `office/telephones.csv` in the data folder. Each is read whole at the start or refused; silently other
//! deadlines than those approved would be worse than a machine that says why it does not start.

use anyhow::Context;
use motcua_dossier::process::{Table, TableError, Telephones};
use std::{fs, io, path::Path};

/// Processes of procedures and telephones of sections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Office {
    /// Processes; the compiled-in example where no file says others.
    pub(crate) processes: Table,
    /// Telephones; none where no file says any.
    pub(crate) telephones: Telephones,
}

impl Office {
    /// Reads the files.
    ///
    /// # Errors
    /// Which file is wrong, where, and what to do.
    pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let folder = data_dir.join("office");
        let steps = of_file(&folder.join("process-steps.csv"), Table::read)?;
        let telephones = of_file(&folder.join("telephones.csv"), Telephones::read)?;
        Ok(Self {
            processes: steps.unwrap_or_else(Table::built_in),
            telephones: telephones.unwrap_or_default(),
        })
    }
}

fn of_file<T>(path: &Path, read: fn(&str) -> Result<T, TableError>) -> anyhow::Result<Option<T>> {
    let advice = || format!("{}: put it right, or take the file away", path.display());
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => read(&found.with_context(advice)?).map(Some).with_context(advice),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_wrong_file_of_the_office_is_refused_naming_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let built_in = Office { processes: Table::built_in(), ..Office::default() };
        assert_eq!(Office::read(dir.path()).unwrap(), built_in);
        fs::create_dir(dir.path().join("office")).unwrap();
        let file = dir.path().join("office/process-steps.csv");
        let head = "procedure,version,valid_from,valid_until,step,section,section_name,role,hours,source\n";
        fs::write(&file, format!("{head},1,2020-01-01,,2,a,A,reception,1,x\n")).unwrap();
        let said = format!("{:#}", Office::read(dir.path()).unwrap_err());
        assert!(said.contains("process-steps.csv") && said.contains("line 2, step"), "{said}");
        fs::write(&file, format!("{head},1,2020-01-01,,1,a,A,reception,1,x\n")).unwrap();
        assert_eq!(Office::read(dir.path()).unwrap().processes.sections().len(), 1);
    }
}
