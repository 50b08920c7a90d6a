//! The C interface, tried from C, C++, Python and JavaScript.
#![cfg(target_os = "linux")]

mod header;
