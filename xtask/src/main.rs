//! Every check as a program.
fn main() {}
