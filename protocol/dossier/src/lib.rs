//! What a dossier is: append-only facts in one flat automerge document, and everything that follows
//! from them by pure rules: status, hand-overs, conflicts, what may be done next.
//!
//! Nothing here knows of sync, disks or clocks: time, actors and ids are handed in.
//!
//! - [`fact`] the facts and their registry; [`document`] the document that holds them
//! - [`state`] the ten portal states and their transitions; [`mod@derive`] status from facts
//! - [`action`] what a clerk does, as facts and audience; [`view`] what a page shows
//! - [`card`] the line an identity card's QR holds
//! - [`code`] and [`lease`] dossier codes issued offline; [`procedure`] the catalogue
//! - [`people`] accounts, roles, who may do what
//! - [`lists`] in which list of an office a dossier is, who has it, since when
//! - [`steps`] what the law asks of a step, and the one extension
//! - [`corrections`] what a field says after corrections, and conflicts about it
//! - [`process`] the internal process of a procedure, hand-overs inside an office, deadlines of steps
//! - [`void`] registrations that are void; [`links`] dossiers that are one case, or are not
//! - [`pauses`] when the clock stood still and what that did to the promised date
//! - [`calendar`] working time; [`due`] promised dates; [`report`] the periodic report; [`local`] time
//! - [`money`] what is demanded, taken and given back, and what follows
//! - [`emergency`] codes on paper for the day on which the machine is dead
//! - [`asked`] requests that may be repeated; [`twin`] dossiers that may be one registered twice
//! - [`letters`] look-alikes of Đ put right; [`digits`] codes as digits; [`printing`] printings of forms
//! - [`search`] folding and ranking for Vietnamese search; [`image`] facts as bytes, for who has no history

pub mod action;
pub mod asked;
pub mod attachment;
pub mod calendar;
pub mod card;
pub mod code;
mod columns;
pub mod corrections;
pub mod derive;
pub mod digits;
pub mod document;
pub mod due;
pub mod emergency;
pub mod fact;
pub mod image;
pub mod lease;
pub mod letters;
pub mod links;
pub mod lists;
pub mod local;
pub mod money;
mod moves;
pub mod pauses;
pub mod people;
pub mod printing;
pub mod procedure;
pub mod process;
pub mod report;
pub mod search;
pub mod state;
pub mod steps;
pub mod twin;
pub mod view;
pub mod void;

/// Schema of the facts written by this version.
pub const SCHEMA: u16 = 1;
