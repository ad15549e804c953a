//! Kinds of entries. Numbers are for ever; those of later work are reserved here so that old
//! replicas know what to do with them.

/// What an entry is. The top bit marks it critical: a replica that does not know a critical kind
/// holds the dossier, one that does not know another kind stores and relays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// First change of a dossier; carries the nonce its id is bound to.
    Create,
    /// A later change.
    Change,
    /// Reserved: a process start, with its nonce.
    Boot,
    /// Reserved: an attachment's address and verified size.
    Attach,
    /// A registrar's signed act on the audience, for an office that is gone.
    Administrative,
    /// Reserved: closes a dossier against ordinary changes.
    Seal,
    /// Reserved: new log with images and a reason, over a hole nobody can fill.
    Rebase,
    /// Reserved: takes in a foreign trust domain with its frozen logs.
    Adoption,
    /// Reserved: who read what.
    ViewLog,
    /// A hub's decision on another entry.
    Decision,
    /// Not known to this version.
    Unknown(u8),
}

impl Kind {
    const CRITICAL: u8 = 0x80;

    /// The byte in the header.
    pub fn byte(self) -> u8 {
        match self {
            Self::Create => 1 | Self::CRITICAL,
            Self::Change => 2 | Self::CRITICAL,
            Self::Boot => 3,
            Self::Attach => 4,
            Self::Administrative => 5 | Self::CRITICAL,
            Self::Seal => 6 | Self::CRITICAL,
            Self::Rebase => 7 | Self::CRITICAL,
            Self::Adoption => 8 | Self::CRITICAL,
            Self::ViewLog => 9,
            Self::Decision => 10 | Self::CRITICAL,
            Self::Unknown(byte) => byte,
        }
    }

    /// From the byte in the header; total.
    pub fn from_byte(byte: u8) -> Self {
        const KNOWN: [Kind; 10] = [
            Kind::Create,
            Kind::Change,
            Kind::Boot,
            Kind::Attach,
            Kind::Administrative,
            Kind::Seal,
            Kind::Rebase,
            Kind::Adoption,
            Kind::ViewLog,
            Kind::Decision,
        ];
        KNOWN.into_iter().find(|kind| kind.byte() == byte).unwrap_or(Self::Unknown(byte))
    }

    /// Whether a replica that cannot handle it must hold the dossier.
    pub fn is_critical(self) -> bool {
        self.byte() & Self::CRITICAL != 0
    }

    /// Whether the payload is an automerge change that this version applies.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Create | Self::Change)
    }
}

/// What kind of document an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocType {
    /// A citizen's dossier.
    Dossier,
    /// Somebody, or a program, of one office who may log in.
    Account,
    /// Who saw what in one office, and who logged in.
    Audit,
    /// A count of the cash of one office.
    Cash,
    /// Reserved: 2 draft, 4 document between offices, 5 invitation.
    Other(u8),
}

impl DocType {
    /// The byte in the header.
    pub fn byte(self) -> u8 {
        match self {
            Self::Dossier => 1,
            Self::Account => 3,
            Self::Audit => 6,
            Self::Cash => 7,
            Self::Other(byte) => byte,
        }
    }

    /// From the byte in the header; total.
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Dossier,
            3 => Self::Account,
            6 => Self::Audit,
            7 => Self::Cash,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_and_only_the_top_bit_is_critical() {
        for byte in 0..=255 {
            assert_eq!(Kind::from_byte(byte).byte(), byte);
            assert_eq!(Kind::from_byte(byte).is_critical(), byte >= 128);
            assert_eq!(DocType::from_byte(byte).byte(), byte);
        }
        assert_eq!(Kind::from_byte(0x81), Kind::Create);
        assert_eq!(Kind::from_byte(1), Kind::Unknown(1), "the bit is part of the kind");
    }
}
