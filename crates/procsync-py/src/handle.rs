//! A handle that can be closed.

use crate::attached::Attached;
use crate::error;
use crate::opening::Opening;
use procsync::Kind;
use pyo3::prelude::*;
use std::sync::Arc;

/// What a Python object holds of a named object, until it is closed. A thread that waits keeps it
/// open meanwhile.
pub(crate) struct Handle<T> {
    pub(crate) opening: Opening,
    kind: Kind,
    value: Attached<Option<Arc<T>>>,
}

impl<T: Send + Sync> Handle<T> {
    pub(crate) fn new(opening: Opening, kind: Kind, value: T) -> Self {
        Handle { opening, kind, value: Attached::new(Some(Arc::new(value))) }
    }

    /// Looks at it without counting, if it is open. For what calls no Python and does not wait.
    #[inline(always)]
    pub(crate) fn look<R>(&self, py: Python<'_>, body: impl FnOnce(&T) -> R + Send) -> Option<R> {
        self.value.with(py, |value| value.as_deref().map(body))
    }

    /// As [`look`](Self::look), for what looks at something else of the kind meanwhile. `body` must
    /// not use the token for anything but that.
    #[inline(always)]
    pub(crate) fn look_attached<'py, R>(
        &self,
        py: Python<'py>,
        body: impl FnOnce(Python<'py>, &T) -> R,
    ) -> Option<R> {
        self.value.with_token(py, |py, value| value.as_deref().map(|value| body(py, value)))
    }

    /// Shares it, to use it while others may close it.
    pub(crate) fn share(&self, py: Python<'_>) -> PyResult<Arc<T>> {
        self.value.with(py, |value| value.clone()).ok_or_else(|| self.closed_error(py))
    }

    pub(crate) fn is_closed(&self, py: Python<'_>) -> bool {
        self.value.with(py, |value| value.is_none())
    }

    /// Closes it; once is enough.
    pub(crate) fn close(&self, py: Python<'_>) {
        let closed = self.value.with(py, Option::take);
        // Takes some system calls.
        py.detach(|| drop(closed));
    }

    pub(crate) fn name(&self) -> &str {
        let name = &self.opening.name;
        // As the library shows it: without a prefix.
        ["Global\\", "Local\\", "/"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name)
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind.as_str()
    }

    pub(crate) fn closed_error(&self, py: Python<'_>) -> PyErr {
        error::closed(py, self.kind(), self.name())
    }
}
