//! Who holds, who waits, who died.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, as `time.time()` tells them.
pub(crate) fn seconds(moment: Option<SystemTime>) -> Option<f64> {
    Some(moment?.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

/// A process or thread that holds an object or waits for it.
#[pyclass(frozen, eq, get_all, module = "procsync")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Participant {
    pid: u32,
    tid: u32,
    command: String,
    since: Option<f64>,
    dead: bool,
    foreign_namespace: bool,
}

impl From<procsync::Participant> for Participant {
    fn from(it: procsync::Participant) -> Self {
        Participant {
            pid: it.pid,
            tid: it.tid,
            since: seconds(it.since),
            command: it.command,
            dead: it.dead,
            foreign_namespace: it.foreign_namespace,
        }
    }
}

#[pymethods]
impl Participant {
    #[new]
    #[pyo3(signature = (pid, tid=0, command=String::new(), since=None, dead=false, foreign_namespace=false))]
    fn new(
        pid: u32,
        tid: u32,
        command: String,
        since: Option<f64>,
        dead: bool,
        foreign_namespace: bool,
    ) -> Self {
        Participant { pid, tid, command, since, dead, foreign_namespace }
    }

    /// For how many seconds it holds or waits by now.
    #[getter]
    fn duration(&self) -> Option<f64> {
        let now = seconds(Some(SystemTime::now()))?;
        self.since.map(|since| (now - since).max(0.0))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let Participant { pid, tid, command, since, dead, foreign_namespace } = slf.get();
        let arguments = (pid, tid, command, since, dead, foreign_namespace);
        (slf.get_type(), arguments.into_pyobject(slf.py())?).into_pyobject(slf.py())
    }

    fn __hash__(&self) -> u64 {
        (u64::from(self.pid) << 32) | u64::from(self.tid)
    }

    fn __repr__(&self) -> String {
        let mut text = format!("Participant(pid={}, tid={}", self.pid, self.tid);
        if !self.command.is_empty() {
            text += &format!(", command={:?}", self.command);
        }
        if let Some(since) = self.since {
            text += &format!(", since={since:.3}");
        }
        if self.dead {
            text += ", dead=True";
        }
        if self.foreign_namespace {
            text += ", foreign_namespace=True";
        }
        text + ")"
    }
}

/// A holder that let go without releasing.
#[pyclass(frozen, eq, get_all, module = "procsync")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deceased {
    pid: u32,
    tid: u32,
    cause: String,
    noticed: Option<f64>,
}

impl From<procsync::Deceased> for Deceased {
    fn from(it: procsync::Deceased) -> Self {
        let cause = match it.cause {
            procsync::Cause::ThreadExited => "thread exited",
            procsync::Cause::Closed => "closed",
            procsync::Cause::Forced => "forced",
            _ => "died",
        };
        Deceased { pid: it.pid, tid: it.tid, cause: cause.to_owned(), noticed: seconds(it.noticed) }
    }
}

#[pymethods]
impl Deceased {
    #[new]
    #[pyo3(signature = (pid, tid=0, cause=String::from("died"), noticed=None))]
    fn new(pid: u32, tid: u32, cause: String, noticed: Option<f64>) -> Self {
        Deceased { pid, tid, cause, noticed }
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let Deceased { pid, tid, cause, noticed } = slf.get();
        let arguments = (pid, tid, cause, noticed).into_pyobject(slf.py())?;
        (slf.get_type(), arguments).into_pyobject(slf.py())
    }

    fn __hash__(&self) -> u64 {
        (u64::from(self.pid) << 32) | u64::from(self.tid)
    }

    fn __repr__(&self) -> String {
        format!("Deceased(pid={}, tid={}, cause={:?})", self.pid, self.tid, self.cause)
    }
}
