//! `with lock.hold(timeout=5) as hold:`

use crate::waiting::Patience;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

type Enter = fn(&Bound<'_, PyAny>, Patience) -> PyResult<()>;

/// A context manager that acquires an object when it is entered, or raises `TimedOutError`.
#[pyclass(frozen, module = "procsync")]
pub(crate) struct Hold {
    object: Py<PyAny>,
    patience: Patience,
    enter: Enter,
}

impl Hold {
    pub(crate) fn new(object: Py<PyAny>, patience: Patience, enter: Enter) -> Self {
        Hold { object, patience, enter }
    }
}

#[pymethods]
impl Hold {
    /// Acquires the object and answers it.
    fn __enter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        (self.enter)(self.object.bind(py), self.patience)?;
        Ok(self.object.clone_ref(py))
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.object.bind(py).call_method0("release").map(|_| ())
    }
}
