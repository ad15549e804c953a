//! What is written of money, as facts; design/money.md has the table.

use super::amount::Dong;
use crate::fact::Act;
use serde::{Deserialize, Serialize};

/// Fields of [`crate::fact::Kind::Fee`]: a line of a demand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeeLine {
    /// The demand that it is a line of: lines of one have the same word.
    pub set: String,
    /// Its place there, from 1.
    pub nr: u32,
    /// `fee` (phí) or `charge` (lệ phí).
    pub what: String,
    /// Name, as a receipt says it.
    pub name: String,
    /// What it would be without exemption and reduction.
    pub full: Dong,
    /// What is demanded.
    pub amount: Dong,
    /// Why it is less; empty where it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Act of law that sets it, as typed or from the table of fees.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub basis: String,
    /// Acts about the money that its writer had seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// Who, when, where; why in its note.
    #[serde(flatten)]
    pub act: Act,
}

/// How money went over the counter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Notes and coins.
    #[default]
    Cash,
    /// To the office's account.
    Transfer,
    /// By a card reader.
    Card,
    /// By a QR code of a bank or wallet.
    Qr,
}

impl Way {
    /// All, in the order of the page.
    pub const ALL: [Self; 4] = [Self::Cash, Self::Transfer, Self::Card, Self::Qr];

    /// The word in facts and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Transfer => "transfer",
            Self::Card => "card",
            Self::Qr => "qr",
        }
    }

    /// In Vietnamese.
    pub fn vi(self) -> &'static str {
        match self {
            Self::Cash => "Tiền mặt",
            Self::Transfer => "Chuyển khoản",
            Self::Card => "Thẻ",
            Self::Qr => "Mã QR",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Self::Cash => "Cash",
            Self::Transfer => "Bank transfer",
            Self::Card => "Card",
            Self::Qr => "QR code",
        }
    }
}

/// Fields of [`crate::fact::Kind::Receipt`]: money was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// Its number with its symbol, such as `BL26-0000123`; one of the office that took it.
    pub number: String,
    /// How much.
    pub amount: Dong,
    /// How.
    pub way: Way,
    /// Who paid, where that is not the applicant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub payer: String,
    /// What a bank or card reader said, to find it again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Machine, by the first digits of its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// Acts about the money that its writer had seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

/// Fields of [`crate::fact::Kind::ReceiptOff`]: a receipt is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cancelled {
    /// Id of its fact.
    pub receipt: String,
    /// Machine, by the first digits of its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// Acts about the money that its writer had seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// Who, when, where; why in its note.
    #[serde(flatten)]
    pub act: Act,
}

/// Fields of [`crate::fact::Kind::Refund`]: money of a receipt was given back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Refund {
    /// Id of the fact of its receipt.
    pub receipt: String,
    /// How much of it.
    pub amount: Dong,
    /// How.
    pub way: Way,
    /// Machine, by the first digits of its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// Acts about the money that its writer had seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// Who, when, where; why in its note.
    #[serde(flatten)]
    pub act: Act,
}

/// Fields of [`crate::fact::Kind::Settled`]: a person says which of several acts hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settled {
    /// The acts between which was to be decided.
    pub about: Vec<String>,
    /// Those of them that hold.
    pub keep: Vec<String>,
    /// Machine, by the first digits of its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// Acts about the money that its writer had seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// Who, when, where; why in its note.
    #[serde(flatten)]
    pub act: Act,
}
