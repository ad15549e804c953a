//! Scans: attachments of a dossier, named by the BLAKE3 of their bytes and moved in pieces, each of
//! which is proved by itself. What is here is arithmetic; the moving is [`crate::replica`]'s.

mod media;
mod reference;
mod tree;
mod window;

pub use media::{Media, UnknownMedia};
pub use reference::{DOSSIERS, Reference, dossiers_of, reference_row, scan_of, size_for};
pub use tree::{Decoder, Pair, ProofError, Tree, groups, leaf, piece_range};
pub use window::Window;
