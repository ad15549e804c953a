//! Pure core of Một Cửa.

pub mod id;
pub mod time;
