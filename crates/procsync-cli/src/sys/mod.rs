//! The only place that knows the system. Each seam is a folder with a file per system, identical
//! signatures in all of them, and a `mod.rs` that only chooses.

mod child;
mod machine;
mod tokens;

pub(crate) use child::*;
pub(crate) use machine::*;
#[allow(unused_imports)] // where there is no job server, there are no tokens
pub(crate) use tokens::*;
