//! Promised dates, and the calendar that they follow.

mod vectors {
    use crate::{each, file, same};
    use motcua_dossier::{
        calendar::{Calendar, CalendarError, CalendarFile, OfficeFile, WorkTime},
        due::{DueError, Model, Pause, Term, due},
        local,
    };
    use serde_json::{Value, json};

    /// The calendar of the vectors, which may be another than the one compiled in.
    fn vietnam() -> Calendar {
        let file: CalendarFile = serde_json::from_value(file("calendar-vn.json")).unwrap();
        file.read(|_| None).unwrap()
    }

    fn calendar(case: &Value) -> Result<Calendar, CalendarError> {
        let known = |name: &str| (name == "vn").then(vietnam);
        match case.as_str() {
            Some(name) => known(name).ok_or(CalendarError::Unknown { name: name.to_owned() }),
            None => serde_json::from_value::<CalendarFile>(case.clone()).unwrap().read(known),
        }
    }

    fn pauses(case: &Value) -> Vec<Pause> {
        let all = case["pauses"].as_array().cloned().unwrap_or_default();
        let pause = |one: &Value| Pause {
            model: match one["model"].as_str().unwrap() {
                "stop_clock" => Model::StopClock,
                "restart" => Model::Restart,
                other => panic!("{other}"),
            },
            from: local::of_text(one["from"].as_str().unwrap()).unwrap(),
            to: local::of_text(one["to"].as_str().unwrap()).unwrap(),
        };
        all.iter().map(pause).collect()
    }

    fn answer(case: &Value, days: &Value) -> Result<Value, DueError> {
        let term = &case["term"];
        let term = Term::read(term["unit"].as_str().unwrap_or_default(), term["n"].as_f64())?;
        let office: OfficeFile = match &case["office"] {
            Value::Null => OfficeFile::default(),
            office => serde_json::from_value(office.clone()).unwrap(),
        };
        let time = WorkTime::of_office(calendar(days)?, &office)?;
        let received = local::of_text(case["received"].as_str().unwrap()).unwrap();
        let found = due(&time, term, received, &pauses(case))?;
        let at = found.at.map(|at| format!("{}+07:00", at.strftime("%Y-%m-%dT%H:%M:%S")));
        Ok(json!({ "due": at, "provisional": found.provisional }))
    }

    fn said(answer: Result<Value, DueError>) -> Value {
        let word = match answer {
            Ok(answer) => return answer,
            Err(DueError::Term { .. }) => "bad_term",
            Err(DueError::Calendar(_)) => "bad_calendar",
            Err(DueError::Pause { .. }) => "bad_pause",
            Err(DueError::NoWorkingTime) => "no_working_time",
        };
        json!({ "error": word })
    }

    #[test]
    fn dossiers_are_due() {
        each("due-dates.json", None, |case| {
            same(said(answer(case, &case["calendar"])), case["expect"].clone())?;
            match &case["recompute"] {
                Value::Null => Ok(()),
                again => same(said(answer(case, &again["calendar"])), again["expect"].clone()),
            }
        });
    }

    #[test]
    fn the_calendar_compiled_in_is_that_of_the_vectors() {
        if std::env::var_os("MOTCUA_VECTORS").is_none() {
            assert_eq!(Calendar::vietnam(), vietnam());
        }
    }
}
