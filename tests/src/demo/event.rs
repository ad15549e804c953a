//! What the demo shows: one line for each thing that happens, Vietnamese first.

use std::{
    fmt,
    io::{self, Write},
    time::Duration,
};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A counter registered a dossier.
    Registered {
        /// The office.
        office: String,
        /// Its code.
        code: String,
        /// Who asks.
        name: String,
    },
    /// A dossier changed its state.
    Moved {
        /// The office.
        office: String,
        /// Its code.
        code: String,
        /// The new state in Vietnamese.
        state: String,
    },
    /// A dossier was forwarded.
    Forwarded {
        /// By whom.
        from: String,
        /// To whom.
        to: String,
        /// Its code.
        code: String,
    },
    /// A forwarded dossier was taken over.
    Taken {
        /// The office.
        office: String,
        /// Its code.
        code: String,
    },
    /// A forwarded dossier is seen at the other office, so long after it was saved.
    Arrived {
        /// The other office.
        at: String,
        /// Its code.
        code: String,
        /// How long it took.
        after: Duration,
    },
    /// A machine gave no answer or said no.
    Trouble {
        /// The office.
        office: String,
        /// What it said.
        why: String,
    },
    /// Something done to a line or a machine.
    Deed(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered { office, code, name } => {
                write!(f, "{office}: đăng ký / registered {code}, {name}")
            }
            Self::Moved { office, code, state } => {
                write!(f, "{office}: {code} → {state}")
            }
            Self::Forwarded { from, to, code } => {
                write!(f, "{from} → {to}: chuyển / forwarded {code}")
            }
            Self::Taken { office, code } => write!(f, "{office}: tiếp nhận / took over {code}"),
            Self::Arrived { at, code, after } => {
                write!(f, "{at}: thấy / sees {code} sau / after {} ms", after.as_millis())
            }
            Self::Trouble { office, why } => {
                write!(f, "{office}: không trả lời / no answer: {why}")
            }
            Self::Deed(words) => write!(f, "*** {words}"),
        }
    }
}

/// Writes a line to the terminal; one that is closed is no reason to stop.
pub fn say(line: impl fmt::Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
