//! Biểu II.06a/VPCP/KSTT.

mod vectors {
    use crate::{each, file, same};
    use jiff::civil::{Date, DateTime};
    use motcua_dossier::{
        local,
        report::{Channel, Counts, Event, Every, Period, Variant, What, report},
    };
    use serde_json::{Value, json};

    fn text(value: &Value, name: &str) -> String {
        value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
    }

    fn due(event: &Value) -> Option<DateTime> {
        event["due"].as_str().map(|text| local::of_text(text).unwrap())
    }

    fn event(one: &Value) -> Option<Event> {
        let what = match one["type"].as_str().unwrap() {
            "received" => What::Received {
                channel: match one["channel"].as_str().unwrap() {
                    "online" => Channel::Online,
                    "direct" => Channel::Direct,
                    "post" => Channel::Post,
                    other => panic!("{other}"),
                },
                office: text(one, "office"),
                due: due(one),
            },
            "due" => What::Due(due(one)),
            "paused" => What::Paused,
            "resumed" => What::Resumed,
            "finished" => What::Finished,
            "withdrawn" => What::Withdrawn,
            "reopened" => What::Reopened,
            "moved" => What::Moved { office: text(one, "office") },
            // Steps of the life cycle that the form does not ask for.
            "submitted" | "refused" | "returned" => return None,
            other => panic!("{other}"),
        };
        let at = local::of_text(&text(one, "at")).unwrap();
        Some(Event { id: text(one, "id"), dossier: text(one, "dossier"), at, what })
    }

    fn row(number: Value, name: &str, counts: &Counts) -> Value {
        json!({
            "1": number, "2": name,
            "3": counts.received(), "4": counts.online, "5": counts.direct,
            "6": counts.carried_over, "7": counts.settled(), "8": counts.early,
            "9": counts.on_time, "10": counts.late, "11": counts.in_process(),
            "12": counts.in_term, "13": counts.overdue,
        })
    }

    fn date(value: &Value, name: &str) -> Date {
        text(value, name).parse().unwrap()
    }

    #[test]
    fn dossiers_are_counted() {
        each("report-iio6a.json", None, |case| {
            let offices = case["offices"].as_array().unwrap();
            let ids: Vec<String> = offices.iter().map(|office| text(office, "id")).collect();
            let events: Vec<Event> =
                case["events"].as_array().unwrap().iter().filter_map(event).collect();
            for wanted in case["reports"].as_array().unwrap() {
                let period = &wanted["period"];
                let period = Period { from: date(period, "from"), to: date(period, "to") };
                let variant = match wanted["variant"].as_str().unwrap() {
                    "paused-open" => Variant::PausedOpen,
                    "paused-settled" => Variant::PausedSettled,
                    other => panic!("{other}"),
                };
                let made = report(&ids, &events, period, variant);
                let names = offices.iter().map(|office| text(office, "name"));
                let mut rows: Vec<Value> = (1..)
                    .zip(names.zip(&made.rows))
                    .map(|(number, (name, counts))| row(json!(number), &name, counts))
                    .collect();
                rows.push(row(Value::Null, "Tổng số", &made.total));
                same(json!(rows), wanted["rows"].clone())?;
            }
            Ok(())
        });
    }

    #[test]
    fn periods_close_on_the_fourteenth() {
        for wanted in file("report-iio6a.json")["periods"].as_array().unwrap() {
            let every = match wanted["kind"].as_str().unwrap() {
                "month" => Every::Month,
                "quarter" => Every::Quarter,
                "half" => Every::Half,
                "year" => Every::Year,
                other => panic!("{other}"),
            };
            let number = |name: &str| wanted[name].as_i64().unwrap();
            let period = Period::of(every, number("year") as i16, number("index") as i8).unwrap();
            assert_eq!((period.from, period.to), (date(wanted, "from"), date(wanted, "to")));
        }
        assert_eq!(Period::of(Every::Quarter, 2_026, 5), None);
        assert_eq!(Period::of(Every::Month, 2_026, 0), None);
    }
}
