//! Passwords, and secrets that stand for one: how they are made, tidied and hashed. Used by the hub's console
//! and by the accounts of an office; each states its own [`Cost`].

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::SaltString,
};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// What one Argon2id hash costs whoever guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub kib: u32,
    /// Passes over it.
    pub passes: u32,
}

/// Why there is no hash or no secret.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// A hash could not be made.
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// No random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

/// Whether a text is a hash that [`verify`] reads.
pub fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok()
}

/// The PHC string of a password, with fresh salt.
///
/// # Errors
/// [`PasswordError`]
pub fn hash(password: &str, cost: Cost) -> Result<String, PasswordError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(PasswordError::Random)?;
    let salt = SaltString::encode_b64(&salt).map_err(PasswordError::Hash)?;
    let hashed = hasher(cost)?.hash_password(tidy(password).as_bytes(), &salt);
    Ok(hashed.map_err(PasswordError::Hash)?.to_string())
}

/// Whether a password is the one of a hash; at the cost that stands in the hash.
///
/// # Errors
/// [`PasswordError`] where the hash is none.
pub fn verify(password: &str, hash: &str) -> Result<bool, PasswordError> {
    let kept = PasswordHash::new(hash).map_err(PasswordError::Hash)?;
    let any = Argon2::default();
    Ok(any.verify_password(tidy(password).as_bytes(), &kept).is_ok())
}

/// Digits alone, four and four: Telex and VNI rewrite letters, and VNI digits behind vowels, also where
/// nobody sees what was typed. Each group is 13 bits.
///
/// # Errors
/// [`PasswordError::Random`]
pub fn digits(groups: usize) -> Result<Zeroizing<String>, PasswordError> {
    let mut text = Zeroizing::new(String::with_capacity(groups * 5));
    let mut count = 0;
    while count < groups * 4 {
        let mut byte = [0];
        getrandom::fill(&mut byte).map_err(PasswordError::Random)?;
        // 250 is the last multiple of ten that fits: no digit comes more often than another.
        if byte[0] < 250 {
            if count > 0 && count % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(b'0' + byte[0] % 10));
            count += 1;
        }
    }
    Ok(text)
}

/// 256 random bits in hexadecimal digits.
///
/// # Errors
/// [`PasswordError::Random`]
pub fn secret() -> Result<Zeroizing<String>, PasswordError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(PasswordError::Random)?;
    Ok(Zeroizing::new(blake3::Hash::from(bytes).to_hex().to_string()))
}

/// A password as it is hashed: keyboards compose Vietnamese letters in more than one way, and how digits
/// that were printed in groups are typed does not matter.
pub fn tidy(password: &str) -> Zeroizing<String> {
    let is_gap = |c: char| c.is_whitespace() || c == '-';
    if password.chars().all(|c| c.is_ascii_digit() || is_gap(c)) {
        return Zeroizing::new(password.chars().filter(|c| !is_gap(*c)).collect());
    }
    Zeroizing::new(password.nfkc().collect())
}

fn hasher(cost: Cost) -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(cost.kib, cost.passes, 1, None)
        .map_err(|error| PasswordError::Hash(error.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CHEAP: Cost = Cost { kib: 64, passes: 1 };

    #[test]
    fn a_password_opens_its_hash_however_its_letters_are_composed_and_no_other_does() {
        let kept = hash("Mật khẩu dài", CHEAP).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=64,t=1,p=1$") && is_hash(&kept));
        assert!(verify("Ma\u{323}\u{302}t kha\u{302}\u{309}u dài", &kept).unwrap());
        assert!(!verify("Mat khau dai", &kept).unwrap());
        assert!(!verify("", &kept).unwrap());
        assert_ne!(kept, hash("Mật khẩu dài", CHEAP).unwrap(), "each hash has a salt of its own");
        assert!(verify("x", "no hash").is_err() && !is_hash("no hash"));
    }

    #[test]
    fn printed_digits_may_be_typed_in_any_groups() {
        let made = digits(5).unwrap();
        assert_eq!((made.len(), made.matches('-').count()), (24, 4));
        let kept = hash(&made, CHEAP).unwrap();
        assert!(verify(&made.replace('-', " "), &kept).unwrap());
        assert!(verify(&made.replace('-', ""), &kept).unwrap());
        // Where letters are in it, a dash is a sign like any other.
        assert_ne!(*tidy("a-b"), *tidy("ab"));
    }
}
