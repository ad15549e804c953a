//! What is known of the money of a dossier: its state, receipts, movements, and what people differ about.

use super::facts::{FeeLine, Receipt, Refund, Way};
use crate::fact::Act;
use serde::{Deserialize, Serialize};

/// State of the money, apart from that of the dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum MoneyState {
    /// Nothing is due and nothing was taken.
    #[default]
    Nothing,
    /// All is still to be paid.
    Due,
    /// Part of it is still to be paid.
    PartPaid,
    /// It is paid.
    Paid,
    /// More was taken than was ever demanded.
    OverPaid,
    /// Less is demanded by now than was taken.
    RefundOwed,
    /// All that was taken was given back.
    Refunded,
    /// A person must settle something first.
    InConflict,
}

impl MoneyState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Due,
        Self::PartPaid,
        Self::Paid,
        Self::OverPaid,
        Self::RefundOwed,
        Self::Refunded,
        Self::InConflict,
    ];

    /// As addresses and answers write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Due => "due",
            Self::PartPaid => "part_paid",
            Self::Paid => "paid",
            Self::OverPaid => "over_paid",
            Self::RefundOwed => "refund_owed",
            Self::Refunded => "refunded",
            Self::InConflict => "conflict",
        }
    }

    /// In Vietnamese.
    pub fn vi(self) -> &'static str {
        match self {
            Self::Nothing => "Không phải thu",
            Self::Due => "Chưa thu",
            Self::PartPaid => "Thu một phần, còn nợ",
            Self::Paid => "Đã thu đủ",
            Self::OverPaid => "Thu thừa, phải hoàn",
            Self::RefundOwed => "Phải hoàn",
            Self::Refunded => "Đã hoàn",
            Self::InConflict => "Có mâu thuẫn về tiền",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing due",
            Self::Due => "Not paid",
            Self::PartPaid => "Part paid",
            Self::Paid => "Paid",
            Self::OverPaid => "Over-paid, to be refunded",
            Self::RefundOwed => "Refund owed",
            Self::Refunded => "Refunded",
            Self::InConflict => "Conflict about money",
        }
    }
}

/// What became of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Holds,
    /// It was cancelled.
    Cancelled(Act),
    /// Whoever settled a conflict said that it does not hold.
    Dropped(Act),
}

/// A receipt with what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptState {
    /// Id of its fact.
    pub id: String,
    /// Its fields.
    pub fields: Receipt,
    /// Đồng that were not given back.
    pub left: u64,
    /// What became of it.
    pub standing: Standing,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// It was taken.
    Taken,
    /// Its receipt was cancelled.
    Cancelled,
    /// It was given back.
    Refunded,
    /// A conflict was settled so.
    Settled,
}

impl Cause {
    /// As answers write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::Settled => "settled",
        }
    }
}

/// Money that went over a counter: what a day's cash is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Id of the fact that says so; one that settles something may move several.
    pub id: String,
    /// Why.
    pub cause: Cause,
    /// Whose box it was, by the office's id.
    pub office: String,
    /// How.
    pub way: Way,
    /// Đồng; less than nothing if they went out.
    pub amount: i64,
    /// Number of the receipt.
    pub number: String,
    /// Who, when, why.
    pub act: Act,
    /// Machine, by the first digits of its id.
    pub machine: String,
}

/// An act that a person must say of whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contested {
    /// Id of its fact, of a demand that of its first line.
    pub id: String,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
    /// Đồng.
    pub amount: u64,
    /// Who, when, where, why.
    pub act: Act,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Money {
    /// The state.
    pub state: MoneyState,
    /// Id of the demand in force, that of its first line; none where the registered fee is what is due.
    pub demand: Option<String>,
    /// Its lines; empty where the registered fee is.
    pub lines: Vec<FeeLine>,
    /// Đồng that are demanded.
    pub demanded: u64,
    /// Đồng of all receipts that hold.
    pub taken: u64,
    /// Đồng that were given back of them.
    pub refunded: u64,
    /// Đồng that are still to be paid.
    pub outstanding: u64,
    /// Đồng that are to be given back.
    pub owed: u64,
    /// All receipts, causes first.
    pub receipts: Vec<ReceiptState>,
    /// Refunds that hold, with the ids of their facts.
    pub refunds: Vec<(String, Refund)>,
    /// Between which acts a person must decide.
    pub contested: Vec<Contested>,
    /// Ids of these, and of settlements that others contradict: what the next settlement is about.
    pub undecided: Vec<String>,
    /// Acts that give back more than there was, or another office's money; no more than there was is counted.
    pub faults: Vec<String>,
    /// All movements, causes first.
    pub movements: Vec<Movement>,
    /// Acts that none has seen: what the next one builds on.
    pub heads: Vec<String>,
}

impl Money {
    /// A receipt by the id of its fact.
    pub fn receipt(&self, id: &str) -> Option<&ReceiptState> {
        self.receipts.iter().find(|one| one.id == id)
    }
}
