//! The office node: registers dossiers, moves them between offices and shows what is saved where,
//! with or without a network.

pub mod account_command;
pub mod api;
mod cards;
mod clock_words;
mod codes;
mod conflicts;
mod corrections;
pub mod desk;
pub mod drafts;
mod emergency;
pub mod enrol;
pub mod error;
mod events;
mod extensions;
mod forms;
pub mod import;
pub mod import_command;
mod links;
mod lists;
mod money;
mod numbers;
mod page_words;
pub mod people;
pub mod places;
mod process;
pub mod promise;
mod rebuilding;
pub mod redo;
mod scan_folder;
mod scans;
pub mod service;
pub mod sync_words;
pub mod views;
mod voids;
