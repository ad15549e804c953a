//! Pauses: what a wait does with the promised date, by both models, through the reckoning of terms and
//! through the facts of a dossier.

mod vectors {
    use crate::{same, text};
    use jiff::civil::DateTime;
    use motcua_core::id::OfficeId;
    use motcua_dossier::{
        action::{self, Action, Circumstances, Registration},
        calendar::{Calendar, WorkTime},
        due::{Model, Pause, Term, due},
        fact::{Act, Applicant, Fact, Request},
        local,
        state::State,
        view::{View, view},
    };

    #[derive(Clone, serde::Deserialize)]
    struct Row {
        id: String,
        received: String,
        term_working_days: Option<u32>,
        pause_start: DateTime,
        pause_end: DateTime,
        due_before: DateTime,
        due_after_clock_stops: Option<DateTime>,
        paused_working_hours: f64,
        due_after_clock_restarts: Option<DateTime>,
    }

    /// A dossier with its pauses.
    struct Case {
        received: DateTime,
        days: u32,
        rows: Vec<Row>,
    }

    /// A row without a term is a further pause of the dossier above.
    fn cases() -> Vec<Case> {
        let text = text("p05-tam-dung.csv");
        let mut cases: Vec<Case> = Vec::new();
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize::<Row>() {
            let row = row.unwrap();
            match row.term_working_days {
                Some(days) => {
                    let received = row.received.parse().unwrap();
                    cases.push(Case { received, days, rows: vec![row] });
                }
                None => cases.last_mut().unwrap().rows.push(row),
            }
        }
        assert!(!cases.is_empty());
        cases
    }

    fn time() -> WorkTime {
        WorkTime::usual(Calendar::vietnam())
    }

    #[test]
    fn the_reckoning_of_terms_gives_the_dates() {
        for Case { received, days, rows } in cases() {
            let mut before = Vec::new();
            for row in rows {
                let at = |pauses: &[Pause]| {
                    due(&time(), Term::WorkingDays(days), received, pauses).unwrap().at
                };
                assert_eq!(at(&before), Some(row.due_before), "{}", row.id);
                let pause = |model| Pause { model, from: row.pause_start, to: row.pause_end };
                if row.due_after_clock_restarts.is_some() {
                    let found = at(&[pause(Model::Restart)]);
                    assert_eq!(found, row.due_after_clock_restarts, "{}", row.id);
                }
                before.push(pause(Model::StopClock));
                assert_eq!(at(&before), row.due_after_clock_stops, "{}", row.id);
                let paused = time().between(row.pause_start, row.pause_end);
                assert_eq!(paused as f64 / 3_600.0, row.paused_working_hours, "{}", row.id);
            }
        }
    }

    /// A dossier that grows by acts, each with ids after those before.
    struct Dossier(Vec<Fact>);

    impl Dossier {
        fn registered(received: DateTime, days: u32, due: DateTime) -> Self {
            let request = Request {
                term_unit: "working_days".into(),
                term: Some(days),
                ..Request::default()
            };
            let registration = Registration {
                applicant: Applicant { name: "Nguyễn Văn Mẫu".into(), ..Applicant::default() },
                request,
                papers: vec![],
                due: local::to_millis(due),
                code: String::new(),
            };
            let mut dossier = Self(Vec::new());
            let office = OfficeId([1; 16]);
            dossier.add(action::register(registration, act(received), office).unwrap());
            dossier
        }

        fn add(&mut self, action: Action) {
            for draft in action.facts {
                let id = format!("{:026}", self.0.len());
                self.0.push(draft.with_id(id));
            }
            self.0.sort();
        }

        fn step(&mut self, to: State, at: DateTime, circumstances: Circumstances) {
            let made = action::move_under(&self.0, to, circumstances, act(at));
            self.add(made.unwrap());
        }

        fn shown(&self) -> View {
            let mut turned = self.0.clone();
            turned.reverse();
            let shown = view(&self.0);
            assert_eq!(view(&turned).dates, shown.dates, "in any order");
            assert_eq!(view(&turned).pauses, shown.pauses, "in any order");
            shown
        }
    }

    fn act(at: DateTime) -> Act {
        let at = local::to_millis(at).unwrap();
        let (by, office) = ("Lê Thị Mẫu".into(), "01".into());
        Act {
            at, by, office, note: "thiếu giấy".into(), asked: None, in_stead_of: String::new()
        }
    }

    fn asked(model: Model) -> Circumstances {
        Circumstances { pause: Some(model), happened: None, ..Circumstances::default() }
    }

    fn check(case: &Case, model: Model, pick: impl Fn(&Row) -> Option<DateTime>) {
        let first = case.rows[0].due_before;
        let mut dossier = Dossier::registered(case.received, case.days, first);
        dossier.step(State::InProcess, case.received, Circumstances::default());
        for row in &case.rows {
            let Some(expected) = pick(row) else { return };
            dossier.step(State::Supplement, row.pause_start, asked(model));
            let waiting = dossier.shown();
            assert_eq!(waiting.summary.paused, local::to_millis(row.pause_start), "{}", row.id);
            assert_eq!(waiting.summary.due, local::to_millis(row.due_before), "{}", row.id);
            dossier.step(State::InProcess, row.pause_end, Circumstances::default());
            let shown = dossier.shown();
            let at = |at| local::of_millis(at).unwrap();
            same(shown.summary.due.map(at), Some(expected))
                .unwrap_or_else(|e| panic!("{} {e}", row.id));
            assert_eq!(shown.summary.paused, None);
            assert_eq!(at(shown.dates[0].at), first, "{}: the printed promise is kept", row.id);
            let worked = shown.pauses.last().unwrap().worked(&time(), i64::MAX);
            assert_eq!(worked as f64 / 3_600.0, row.paused_working_hours, "{}", row.id);
        }
    }

    #[test]
    fn a_dossier_whose_clock_stops_is_due() {
        cases()
            .iter()
            .for_each(|case| check(case, Model::StopClock, |row| row.due_after_clock_stops));
    }

    #[test]
    fn a_dossier_whose_clock_restarts_is_due() {
        cases()
            .iter()
            .for_each(|case| check(case, Model::Restart, |row| row.due_after_clock_restarts));
    }

    #[test]
    fn what_came_on_the_holiday_itself_is_due_as_if_it_had_come_at_the_next_opening() {
        let (received, first) = ("2026-11-18T10:00", "2026-11-23T10:00");
        let mut dossier = Dossier::registered(received.parse().unwrap(), 3, first.parse().unwrap());
        let asked_at = "2026-11-20T16:30".parse().unwrap();
        dossier.step(State::Supplement, asked_at, asked(Model::StopClock));
        // It came by the online channel; a clerk enters it when the office is open again.
        let came: DateTime = "2026-11-24T09:00".parse().unwrap();
        let happened = local::to_millis(came);
        let entered = "2026-11-25T08:10".parse().unwrap();
        dossier.step(
            State::Accepted,
            entered,
            Circumstances { pause: None, happened, ..Circumstances::default() },
        );
        let shown = dossier.shown();
        let due = shown.summary.due.and_then(local::of_millis);
        assert_eq!(due, Some("2026-11-25T10:30".parse().unwrap()));
        assert_eq!(shown.pauses[0].to, happened);
        assert_eq!(shown.pauses[0].worked(&time(), 0), 17 * 1_800, "8.5 hours");
    }
}
