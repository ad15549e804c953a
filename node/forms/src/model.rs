//! What a form is made from: plain data, put together by whoever knows the dossier.

use jiff::civil::{Date, DateTime};
use motcua_dossier::{code::Code, digits};

/// A dossier as a form shows it. Empty texts and `None` are what is not known: dots to write on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dossier {
    /// Code.
    pub code: String,
    /// Procedure code.
    pub procedure: String,
    /// Its name when the dossier was received.
    pub procedure_name: String,
    /// Term by law, in words.
    pub term: String,
    /// Applicant's name.
    pub applicant: String,
    /// Identification or tax number.
    pub applicant_id: String,
    /// Address.
    pub address: String,
    /// Telephone.
    pub phone: String,
    /// E-mail.
    pub email: String,
    /// What is asked for.
    pub request: String,
    /// Papers handed in.
    pub papers: Vec<Paper>,
    /// Sets of papers.
    pub sets: Option<u32>,
    /// Fee in đồng.
    pub fee: Option<u64>,
    /// When it was received, local.
    pub received: Option<DateTime>,
    /// Promised times, local, oldest first.
    pub due: Vec<DateTime>,
    /// When the result was handed over, local.
    pub returned: Option<DateTime>,
    /// Where the result is collected.
    pub collect: String,
    /// Office that received it.
    pub desk: String,
    /// Office that has it.
    pub holder: String,
    /// State, in words.
    pub state: String,
    /// Whether the registration is void: every sheet says so.
    pub void: bool,
    /// Reason given for what the form tells.
    pub reason: String,
    /// Hand-overs, oldest first.
    pub hand_overs: Vec<HandOver>,
    /// Money that was taken, on a receipt for it.
    pub payment: Option<Payment>,
}

/// Money that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payment {
    /// Number of the receipt.
    pub number: String,
    /// Office that took it.
    pub office: String,
    /// Who paid.
    pub payer: String,
    /// Đồng.
    pub amount: u64,
    /// How, in words.
    pub way: String,
    /// When, local.
    pub time: Option<DateTime>,
    /// Đồng that were still to be paid then.
    pub rest: u64,
    /// Who took it.
    pub clerk: String,
    /// What was demanded.
    pub fees: Vec<FeeLine>,
    /// Whether the receipt holds no longer: the sheet says so.
    pub cancelled: bool,
}

/// A line of what was demanded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeeLine {
    /// Name, with the reason where it is less than in full.
    pub name: String,
    /// Đồng.
    pub amount: u64,
}

/// A paper handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// What it is.
    pub name: String,
    /// Whether it is an original rather than a copy.
    pub original: bool,
    /// How many.
    pub count: u32,
}

/// A hand-over from office to office.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HandOver {
    /// Who gives.
    pub from: String,
    /// Who takes.
    pub to: String,
    /// When it was given, local.
    pub given: Option<DateTime>,
    /// Who gave it.
    pub giver: String,
    /// When it was taken, local; none while nobody took it.
    pub taken: Option<DateTime>,
    /// Who took it.
    pub taker: String,
    /// Early, on time or late, in words.
    pub outcome: String,
    /// Remark.
    pub note: String,
}

/// What a form is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// One dossier.
    One(Box<Dossier>),
    /// The dossiers received in some days, both within.
    Many {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
        /// In the order of their codes.
        dossiers: Vec<Dossier>,
    },
    /// The dossiers of a hand-over list.
    List(Box<HandList>),
    /// Slips with codes, to be filled in by hand.
    Slips(Box<Slips>),
}

/// A block of codes on paper.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slips {
    /// Its number: digits with a check digit, printed as bars too.
    pub number: String,
    /// Day for which its codes are.
    pub day: Option<Date>,
    /// Telephone of the office; may be empty.
    pub phone: String,
    /// Who drew it.
    pub drawer: String,
    /// Codes, in order.
    pub codes: Vec<String>,
}

/// Dossiers that are handed over together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HandList {
    /// Its number: digits with a check digit, printed as bars too.
    pub number: String,
    /// When they were given, local.
    pub given: Option<DateTime>,
    /// Office, or section of it, that gives.
    pub from: String,
    /// Office, section or person that takes.
    pub to: String,
    /// Who gave them.
    pub giver: String,
    /// In the order of their codes.
    pub dossiers: Vec<Dossier>,
}

/// Which printing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printing {
    /// None: it is only looked at.
    Preview,
    /// The first, 1, or a later one.
    Number(u32),
    /// Not counted: the register is an office's own.
    Uncounted,
}

/// All that a form needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Name of the office that prints.
    pub office: String,
    /// Name of what it belongs to; may be empty.
    pub above: String,
    /// Place before the date, usually the province or city.
    pub place: String,
    /// Name of the system that gives the data (TT 01/2023/TT-VPCP).
    pub system: String,
    /// When it was issued, local.
    pub issued: DateTime,
    /// Which printing.
    pub printing: Printing,
    /// Who prints.
    pub clerk: String,
    /// What about.
    pub subject: Subject,
}

impl Data {
    /// The day whose edition is printed.
    pub fn day(&self) -> Date {
        match &self.subject {
            Subject::One(dossier) => dossier.received.unwrap_or(self.issued).date(),
            Subject::Many { to, .. } => *to,
            Subject::List(_) | Subject::Slips(_) => self.issued.date(),
        }
    }

    pub(crate) fn dossier(&self) -> Option<&Dossier> {
        match &self.subject {
            Subject::One(dossier) => Some(dossier),
            Subject::Many { .. } | Subject::List(_) | Subject::Slips(_) => None,
        }
    }

    /// What is printed as bars beside the words: digits of the one dossier's code, or of the list or
    /// block.
    pub(crate) fn digits(&self) -> Option<String> {
        match &self.subject {
            Subject::One(dossier) => digits::write(&Code::read(&dossier.code).ok()?),
            Subject::Many { .. } => None,
            Subject::List(list) => Some(list.number.clone()),
            Subject::Slips(slips) => Some(slips.number.clone()),
        }
    }
}
