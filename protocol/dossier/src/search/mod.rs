//! Vietnamese search: what a clerk types without marks finds what was written with them, and who typed
//! the marks sees those first.

mod fold;
mod marks;
mod rank;

pub use fold::fold;
pub use marks::same_marks;
pub use rank::{Fit, Person, Query, rank};
