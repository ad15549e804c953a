//! The list of offices in lines, for a terminal.

use serde_json::Value;

/// Offices for which too much waits or that write too much, or all, of what `/api/v1/offices` says: a line each, an alarm
/// in both languages below it.
pub fn offices(told: &Value, all: bool) -> String {
    let offices = told["offices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let alarm = |office: &Value| ["alarm", "slowed"].iter().any(|key| office[key].is_object());
    let worth = |office: &&Value| all || alarm(office) || !office["cut_at"].is_null();
    let lines: Vec<String> = offices.iter().filter(worth).map(line).collect();
    match lines.is_empty() {
        true => "Không có cơ quan nào phải xem / no office needs a look".into(),
        false => lines.join("\n"),
    }
}

fn line(office: &Value) -> String {
    let text = |key: &str| office[key].as_str().unwrap_or("-").to_owned();
    let number = |key: &str| office[key].as_u64().map_or("?".to_owned(), |count| count.to_string());
    let mut line = format!(
        "{}  {}  {}  chờ/waiting {}  giữ/kept {}",
        text("code"),
        text("name"),
        text("link"),
        number("behind_down"),
        number("kept_rows")
    );
    for alarm in ["alarm", "slowed"] {
        for language in ["vi", "en"] {
            if let Some(words) = office[alarm][language].as_str() {
                line += &format!("\n    {words}");
            }
        }
    }
    if !office["cut_at"].is_null() {
        line += "\n    Các mục chưa đọc đã thôi giữ; hai bên sẽ đối chiếu khi máy trở lại.";
        line += "\n    Unread rows were let go; both sides compare when the machine is back.";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_offices_that_need_a_look_are_named_unless_all_are_asked_for() {
        let office = |code: &str, alarm: Value, cut: Value| {
            json!({ "code": code, "name": "P", "link": "away", "behind_down": 7, "kept_rows": 9,
                    "alarm": alarm, "cut_at": cut })
        };
        let quiet = office("1", Value::Null, Value::Null);
        let told = json!({ "offices": [quiet, office("2", json!({"vi": "V", "en": "E"}), Value::Null),
                                       office("3", Value::Null, json!(5))] });
        let lines = offices(&told, false);
        assert!(!lines.contains("1  P") && lines.contains("2  P  away  chờ/waiting 7"), "{lines}");
        assert!(lines.contains("\n    V\n    E\n3  P") && lines.contains("thôi giữ"), "{lines}");
        assert!(offices(&told, true).starts_with("1  P"));
        let mut slowed = office("4", Value::Null, Value::Null);
        slowed["slowed"] = json!({"vi": "chậm", "en": "slow"});
        let lines = offices(&json!({ "offices": [slowed] }), false);
        assert!(lines.contains("4  P  away") && lines.contains("\n    chậm\n    slow"), "{lines}");
        let none = json!({ "offices": [office("1", Value::Null, Value::Null)] });
        assert!(offices(&none, false).contains("no office"));
    }
}
