//! What is said of a clock that was found to be wrong (design/clocks.md).

use motcua_dossier::fact::{Clock, Fact, Kind};
use serde_json::{Value, json};

const LOCAL_MILLIS: i64 = 7 * 3_600_000;

/// The flag beside an act that was written by such a clock.
pub(crate) fn flag(facts: &[Fact]) -> Option<Value> {
    let clock: Clock = facts.iter().find(|fact| fact.kind == Kind::Clock)?.read()?;
    let (vi, en) = off(clock.ahead);
    let time = time_of_day(clock.by_hub);
    Some(json!({
        "ahead": clock.ahead,
        "by_hub": clock.by_hub,
        "vi": format!("giờ máy lệch {vi}; theo hub là {time}"),
        "en": format!("the machine's clock was off by {en}; by the hub it was {time}"),
    }))
}

/// `+7 giờ`, `−2 ngày 3 giờ`: the two largest parts.
pub(crate) fn off(ahead: i64) -> (String, String) {
    let minutes = (ahead.unsigned_abs() + 30_000) / 60_000;
    let sign = if ahead < 0 { '−' } else { '+' };
    let parts = [
        (minutes / 1_440, "ngày", "d"),
        (minutes / 60 % 24, "giờ", "h"),
        (minutes % 60, "phút", "min"),
    ];
    let said: Vec<_> = parts.into_iter().filter(|(count, _, _)| *count > 0).take(2).collect();
    let words = |of: &dyn Fn(&(u64, &str, &str)) -> String| {
        format!("{sign}{}", said.iter().map(of).collect::<Vec<_>>().join(" "))
    };
    let vi = words(&|(count, vi, _)| format!("{count} {vi}"));
    (vi, words(&|(count, _, en)| format!("{count} {en}")))
}

/// Hour and minute in local time.
pub(crate) fn time_of_day(millis: i64) -> String {
    let minutes = millis.saturating_add(LOCAL_MILLIS).div_euclid(60_000).rem_euclid(24 * 60);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_said_with_its_two_largest_parts() {
        let hour = 3_600_000;
        assert_eq!(off(7 * hour), ("+7 giờ".into(), "+7 h".into()));
        assert_eq!(off(-(51 * hour + 60_000)), ("−2 ngày 3 giờ".into(), "−2 d 3 h".into()));
        assert_eq!(off(6 * 60_000 + 29_999).0, "+6 phút");
        assert_eq!(off(i64::MIN).0.chars().next(), Some('−'));
        assert_eq!(time_of_day(i64::MAX).len(), 5);
    }
}
