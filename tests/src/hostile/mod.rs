//! An enrolled machine that lies. It has a valid certificate and binding, speaks the real protocol
//! over the shipped transport, and says whatever it likes instead of what a replica would say.
//!
//! Beside it works an honest office; hub and honest node are the shipped programs. What the hub
//! made of the lies is asked of its metrics and of the kernel (design/faults.md).

mod forge;
mod peer;
mod stage;

pub use forge::Liar;
pub use peer::{Heard, Line, Peer, ReadsNothing};
pub use stage::{Cost, HONEST, Load, Stage};
