//! The command line as its users meet it: real processes, each test in a directory of its own.
#![cfg(target_os = "linux")]

mod bench;
mod demo;
mod doctor;
mod exits;
mod jobserver;
mod looks;
mod ls;
mod native;
mod objects;
mod pages;
mod rm;
mod run;
mod schema;
mod signals;
mod support;
mod tasks;
mod top;
