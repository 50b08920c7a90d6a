//! procsync.
#![allow(dead_code)] // while it is being built
pub mod raw;
