//! Money of a dossier: what is demanded, taken, given back, and what follows; design/money.md has the rules.
//!
//! - [`amount`] whole đồng; [`facts`] what is written; [`limits`] how much of it
//! - `graph` who had seen what; [`rule`] what follows, with `boxes` what is left of each receipt, and [`state`] how
//!   it is told; [`acts`] what may be written
//! - [`cash`] the count at the end of the day
//! - `words` amounts in words; [`tariff`] fees of procedures; [`series`] numbers of receipts

pub mod acts;
pub mod amount;
mod boxes;
pub mod cash;
pub mod facts;
mod graph;
pub mod limits;
pub mod rule;
pub mod series;
pub mod state;
pub mod tariff;
mod words;

pub use acts::{Line, MoneyError, Paying, Refunding, cancel, demand, pay, refund, settle};
pub use amount::Dong;
pub use facts::{Cancelled, FeeLine, Receipt, Refund, Settled, Way};
pub use graph::seen_by;
pub use rule::money;
pub use state::{Cause, Contested, Money, MoneyState, Movement, ReceiptState, Standing};
pub use words::words;
