//! `Semaphore`: a count in 64 bytes of the caller's.
#![allow(unsafe_code)] // a header in the caller's memory

use super::buffer::Place;
use super::{patience, spin};
use crate::error::raw_exception;
use crate::fast::{self, Method};
use crate::waiting::{self, Patience};
use procsync::raw;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use std::time::Duration;

/// A count in 64 bytes of memory that the caller supplies.
#[pyclass(frozen, weakref, name = "Semaphore", module = "procsync.raw")]
pub(crate) struct RawSemaphore {
    place: Place<raw::RawSemaphore<'static>>,
}

impl RawSemaphore {
    fn count(&self, py: Python<'_>, n: u32) -> PyResult<()> {
        self.place.read(py, |semaphore| semaphore.post(n))?.map_err(|error| raw_exception(&error))
    }
}

#[pymethods]
impl RawSemaphore {
    #[new]
    #[pyo3(signature = (buffer, initial=None, shared=true))]
    fn new(buffer: &Bound<'_, PyAny>, initial: Option<i64>, shared: bool) -> PyResult<Self> {
        let out_of_range = |_| PyOverflowError::new_err("initial is not a 32-bit number");
        let initial = initial.map(u32::try_from).transpose().map_err(out_of_range)?;
        let put = |start, length| {
            // SAFETY: valid for as long as it lives; what others do is up to the program.
            unsafe { raw::RawSemaphore::from_ptr(start, length, initial, shared) }
        };
        // SAFETY: what lies there consists of atomics: any bytes are good.
        let place = unsafe { Place::new("raw semaphore", buffer, put) }?;
        Ok(RawSemaphore { place })
    }

    /// Sets the count, whatever it was.
    fn reset(&self, py: Python<'_>, count: u32) -> PyResult<()> {
        self.place.read(py, |semaphore| semaphore.reset(count))
    }

    /// How many there are.
    fn value(&self, py: Python<'_>) -> PyResult<u32> {
        self.place.read(py, |semaphore| semaphore.value())
    }

    /// The process id of the process that took one last; 0 if none did.
    fn last_pid(&self, py: Python<'_>) -> PyResult<u32> {
        self.place.read(py, |semaphore| semaphore.last_pid())
    }

    /// When one was last taken, in ns since 1970; 0 if never.
    fn last_acquired_ns(&self, py: Python<'_>) -> PyResult<u64> {
        self.place.read(py, |semaphore| semaphore.last_acquired_ns())
    }

    /// The number in its first four bytes.
    fn magic(&self, py: Python<'_>) -> PyResult<u32> {
        self.place.read(py, |semaphore| semaphore.magic())
    }

    /// Lets the bytes go.
    fn close(&self, py: Python<'_>) {
        self.place.close(py);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.place.look(py, |semaphore| semaphore.value()) {
            Some(value) => format!("<procsync.raw.Semaphore: {value}>"),
            None => "<procsync.raw.Semaphore: closed>".to_owned(),
        }
    }
}

fast::plain! {
    fn post1(py, this: &RawSemaphore) {
        match this.place.look(py, |semaphore| semaphore.post(1)) {
            Some(Ok(())) => fast::none_object(py),
            Some(Err(error)) => fast::slowly(|_| Err(raw_exception(&error))),
            None => fast::slowly(|_| Err(this.place.closed_error())),
        }
    }
}

fast::many! {
    fn post(py, this: &RawSemaphore, arguments: Arguments) {
        if arguments.is_empty()
            && let Some(Ok(())) = this.place.look(py, |semaphore| semaphore.post(1)) {
                return fast::none_object(py);
            }
        fast::slowly(|py| {
            let [n] = arguments.read(py, "post", ["n"])?;
            let n = match n {
                None => 1,
                Some(n) => n.extract().map_err(|error: PyErr| {
                    if n.is_instance_of::<pyo3::types::PyInt>() {
                        PyOverflowError::new_err("n is not a 32-bit number")
                    } else {
                        error
                    }
                })?,
            };
            this.count(py, n)?;
            Ok(fast::none_object(py))
        })
    }
}

fast::many! {
    fn wait(py, this: &RawSemaphore, arguments: Arguments) {
        let at_once = || this.place.look(py, |semaphore| semaphore.try_wait()) == Some(true);
        if arguments.is_empty() && at_once() {
            return fast::bool_object(py, true);
        }
        fast::slowly(|py| {
            let names = ["blocking", "timeout_ns", "spin"];
            let [blocking, timeout_ns, pauses] = arguments.read(py, "wait", names)?;
            let blocking = blocking.map_or(Ok(true), |blocking| blocking.is_truthy())?;
            let timeout_ns = timeout_ns.map_or(Ok(-1), |timeout| timeout.extract())?;
            let pauses: i64 = pauses.map_or(Ok(128), |pauses| pauses.extract())?;
            if at_once() {
                return Ok(fast::bool_object(py, true));
            }
            let semaphore = this.place.share(py)?;
            let patience = if blocking { patience(timeout_ns) } else { Patience::Never };
            let timeout = match patience {
                Patience::Never => return Ok(fast::bool_object(py, semaphore.try_wait())),
                Patience::For(timeout) => Some(timeout),
                Patience::Forever => None::<Duration>,
            };
            let wait = || semaphore.wait_timeout(timeout, spin(Some(pauses)));
            // The count cannot be full: one was taken just now.
            let undo = |()| drop(semaphore.post(1));
            match waiting::wait(py, None, wait, undo)? {
                Ok(()) => Ok(fast::bool_object(py, true)),
                Err(raw::Error::TimedOut { .. }) => Ok(fast::bool_object(py, false)),
                Err(error) => Err(raw_exception(&error)),
            }
        })
    }
}

pub(super) fn add_methods(py: Python<'_>) -> PyResult<()> {
    fast::add::<RawSemaphore>(
        py,
        vec![
            (c"post1", Method::Plain(post1), c"post1($self, /)\n--\n\nAdds one."),
            (
                c"post",
                Method::Many(post),
                c"post($self, /, n=1)\n--\n\nAdds n, and wakes as many that wait.",
            ),
            (
                c"wait",
                Method::Many(wait),
                c"wait($self, /, blocking=True, timeout_ns=-1, spin=128)\n--\n\nTakes one; False if there was none in time.",
            ),
        ],
    )
}
