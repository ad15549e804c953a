//! What the journal keeps of blocks of codes on paper, beside the leases: told from those by the first byte, so
//! that a program that does not know them passes them over.

use crate::{
    code::{Code, CodeError, Day},
    lease::{read, written},
};
use motcua_core::id::LogId;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// A block of codes that were drawn to be printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Twelve digits with a check digit.
    pub number: String,
    /// Log that was being written.
    pub log: LogId,
    /// Machine it was drawn on.
    pub machine: [u8; 16],
    /// Organisation identifier in the codes.
    pub org: String,
    /// Local day for which they are: YYYY, MM, DD.
    pub day: (i32, u8, u8),
    /// First number.
    pub first: u32,
    /// Last number.
    pub last: u32,
    /// Who drew it, as shown.
    pub by: String,
    /// When, Unix milliseconds.
    pub at: i64,
}

impl Block {
    const VERSION: u8 = 4;

    /// The day for which its codes are.
    pub fn on(&self) -> Day {
        let (year, month, day) = self.day;
        Day { year, month, day }
    }

    /// Its numbers.
    pub fn numbers(&self) -> RangeInclusive<u32> {
        self.first..=self.last
    }

    /// How many.
    pub fn count(&self) -> u32 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// The code of one of its numbers.
    ///
    /// # Errors
    /// [`CodeError`] for an organisation or a day that may not be written.
    pub fn code(&self, number: u32) -> Result<String, CodeError> {
        Code::write_on(&self.org, self.on(), number)
    }

    /// Journal form.
    pub fn encode(&self) -> Vec<u8> {
        written(Self::VERSION, self)
    }

    /// Reads the journal form; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        read(Self::VERSION, bytes)
    }
}

/// Codes of a block that were not used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unused {
    /// Number of the block.
    pub block: String,
    /// Numbers of the codes.
    pub numbers: Vec<u32>,
    /// Why.
    pub why: String,
    /// Who says so, as shown.
    pub by: String,
    /// When, Unix milliseconds.
    pub at: i64,
}

impl Unused {
    const VERSION: u8 = 5;

    /// Journal form.
    pub fn encode(&self) -> Vec<u8> {
        written(Self::VERSION, self)
    }

    /// Reads the journal form; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        read(Self::VERSION, bytes)
    }
}

/// A printing of the sheet of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printing {
    /// Number of the block.
    pub block: String,
    /// What was asked for it, so that asking again is the same printing.
    pub asked: [u8; 16],
    /// Who printed it, as shown.
    pub by: String,
    /// When, Unix milliseconds.
    pub at: i64,
}

impl Printing {
    const VERSION: u8 = 6;

    /// Journal form.
    pub fn encode(&self) -> Vec<u8> {
        written(Self::VERSION, self)
    }

    /// Reads the journal form; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        read(Self::VERSION, bytes)
    }
}
