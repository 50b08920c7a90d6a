//! The caller's memory: pinned for as long as something here uses it.
#![allow(unsafe_code)] // pointers into Python's buffers

use crate::attached::Attached;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use std::sync::Arc;

/// Bytes of a Python object that can neither be freed nor moved, nor shrink, while this lives: a
/// bytearray refuses to be resized, an mmap and a memoryview to be closed.
struct Pinned {
    buffer: Option<PyUntypedBuffer>,
}

impl Pinned {
    fn new(object: &Bound<'_, PyAny>) -> PyResult<Pinned> {
        let buffer = PyUntypedBuffer::get(object)?;
        if buffer.readonly() {
            return Err(PyTypeError::new_err("the buffer is read-only; a writable one is needed"));
        }
        if !buffer.is_c_contiguous() {
            return Err(PyValueError::new_err("the buffer's bytes do not lie side by side"));
        }
        Ok(Pinned { buffer: Some(buffer) })
    }

    fn bytes(&self) -> (*mut u8, usize) {
        let buffer = self.buffer.as_ref();
        buffer.map_or((std::ptr::null_mut(), 0), |buffer| {
            (buffer.buf_ptr().cast(), buffer.len_bytes())
        })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The last thread to let go may be one that is not attached. If the interpreter has ended,
        // nobody is left to give the bytes back to.
        if let Some(buffer) = self.buffer.take() {
            let mut buffer = Some(buffer);
            let _ = Python::try_attach(|py| buffer.take().map(|buffer| buffer.release(py)));
            std::mem::forget(buffer);
        }
    }
}

/// Something that lies in the caller's bytes. It ends before they may.
pub(super) struct Placed<T> {
    value: T,
    _pinned: Pinned,
}

impl<T> std::ops::Deref for Placed<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.value
    }
}

/// What a raw object of Python holds, until it is closed.
pub(super) struct Place<T> {
    what: &'static str,
    value: Attached<Option<Arc<Placed<T>>>>,
}

impl<T: Send + Sync> Place<T> {
    /// Puts something into the caller's bytes.
    ///
    /// # Safety
    /// `put` is given a pointer to so many bytes, which are valid for reads and writes for as long
    /// as what it makes lives, and must do nothing with them but what is right then. Whether others
    /// write there otherwise than by atomic operations is up to the Python program, as with all
    /// memory that Python shares: for what `put` makes, any bytes must be good.
    pub(super) unsafe fn new(
        what: &'static str,
        buffer: &Bound<'_, PyAny>,
        put: impl FnOnce(*mut u8, usize) -> Result<T, procsync::raw::Error>,
    ) -> PyResult<Self> {
        let pinned = Pinned::new(buffer)?;
        let (start, length) = pinned.bytes();
        let value = put(start, length).map_err(|error| crate::error::raw_exception(&error))?;
        let value = Attached::new(Some(Arc::new(Placed { value, _pinned: pinned })));
        Ok(Place { what, value })
    }

    /// Looks at it without counting, if it is open. For what calls no Python and does not wait.
    #[inline(always)]
    pub(super) fn look<R>(&self, py: Python<'_>, body: impl FnOnce(&T) -> R + Send) -> Option<R> {
        self.value.with(py, |value| value.as_deref().map(|placed| body(placed)))
    }

    /// Looks at it, or raises.
    #[inline]
    pub(super) fn read<R>(&self, py: Python<'_>, body: impl FnOnce(&T) -> R + Send) -> PyResult<R> {
        self.look(py, body).ok_or_else(|| self.closed_error())
    }

    /// Shares it, to use it while others may close it.
    pub(super) fn share(&self, py: Python<'_>) -> PyResult<Arc<Placed<T>>> {
        self.value.with(py, |value| value.clone()).ok_or_else(|| self.closed_error())
    }

    /// Lets the bytes go.
    pub(super) fn close(&self, py: Python<'_>) {
        drop(self.value.with(py, Option::take));
    }

    pub(super) fn closed_error(&self) -> PyErr {
        PyValueError::new_err(format!("this {} was closed", self.what))
    }
}
