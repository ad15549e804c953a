//! The office node: registers dossiers, moves them between offices and shows what is saved where,
//! with or without a network.

pub mod api;
mod clock_words;
mod codes;
pub mod desk;
pub mod drafts;
pub mod enrol;
pub mod error;
mod events;
mod extensions;
mod forms;
pub mod import;
pub mod import_command;
mod lists;
mod numbers;
pub mod places;
pub mod promise;
mod rebuilding;
pub mod redo;
mod scans;
pub mod service;
pub mod sync_words;
pub mod views;
