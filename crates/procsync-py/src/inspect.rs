//! Objects as a stranger sees them.

use crate::error;
use crate::opening::read_scope;
use crate::participant::{Participant, seconds};
use procsync::inspect::{self, State};
use pyo3::prelude::*;
use pyo3::types::PyList;

/// An object at one moment.
#[pyclass(frozen, get_all, module = "procsync.inspect")]
pub(crate) struct Snapshot {
    name: String,
    kind: &'static str,
    state: String,
    holders: Vec<Participant>,
    waiters: Vec<Participant>,
    processes: u32,
    persistent: bool,
    created: Option<f64>,
    grants: u64,
    contended: u64,
    recovered: u64,
    available: Option<u32>,
    capacity: Option<u32>,
    value: Option<u32>,
    size: Option<u64>,
}

impl From<inspect::Snapshot> for Snapshot {
    fn from(it: inspect::Snapshot) -> Self {
        let (available, capacity) = match it.state {
            State::Permits { available, capacity } => (Some(available), Some(capacity)),
            State::Native(accounts) => (accounts.free, accounts.capacity),
            _ => (None, None),
        };
        let value = match it.state {
            State::Tokens(count) => Some(count),
            _ => None,
        };
        let size = match it.state {
            State::Bytes(bytes) => Some(bytes),
            _ => None,
        };
        let people = |all: Vec<procsync::Participant>| all.into_iter().map(Into::into).collect();
        Snapshot {
            name: it.name.as_str().to_owned(),
            kind: it.kind.as_str(),
            state: it.state.to_string(),
            holders: people(it.holders),
            waiters: people(it.waiters),
            processes: it.processes,
            persistent: it.persistent,
            created: seconds(it.created),
            grants: it.grants,
            contended: it.contended,
            recovered: it.recovered,
            available,
            capacity,
            value,
            size,
        }
    }
}

#[pymethods]
impl Snapshot {
    fn __repr__(&self) -> String {
        format!("<{} '{}': {}>", self.kind, self.name, self.state)
    }
}

/// Looks at all objects of a scope, in the order of their names. One that is damaged is an exception
/// in its place and does not hide the others.
#[pyfunction]
#[pyo3(name = "list_objects", signature = (scope="user"))]
pub(crate) fn list<'py>(py: Python<'py>, scope: &str) -> PyResult<Bound<'py, PyList>> {
    let scope = read_scope(scope)?;
    let all = py.detach(|| inspect::list(scope)).map_err(|error| error::exception(py, error))?;
    let list = PyList::empty(py);
    for object in all {
        match object {
            Ok(snapshot) => list.append(Snapshot::from(snapshot))?,
            Err(error) => list.append(error::exception(py, error))?,
        }
    }
    Ok(list)
}

/// Looks at one object.
#[pyfunction]
#[pyo3(signature = (name, scope="user"))]
pub(crate) fn show(py: Python<'_>, name: &str, scope: &str) -> PyResult<Snapshot> {
    let scope = read_scope(scope)?;
    let shown = py.detach(|| inspect::show(name, scope));
    shown.map(Into::into).map_err(|error| error::exception(py, error))
}

/// Looks at the ledger of a native semaphore, also if an object has the same name.
#[pyfunction]
#[pyo3(signature = (name, scope="user"))]
pub(crate) fn show_native(py: Python<'_>, name: &str, scope: &str) -> PyResult<Snapshot> {
    let scope = read_scope(scope)?;
    let shown = py.detach(|| inspect::show_native(name, scope));
    shown.map(Into::into).map_err(|error| error::exception(py, error))
}

/// Removes an object by name, whatever its kind; False if there was none. One that is in use goes
/// with its last user.
#[pyfunction]
#[pyo3(signature = (name, scope="user"))]
pub(crate) fn remove(py: Python<'_>, name: &str, scope: &str) -> PyResult<bool> {
    let scope = read_scope(scope)?;
    let removed = py.detach(|| procsync::remove(name, scope));
    removed.map(|removed| removed.is_some()).map_err(|error| error::exception(py, error))
}
