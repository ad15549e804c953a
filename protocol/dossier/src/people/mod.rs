//! People of an office: accounts as documents of facts ([`account`]), their roles ([`role`]), and who may do
//! which duty ([`duty`]), who takes whose stead ([`stead`]). What was seen by whom is in [`audit`]. See design/people.md.

pub mod account;
pub mod audit;
pub mod duty;
pub mod role;
pub mod stead;

pub use account::{Account, AccountKind, Said};
pub use audit::Seen;
pub use duty::Duty;
pub use role::{Role, Roles};
pub use stead::{Stead, Term};
