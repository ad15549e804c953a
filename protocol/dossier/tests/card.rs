//! The line of an identity card's QR, whole, cut, mangled and foreign. All persons are invented.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_dossier::card::{Card, CardError, Doubt, Part, read};

const OLD: &str = "079190000017|024681357|Nguyễn Thị Mẫu|05031990|Nữ|12/3 Lê Lợi, Phường Bến Thành, TP. Hồ Chí Minh|21042021";

fn card(line: &str) -> Card {
    read(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn refused(line: &str) -> CardError {
    read(line).expect_err(line)
}

#[test]
fn both_layouts_give_the_same_person() {
    let read = card(OLD);
    assert_eq!(read.number, "079190000017");
    assert_eq!(read.name, "Nguyễn Thị Mẫu");
    assert_eq!(read.birth, "1990-03-05");
    assert_eq!(read.address, "12/3 Lê Lợi, Phường Bến Thành, TP. Hồ Chí Minh");
    assert_eq!(read.doubts, []);
    for line in [
        OLD.replace("|024681357|", "||"),
        OLD.replace("|024681357|", "|"),
        OLD.replace("05031990", "05/03/1990").replace("21042021", "21/04/2021"),
        format!("\u{feff}{OLD}\r\n"),
        OLD.replace('|', " | "),
        // A card since July 2024 goes on with relatives: not read.
        format!("{OLD}|079060000001|Nguyễn Văn Cha||"),
    ] {
        assert_eq!(card(&line), read, "{line}");
    }
    // A scanner that sends letters and marks apart.
    use unicode_normalization::UnicodeNormalization;
    assert_eq!(card(&OLD.nfd().collect::<String>()), read);
}

#[test]
fn a_line_that_is_cut_anywhere_fills_nothing_or_says_that_it_may_be_cut() {
    let ends: Vec<usize> = OLD.char_indices().map(|(at, _)| at).skip(1).collect();
    let last = OLD.rfind('|').unwrap();
    for end in ends {
        let line = &OLD[..end];
        match read(line) {
            Ok(read) => assert!(end <= last && read.doubts.contains(&Doubt::NoIssue), "{line}"),
            Err(CardError::Mangled(Part::Sex | Part::Address) | CardError::Date(_)) => {}
            Err(CardError::Cut(_) | CardError::NotACard) => {}
            Err(other) => panic!("{line}: {other:?}"),
        }
    }
    assert_eq!(refused("079190000017|024681357|Nguyễn Thị Mẫu|05031990|Nữ"), CardError::Cut(5));
    assert_eq!(refused("079190000017|Nguyễn Thị Mẫu|05031990|Nữ|12 Lê Lợi"), CardError::Cut(5));
    assert_eq!(refused(&OLD[..OLD.len() - 1]), CardError::Date(Part::Issue));
}

#[test]
fn what_is_no_card_is_not_taken_for_one() {
    for line in [
        "H29.01.02-261130-0001",
        "0123456789012345",
        "079190000017",
        "https://example.vn/?a=1|2|3|4|5|6|7",
        "GD4797000000000|4e677579|05/03/1990|2|0|79-024|01/01/2024|-|31/12/2024",
        "79190000017|024681357|Nguyễn Thị Mẫu|05031990|Nữ|12 Lê Lợi|21042021",
        "０７９１９００００017|024681357|Nguyễn Thị Mẫu|05031990|Nữ|12 Lê Lợi|21042021",
        "|||||||",
    ] {
        assert_eq!(refused(line), CardError::NotACard, "{line}");
    }
    assert_eq!(refused(" \r\n"), CardError::Empty);
    assert_eq!(refused(&OLD.repeat(40)), CardError::TooLong);
}

#[test]
fn what_scanner_keyboard_or_input_method_did_is_named() {
    // The Vietnamese layout of Windows: 1 to 0 are ă â ê ô, tones, đ.
    let layout = "đ\u{303}\u{323}ă\u{323}đđđđđă\u{303}|x|y|z";
    assert_eq!(refused(layout), CardError::Layout);
    let bytes: String = OLD.bytes().map(char::from).collect();
    assert_eq!(card(&bytes).name, "Nguyễn Thị Mẫu");
    assert_eq!(card(&bytes).doubts, [Doubt::Bytes]);
    let windows = "079190000017|024681357|Nguyá»…n Thá»‹ Máº«u|05031990|Ná»¯|12 LÃª Lá»£i|21042021";
    assert_eq!((&*card(windows).name, &*card(windows).address), ("Nguyễn Thị Mẫu", "12 Lê Lợi"));
    // Half of it only: nothing is guessed.
    let half = OLD.replace("Nguyễn", "Nguyá»…n");
    assert_eq!(refused(&half), CardError::Mangled(Part::Name));
    for (line, part) in [
        (OLD.replace("Nguyễn", "Nguy?n"), Part::Name),
        (OLD.replace("Nguyễn", "Nguye64n"), Part::Name),
        (OLD.replace("Nguyễn Thị Mẫu", "..."), Part::Name),
        (OLD.replace("Nguyễn", "Nguy\u{fffd}n"), Part::Name),
        (OLD.replace("Nguyễn", "Nguy\u{7}n"), Part::Name),
        (OLD.replace("Nữ", "Nu74"), Part::Sex),
        (OLD.replace("Bến", "B?n"), Part::Address),
    ] {
        assert_eq!(refused(&line), CardError::Mangled(part), "{line}");
    }
    assert_eq!(refused(&OLD.replace("05031990", "31021990")), CardError::Date(Part::Birth));
    assert_eq!(refused(&OLD.replace("21042021", "21132021")), CardError::Date(Part::Issue));
}

#[test]
fn doubts_are_said_and_what_is_not_known_of_a_birth_stays_unknown() {
    let doubts = |line: String| card(&line).doubts;
    assert_eq!(doubts(OLD.replace("079190", "079090")), [Doubt::Number], "a man's digit");
    assert_eq!(doubts(OLD.replace("079190", "079390")), [Doubt::Number], "the next century");
    assert_eq!(doubts(OLD.replace("079190", "079191")), [Doubt::Number], "another year");
    assert_eq!(
        doubts("079090000017||Tran Van An|05031990|Nam|12 Ly Tu Trong|21042021".into()),
        [Doubt::NoMarks]
    );
    assert_eq!(card(&OLD.replace("05031990", "00001990")).birth, "1990");
    assert_eq!(card(&OLD.replace("05031990", "00031990")).birth, "1990-03");
    assert_eq!(card(&OLD.replace("05031990", "1990")).birth, "1990");
    assert_eq!(card("079303000017||Lê Ân|01012003|Nữ|1 Lê Lai|21042021").doubts, []);
}

#[test]
fn hostile_text_stays_text() {
    let hostile = r#"<img src=x onerror="alert(1)"> '&"#;
    assert_eq!(refused(&OLD.replace("Nguyễn Thị Mẫu", hostile)), CardError::Mangled(Part::Name));
    let read = card(&OLD.replace("12/3 Lê Lợi", hostile));
    assert!(read.address.starts_with(hostile));
    assert_eq!(card(&OLD.replace("Thị Mẫu", "H'Ly-Ê.Ban")).name, "Nguyễn H'Ly-Ê.Ban");
}
