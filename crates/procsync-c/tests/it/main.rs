//! The C interface, tried from C, C++, Python and JavaScript, as it is installed.
#![cfg(target_os = "linux")]

mod dart;
mod documentation;
mod header;
mod installed;
mod languages;
mod programs;
mod toolbox;
