//! `Mutex`: a lock in 64 bytes of the caller's.
#![allow(unsafe_code)] // a header in the caller's memory, functions that CPython calls

use super::buffer::{Place, Placed};
use super::{patience, spin};
use crate::error::raw_exception;
use crate::fast::{self, Acquire, Method, Refused};
use crate::waiting::{self, Patience};
use procsync::raw;
use pyo3::prelude::*;
use std::sync::Arc;

type State = raw::RawMutex<'static>;

/// A lock in 64 bytes of memory that the caller supplies.
#[pyclass(frozen, weakref, name = "Mutex", module = "procsync.raw")]
pub(crate) struct RawMutex {
    place: Place<State>,
}

impl Acquire for RawMutex {
    #[inline(always)]
    fn at_once(&self, py: Python<'_>) -> bool {
        self.place.look(py, |mutex| mutex.try_acquire()) == Some(true)
    }

    fn acquire(&self, py: Python<'_>, patience: Patience) -> PyResult<bool> {
        self.wait(py, patience, None)
    }

    #[inline(always)]
    fn release(&self, py: Python<'_>) -> Result<(), Refused> {
        match self.place.look(py, |mutex| mutex.release()) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Refused::Raw(error)),
            None => Err(Refused::Closed),
        }
    }

    fn explain(&self, _py: Python<'_>, refused: Refused) -> PyErr {
        match refused {
            Refused::Raw(error) => raw_exception(&error),
            _ => self.place.closed_error(),
        }
    }
}

impl RawMutex {
    fn wait(&self, py: Python<'_>, patience: Patience, pauses: Option<i64>) -> PyResult<bool> {
        let mutex: Arc<Placed<State>> = self.place.share(py)?;
        let outcome = match patience {
            Patience::Never => return Ok(mutex.try_acquire()),
            Patience::For(timeout) => {
                let wait = || mutex.acquire_timeout(Some(timeout), spin(pauses));
                waiting::wait(py, None, wait, |()| drop(mutex.release()))?
            }
            Patience::Forever => {
                let wait = || match pauses {
                    None => mutex.acquire(),
                    Some(_) => mutex.acquire_timeout(None, spin(pauses)),
                };
                waiting::wait(py, None, wait, |()| drop(mutex.release()))?
            }
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(raw::Error::TimedOut { .. }) => Ok(false),
            Err(error) => Err(raw_exception(&error)),
        }
    }
}

#[pymethods]
impl RawMutex {
    #[new]
    #[pyo3(signature = (buffer, shared=true))]
    fn new(buffer: &Bound<'_, PyAny>, shared: bool) -> PyResult<Self> {
        let put = |start, length| {
            // SAFETY: valid for as long as the mutex lives; what others do is up to the program.
            unsafe { raw::RawMutex::from_ptr(start, length, shared) }
        };
        // SAFETY: what lies there consists of atomics: any bytes are good.
        let place = unsafe { Place::new("raw mutex", buffer, put) }?;
        Ok(RawMutex { place })
    }

    /// Acquires it; False if it could not be had in time.
    #[pyo3(signature = (timeout_ns=-1, spin=16), text_signature = "($self, timeout_ns=-1, spin=16)")]
    fn acquire_ns(&self, py: Python<'_>, timeout_ns: i64, spin: i64) -> PyResult<bool> {
        if self.at_once(py) {
            return Ok(true);
        }
        self.wait(py, patience(timeout_ns), Some(spin))
    }

    /// Frees it whoever holds it, and wakes one who waits.
    fn force_release(&self, py: Python<'_>) -> PyResult<()> {
        self.place.read(py, |mutex| {
            mutex.force_release();
        })
    }

    /// Whether anybody holds it.
    fn locked(&self, py: Python<'_>) -> PyResult<bool> {
        self.place.read(py, |mutex| mutex.is_locked())
    }

    /// The process id of the holder; 0 if nobody holds it.
    fn owner_pid(&self, py: Python<'_>) -> PyResult<u32> {
        self.place.read(py, |mutex| mutex.owner_pid())
    }

    /// When it was last acquired, in ns since 1970; 0 if never.
    fn last_acquired_ns(&self, py: Python<'_>) -> PyResult<u64> {
        self.place.read(py, |mutex| mutex.last_acquired_ns())
    }

    /// The number in its first four bytes.
    fn magic(&self, py: Python<'_>) -> PyResult<u32> {
        self.place.read(py, |mutex| mutex.magic())
    }

    /// Lets the bytes go.
    fn close(&self, py: Python<'_>) {
        self.place.close(py);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let state = match self.place.look(py, |mutex| (mutex.is_locked(), mutex.owner_pid())) {
            None => "closed".to_owned(),
            Some((false, _)) => "free".to_owned(),
            Some((true, pid)) => format!("held by pid {pid}"),
        };
        format!("<procsync.raw.Mutex: {state}>")
    }
}

fast::plain! {
    fn acquire(py, this: &RawMutex) {
        if this.at_once(py) {
            return fast::bool_object(py, true);
        }
        fast::slowly(|py| Ok(fast::bool_object(py, this.wait(py, Patience::Forever, None)?)))
    }
}

fast::plain! {
    fn try_acquire(py, this: &RawMutex) {
        match this.place.look(py, |mutex| mutex.try_acquire()) {
            Some(got) => fast::bool_object(py, got),
            None => fast::slowly(|_| Err(this.place.closed_error())),
        }
    }
}

unsafe extern "C" fn enter(
    object: *mut pyo3::ffi::PyObject,
    nothing: *mut pyo3::ffi::PyObject,
) -> *mut pyo3::ffi::PyObject {
    // SAFETY: called as CPython would call it.
    let acquired = unsafe { acquire(object, nothing) };
    if acquired.is_null() {
        return acquired;
    }
    // SAFETY: attached, and its bool, of which the caller gets nothing.
    unsafe { pyo3::ffi::Py_DECREF(acquired) };
    // SAFETY: live, for its method runs; the caller gets a reference of its own.
    unsafe { pyo3::ffi::Py_INCREF(object) };
    object
}

pub(super) fn add_methods(py: Python<'_>) -> PyResult<()> {
    fast::add_release::<RawMutex>(
        py,
        c"release($self, /)\n--\n\nReleases it, in whichever thread of the process that holds it.",
    )?;
    fast::add_exit::<RawMutex>(py)?;
    fast::add::<RawMutex>(
        py,
        vec![
            (
                c"acquire",
                Method::Plain(acquire),
                c"acquire($self, /)\n--\n\nAcquires it, waiting as long as that takes.",
            ),
            (
                c"try_acquire",
                Method::Plain(try_acquire),
                c"try_acquire($self, /)\n--\n\nAcquires it if it is free.",
            ),
            (c"__enter__", Method::Plain(enter), c"__enter__($self, /)\n--\n\nAcquires it."),
        ],
    )
}
