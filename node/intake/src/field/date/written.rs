//! Dates as people write them.

use super::{Said, serial, unreadable};
use crate::finding::stop;
use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use motcua_dossier::local;
use unicode_normalization::UnicodeNormalization;

/// Reads a text.
pub(super) fn of(text: &str) -> Said {
    let plain = plain(text);
    if plain.is_empty() || matches!(plain.as_str(), "-" | "--" | "không" | "không rõ" | "n/a") {
        return if text.trim().is_empty() { Said::Nothing } else { Said::Wrong(unreadable(text)) };
    }
    if let Ok(instant) = plain.to_uppercase().parse::<Timestamp>() {
        let there = local::of_millis(instant.as_millisecond());
        return there
            .map_or(Said::Wrong(unreadable(text)), |at| Said::Whole(at.date(), Some(at.time())));
    }
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return serial::year(&plain).map_or_else(|| serial::bare(&plain, false), Said::Year);
    }
    parts(&plain).unwrap_or_else(|| Said::Wrong(unreadable(text)))
}

/// Small letters, one sign for each kind of word, nothing around signs.
fn plain(text: &str) -> String {
    let narrow = |letter: char| match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        letter if letter.is_whitespace() => ' ',
        letter => letter,
    };
    let unseen =
        |letter: &char| !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}');
    let text: String = text.nfc().filter(unseen).map(narrow).flat_map(char::to_lowercase).collect();
    let mut text = text.trim().trim_start_matches(['\'', '’']).to_owned();
    for (word, sign) in [
        ("ngày", " "),
        ("tháng", "/"),
        ("năm", "/"),
        ("lúc", " "),
        ("giờ", "h"),
        ("phút", "p"),
        ("giây", "p"),
        (" - ", " "),
        ("–", "-"),
    ] {
        text = text.replace(word, sign);
    }
    // `7 tháng 3, 1958`: the comma stands for the year.
    if let Some((before, year)) = text.rsplit_once(", ")
        && year.len() == 4
        && year.bytes().all(|byte| byte.is_ascii_digit())
    {
        text = format!("{before}/{year}");
    }
    let letters: Vec<char> = text.replace(',', " ").chars().collect();
    let joins = |letter: Option<&char>| matches!(letter, Some('/' | '.' | ':' | 'h' | 'p' | ' '));
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = out.chars().last();
        let glued = matches!(before, Some('/' | '.' | ':' | ' '));
        let of_time = before == Some('h') && letters.get(at + 1).is_some_and(char::is_ascii_digit);
        let minutes = |next: usize| letters[next..].iter().take(2).any(|letter| *letter == '/');
        let skip = *letter == ' '
            && (glued || joins(letters.get(at + 1)) || (of_time && !minutes(at + 2)));
        if !skip {
            out.push(*letter);
        }
    }
    out.trim().to_owned()
}

/// One date, and one time of day at most, in any order.
fn parts(text: &str) -> Option<Said> {
    let (mut date, mut time, mut half) = (None, None, None);
    for part in text.split([' ', 't']).filter(|part| !part.is_empty()) {
        let (part, glued) = half_of(part);
        if let Some(named) = glued
            && half.replace(named).is_some()
        {
            return None;
        }
        if part.is_empty() {
            continue;
        }
        let is_time = part.contains([':', 'h']) || is_hour_with_g(part);
        let place = if is_time { &mut time } else { &mut date };
        if place.replace(part).is_some() {
            return None;
        }
    }
    let time = match time {
        Some(time) => Some(time_of(time, half)?),
        None if half.is_some() => return None,
        None => None,
    };
    date_of(date?, time)
}

/// Which half of the day, at the end of a word or as a word of its own; the rest of the word.
fn half_of(part: &str) -> (&str, Option<bool>) {
    for (word, after_noon) in [
        ("am", false),
        ("sa", false),
        ("sáng", false),
        ("pm", true),
        ("ch", true),
        ("chiều", true),
        ("tối", true),
        ("trưa", true),
    ] {
        if let Some(rest) = part.strip_suffix(word) {
            return (rest, Some(after_noon));
        }
    }
    (part, None)
}

fn is_hour_with_g(part: &str) -> bool {
    part.split_once('g').is_some_and(|(hour, _)| (1..=2).contains(&hour.len()))
}

fn time_of(text: &str, after_noon: Option<bool>) -> Option<Time> {
    let text = text.trim_end_matches(['p', '\'', '’']);
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<&str> = text.split([':', 'h', 'g', 'p']).collect();
    let number = |part: &&str| match part.len() {
        0 => Some(0),
        1 | 2 => part.parse::<i8>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit())),
        _ => None,
    };
    let numbers: Vec<i8> = parts.iter().map(number).collect::<Option<_>>()?;
    let (hour, minute, second) = match numbers.as_slice() {
        [hour, minute] if !parts[0].is_empty() => (*hour, *minute, 0),
        [hour, minute, second] if !parts[0].is_empty() => (*hour, *minute, *second),
        _ => return None,
    };
    let hour = match after_noon {
        Some(_) if hour > 12 => return None,
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let millis: i32 = digits.parse().ok()?;
    // jiff takes 60 seconds for 59.
    (second < 60).then(|| Time::new(hour, minute, second, millis * 1_000_000).ok()).flatten()
}

fn date_of(text: &str, time: Option<Time>) -> Option<Said> {
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let are_digits = parts.iter().all(|part| {
        (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !are_digits {
        return None;
    }
    let number = |part: &str| part.parse::<i16>().unwrap_or_default();
    let small = |part: &str| part.len() <= 2;
    Some(match *parts.as_slice() {
        [day, month, year] if small(day) && small(month) && year.len() == 4 => {
            whole(number(day), number(month), number(year), time)
        }
        [year, month, day] if year.len() == 4 && small(month) && small(day) => {
            whole(number(day), number(month), number(year), time)
        }
        [day, month, year] if small(day) && small(month) && year.len() == 2 => {
            let (day, month) = (i8::try_from(number(day)).ok()?, i8::try_from(number(month)).ok()?);
            Said::Short(day, month, number(year), time)
        }
        [month, year] if small(month) && year.len() == 4 && (1..=12).contains(&number(month)) => {
            Said::Month(number(year), i8::try_from(number(month)).ok()?)
        }
        _ => return None,
    })
}

fn whole(day: i16, month: i16, year: i16, time: Option<Time>) -> Said {
    let real = |day: i16, month: i16| {
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    if let Some(date) = real(day, month) {
        return Said::Whole(date, time);
    }
    let written = format!("{day:02}/{month:02}/{year}");
    let (vi, en) =
        (format!("không có ngày {written}"), format!("there is no {written}, day first"));
    Said::Wrong(match real(month, day) {
        // Only if the month stands first.
        Some(date) => {
            let value = time.map_or(date.to_string(), |time| date.to_datetime(time).to_string());
            stop("date.month_first", format!("{vi}; có thể tháng ghi trước"), en).or(value)
        }
        None if (day, month) == (0, 0) => stop(
            "date.year_only",
            format!("“{written}”: chỉ có năm"),
            format!("“{written}”: only a year"),
        )
        .or(year.to_string()),
        None => stop("date.unreal", vi, en),
    })
}
