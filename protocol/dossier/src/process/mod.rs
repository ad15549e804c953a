//! The internal process of a procedure (quy trình nội bộ) and hand-overs inside an office (giao nhận nội
//! bộ): who has a dossier there, since when, and until when its step should take. All of it follows from
//! facts; design/process.md says why.

mod acts;
mod legs;
pub mod limits;
mod paper;
mod passings;
mod table;
mod telephones;

pub use acts::{Addressee, may_pass, pass, refuse_pass, take_pass, waits_inside};
pub use legs::{Leg, Outcome, legs};
pub use paper::{Given, LISTED, given, is_number, number, numbers, take_listed, waits};
pub use passings::{Answer, Holding, Passing, holdings, passings, stay};
pub use table::{Process, Section, Stage, StageRole, Table, TableError};
pub use telephones::Telephones;
