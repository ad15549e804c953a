//! Forms as data: which editions there are, from which day until which each is in force, and what
//! stands on it. A dossier is printed on the edition in force on the day it was received.

use crate::paper::Paper;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// A form, whatever number it has in an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Receipt and appointment (Mẫu 01).
    Receipt,
    /// Request to supplement (Mẫu 02).
    Supplement,
    /// Refusal (Mẫu 03).
    Refusal,
    /// Apology and new date (Mẫu 04).
    Extension,
    /// Notice of stopping (Mẫu 05 since TT 03/2025).
    Stop,
    /// Control sheet of hand-overs (Mẫu 06, 05 before).
    Control,
    /// Register of dossiers (Mẫu 07, 06 before).
    Register,
    /// Hand-over list, which no circular lays down.
    HandList,
    /// Receipt for money, the office's own.
    Payment,
    /// Codes for what is received on paper while the machine is dead, the office's own.
    Emergency,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Receipt,
        Self::Supplement,
        Self::Refusal,
        Self::Extension,
        Self::Stop,
        Self::Control,
        Self::Register,
        Self::HandList,
        Self::Payment,
        Self::Emergency,
    ];

    /// As it stands in addresses and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Supplement => "supplement",
            Self::Refusal => "refusal",
            Self::Extension => "extension",
            Self::Stop => "stop",
            Self::Control => "control",
            Self::Register => "register",
            Self::HandList => "hand-list",
            Self::Payment => "payment",
            Self::Emergency => "emergency",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.word() == word)
    }
}

/// A form of an edition.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// Which form.
    pub form: Form,
    /// Its number there, such as `01`.
    pub number: String,
    /// Title.
    pub title: String,
    /// Papers it is printed on, the usual one first.
    pub papers: Vec<Paper>,
    layout: String,
    /// The circular that lays it down; filled in from its file.
    #[serde(skip)]
    pub source: String,
    /// First day in force.
    #[serde(skip)]
    pub from: Date,
    /// Last day in force; none while nothing replaced it.
    #[serde(skip)]
    pub until: Option<Date>,
    /// What stands on it, from top to bottom.
    #[serde(skip)]
    pub blocks: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    source: String,
    from: Date,
    until: Option<Date>,
    form: Vec<Edition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Blocks {
    block: Vec<Block>,
}

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Block {
    /// A label and what belongs behind it; dots to write on where it is not known.
    Field {
        /// Label.
        label: String,
        /// What.
        value: Value,
        /// In bold.
        #[serde(default)]
        strong: bool,
    },
    /// Several short ones on one line.
    Line {
        /// From left to right.
        parts: Vec<Part>,
    },
    /// Words that are always the same.
    Text {
        /// Words.
        text: String,
        /// In the middle of the line.
        #[serde(default)]
        middle: bool,
    },
    /// A table.
    Table {
        /// Label above it.
        label: Option<String>,
        /// What its rows are.
        rows: Rows,
        /// Columns from left to right.
        columns: Vec<Column>,
    },
    /// Where two people sign.
    Signatures {
        /// Who on the left; nobody if none is named.
        left: Option<String>,
        /// Name under it.
        left_name: Option<Value>,
        /// Who on the right.
        right: String,
        /// Name under it.
        right_name: Option<Value>,
    },
}

/// A label and what belongs behind it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Label.
    pub label: String,
    /// What.
    pub value: Value,
}

/// What a field can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Office that received the dossier.
    Desk,
    /// Applicant's name.
    Applicant,
    /// Applicant's identification or tax number.
    ApplicantId,
    /// Applicant's address.
    Address,
    /// Applicant's telephone.
    Phone,
    /// Applicant's e-mail.
    Email,
    /// Procedure's name and code.
    Procedure,
    /// What is asked for.
    Request,
    /// How many sets of papers.
    Sets,
    /// Term by law.
    Term,
    /// When it was received.
    Received,
    /// When the result is promised.
    Due,
    /// When it was promised first.
    FirstDue,
    /// Where the result is collected.
    Collect,
    /// Fees.
    Fee,
    /// Book of the register.
    Book,
    /// Line of the register.
    Line,
    /// Who printed it.
    Clerk,
    /// Reason given.
    Reason,
    /// How far the dossier got.
    State,
    /// Days of a register.
    Period,
    /// Number of a hand-over list.
    ListNumber,
    /// When what is on it was given.
    ListGiven,
    /// Who gives.
    ListFrom,
    /// Who takes.
    ListTo,
    /// Name of who gave.
    ListGiver,
    /// Number of a receipt for money.
    PaymentNumber,
    /// Office that took it.
    PaymentOffice,
    /// Who paid.
    Payer,
    /// How much.
    PaymentAmount,
    /// The same in words.
    PaymentWords,
    /// How it was paid.
    PaymentWay,
    /// When it was taken.
    PaymentTime,
    /// What was still to be paid then.
    PaymentRest,
    /// Who took it.
    PaymentClerk,
    /// Number of a block of slips.
    SlipsNumber,
    /// Day for which they are.
    SlipsDay,
    /// Office whose slips they are.
    SlipsOffice,
    /// Its telephone.
    SlipsPhone,
    /// Who drew them.
    SlipsDrawer,
    /// Never known here: always dots.
    HandWritten,
}

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rows {
    /// Papers handed in.
    Papers,
    /// Lines of the reason given.
    Reasons,
    /// Hand-overs.
    HandOvers,
    /// Dossiers of a register.
    Dossiers,
    /// Fees and charges that are demanded.
    Fees,
    /// Slips with codes.
    Slips,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its head.
    pub head: String,
    /// What stands in it.
    pub cell: Cell,
    /// Its width in hundredths of the table's.
    pub share: u8,
    /// In the middle rather than on the left.
    #[serde(default)]
    pub middle: bool,
}

/// What stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// Number of the row.
    Number,
    /// Name of a paper.
    Paper,
    /// Original or copy.
    PaperForm,
    /// How many of a paper.
    PaperCount,
    /// How many originals.
    Originals,
    /// How many copies.
    Copies,
    /// A line of the reason.
    Reason,
    /// Nothing: to be written by hand.
    Blank,
    /// Who gave and who took a dossier.
    Offices,
    /// When it was given and taken.
    GivenTaken,
    /// Who gave it.
    Giver,
    /// Who took it.
    Taker,
    /// Early, on time or late.
    Outcome,
    /// Remark.
    Note,
    /// Dossier's code.
    Code,
    /// Procedure's name.
    ProcedureName,
    /// Sets of papers.
    SetCount,
    /// Applicant.
    Name,
    /// Address and telephone.
    Reach,
    /// Office that settles it.
    Holder,
    /// When it was received.
    ReceivedDay,
    /// When it was promised.
    DueDay,
    /// When the result was handed over.
    ReturnedDay,
    /// How the result is collected.
    How,
    /// State.
    StateName,
    /// Name of a fee, with why it is less.
    FeeName,
    /// What is demanded.
    FeeAmount,
    /// Code of a slip, with its digits.
    SlipCode,
    /// Room for who asks.
    SlipPerson,
    /// Room for procedure and papers.
    SlipMatter,
    /// Room for when it was received and is promised, and to sign.
    SlipTime,
}

const FILES: [&str; 3] = [
    include_str!("../data/tt-01-2018.toml"),
    include_str!("../data/tt-03-2025.toml"),
    include_str!("../data/own.toml"),
];

fn layout(name: &str) -> Option<&'static str> {
    Some(match name {
        "receipt" => include_str!("../data/receipt.toml"),
        "supplement" => include_str!("../data/supplement.toml"),
        "refusal" => include_str!("../data/refusal.toml"),
        "extension" => include_str!("../data/extension.toml"),
        "stop" => include_str!("../data/stop.toml"),
        "register" => include_str!("../data/register.toml"),
        "hand-list" => include_str!("../data/hand-list.toml"),
        "payment" => include_str!("../data/payment.toml"),
        "emergency" => include_str!("../data/emergency.toml"),
        "control" => include_str!("../data/control.toml"),
        _ => return None,
    })
}

fn read() -> Result<Vec<Edition>, String> {
    let mut all = Vec::new();
    for file in FILES {
        let file: File = toml::from_str(file).map_err(|error| error.to_string())?;
        for mut edition in file.form {
            let text = layout(&edition.layout);
            let text = text.ok_or_else(|| format!("no layout {}", edition.layout))?;
            let blocks: Blocks = toml::from_str(text).map_err(|error| error.to_string())?;
            edition.blocks = blocks.block;
            edition.source.clone_from(&file.source);
            (edition.from, edition.until) = (file.from, file.until);
            all.push(edition);
        }
    }
    Ok(all)
}

/// All editions, compiled in; a test reads them.
pub fn all() -> &'static [Edition] {
    static ALL: OnceLock<Vec<Edition>> = OnceLock::new();
    ALL.get_or_init(|| read().unwrap_or_default())
}

/// The edition of a form in force on a day. Before the first one there was, that one: what is older was
/// taken over from elsewhere and is printed as it is now known how. None for a form that the edition of
/// that day does not have.
pub fn in_force(form: Form, day: Date) -> Option<&'static Edition> {
    let first = all().iter().map(|edition| edition.from).min()?;
    let day = day.max(first);
    all().iter().find(|edition| {
        edition.form == form
            && edition.from <= day
            && edition.until.is_none_or(|until| day <= until)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{ToSpan, civil::date};

    #[test]
    fn every_edition_can_be_read_and_its_columns_fill_the_paper() {
        let all = read().expect("the compiled-in editions");
        assert!(!all.is_empty());
        for edition in &all {
            assert!(!edition.papers.is_empty() && !edition.blocks.is_empty());
            for block in &edition.blocks {
                if let Block::Table { columns, .. } = block {
                    let shares: u32 = columns.iter().map(|column| u32::from(column.share)).sum();
                    assert_eq!(shares, 100, "{} {}", edition.source, edition.number);
                }
            }
        }
    }

    #[test]
    fn no_day_has_two_editions_of_a_form_and_none_is_without_a_receipt() {
        for edition in all() {
            let same = all().iter().filter(|other| {
                other.form == edition.form
                    && other.from <= edition.until.unwrap_or(Date::MAX)
                    && edition.from <= other.until.unwrap_or(Date::MAX)
            });
            assert_eq!(same.count(), 1, "{} {}", edition.source, edition.number);
        }
        let mut day = date(2018, 1, 1);
        while day < date(2027, 1, 1) {
            assert!(in_force(Form::Receipt, day).is_some(), "{day}");
            day = day.checked_add(1.day()).expect("a day");
        }
    }

    #[test]
    fn a_dossier_follows_the_edition_of_the_day_it_was_received() {
        let source = |day| in_force(Form::Receipt, day).expect("an edition").source.as_str();
        assert_eq!(source(date(2025, 9, 14)), "Thông tư 01/2018/TT-VPCP");
        assert_eq!(source(date(2025, 9, 15)), "Thông tư 03/2025/TT-VPCP");
        assert_eq!(source(date(2015, 1, 1)), "Thông tư 01/2018/TT-VPCP");
    }
}
