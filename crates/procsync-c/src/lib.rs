//! The C interface: `libprocsync` and `include/procsync.h`, which is made of this crate's public
//! items by cbindgen. It holds no policy: it translates. See docs/c-api.md.
//!
//! # What the C caller promises
//!
//! The `SAFETY` lines refer to it. Every pointer that a C function is given is, as its documentation
//! says, null, or a handle that a function here made and that is not closed during the call, or
//! valid for reads or writes of what it points to for the duration of the call; texts end in a zero;
//! memory for raw words stays until the handle is closed and is used by atomics only. What can be
//! told at run time is told: null, misaligned, a handle of another kind. Nothing else can.
//!
//! # How it is built up
//!
//! `boundary` is what every function goes through: pointers in, numbers out, no panic past it.
//! `handle` is what opaque pointers point to. `failure` and `last_error` turn errors into numbers and
//! texts. The rest is one file per object, each function a few lines around a call of the library.

// The names are the header's; C reaches what Rust cannot see.
#![allow(non_camel_case_types, unreachable_pub)]

mod boundary;
mod deceased;
mod errno;
mod event;
mod failure;
mod forks;
mod handle;
mod inspect;
mod interrupt;
mod last_error;
mod mutex;
mod native_semaphore;
mod of_thread;
mod options;
mod participants;
mod permits;
mod raw_mutex;
mod raw_semaphore;
mod reentrant_mutex;
mod removal;
mod semaphore;
mod shared_memory;
mod status;
#[cfg(test)]
mod tests;
mod token_semaphore;
mod version;
mod words;
