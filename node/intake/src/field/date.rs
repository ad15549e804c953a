//! Dates: day before month, always. What was meant is never guessed from how a cell looks: two-digit years,
//! bare numbers and days that never were are stopped, with a proposal where there is only one.

mod serial;
mod written;

use crate::{
    cell::{Cell, Value},
    finding::{Finding, Reading, note, stop, warn},
    limits,
};
use jiff::civil::{Date, DateTime, Time};

/// What a cell says of a date, before it is known what the date is of.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    /// Whole, with the time of day if one is given.
    Whole(Date, Option<Time>),
    /// A month.
    Month(i16, i8),
    /// A year.
    Year(i16),
    /// Day, month, the last two digits of the year, and the time of day.
    Short(i8, i8, i16, Option<Time>),
    /// A number that is not shown as a date, and the day it would be.
    Bare(String, Option<Date>),
    /// It cannot be one.
    Wrong(Finding),
    /// Nothing.
    Nothing,
}

fn said(cell: &Cell, from_1904: bool) -> Said {
    match &cell.value {
        Value::Serial { written, from_1904 } => serial::of(written, *from_1904),
        Value::Number(digits) => match serial::year(digits) {
            Some(year) => Said::Year(year),
            None => serial::bare(digits, from_1904),
        },
        Value::Text(text) => written::of(text),
        Value::Empty => Said::Nothing,
        _ => Said::Wrong(unreadable(&cell.written())),
    }
}

fn unreadable(text: &str) -> Finding {
    stop(
        "date.form",
        format!("“{}” không đọc được thành ngày; hãy ghi dạng 31/12/2026", text.trim()),
        format!("“{}” cannot be read as a date; write it like 31/12/2026", text.trim()),
    )
}

/// As a person here writes it.
fn dmy(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}

/// Date of birth: `YYYY-MM-DD`, or only what is known of it.
pub(super) fn birth(cell: &Cell, now: DateTime, from_1904: bool) -> Reading {
    let too_late = |text: String| {
        let (vi, en) = (
            format!("ngày sinh {text} chưa đến"),
            format!("the birth date {text} has not come yet"),
        );
        Reading::stopped(stop("birth.future", vi, en))
    };
    let partial = |value: String, vi: &str, en: &str| {
        Reading::of(value).with(warn(
            "birth.partial",
            format!("chỉ có {vi}"),
            format!("only the {en}"),
        ))
    };
    let old = |reading: Reading, year: i16| match year < now.year() - limits::AGE {
        true => reading.with(warn(
            "birth.old",
            format!("sinh năm {year}, hơn {} tuổi", limits::AGE),
            format!("born in {year}, older than {}", limits::AGE),
        )),
        false => reading,
    };
    match said(cell, from_1904) {
        Said::Nothing => Reading::default(),
        Said::Wrong(finding) => Reading::stopped(finding),
        Said::Whole(date, _) if date > now.date() => too_late(dmy(date)),
        Said::Whole(date, time) => {
            let reading = old(Reading::of(date.to_string()), date.year());
            match time.filter(|time| *time != Time::midnight()) {
                Some(time) => reading.with(warn(
                    "birth.time",
                    format!("giờ {time} trong ngày sinh không được lấy"),
                    format!("the time {time} in the birth date is not taken"),
                )),
                None => reading,
            }
        }
        Said::Month(year, month) if (year, month) > (now.year(), now.month()) => {
            too_late(format!("{month:02}/{year}"))
        }
        Said::Month(year, month) => old(
            partial(format!("{year:04}-{month:02}"), "tháng và năm sinh", "month and year"),
            year,
        ),
        Said::Year(year) if year > now.year() => too_late(year.to_string()),
        Said::Year(year) => old(partial(format!("{year:04}"), "năm sinh", "year"), year),
        Said::Short(day, month, year, _) => {
            let youngest = now.year() / 100 * 100 + year;
            let born = [youngest, youngest - 100].into_iter().filter_map(|year| {
                let date = Date::new(year, month, day).ok()?;
                (date <= now.date() && year >= now.year() - limits::AGE).then_some(date)
            });
            century(day, month, year, &born.collect::<Vec<_>>(), |date| date.to_string())
        }
        Said::Bare(digits, date) => {
            bare(&digits, date.filter(|date| *date <= now.date()), |date| date.to_string())
        }
    }
}

/// When a dossier was received: `YYYY-MM-DDTHH:MM:SS`, not ahead of now.
pub(super) fn received(cell: &Cell, now: DateTime, from_1904: bool) -> Reading {
    let reading = moment(cell, now, from_1904);
    match reading.value.parse::<DateTime>() {
        Ok(at) if at > now => Reading::stopped(stop(
            "received.future",
            format!("ngày nhận {} chưa đến", shown(at)),
            format!("the day of reception {} has not come yet", shown(at)),
        )),
        Ok(at) if at.year() < 1990 => {
            let (vi, en) =
                (format!("nhận năm {}?", at.year()), format!("received in {}?", at.year()));
            reading.with(warn("received.old", vi, en))
        }
        _ => reading,
    }
}

/// When it is due; may lie ahead.
pub(super) fn due(cell: &Cell, from_1904: bool) -> Reading {
    let far = Date::constant(2_026, 1, 1).at(0, 0, 0, 0);
    moment(cell, far, from_1904)
}

fn moment(cell: &Cell, now: DateTime, from_1904: bool) -> Reading {
    match said(cell, from_1904) {
        Said::Nothing => Reading::default(),
        Said::Wrong(finding) => Reading::stopped(finding),
        Said::Whole(date, time) => {
            let reading = Reading::of(date.to_datetime(time.unwrap_or_default()).to_string());
            match time {
                Some(_) => reading,
                None => reading.with(note(
                    "date.day",
                    "chỉ có ngày, không có giờ",
                    "a day without a time",
                )),
            }
        }
        Said::Month(..) | Said::Year(_) => Reading::stopped(stop(
            "date.partial",
            format!("“{}” không đủ ngày, tháng, năm", cell.written().trim()),
            format!("“{}” is no whole date", cell.written().trim()),
        )),
        Said::Short(day, month, year, time) => {
            let date = Date::new(now.year() / 100 * 100 + year, month, day).ok();
            let dates: Vec<Date> = date.into_iter().collect();
            century(day, month, year, &dates, |date| {
                date.to_datetime(time.unwrap_or_default()).to_string()
            })
        }
        Said::Bare(digits, date) => bare(&digits, date, |date| date.at(0, 0, 0, 0).to_string()),
    }
}

fn shown(at: DateTime) -> String {
    format!("{} {:02}:{:02}", dmy(at.date()), at.hour(), at.minute())
}

/// A two-digit year: proposed if only one century is left.
fn century(
    day: i8,
    month: i8,
    year: i16,
    left: &[Date],
    value: impl Fn(Date) -> String,
) -> Reading {
    let written = format!("{day:02}/{month:02}/{year:02}");
    let words: Vec<String> = left.iter().map(|date| dmy(*date)).collect();
    let (vi, en) = (words.join(" hoặc "), words.join(" or "));
    let finding = match left {
        [] => stop(
            "date.century",
            format!("“{written}”: năm hai chữ số, không có ngày nào hợp lý"),
            format!("“{written}”: a year of two digits, and no day fits"),
        ),
        _ => stop(
            "date.century",
            format!("“{written}”: năm hai chữ số; có thể là {vi}"),
            format!("“{written}”: a year of two digits; it may be {en}"),
        ),
    };
    Reading::stopped(
        finding.or_all(left.iter().filter(|_| left.len() == 1).map(|date| value(*date))),
    )
}

/// A number that is not shown as a date.
fn bare(digits: &str, date: Option<Date>, value: impl Fn(Date) -> String) -> Reading {
    Reading::stopped(match date {
        Some(date) => stop(
            "date.bare",
            format!("“{digits}” là số, không phải ngày; có thể là ngày {}", dmy(date)),
            format!("“{digits}” is a number and no date; it may be {}", dmy(date)),
        )
        .or(value(date)),
        None => unreadable(digits),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth(cell: &Cell, now: DateTime) -> Reading {
        super::birth(cell, now, false)
    }

    fn received(cell: &Cell, now: DateTime) -> Reading {
        super::received(cell, now, false)
    }

    fn now() -> DateTime {
        Date::constant(2_026, 11, 25).at(10, 40, 0, 0)
    }

    fn text(
        of: fn(&Cell, DateTime) -> Reading,
        text: &str,
    ) -> (String, Option<&'static str>, Vec<String>) {
        outcome(of(&Cell::text(text), now()))
    }

    fn outcome(reading: Reading) -> (String, Option<&'static str>, Vec<String>) {
        let worst = reading.findings.iter().max_by_key(|finding| finding.level);
        let proposals = worst.map(|finding| finding.proposals.clone()).unwrap_or_default();
        (reading.value.clone(), worst.map(|finding| finding.kind), proposals)
    }

    fn serial(
        of: fn(&Cell, DateTime) -> Reading,
        written: &str,
        from_1904: bool,
    ) -> (String, Option<&'static str>) {
        let value = Value::Serial { written: written.into(), from_1904 };
        let (value, kind, _) = outcome(of(&Cell { value, ..Cell::default() }, now()));
        (value, kind)
    }

    #[test]
    fn written_dates_are_read_day_first_whatever_stands_between() {
        for written in [
            "07/03/1958",
            "7/3/1958",
            "07-03-1958",
            "07.03.1958",
            "1958-03-07",
            "1958/3/7",
            "ngày 7 tháng 3 năm 1958",
            "Ngày 07 tháng 03 năm 1958",
            "０７/０３/１９５８",
            " 07/03/1958 ",
            "'07/03/1958",
            "07 / 03 / 1958",
            "7 tháng 3, 1958",
            "07/03/1958 00:00:00",
            "1958-03-07T00:00:00",
        ] {
            assert_eq!(text(birth, written), ("1958-03-07".into(), None, vec![]), "{written}");
        }
        let decomposed = "nga\u{300}y 7 tha\u{301}ng 3 na\u{306}m 1958";
        assert_eq!(text(birth, decomposed).0, "1958-03-07");
    }

    #[test]
    fn times_are_read_or_named_and_never_cut_off() {
        for written in [
            "12/11/2026 14h05",
            "12/11/2026 14:05",
            "12/11/2026 14 giờ 05",
            "12/11/2026 14g05",
            "12/11/2026 14 giờ 5 phút",
            "14h05 12/11/2026",
            "14:05 ngày 12/11/2026",
            "12/11/2026 2:05 PM",
            "12/11/2026 02:05 CH",
            "12/11/2026 2h05 chiều",
            "12/11/2026 lúc 14h05'",
            "12/11/2026, 14:05:00",
            "12/11/2026 - 14h05",
            "2026-11-12T14:05:00+07:00",
            "2026-11-12T07:05:00Z",
            "2026-11-12 14:05",
        ] {
            assert_eq!(text(received, written).0, "2026-11-12T14:05:00", "{written}");
        }
        for written in [
            "12/11/2026 25:00",
            "12/11/2026 14h60",
            "12/11/2026 1405",
            "12/11/2026 sáng",
            "12/11/2026 14h05 x",
            "12/11/2026 14:05 15:00",
            "12/11/2026 14:05 PM CH",
        ] {
            assert_eq!(
                text(received, written),
                (String::new(), Some("date.form"), vec![]),
                "{written}"
            );
        }
        assert_eq!(text(received, "12/11/2026 14h").0, "2026-11-12T14:00:00");
        assert_eq!(text(received, "12/11/2026 12:30 AM").0, "2026-11-12T00:30:00");
        assert_eq!(text(received, "12/11/2026 16:59:59.999").0, "2026-11-12T16:59:59.999");
    }

    #[test]
    fn days_that_never_were_are_stopped() {
        for written in
            ["29/02/1959", "29/02/1900", "31/04/1980", "30/02/2000", "32/01/1990", "1959-02-29"]
        {
            assert_eq!(
                text(birth, written),
                (String::new(), Some("date.unreal"), vec![]),
                "{written}"
            );
        }
        assert_eq!(text(birth, "29/02/1960").0, "1960-02-29");
        assert_eq!(
            text(birth, "04/25/1962").2,
            ["1962-04-25"],
            "only as month first, which is proposed"
        );
        assert_eq!(text(birth, "00/00/1958").2, ["1958"]);
        assert_eq!(text(birth, "07/03/958").1, Some("date.form"));
    }

    #[test]
    fn a_century_is_proposed_only_if_no_other_is_left() {
        assert_eq!(
            text(birth, "07/03/58"),
            (String::new(), Some("date.century"), vec!["1958-03-07".into()])
        );
        assert_eq!(
            text(birth, "07/03/20").2,
            [] as [&str; 0],
            "six years old or a hundred and six"
        );
        assert_eq!(text(received, "12/11/26").2, ["2026-11-12T00:00:00"]);
        assert_eq!(text(birth, "29/02/59").2, [] as [&str; 0]);
    }

    #[test]
    fn bare_numbers_are_proposed_as_dates_and_not_taken() {
        for cell in
            [Cell::text("21616"), Cell { value: Value::Number("21616".into()), ..Cell::default() }]
        {
            let reading = birth(&cell, now());
            assert!(reading.findings[0].vi.contains("có thể là ngày 07/03/1959"), "{reading:?}");
            assert_eq!(
                outcome(reading),
                (String::new(), Some("date.bare"), vec!["1959-03-07".into()])
            );
        }
        assert_eq!(text(birth, "07031958").2, ["1958-03-07"]);
        assert_eq!(text(birth, "19580307").2, ["1958-03-07"]);
        assert_eq!(text(birth, "1958"), ("1958".into(), Some("birth.partial"), vec![]));
        assert_eq!(text(birth, "03/1958"), ("1958-03".into(), Some("birth.partial"), vec![]));
        assert_eq!(text(received, "2026").1, Some("date.partial"));
    }

    #[test]
    fn serial_numbers_are_days_of_their_epoch() {
        assert_eq!(serial(birth, "21251", false), ("1958-03-07".into(), None));
        assert_eq!(serial(birth, "19789", true), ("1958-03-07".into(), None));
        assert_eq!(serial(birth, "60", false), (String::new(), Some("date.sixty")));
        assert_eq!(
            serial(birth, "59", false).0,
            "1900-02-28",
            "one day off for who believes in day 60"
        );
        assert_eq!(serial(birth, "61", false).0, "1900-03-01");
        assert_eq!(serial(birth, "1", false).0, "1900-01-01");
        assert_eq!(serial(birth, "60", true).0, "1904-03-01");
        assert_eq!(serial(birth, "0", true).0, "1904-01-01");
        for bad in ["0", "0.5", "-1", "-21251", "2958466", "1E9", "x"] {
            assert_eq!(serial(birth, bad, false).1, Some("date.serial"), "{bad}");
        }
        assert_eq!(serial(birth, "46428", false).1, Some("birth.future"));
        assert_eq!(serial(birth, "2.1251E4", false).0, "1958-03-07");
    }

    #[test]
    fn the_time_of_a_serial_number_is_kept_to_the_millisecond() {
        assert_eq!(serial(received, "46338.375", false).0, "2026-11-12T09:00:00");
        assert_eq!(serial(received, "46338.47916666666", false).0, "2026-11-12T11:30:00");
        assert_eq!(serial(received, "46339.70833332176", false).0, "2026-11-13T16:59:59.999");
        assert_eq!(serial(received, "46339.99999999999", false).0, "2026-11-14T00:00:00");
    }

    #[test]
    fn what_lies_ahead_is_stopped_where_it_cannot() {
        assert_eq!(text(birth, "01/01/2027").1, Some("birth.future"));
        assert_eq!(text(received, "11/12/2026").1, Some("received.future"));
        assert_eq!(text(received, "25/11/2026 10:41").1, Some("received.future"));
        assert_eq!(text(received, "25/11/2026").0, "2026-11-25T00:00:00");
        assert_eq!(due(&Cell::text("11/12/2026"), false).value, "2026-12-11T00:00:00");
    }
}
