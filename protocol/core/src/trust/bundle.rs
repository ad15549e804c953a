//! A join bundle: what a new machine needs to find its city and join its office, as a text file
//! that a person can recognise on a stick. The lines above the block are for people; the block is
//! what counts, and a file whose lines say something else is refused.

use super::{
    JoinToken, TrustError,
    root::check_address,
    signed::{Signed, read_versioned, readable, versioned, within},
};
use crate::{
    hash::{Context, derive},
    id::{DomainId, Hash},
    key::PublicKey,
    limits,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a machine is given to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinBundle {
    /// The city.
    pub domain: DomainId,
    /// Hash of root document 1.
    pub root_pin: Hash,
    /// Device key of the hub to ask.
    pub hub_key: PublicKey,
    /// Where the hub answers on the recovery ALPN.
    pub hub_addresses: Vec<String>,
    /// Name of the office, with that of the one above where names repeat.
    pub office_name: String,
    /// A [`JoinToken`].
    pub token: Signed,
    /// Another machine was given these numbers before, and what it printed may be known to nobody:
    /// this one prints others on its first day.
    pub replaces: bool,
}

const WHAT: &str = "join bundle";
const TITLE: &str = "MOT CUA JOIN BUNDLE 1";
const BEGIN: &str = "-----BEGIN MOT CUA JOIN BUNDLE-----";
const END: &str = "-----END MOT CUA JOIN BUNDLE-----";
const WIDTH: usize = 64;
const CHECK: usize = 8;

impl JoinBundle {
    /// Checks limits, and that the token reads, is whole and of this city. Whether a registrar
    /// signed it is for the hub to say.
    ///
    /// # Errors
    /// [`TrustError`] naming what is wrong.
    pub fn check(&self) -> Result<JoinToken, TrustError> {
        readable(WHAT, "the office name", &self.office_name, limits::NAME_BYTES * 2)?;
        within(WHAT, "addresses", self.hub_addresses.len(), limits::HUB_ADDRESSES)?;
        if self.hub_addresses.is_empty() {
            return Err(TrustError::Invalid { what: WHAT, why: "it has no hub address".into() });
        }
        self.hub_addresses.iter().try_for_each(|address| check_address(WHAT, address))?;
        let token: JoinToken = self.token.open()?;
        let (ours, theirs) = (self.domain, token.domain);
        if ours == theirs {
            Ok(token)
        } else {
            Err(TrustError::Domain { what: WHAT, ours, theirs })
        }
    }

    /// The text form, LF line ends.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn to_text(&self) -> Result<String, TrustError> {
        let token = self.check()?;
        let mut text = self.lines(&token).join("\n");
        let mut bytes = versioned(WHAT, self)?;
        let check = derive(Context::Document, &[&bytes]);
        bytes.extend_from_slice(&check.0[..CHECK]);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("\n\n{BEGIN}\n"));
        for at in (0..hex.len()).step_by(WIDTH) {
            text.push_str(&hex[at..hex.len().min(at + WIDTH)]);
            text.push('\n');
        }
        text.push_str(&format!("{END}\n"));
        Ok(text)
    }

    /// Reads a text form; a byte order mark, CRLF and trailing blanks do no harm.
    ///
    /// # Errors
    /// [`TrustError`] if it is not a bundle, is damaged, or its lines and block differ.
    pub fn from_text(text: &str) -> Result<Self, TrustError> {
        within(WHAT, "bytes", text.len(), limits::JOIN_BUNDLE_BYTES)?;
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text.lines().map(str::trim_end);
        let head: Vec<&str> = lines.by_ref().take_while(|line| *line != BEGIN).collect();
        let mut ended = false;
        let hex: String = lines
            .take_while(|line| {
                ended = *line == END;
                !ended
            })
            .collect();
        if !ended {
            return malformed("its block has no beginning or no end; copy the file again");
        }
        let bundle = Self::from_block(&unhex(&hex)?)?;
        let expected = bundle.lines(&bundle.check()?);
        let head: Vec<&str> = head.into_iter().filter(|line| !line.is_empty()).collect();
        if head != expected {
            return malformed("the lines above its block do not say what the block says");
        }
        Ok(bundle)
    }

    fn from_block(bytes: &[u8]) -> Result<Self, TrustError> {
        let Some((body, check)) = bytes.split_last_chunk::<CHECK>() else {
            return malformed("its block is too short; copy the file again");
        };
        if derive(Context::Document, &[body]).0[..CHECK] != check[..] {
            return malformed("its check value does not match; copy the file again");
        }
        read_versioned(WHAT, body, limits::JOIN_BUNDLE_BYTES)
    }

    /// The lines for people.
    fn lines(&self, token: &JoinToken) -> Vec<String> {
        vec![
            TITLE.to_owned(),
            format!("Office: {}", self.office_name),
            format!("Office id: {}", token.office),
            format!(
                "Machine: {} {} of {}{}",
                token.kind.word(),
                u32::from(token.slot) + 1,
                token.slots,
                if self.replaces { ", where there was one before" } else { "" }
            ),
            format!("Use before: {} (Vietnam time)", vietnam_time(token.expires_at)),
            format!("Hub: {}", self.hub_addresses.join(", ")),
            format!("Token: {}", token.id),
            "Secret until used: whoever has this file first can join as this office.".to_owned(),
        ]
    }
}

/// `2026-12-02 14:00`, at UTC+7, which Vietnam keeps all year.
fn vietnam_time(at: Timestamp) -> String {
    const MINUTE: i64 = 60_000;
    let minutes = at.0.div_euclid(MINUTE).saturating_add(7 * 60);
    let (days, minute) = (minutes.div_euclid(1_440), minutes.rem_euclid(1_440));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60)
}

/// Proleptic Gregorian date of a count of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of year 0, so that the leap day ends a year; 400 years have 146,097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn unhex(hex: &str) -> Result<Vec<u8>, TrustError> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(pair).collect::<Option<_>>().ok_or(TrustError::Malformed {
        what: WHAT,
        why: "its block has something other than hexadecimal digits; copy the file again",
    })
}

fn malformed<T>(why: &'static str) -> Result<T, TrustError> {
    Err(TrustError::Malformed { what: WHAT, why })
}
