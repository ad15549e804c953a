//! Dossier codes (mã số hồ sơ): `<organisation>-YYMMDD-<sequence>`, TT 01/2018/TT-VPCP article 19 and
//! the practice since. Reading is tolerant of real codes and exact about the text; writing is
//! strict.

use std::fmt;

/// A day in local time (Asia/Ho_Chi_Minh, +07:00 all year).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// Year.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month.
    pub day: u8,
}

/// Offset of local time in milliseconds.
const LOCAL_MILLIS: i64 = 7 * 3_600_000;
const DAY_MILLIS: i64 = 86_400_000;
/// Digits of the sequence in real codes; four are written.
const SEQ_DIGITS: std::ops::RangeInclusive<usize> = 4..=7;

impl Day {
    /// The local day of an instant in Unix milliseconds.
    pub fn of(millis: i64) -> Self {
        let days = millis.saturating_add(LOCAL_MILLIS).div_euclid(DAY_MILLIS);
        // Days to civil date, after Howard Hinnant's public-domain algorithm: years begin in
        // March, so that the leap day is the last one.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = (of_year - (153 * shifted_month + 2) / 5 + 1) as u8;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u8;
        let year = (year_of_era + era * 400) as i32 + i32::from(month <= 2);
        Self { year, month, day }
    }

    fn is_real(self) -> bool {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u8::from(leap),
            _ => 0,
        };
        (1..=days).contains(&self.day)
    }

    /// Six digits, YYMMDD.
    pub fn digits(self) -> String {
        format!("{:02}{:02}{:02}", self.year.rem_euclid(100), self.month, self.day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// How the organisation is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Level one first (QĐ 20/2020).
    New,
    /// Level one last (QCVN 102:2016).
    Old,
    /// Neither.
    Other,
}

/// A code that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Organisation.
    pub org: String,
    /// Day of reception.
    pub day: Day,
    /// Sequence, digits as written.
    pub seq: String,
    /// Layout of the organisation.
    pub layout: Layout,
}

/// Why a text is not a code, or a code cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nothing there.
    #[error("the code is empty")]
    Empty,
    /// Over 50 characters, or an organisation over 35.
    #[error("the code is too long")]
    TooLong,
    /// A character other than A-Z, 0-9, dot and hyphen.
    #[error("the code holds a character other than A-Z, 0-9, dot and hyphen")]
    Charset,
    /// Not three parts.
    #[error("the code does not have three parts")]
    Parts,
    /// An organisation that cannot be.
    #[error("the organisation in the code is not well formed")]
    Org,
    /// No real date.
    #[error("the date in the code is no real date between 2000 and 2099")]
    Date,
    /// A sequence that cannot be.
    #[error("the sequence in the code is not well formed")]
    Seq,
}

impl Code {
    /// Reads a code exactly as it stands.
    ///
    /// # Errors
    /// The first [`CodeError`] that applies.
    pub fn read(text: &str) -> Result<Self, CodeError> {
        if text.is_empty() {
            return Err(CodeError::Empty);
        }
        if text.chars().count() > 50 {
            return Err(CodeError::TooLong);
        }
        let legal =
            |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, b'.' | b'-');
        if !text.bytes().all(legal) {
            return Err(CodeError::Charset);
        }
        let parts: Vec<&str> = text.split('-').collect();
        let [org, date, seq] = parts.as_slice() else { return Err(CodeError::Parts) };
        if org.len() > 35 {
            return Err(CodeError::TooLong);
        }
        if org.split('.').any(str::is_empty) {
            return Err(CodeError::Org);
        }
        let day = read_day(date).ok_or(CodeError::Date)?;
        let digits = seq.bytes().all(|c| c.is_ascii_digit());
        if !digits || !SEQ_DIGITS.contains(&seq.len()) {
            return Err(CodeError::Seq);
        }
        let mut groups = org.split('.');
        let layout = if groups.next().is_some_and(is_level_one) {
            Layout::New
        } else if org.rsplit('.').next().is_some_and(is_level_one) {
            Layout::Old
        } else {
            Layout::Other
        };
        Ok(Self { org: (*org).into(), day, seq: (*seq).into(), layout })
    }

    /// Organisation, day and number, the same for every spelling of the number.
    pub fn number(&self) -> String {
        let number = self.seq.trim_start_matches('0');
        format!("{}-{}-{number}", self.org, self.day.digits())
    }

    /// Every code that names the same number of that day: with four to seven digits.
    pub fn spellings(&self) -> Vec<String> {
        let number = self.seq.trim_start_matches('0');
        let lengths = SEQ_DIGITS.filter(|length| *length >= number.len());
        lengths
            .map(|length| format!("{}-{}-{number:0>length$}", self.org, self.day.digits()))
            .collect()
    }

    /// Whether this system would write it so.
    pub fn is_writable(&self) -> bool {
        is_writable_org(&self.org)
            && self.seq.len() == 4
            && self.seq.parse::<u16>().is_ok_and(|seq| seq >= 1)
    }

    /// Writes the code of a dossier received at an instant (Unix milliseconds).
    ///
    /// # Errors
    /// [`CodeError`] for an organisation, a day or a sequence that may not be written.
    pub fn write(org: &str, received: i64, seq: u32) -> Result<String, CodeError> {
        Self::write_on(org, Day::of(received), seq)
    }

    /// Writes the code of a dossier received on a local day.
    ///
    /// # Errors
    /// See [`Self::write`].
    pub fn write_on(org: &str, day: Day, seq: u32) -> Result<String, CodeError> {
        if !is_writable_org(org) {
            return Err(CodeError::Org);
        }
        if !(2_000..=2_099).contains(&day.year) || !day.is_real() {
            return Err(CodeError::Date);
        }
        if !(1..=9_999).contains(&seq) {
            return Err(CodeError::Seq);
        }
        Ok(format!("{org}-{}-{seq:04}", day.digits()))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.org, self.day.digits(), self.seq)
    }
}

fn read_day(text: &str) -> Option<Day> {
    if text.len() != 6 || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let pair = |at: usize| text[at..at + 2].parse::<u8>().ok();
    let day = Day { year: 2_000 + i32::from(pair(0)?), month: pair(2)?, day: pair(4)? };
    day.is_real().then_some(day)
}

fn is_level_one(group: &str) -> bool {
    let bytes = group.as_bytes();
    bytes.len() == 3 && bytes[0].is_ascii_uppercase() && bytes[1..].iter().all(u8::is_ascii_digit)
}

/// `[A-Z][0-9]{2}(\.[0-9]{2,3}){1,3}`
fn is_writable_org(org: &str) -> bool {
    let mut groups = org.split('.');
    let first = groups.next().is_some_and(is_level_one);
    let rest: Vec<&str> = groups.collect();
    let group =
        |group: &&str| (2..=3).contains(&group.len()) && group.bytes().all(|c| c.is_ascii_digit());
    first && (1..=3).contains(&rest.len()) && rest.iter().all(group)
}
