//! `FutexWord`: a word to sleep on.
#![allow(unsafe_code)] // a word in the caller's memory

use super::buffer::Place;
use super::patience;
use crate::fast::{self, Method};
use crate::waiting::{self, Patience};
use procsync::raw;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use std::convert::Infallible;
use std::time::Duration;

/// A 32-bit word in the caller's memory that threads and processes can sleep on until it changes.
#[pyclass(frozen, weakref, module = "procsync.raw")]
pub(crate) struct FutexWord {
    place: Place<raw::FutexWord<'static>>,
}

#[pymethods]
impl FutexWord {
    #[new]
    #[pyo3(signature = (buffer, shared=true))]
    fn new(buffer: &Bound<'_, PyAny>, shared: bool) -> PyResult<Self> {
        let put = |start, length| {
            // SAFETY: valid for as long as the word lives; what others do is up to the program.
            unsafe { raw::FutexWord::from_ptr(start, length, shared) }
        };
        // SAFETY: what lies there is an atomic number: any bytes are one.
        let place = unsafe { Place::new("futex word", buffer, put) }?;
        Ok(FutexWord { place })
    }

    /// Sleeps while the word is `expected`; False if the time is up.
    #[pyo3(signature = (expected, timeout_ns=-1), text_signature = "($self, expected, timeout_ns=-1)")]
    fn wait(&self, py: Python<'_>, expected: u32, timeout_ns: i64) -> PyResult<bool> {
        let word = self.place.share(py)?;
        let timeout = match patience(timeout_ns) {
            Patience::Forever => None,
            Patience::For(timeout) => Some(timeout),
            Patience::Never => Some(Duration::ZERO),
        };
        let wait = || Ok::<bool, Infallible>(word.wait(expected, timeout));
        let Ok(woken) = waiting::wait(py, None, wait, |_| ())?;
        Ok(woken)
    }

    /// Wakes at most `n` of those who sleep; answers how many.
    #[pyo3(signature = (n=1))]
    fn wake(&self, py: Python<'_>, n: i64) -> PyResult<u32> {
        let n = u32::try_from(n).map_err(|_| match n {
            0.. => PyOverflowError::new_err("n is too large"),
            _ => PyValueError::new_err("n must not be negative"),
        })?;
        self.place.read(py, |word| word.wake(n))
    }

    /// Writes the word; wakes nobody.
    fn store_release(&self, py: Python<'_>, v: u32) -> PyResult<()> {
        self.place.read(py, |word| word.store_release(v))
    }

    /// Lets the bytes go.
    fn close(&self, py: Python<'_>) {
        self.place.close(py);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.place.look(py, |word| word.load_acquire()) {
            Some(value) => format!("<procsync.raw.FutexWord: {value}>"),
            None => "<procsync.raw.FutexWord: closed>".to_owned(),
        }
    }
}

fast::plain! {
    fn load_acquire(py, this: &FutexWord) {
        match this.place.look(py, |word| word.load_acquire()) {
            Some(value) => fast::int_object(u64::from(value)),
            None => fast::slowly(|_| Err(this.place.closed_error())),
        }
    }
}

pub(super) fn add_methods(py: Python<'_>) -> PyResult<()> {
    fast::add::<FutexWord>(
        py,
        vec![(
            c"load_acquire",
            Method::Plain(load_acquire),
            c"load_acquire($self, /)\n--\n\nReads the word.",
        )],
    )
}
