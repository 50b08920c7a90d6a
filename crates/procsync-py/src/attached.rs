//! State that threads of Python share.
#![allow(unsafe_code)] // a cell that the interpreter's lock protects

use pyo3::prelude::*;

/// What only threads that are attached to the interpreter touch, one at a time.
///
/// Where the interpreter has its global lock, that lock is what keeps the others out, and this
/// costs nothing. In a free-threaded interpreter it is a lock of its own.
#[derive(Debug, Default)]
pub(crate) struct Attached<T> {
    #[cfg(not(Py_GIL_DISABLED))]
    value: std::cell::UnsafeCell<T>,
    #[cfg(Py_GIL_DISABLED)]
    value: std::sync::Mutex<T>,
}

// SAFETY: `with` is the only way to the value, and it lets in one thread at a time: with the global
// lock, that of the interpreter's `Python` token; without it, that of the mutex.
#[cfg(not(Py_GIL_DISABLED))]
unsafe impl<T: Send> Sync for Attached<T> {}

impl<T> Attached<T> {
    pub(crate) fn new(value: T) -> Self {
        Attached { value: value.into() }
    }

    /// `body` must neither run Python code nor detach, else another thread (or the same one) would
    /// come in meanwhile: so it gets no token, and cannot bring one along either (that is not `Send`).
    #[inline(always)]
    pub(crate) fn with<R>(&self, py: Python<'_>, body: impl FnOnce(&mut T) -> R + Send) -> R {
        self.with_token(py, |_py, value| body(value))
    }

    /// As [`with`](Self::with), for a `body` that looks at other such state meanwhile: the token is
    /// for nothing else.
    #[inline(always)]
    pub(crate) fn with_token<'py, R>(
        &self,
        py: Python<'py>,
        body: impl FnOnce(Python<'py>, &mut T) -> R,
    ) -> R {
        #[cfg(not(Py_GIL_DISABLED))]
        // SAFETY: nobody else refers to the value: other threads are kept out by the interpreter's
        // lock, which the token proves that this thread has; and this thread is not in another
        // `with` of this value, because `body` keeps to the rule: it looks at other values only.
        let value = unsafe { &mut *self.value.get() };
        #[cfg(Py_GIL_DISABLED)]
        let value = &mut *self.value.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        body(py, value)
    }
}
