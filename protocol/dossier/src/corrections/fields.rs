//! Fields that may be corrected, which of them are the law's, and what may stand in them. The table is
//! data: `data/fields.csv`.

use crate::{
    action::{ActionError, FIELD_CHARACTERS, tidy, tidy_applicant, tidy_paper},
    fact::{Applicant, Due, Fact, Kind, Paper, Request},
};
use jiff::civil::Date;
use serde::Deserialize;
use std::{fmt, sync::LazyLock};

/// Highest fee, in đồng: what no fee of an office comes near, and a slip of the zeros does.
pub const FEE: u64 = 100_000_000_000;
/// Times a paper can be there.
const COUNT: u32 = 1_000;

/// A row of the table.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    /// Its word, such as `applicant.name`.
    pub field: String,
    /// Whether a correction of it must say why.
    pub legal: bool,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
    valid_from: Date,
    valid_until: Option<Date>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_str!("../../data/fields.csv").as_bytes());
    reader.deserialize().filter_map(Result::ok).collect()
});

/// A field of a dossier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    word: Word,
    /// Id of the paper, of a field of one.
    paper: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Name,
    Nationality,
    IdNumber,
    BirthDate,
    Phone,
    Address,
    Email,
    Text,
    Fee,
    Papers,
    PaperName,
    PaperForm,
    PaperCount,
    Due,
}

const WORDS: [(Word, &str); 14] = [
    (Word::Name, "applicant.name"),
    (Word::Nationality, "applicant.nationality"),
    (Word::IdNumber, "applicant.id_number"),
    (Word::BirthDate, "applicant.birth_date"),
    (Word::Phone, "applicant.phone"),
    (Word::Address, "applicant.address"),
    (Word::Email, "applicant.email"),
    (Word::Text, "request.text"),
    (Word::Fee, "request.fee"),
    (Word::Papers, "papers"),
    (Word::PaperName, "paper.name"),
    (Word::PaperForm, "paper.form"),
    (Word::PaperCount, "paper.count"),
    (Word::Due, "due"),
];

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        if self.paper.is_empty() { Ok(()) } else { write!(f, "/{}", self.paper) }
    }
}

impl Field {
    /// From its text, `word` or `word/paper`.
    pub fn read(text: &str) -> Option<Self> {
        let (word, paper) = text.split_once('/').unwrap_or((text, ""));
        let (word, _) = WORDS.into_iter().find(|(_, known)| *known == word)?;
        let of_paper = matches!(word, Word::PaperName | Word::PaperForm | Word::PaperCount);
        (of_paper != paper.is_empty()).then(|| Self { word, paper: paper.to_owned() })
    }

    /// The field of papers that were forgotten.
    pub(super) fn papers() -> Self {
        Self { word: Word::Papers, paper: String::new() }
    }

    /// Whether it has no value of its own: each of its corrections adds something.
    pub(super) fn only_grows(&self) -> bool {
        self.word == Word::Papers
    }

    /// Its word in the table.
    pub fn word(&self) -> &'static str {
        WORDS.into_iter().find(|(word, _)| *word == self.word).map_or("", |(_, text)| text)
    }

    /// Vietnamese and English.
    pub fn names(&self) -> (&'static str, &'static str) {
        let row = ROWS.iter().find(|row| row.field == self.word());
        row.map_or((self.word(), self.word()), |row| (&row.vi, &row.en))
    }

    /// Whether a correction must say why, in a dossier received on a day. Where the table is silent it
    /// must.
    pub fn is_legal(&self, received: Option<Date>) -> bool {
        let holds = |row: &&Row| {
            row.field == self.word()
                && received.is_none_or(|day| {
                    row.valid_from <= day && row.valid_until.is_none_or(|last| day <= last)
                })
        };
        ROWS.iter().find(holds).is_none_or(|row| row.legal)
    }

    /// All fields of a dossier with these facts.
    pub fn all(facts: &[Fact]) -> Vec<Self> {
        let plain = WORDS.into_iter().filter(|(word, _)| {
            !matches!(word, Word::Papers | Word::PaperName | Word::PaperForm | Word::PaperCount)
        });
        let mut all: Vec<Self> =
            plain.map(|(word, _)| Self { word, paper: String::new() }).collect();
        for fact in facts.iter().filter(|fact| fact.kind == Kind::Paper) {
            let words = [Word::PaperName, Word::PaperForm, Word::PaperCount];
            all.extend(words.map(|word| Self { word, paper: fact.id.clone() }));
        }
        all
    }

    /// What was registered in it; `None` where the dossier has no such field.
    pub fn first(&self, facts: &[Fact]) -> Option<String> {
        let newest = |kind| facts.iter().rev().find(move |fact| fact.kind == kind);
        let of = |text: fn(Applicant) -> String| {
            Some(text(newest(Kind::Applicant).and_then(Fact::read).unwrap_or_default()))
        };
        let request =
            || -> Request { newest(Kind::Request).and_then(Fact::read).unwrap_or_default() };
        match self.word {
            Word::Name => of(|one| one.name),
            Word::Nationality => of(|one| one.nationality),
            Word::IdNumber => of(|one| one.id_number),
            Word::BirthDate => of(|one| one.birth_date.unwrap_or_default()),
            Word::Phone => of(|one| one.phone),
            Word::Address => of(|one| one.address),
            Word::Email => of(|one| one.email),
            Word::Text => Some(request().text),
            Word::Fee => Some(request().fee.map(|fee| fee.to_string()).unwrap_or_default()),
            Word::Papers => Some(String::new()),
            Word::PaperName | Word::PaperForm | Word::PaperCount => {
                let same = |fact: &&Fact| fact.kind == Kind::Paper && fact.id == self.paper;
                let paper: Paper = facts.iter().find(same)?.read()?;
                Some(match self.word {
                    Word::PaperName => paper.name,
                    Word::PaperForm => paper.form,
                    _ => paper.count.to_string(),
                })
            }
            Word::Due => {
                let due = facts.iter().find(|fact| fact.kind == Kind::Due);
                let due: Option<Due> = due.and_then(Fact::read);
                Some(due.map(|due| due.at.to_string()).unwrap_or_default())
            }
        }
    }

    /// Puts a value where the field stands; what cannot be read leaves it as it was.
    pub fn put(
        &self,
        text: &str,
        applicant: &mut Applicant,
        request: &mut Request,
        papers: &mut [(String, Paper)],
    ) {
        let own = || text.to_owned();
        let paper = papers.iter_mut().find(|(id, _)| *id == self.paper).map(|(_, paper)| paper);
        match (self.word, paper) {
            (Word::Name, _) => (applicant.name, applicant.typed_name) = (own(), None),
            (Word::Nationality, _) => applicant.nationality = own(),
            (Word::IdNumber, _) => applicant.id_number = own(),
            (Word::BirthDate, _) => applicant.birth_date = Some(own()).filter(|t| !t.is_empty()),
            (Word::Phone, _) => applicant.phone = own(),
            (Word::Address, _) => applicant.address = own(),
            (Word::Email, _) => applicant.email = own(),
            (Word::Text, _) => request.text = own(),
            (Word::Fee, _) if text.is_empty() => request.fee = None,
            (Word::Fee, _) => request.fee = text.parse().ok().or(request.fee),
            (Word::PaperName, Some(paper)) => paper.name = own(),
            (Word::PaperForm, Some(paper)) => paper.form = own(),
            (Word::PaperCount, Some(paper)) => paper.count = text.parse().unwrap_or(paper.count),
            (Word::Papers | Word::Due, _) | (_, None) => {}
        }
    }

    /// The value as it is kept.
    ///
    /// # Errors
    /// [`ActionError`] naming the field as a registration does.
    pub fn checked(&self, text: &str) -> Result<String, ActionError> {
        let mut text = text.to_owned();
        tidy(&mut text, "value", FIELD_CHARACTERS, false)?;
        let number = |limit: u64, why| match text.parse::<u64>() {
            Ok(number) if number <= limit => Ok(number.to_string()),
            _ => Err(ActionError::Invalid { field: "value", why }),
        };
        match self.word {
            Word::Fee if text.is_empty() => Ok(text),
            Word::Fee => number(FEE, "write whole đồng, at most 100000000000"),
            Word::PaperCount => number(COUNT.into(), "write a number up to 1000; 0 strikes it out"),
            Word::Text => Ok(text),
            Word::Due => match text.parse::<i64>() {
                Ok(at) if at > 0 && crate::local::of_millis(at).is_some() => Ok(at.to_string()),
                _ => Err(ActionError::Invalid { field: "value", why: "write Unix milliseconds" }),
            },
            Word::PaperName | Word::PaperForm | Word::Papers => {
                let (name, form) = match self.word {
                    Word::PaperForm => ("x".to_owned(), text),
                    _ => (text, "copy".to_owned()),
                };
                let mut paper = Paper { name, form, count: 1 };
                tidy_paper(&mut paper)?;
                Ok(if self.word == Word::PaperForm { paper.form } else { paper.name })
            }
            _ => {
                // Any name will do where another field is looked at; one of abroad is left as it is.
                let mut applicant = Applicant { name: "x".into(), ..Applicant::default() };
                self.put(&text, &mut applicant, &mut Request::default(), &mut []);
                tidy_applicant(&mut applicant)?;
                let facts = [Fact::new(Kind::Applicant, String::new(), &applicant)];
                Ok(self.first(&facts).unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_field_and_no_other() {
        let rows: Vec<&str> = ROWS.iter().map(|row| row.field.as_str()).collect();
        assert_eq!(rows, WORDS.map(|(_, text)| text));
    }

    #[test]
    fn what_the_table_does_not_say_needs_a_reason() {
        let field = |text: &str| Field::read(text).unwrap();
        let day = |text: &str| Some(text.parse().unwrap());
        assert!(!field("applicant.phone").is_legal(day("2026-03-02")));
        assert!(field("applicant.phone").is_legal(day("1999-03-02")));
        assert!(field("applicant.name").is_legal(day("2026-03-02")));
    }

    #[test]
    fn fields_are_read_as_they_are_written() {
        for text in ["applicant.name", "due", "paper.count/01ABC"] {
            assert_eq!(Field::read(text).unwrap().to_string(), text);
        }
        for text in ["", "applicant", "due/x", "paper.count", "request.procedure", "state"] {
            assert_eq!(Field::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_is_held_to_what_a_registration_asks() {
        let checked = |field: &str, text: &str| {
            Field::read(field).unwrap().checked(text).map_err(|error| error.to_string())
        };
        assert_eq!(checked("applicant.name", " Nguyễn Văn Mẫu "), Ok("Nguyễn Văn Mẫu".into()));
        assert_eq!(checked("applicant.name", " "), Err("applicant.name is missing".into()));
        assert!(checked("applicant.name", &"x".repeat(10_000)).is_err());
        assert!(checked("applicant.birth_date", "mai").is_err());
        assert_eq!(checked("applicant.birth_date", ""), Ok(String::new()));
        assert_eq!(checked("request.fee", "050000"), Ok("50000".into()));
        assert!(checked("request.fee", "-5").is_err() && checked("request.fee", "5.5").is_err());
        assert!(checked("paper.form/x", "scan").is_err());
        assert_eq!(checked("paper.count/x", "0"), Ok("0".into()));
        assert!(checked("due", "tomorrow").is_err());
    }
}
