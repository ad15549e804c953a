//! Facts: the only thing a dossier is made of. A fact stands under the key `kind/ULID`, is one JSON
//! text with sorted keys, and is never overwritten or removed.

use crate::asked::Asked;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt};

/// What a fact says. The registry of kinds; the last column is what personal data it holds and
/// why, for sealing and for answering citizens.
///
/// | kind | fields | personal data: purpose |
/// |---|---|---|
/// | `applicant` | name, typed_name, nationality, id_number, birth_date, phone, address, email | all: identify and reach |
/// | `request` | procedure, procedure_name, channel, text, fee (đồng), term_unit, term | text: what is asked for |
/// | `paper` | name, form, count | none |
/// | `code` | code | none |
/// | `due` | at (ms), reason | none |
/// | `state` | to, after, pause, happened (ms), collector, paper (by, block, promised), at, by, office, note | note: reasons given; collector: to whom the result was given |
/// | `forward` | to, to_name, list, at, by, office, note | note |
/// | `taken` | forward, at, by, office, note | note |
/// | `note` | text, at, by, office | text |
/// | `attachment` | name, media, size, hash, paper, at, by, office | name; the scan itself shows anything |
/// | `clock` | ahead (ms), by_hub (ms) | none |
/// | `printed` | form, paper, number, asked, of, at, by, office | none |
/// | `origin` | file, name, sheet, row, keys, cells | cells: what stood in the list, word for word |
/// | `extension` | until (ms), at, by, office, note | note: why it takes longer |
/// | `correction` | field, value, undo, seen, at, by, office, note | value: what the field holds; note: why |
/// | `account` | what, after, at, by, office, and by `what`: see [`crate::people`] | name: who works here; login, hashes: to let in |
/// | `audit` | what, by, account, at, dossier, node, from | by, dossier: who saw whose data |
/// | `pass` | stay, after, section, section_name, person, phone, step, minutes, list, at, by, office, note | note |
/// | `pass_taken` | pass, at, by, office, note | note |
/// | `pass_refused` | pass, at, by, office, note | note: why it was not taken |
/// | `void` | stands, leader, seen, at, by, office, note | note: why; leader: who agreed |
/// | `link` | other, same, seen, at, by, office, note | note: why |
/// | `fee`, `receipt`, `receipt_off`, `refund`, `settled` | see design/money.md | payer, reference: who paid; note: why |
/// | `cash` | see [`crate::money::cash`]; in documents of counts only | none |
///
/// Where an act stands (at, by, office, note) there may be `under` as well: what was asked, hashed
/// under a key that only the caller has, see [`crate::asked`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Who asks.
    Applicant,
    /// What is asked for.
    Request,
    /// One paper that was handed in.
    Paper,
    /// A printed dossier code.
    Code,
    /// A promised date.
    Due,
    /// A step of the life cycle.
    State,
    /// The dossier was given to another office.
    Forward,
    /// The other office took it.
    Taken,
    /// A remark.
    Note,
    /// A scanned paper; the file itself travels beside the dossier.
    Attachment,
    /// What was written with it was written by a clock known to be wrong.
    Clock,
    /// A form was printed.
    Printed,
    /// It was taken over from a list (design/migration.md).
    Origin,
    /// A new date, with an apology.
    Extension,
    /// A field says something else.
    Correction,
    /// Something about an account; in documents of accounts only.
    Account,
    /// Somebody saw a dossier, or logged in; in documents of audits only.
    Audit,
    /// Given to a section or person of the same office.
    Pass,
    /// They took it.
    PassTaken,
    /// They did not.
    PassRefused,
    /// The registration is void, or is not after all.
    Void,
    /// Another dossier is the same case, or is not.
    Link,
    /// A line of a demand for money.
    Fee,
    /// Money was taken.
    Receipt,
    /// A receipt is cancelled.
    ReceiptOff,
    /// Money was given back.
    Refund,
    /// A person settled a conflict about money.
    Settled,
    /// The cash of a day was counted; in documents of counts only.
    Cash,
}

impl Kind {
    const ALL: [(Self, &'static str); 28] = [
        (Self::Applicant, "applicant"),
        (Self::Request, "request"),
        (Self::Paper, "paper"),
        (Self::Code, "code"),
        (Self::Due, "due"),
        (Self::State, "state"),
        (Self::Forward, "forward"),
        (Self::Taken, "taken"),
        (Self::Note, "note"),
        (Self::Attachment, "attachment"),
        (Self::Clock, "clock"),
        (Self::Printed, "printed"),
        (Self::Origin, "origin"),
        (Self::Extension, "extension"),
        (Self::Correction, "correction"),
        (Self::Account, "account"),
        (Self::Audit, "audit"),
        (Self::Pass, "pass"),
        (Self::PassTaken, "pass_taken"),
        (Self::PassRefused, "pass_refused"),
        (Self::Void, "void"),
        (Self::Link, "link"),
        (Self::Fee, "fee"),
        (Self::Receipt, "receipt"),
        (Self::ReceiptOff, "receipt_off"),
        (Self::Refund, "refund"),
        (Self::Settled, "settled"),
        (Self::Cash, "cash"),
    ];

    /// First part of the key.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// From the first part of a key; `None` for kinds of later schemas, which are kept.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(kind, _)| kind)
    }
}

impl Kind {
    /// From its place in the registry.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).map(|(kind, _)| *kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// Second part of the key: a ULID, so that facts sort by claimed time.
    pub id: String,
    /// What it says.
    pub kind: Kind,
    /// JSON text.
    pub json: String,
}

impl Fact {
    /// The key in the document.
    pub fn key(&self) -> String {
        format!("{}/{}", self.kind, self.id)
    }

    /// A fact from its fields.
    pub fn new(kind: Kind, id: String, fields: &impl Serialize) -> Self {
        // Plain structs of texts and numbers: JSON has nothing to refuse. Going through a value
        // sorts the keys.
        let value = serde_json::to_value(fields).unwrap_or_default();
        Self { id, kind, json: value.to_string() }
    }

    /// Unix milliseconds at which its writer claims to have written it; none where the id is no ULID.
    pub fn time(&self) -> Option<i64> {
        let digits = self.id.get(..10).filter(|_| self.id.len() == 26)?;
        digits.bytes().try_fold(0i64, |time, digit| {
            let value = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".iter().position(|one| *one == digit)?;
            Some((time << 5) | value as i64)
        })
    }

    /// The fields, if they are of this shape; a fact that is not stays in the document and is
    /// shown as it stands.
    pub fn read<F: DeserializeOwned>(&self) -> Option<F> {
        serde_json::from_str(&self.json).ok()
    }
}

/// Fields of [`Kind::Clock`]: beside the facts of the same change (design/clocks.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Milliseconds the clock was ahead of the hub's; behind if negative.
    pub ahead: i64,
    /// What time it was by the hub, Unix milliseconds.
    pub by_hub: i64,
}

/// Fields of [`Kind::Origin`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// SHA-256 of the file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Sheet of a workbook.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sheet: String,
    /// Row, as a spreadsheet counts.
    pub row: u32,
    /// By what the row is known again, in hexadecimal.
    pub keys: Vec<String>,
    /// Cells that are no value, or not as they stood there, by header.
    pub cells: BTreeMap<String, String>,
}

/// Fields of [`Kind::Applicant`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Applicant {
    /// Name, NFC, with the letters of Vietnamese where they were meant.
    pub name: String,
    /// The name as it was typed, where a letter was put right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed_name: Option<String>,
    /// Country of nationality, two letters of ISO 3166-1; empty for Việt Nam.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nationality: String,
    /// Number of the identity card.
    #[serde(default)]
    pub id_number: String,
    /// ISO date, if given.
    #[serde(default)]
    pub birth_date: Option<String>,
    /// Telephone.
    #[serde(default)]
    pub phone: String,
    /// Address.
    #[serde(default)]
    pub address: String,
    /// E-mail.
    #[serde(default)]
    pub email: String,
}

/// Fields of [`Kind::Request`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Request {
    /// Procedure code (mã TTHC).
    pub procedure: String,
    /// Its name when the dossier was received.
    pub procedure_name: String,
    /// `direct`, `online` or `post`.
    pub channel: String,
    /// What is asked for.
    #[serde(default)]
    pub text: String,
    /// Fee in đồng.
    #[serde(default)]
    pub fee: Option<u64>,
    /// Unit of the term that was in force at reception, see [`crate::due::Term::read`]; empty in
    /// dossiers from before it was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub term_unit: String,
    /// Term in that unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u32>,
}

/// Fields of [`Kind::Paper`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// What it is.
    pub name: String,
    /// `original` or `copy`.
    pub form: String,
    /// How many.
    pub count: u32,
}

/// Fields of [`Kind::Code`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeField {
    /// The printed code.
    pub code: String,
}

/// Fields of [`Kind::Due`]. A later one stands beside the printed one, never in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Unix milliseconds.
    pub at: i64,
    /// Why it is not the first one.
    #[serde(default)]
    pub reason: String,
}

/// Who did something, when and where.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Act {
    /// Unix milliseconds by the office's clock.
    pub at: i64,
    /// Clerk.
    #[serde(default)]
    pub by: String,
    /// Office id.
    pub office: String,
    /// Remark or reason.
    #[serde(default)]
    pub note: String,
    /// Name of whose stead the clerk took, where that is why they could: see [`crate::people::stead`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub in_stead_of: String,
    /// The request that caused it, if it may be repeated.
    #[serde(rename = "under", default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

impl Act {
    /// Who did it, and in whose stead, as sheets and pages show it in Vietnamese.
    pub fn who(&self) -> String {
        match self.in_stead_of.as_str() {
            "" => self.by.clone(),
            other => format!("{} (thay {other})", self.by),
        }
    }
}

/// Fields of [`Kind::State`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateStep {
    /// Portal state, 1 to 10.
    pub to: u8,
    /// State facts that the clerk had seen: what concurrency means is read from here.
    pub after: Vec<String>,
    /// What a pause that begins with it does with the term, a word of [`crate::due::Model`]; empty
    /// where none begins, and in steps from before it was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pause: String,
    /// Unix milliseconds at which it happened, where that is not when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<i64>,
    /// Who collected the result, where it was returned and that was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub collector: String,
    /// That it was received on paper and entered later (design/emergency.md).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<OnPaper>,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

/// How a dossier was received while the machine was dead; when, is [`StateStep::happened`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OnPaper {
    /// Who received it, as shown.
    pub by: String,
    /// Number of the block of its slip; empty where that is not known here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub block: String,
    /// Whether the promised date is what was written on the slip, rather than worked out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub promised: bool,
}

impl StateStep {
    /// When it happened, Unix milliseconds.
    pub fn when(&self) -> i64 {
        self.happened.unwrap_or(self.act.at)
    }
}

/// Fields of [`Kind::Extension`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// The new date, Unix milliseconds.
    pub until: i64,
    /// Who, when, where; why in its note.
    #[serde(flatten)]
    pub act: Act,
}

/// Fields of [`Kind::Forward`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Forward {
    /// Office id that is to take it.
    pub to: String,
    /// Number of the paper list it was given on; empty where it was given by itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub list: String,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

/// Fields of [`Kind::Taken`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Id of the forward fact.
    pub forward: String,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

/// Fields of [`Kind::Pass`], see [`crate::process`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pass {
    /// Id of the forward that brought the dossier to the office; empty where it was received there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stay: String,
    /// Passes that the giver had seen open: what concurrency means is read from here.
    #[serde(default)]
    pub after: Vec<String>,
    /// Id of the section; empty where only a person is named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub section: String,
    /// Its name when it was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub section_name: String,
    /// Who is to take it; empty for anybody of the section.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub person: String,
    /// Telephone of the section when it was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// Step of the process; 0 where it is none of them.
    #[serde(default)]
    pub step: u32,
    /// Working minutes of that step in the process in force at reception; none where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// Number of the paper list it was given on; empty where it was given by itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub list: String,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

/// Fields of [`Kind::PassTaken`] and [`Kind::PassRefused`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PassAnswer {
    /// Id of the pass.
    pub pass: String,
    /// Who, when, where; of a refusal the note says why.
    #[serde(flatten)]
    pub act: Act,
}

/// Fields of [`Kind::Note`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What is remarked.
    pub text: String,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_listed_in_the_order_of_the_enum() {
        for (position, (kind, word)) in Kind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, Kind::from_word(word)), (position, Some(kind)));
        }
        assert_eq!(Kind::from_word("sealed-later"), None);
    }

    #[test]
    fn json_has_sorted_keys_whatever_the_struct_order() {
        let act = Act { at: 5, by: "b".into(), office: "o".into(), ..Act::default() };
        let fact = Fact::new(Kind::Note, "X".into(), &Note { text: "t".into(), act });
        assert_eq!(fact.json, r#"{"at":5,"by":"b","note":"","office":"o","text":"t"}"#);
        assert_eq!(fact.key(), "note/X");
        assert!(fact.read::<Note>().is_some() && fact.read::<Paper>().is_none());
    }
}
