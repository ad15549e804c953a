//! The audience of a dossier: which offices take part, in which roles. It lives in entry headers
//! only, so that hubs route without reading a dossier.

use crate::id::OfficeId;

/// What an office does in a dossier (a boundary-free reception has up to four different ones).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Answers to the citizen.
    Desk,
    /// Took the papers in.
    ReceivedBy,
    /// Decides the case.
    Competent,
    /// Hands the result over.
    Returns,
    /// Not known to this version; takes part all the same.
    Unknown(u8),
}

impl Role {
    /// The byte in the header.
    pub fn byte(self) -> u8 {
        match self {
            Self::Desk => 1,
            Self::ReceivedBy => 2,
            Self::Competent => 3,
            Self::Returns => 4,
            Self::Unknown(byte) => byte,
        }
    }

    /// From the byte in the header; total.
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Desk,
            2 => Self::ReceivedBy,
            3 => Self::Competent,
            4 => Self::Returns,
            other => Self::Unknown(other),
        }
    }
}

/// Grant or revoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AudienceAction {
    /// The office takes part from here on and is sent the history.
    Add,
    /// The office leaves; deliveries stop.
    Remove,
}

/// One audience operation of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AudienceOp {
    /// Grant or revoke.
    pub action: AudienceAction,
    /// In which role.
    pub role: Role,
    /// Which office.
    pub office: OfficeId,
}

impl AudienceOp {
    /// Bytes of one operation in the header: action, role, office.
    pub const LEN: usize = 2 + OfficeId::LEN;

    /// Appends the header form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.action {
            AudienceAction::Add => 1,
            AudienceAction::Remove => 2,
        });
        out.push(self.role.byte());
        out.extend_from_slice(&self.office.0);
    }

    /// Reads the header form from exactly [`Self::LEN`] bytes; `None` for an unknown action,
    /// which no replica could evaluate.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let [action, role, office @ ..] = bytes else { return None };
        let action = match action {
            1 => AudienceAction::Add,
            2 => AudienceAction::Remove,
            _ => return None,
        };
        Some(Self { action, role: Role::from_byte(*role), office: OfficeId::from_slice(office)? })
    }
}
