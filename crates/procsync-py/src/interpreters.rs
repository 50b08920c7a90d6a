//! One interpreter of a process, no more.
#![allow(unsafe_code)] // asks which interpreter this is

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicI64, Ordering};

/// Whose the classes are; -1: not known yet.
static FIRST: AtomicI64 = AtomicI64::new(-1);

/// Refuses a second interpreter of this process. Classes and exceptions of one would show up in the
/// other, and threads of both would touch what only one interpreter's lock protects. CPython itself
/// refuses from 3.12 on, but only where the other interpreter has a lock of its own.
pub(crate) fn refuse_a_second_one(_py: Python<'_>) -> PyResult<()> {
    // SAFETY: attached, as the token proves; never null then.
    let state = unsafe { ffi::PyInterpreterState_Get() };
    // SAFETY: the state of a live interpreter.
    let this = unsafe { ffi::PyInterpreterState_GetID(state) };
    match FIRST.compare_exchange(-1, this, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Ok(()),
        Err(first) if first == this => Ok(()),
        Err(_) => Err(PyImportError::new_err(
            "procsync does not support subinterpreters: another interpreter of this process has it",
        )),
    }
}
