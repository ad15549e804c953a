//! The file `tls-chain`: certificates one after the other, each after its length (u32 LE).

use super::{IdentityError, damaged, files::read};
use motcua_core::limits;
use std::path::Path;

pub(super) fn write_chain(chain: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for certificate in chain {
        out.extend_from_slice(&(certificate.len() as u32).to_le_bytes());
        out.extend_from_slice(certificate);
    }
    out
}

pub(super) fn read_chain(file: &Path) -> Result<Vec<Vec<u8>>, IdentityError> {
    let bytes = read(file)?;
    split(&bytes).ok_or_else(|| damaged(file, &"it is not a list of certificates"))
}

fn split(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut chain = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (certificate, rest) = rest.split_at_checked(length)?;
        let fits = length <= limits::CERTIFICATE_BYTES && chain.len() < limits::CERTIFICATE_CHAIN;
        chain.push(fits.then(|| certificate.to_vec())?);
        bytes = rest;
    }
    (!chain.is_empty()).then_some(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_round_trips_and_every_cut_is_seen() {
        let chain = vec![vec![1, 2, 3], vec![4; 300]];
        let bytes = write_chain(&chain);
        assert_eq!(split(&bytes), Some(chain));
        for length in (0..bytes.len()).filter(|length| *length != 7) {
            assert_eq!(split(&bytes[..length]), None, "{length}");
        }
        assert_eq!(split(&write_chain(&vec![vec![1]; 5])), None);
        assert_eq!(split(&[0xff; 8]), None);
    }
}
