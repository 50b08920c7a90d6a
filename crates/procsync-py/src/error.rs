//! The library's errors as Python's exceptions.

use crate::participant::{Deceased, Participant};
use procsync::{Error, Object, raw};
use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::io::ErrorKind;
use std::time::Duration;

/// An exception of `procsync._errors`, where the classes are: with two bases each, which Python
/// writes down best.
struct Exception<'py> {
    class: &'static str,
    message: String,
    facts: Bound<'py, PyDict>,
}

impl<'py> Exception<'py> {
    fn new(py: Python<'py>, class: &'static str, message: String) -> Self {
        Exception { class, message, facts: PyDict::new(py) }
    }

    fn fact(self, name: &str, value: impl IntoPyObject<'py>) -> PyResult<Self> {
        self.facts.set_item(name, value)?;
        Ok(self)
    }

    fn object(self, object: Object) -> PyResult<Self> {
        self.fact("kind", object.kind.as_str())?.fact("name", object.name)
    }

    fn waited(self, waited: Duration) -> PyResult<Self> {
        self.fact("waited", waited.as_secs_f64())
    }

    fn holder(self, holder: Option<Box<procsync::Participant>>) -> PyResult<Self> {
        match holder {
            Some(holder) => self.fact("holder", Participant::from(*holder)),
            None => Ok(self),
        }
    }

    fn build(self, py: Python<'py>) -> PyResult<PyErr> {
        static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
        let module = MODULE
            .get_or_try_init(py, || py.import("procsync._errors").map(Bound::unbind))?
            .bind(py);
        let class = module.getattr(self.class)?;
        Ok(PyErr::from_value(class.call((self.message,), Some(&self.facts))?))
    }
}

/// The exception for an error.
pub(crate) fn exception(py: Python<'_>, error: Error) -> PyErr {
    // If even that fails (no memory, a package that somebody took apart), its own error is told.
    build(py, error).unwrap_or_else(|error| error)
}

fn build(py: Python<'_>, error: Error) -> PyResult<PyErr> {
    let message = error.to_string();
    let new = |class| Exception::new(py, class, message.clone());
    let exception = match error {
        Error::InvalidName { name, .. } => new("InvalidNameError").fact("name", name)?,
        Error::InvalidArgument { object, .. } => new("InvalidArgumentError").object(object)?,
        Error::AlreadyExists { object } => new("AlreadyExistsError").object(object)?,
        Error::NotFound { object } => new("NotFoundError").object(object)?,
        Error::WrongKind { object, .. } => new("WrongKindError").object(object)?,
        Error::Mismatch { object, .. } => new("MismatchError").object(object)?,
        Error::Damaged { object, path, .. } => {
            new("DamagedError").object(object)?.fact("path", path.to_string_lossy())?
        }
        Error::LayoutVersion { object, .. } => new("LayoutVersionError").object(object)?,
        Error::TimedOut { object, waited, holder } => {
            new("TimedOutError").object(object)?.waited(waited)?.holder(holder)?
        }
        Error::AlreadyOwned { object } => new("AlreadyOwnedError").object(object)?,
        Error::NotOwner { object, holder } => {
            new("NotOwnerError").object(object)?.holder(holder)?
        }
        Error::Abandoned { object, by } => {
            new("AbandonedError").object(object)?.fact("died", Deceased::from(by))?
        }
        Error::NoSlots { object, .. } => new("NoSlotsError").object(object)?,
        Error::Overflow { object, .. } => new("CountOverflowError").object(object)?,
        Error::Busy { object, waited } => new("BusyError").object(object)?.waited(waited)?,
        Error::UnsafeDirectory { path, .. } => {
            new("UnsafeDirectoryError").fact("path", path.to_string_lossy())?
        }
        Error::System { object, path, source, .. } => {
            let class = match source.kind() {
                ErrorKind::PermissionDenied => "PermissionDeniedError",
                _ => "SystemCallError",
            };
            let exception = new(class).object(object)?.fact("path", path.to_string_lossy())?;
            match source.raw_os_error() {
                Some(number) => exception.fact("errno", number)?,
                None => exception,
            }
        }
        Error::NativeCall { object, code, .. } => {
            new("NativeCallError").object(object)?.fact("errno", code)?
        }
        Error::OutOfOrder { object, .. } => new("OutOfOrderError").object(object)?,
        Error::NameTaken { object } => new("NameTakenError").object(object)?,
        Error::NoLedger { object, .. } => new("NoLedgerError").object(object)?,
        // Interrupted: whoever waits asks for the handler's exception before this one.
        _ => new("Error"),
    };
    exception.build(py)
}

/// The exception for the use of a handle that was closed.
pub(crate) fn closed(py: Python<'_>, kind: &str, name: &str) -> PyErr {
    let message = format!("{kind} {name:?}: this handle was closed");
    other(py, "ClosedError", kind, name, message)
}

/// The exception for the use of what belongs to another thread.
pub(crate) fn wrong_thread(py: Python<'_>, name: &str) -> PyErr {
    let kind = procsync::Kind::Native.as_str();
    let message = format!(
        "{kind} {name:?}: this instance belongs to the thread that instantiated it; each thread has \
         its own"
    );
    other(py, "WrongThreadError", kind, name, message)
}

/// The exception for more releases than acquisitions.
pub(crate) fn not_acquired(py: Python<'_>, kind: &str, name: &str) -> PyErr {
    let message = format!(
        "{kind} {name:?}: more was released than this process had acquired through this handle"
    );
    other(py, "NotAcquiredError", kind, name, message)
}

fn other(py: Python<'_>, class: &'static str, kind: &str, name: &str, message: String) -> PyErr {
    Exception::new(py, class, message)
        .fact("kind", kind)
        .and_then(|exception| exception.fact("name", name))
        .and_then(|exception| exception.build(py))
        .unwrap_or_else(|error| error)
}

/// The exception for an error of the raw layer: plain ones, as they were with fastipc.
pub(crate) fn raw_exception(error: &raw::Error) -> PyErr {
    let message = error.to_string();
    match error {
        raw::Error::AlreadyOwned { .. } | raw::Error::NotOwner { .. } => {
            PyRuntimeError::new_err(message)
        }
        raw::Error::Overflow { .. } => PyOverflowError::new_err(message),
        raw::Error::TimedOut { .. } | raw::Error::HalfMade { .. } => {
            PyTimeoutError::new_err(message)
        }
        _ => PyValueError::new_err(message),
    }
}
