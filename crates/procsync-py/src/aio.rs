//! The way to `procsync._aio`, where the part that asyncio takes is: loaded when it is first used.

use pyo3::BoundObject;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

/// Calls a function there, with the object as its first argument.
pub(crate) fn call<'py, T>(
    object: &Bound<'py, T>,
    function: &str,
    arguments: impl IntoPyObject<'py, Target = PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let py = object.py();
    let module =
        MODULE.get_or_try_init(py, || py.import("procsync._aio").map(Bound::unbind))?.bind(py);
    let rest = arguments.into_pyobject(py).map_err(Into::into)?;
    let mut all = vec![object.as_any().clone()];
    all.extend(rest.into_bound().iter());
    module.getattr(function)?.call1(PyTuple::new(py, all)?)
}
