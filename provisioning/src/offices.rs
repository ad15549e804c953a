//! The list of offices as a CSV file (`gso_code,name,tier,parent_gso_code,lat,lon`; UTF-8).
//! Everything wrong in it is found and reported at once, with line and column.

use crate::outcome::{Exit, Failure, Problem};
use motcua_core::{
    limits,
    trust::{Location, Tier},
};
use std::{collections::HashMap, fs, io::Read, path::Path};
use unicode_normalization::UnicodeNormalization;

const HEADER: [&str; 6] = ["gso_code", "name", "tier", "parent_gso_code", "lat", "lon"];
/// The country's list has 250 KB.
const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// More bad rows than this say one thing: it is the wrong file.
const MOST_PROBLEMS: usize = 200;

/// One office of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedOffice {
    /// Line in the file.
    pub line: u64,
    /// Administrative code, opaque.
    pub code: String,
    /// Name, NFC.
    pub name: String,
    /// Level.
    pub tier: Tier,
    /// Code of the office above.
    pub parent: Option<String>,
    /// Where it is.
    pub location: Option<Location>,
}

/// Reads and checks a file.
///
/// # Errors
/// [`Failure`] with every bad row.
pub fn read(file: &Path) -> Result<Vec<ListedOffice>, Failure> {
    let shown = file.display();
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|opened| opened.take(FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::failed(format!("the list of offices {shown}: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES {
        let message = format!("the list of offices {shown} has more than {FILE_BYTES} bytes");
        return Err(Failure::failed(message));
    }
    parse(&bytes).map_err(|problems| {
        let more = problems.len().saturating_sub(MOST_PROBLEMS);
        let rest = if more > 0 {
            format!(" (the first {MOST_PROBLEMS} are shown)")
        } else {
            String::new()
        };
        let message = format!(
            "the list of offices {shown} has {} problem{}{rest}; nothing was written",
            problems.len(),
            if problems.len() == 1 { "" } else { "s" },
        );
        let problems = problems.into_iter().take(MOST_PROBLEMS).collect();
        Failure { problems, ..Failure::new(Exit::Failed, message) }
    })
}

/// Checks the bytes of a list.
///
/// # Errors
/// Everything that is wrong, by line.
pub fn parse(bytes: &[u8]) -> Result<Vec<ListedOffice>, Vec<Problem>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(vec![not_utf8(bytes, error.valid_up_to())]);
    }
    let mut problems = Problems::default();
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes);
    let mut records = reader.records();
    let header = records.next().and_then(Result::ok).unwrap_or_default();
    if !header.iter().map(str::trim).eq(HEADER) {
        let got: Vec<&str> = header.iter().collect();
        let message =
            format!("the header must be \"{}\", it is \"{}\"", HEADER.join(","), got.join(","));
        return Err(vec![Problem { line: 1, column: None, field: None, message }]);
    }
    let mut offices = Vec::new();
    for record in records {
        match record {
            Ok(record) => offices.extend(row(&record, &mut problems)),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                problems.whole(line, format!("the line cannot be read: {error}"));
            }
        }
    }
    check_tree(&offices, &mut problems);
    problems.0.sort_by_key(|problem| (problem.line, problem.column));
    if problems.0.is_empty() { Ok(offices) } else { Err(problems.0) }
}

fn not_utf8(bytes: &[u8], at: usize) -> Problem {
    let before = &bytes[..at];
    let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
    let message = format!(
        "byte {} of the line is not UTF-8; save the file again as \"CSV UTF-8\"",
        at - start + 1
    );
    Problem { line, column: None, field: None, message }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn whole(&mut self, line: u64, message: String) {
        self.0.push(Problem { line, column: None, field: None, message });
    }

    fn at(&mut self, line: u64, column: usize, message: String) {
        let field = HEADER.get(column).copied();
        self.0.push(Problem { line, column: Some(column + 1), field, message });
    }
}

fn row(record: &csv::StringRecord, problems: &mut Problems) -> Option<ListedOffice> {
    let line = record.position().map_or(0, csv::Position::line);
    if record.len() != HEADER.len() {
        let message = format!("{} columns are needed, the line has {}", HEADER.len(), record.len());
        problems.whole(line, message);
        return None;
    }
    let field = |column: usize| record.get(column).unwrap_or_default().trim();
    let known = problems.0.len();
    for (column, limit) in [(0, limits::CODE_BYTES), (1, limits::NAME_BYTES)] {
        if let Some(message) = unreadable(field(column), limit) {
            problems.at(line, column, message);
        }
    }
    let tier = Tier::from_word(field(2));
    if tier.is_none() {
        let message = format!("{:?} is none of city, district, ward, other", field(2));
        problems.at(line, 2, message);
    }
    let location = location(field(4), field(5), line, problems);
    let office = ListedOffice {
        line,
        code: field(0).to_owned(),
        name: field(1).nfc().collect(),
        tier: tier?,
        parent: Some(field(3)).filter(|code| !code.is_empty()).map(str::to_owned),
        location,
    };
    (problems.0.len() == known).then_some(office)
}

fn unreadable(text: &str, limit: usize) -> Option<String> {
    if text.is_empty() {
        Some("it is empty".to_owned())
    } else if text.len() > limit {
        Some(format!("it has {} bytes, at most {limit} are allowed", text.len()))
    } else if text.chars().any(char::is_control) {
        Some(format!("{text:?} has a control character or a line break"))
    } else {
        None
    }
}

/// Both or neither; degrees.
fn location(lat: &str, lon: &str, line: u64, problems: &mut Problems) -> Option<Location> {
    if lat.is_empty() && lon.is_empty() {
        return None;
    }
    let mut degrees = |column: usize, text: &str, most: f64| match text.parse::<f64>() {
        Ok(value) if value.abs() <= most => Some((value * 1e6).round() as i32),
        _ => {
            let message = format!("{text:?} is not a number of degrees between -{most} and {most}");
            problems.at(line, column, message);
            None
        }
    };
    let (lat, lon) = (degrees(4, lat, 90.0), degrees(5, lon, 180.0));
    Some(Location { lat_e6: lat?, lon_e6: lon? })
}

fn check_tree(offices: &[ListedOffice], problems: &mut Problems) {
    if offices.is_empty() && problems.0.is_empty() {
        problems.whole(1, "no office is listed".to_owned());
    }
    if offices.len() > limits::CATALOGUE_OFFICES {
        let most = limits::CATALOGUE_OFFICES;
        problems
            .whole(1, format!("{} offices are listed, at most {most} are allowed", offices.len()));
        return;
    }
    let mut by_code: HashMap<&str, &ListedOffice> = HashMap::new();
    for office in offices {
        if let Some(first) = by_code.get(office.code.as_str()) {
            let message =
                format!("code {} is on line {} already ({})", office.code, first.line, first.name);
            problems.at(office.line, 0, message);
        } else {
            by_code.insert(&office.code, office);
        }
    }
    // With rows left out as bad, parents would seem to be missing that are not.
    let whole = problems.0.is_empty();
    for office in offices {
        // The second of two equal codes was reported; its parent says nothing.
        if by_code.get(office.code.as_str()).is_none_or(|first| first.line != office.line) {
            continue;
        }
        if let Some(message) = climb(office, &by_code, whole) {
            problems.at(office.line, 3, message);
        }
    }
}

fn climb(
    office: &ListedOffice,
    by_code: &HashMap<&str, &ListedOffice>,
    whole: bool,
) -> Option<String> {
    let mut path = vec![office.code.as_str()];
    let mut at = office;
    while let Some(parent) = at.parent.as_deref() {
        if path.contains(&parent) {
            let circle = path.iter().skip_while(|code| **code != parent).copied();
            let circle: Vec<&str> = circle.chain([parent]).collect();
            return (circle.first() == path.first())
                .then(|| format!("the offices above form a circle: {}", circle.join(" -> ")));
        }
        path.push(parent);
        if path.len() > limits::TREE_DEPTH {
            return Some(format!("more than {} offices lie above it", limits::TREE_DEPTH - 1));
        }
        let Some(next) = by_code.get(parent) else {
            let own = at.code == office.code;
            return (own && whole).then(|| format!("no office with the code {parent} is listed"));
        };
        at = next;
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEAD: &str = "gso_code,name,tier,parent_gso_code,lat,lon\n";

    fn problems(rows: &str) -> Vec<String> {
        let problems = parse(format!("{HEAD}{rows}").as_bytes()).unwrap_err();
        let show = |p: Problem| format!("{}:{} {}", p.line, p.column.unwrap_or(0), p.message);
        problems.into_iter().map(show).collect()
    }

    #[test]
    fn a_list_from_a_spreadsheet_is_read_and_names_become_nfc() {
        let text = format!(
            "\u{feff}{HEAD}79,Thành phố Hồ Chí Minh,city,,10.8,106.6\r\n26734,\"Phươ\u{300}ng 1, khu A\",ward,79,,\r\n"
        );
        let offices = parse(text.as_bytes()).unwrap();
        assert_eq!((offices.len(), offices[1].name.as_str()), (2, "Phường 1, khu A"));
        assert_eq!(offices[1].parent.as_deref(), Some("79"));
        assert_eq!(offices[0].location, Some(Location { lat_e6: 10_800_000, lon_e6: 106_600_000 }));
        assert_eq!(offices[1].location, None);
    }

    #[test]
    fn every_bad_row_is_named_with_line_and_column() {
        let found = problems(
            "79,TP,city,,10,106\n79,Lặp,ward,79,10,106\n1,,ward,79,10,106\n2,Tên,phường,79,x,999\n3,a,ward\n",
        );
        assert_eq!(
            found,
            [
                "3:1 code 79 is on line 2 already (TP)",
                "4:2 it is empty",
                "5:3 \"phường\" is none of city, district, ward, other",
                "5:5 \"x\" is not a number of degrees between -90 and 90",
                "5:6 \"999\" is not a number of degrees between -180 and 180",
                "6:0 6 columns are needed, the line has 3",
            ]
        );
    }

    #[test]
    fn a_missing_parent_and_a_circle_are_named_once_each() {
        let found = problems(
            "79,TP,city,,,\n1,A,district,2,,\n2,B,ward,1,,\n3,C,ward,1,,\n4,D,ward,99,,\n",
        );
        assert_eq!(
            found,
            [
                "3:4 the offices above form a circle: 1 -> 2 -> 1",
                "4:4 the offices above form a circle: 2 -> 1 -> 2",
                "6:4 no office with the code 99 is listed",
            ]
        );
    }

    #[test]
    fn a_wrong_header_and_an_old_encoding_are_named() {
        let problem = &parse(b"ma;ten\n1;A\n").unwrap_err()[0];
        assert!(problem.message.contains("the header must be"), "{problem:?}");
        let bytes = [HEAD.as_bytes(), b"79,TP,city,,,\n1,Ph\xad\xeang,ward,79,,\n"].concat();
        let problem = &parse(&bytes).unwrap_err()[0];
        assert_eq!(problem.line, 3);
        assert!(problem.message.contains("byte 5 of the line is not UTF-8"), "{problem:?}");
        assert!(parse(b"").is_err() && parse(HEAD.as_bytes()).is_err());
    }

    #[test]
    fn a_tree_that_is_too_deep_is_refused() {
        let rows: String = (1..=9)
            .map(|n: u32| {
                let parent = if n == 1 { String::new() } else { (n - 1).to_string() };
                format!("{n},Tổ {n},other,{parent},,\n")
            })
            .collect();
        assert_eq!(problems(&rows), ["10:4 more than 7 offices lie above it"]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic_and_every_problem_has_a_line(
            rows in proptest::collection::vec("[0-9]{0,2},[^\n]{0,6},(ward|city|x)?,[0-9]{0,2},[-.0-9e]{0,5},[^\n]{0,3}", 0..8),
            junk in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
        ) {
            let text = format!("{HEAD}{}\n", rows.join("\n"));
            for bytes in [text.as_bytes(), &junk, &[text.as_bytes(), &junk].concat()] {
                match parse(bytes) {
                    Ok(offices) => proptest::prop_assert!(!offices.is_empty()),
                    Err(problems) => proptest::prop_assert!(problems.iter().all(|p| p.line > 0)),
                }
            }
        }
    }
}
