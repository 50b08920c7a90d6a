//! `Event`: something has happened.

use crate::error;
use crate::fast::{self, Method};
use crate::handle::Handle;
use crate::lock::waiters;
use crate::opening::{Keywords, Opening};
use crate::participant::Participant;
use crate::repr;
use crate::waiting::{self, Cancel, Patience};
use procsync::{Error, Kind, Reset};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

type State = procsync::Event;

/// Tells all processes that know the name that something has happened.
#[pyclass(frozen, subclass, weakref, module = "procsync")]
pub(crate) struct Event {
    handle: Handle<State>,
    auto_reset: bool,
}

impl Event {
    fn wait_with(
        &self,
        py: Python<'_>,
        patience: Patience,
        cancel: Option<&Cancel>,
    ) -> PyResult<Result<bool, Error>> {
        let state = self.handle.share(py)?;
        let wait = || match patience {
            Patience::Never => state.try_wait(),
            Patience::For(timeout) => state.wait_timeout(timeout).map(|()| true),
            Patience::Forever => state.wait().map(|()| true),
        };
        if patience == Patience::Never {
            return Ok(wait());
        }
        let undo = |got: bool| {
            // A setting that was consumed goes back, so that somebody else can go on.
            if got && self.auto_reset {
                let _ = state.set();
            }
        };
        waiting::wait(py, cancel, wait, undo)
    }
}

#[pymethods]
impl Event {
    #[new]
    #[pyo3(signature = (name=None, **keywords), text_signature = "(name=None, *, auto_reset=None, initially_set=False, how='open', scope='user', mode=None, persistent=False, participants=None, spin=None)")]
    fn new(
        py: Python<'_>,
        name: Option<String>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let keywords = Keywords::new("Event", keywords)?;
        let auto_reset = keywords.take::<bool>("auto_reset")?.unwrap_or(false);
        let set = keywords.take::<bool>("initially_set")?.unwrap_or(false);
        let opening = Opening::read(name, keywords)?;
        let reset = if auto_reset { Reset::Auto } else { Reset::Manual };
        let event = opening.open(py, procsync::Event::options(reset).initially_set(set))?;
        // One that attaches takes it as it is.
        let auto_reset = event.reset() == Reset::Auto;
        Ok(Event { handle: Handle::new(opening, Kind::Event, event), auto_reset })
    }

    /// Whether a wait that succeeded unsets it.
    #[getter]
    fn auto_reset(&self) -> bool {
        self.auto_reset
    }

    /// Who sleeps until it is set.
    #[getter]
    fn waiters(&self, py: Python<'_>) -> PyResult<Vec<Participant>> {
        waiters(py, &self.handle)
    }

    /// Its name, without prefix.
    #[getter]
    fn name(&self) -> &str {
        self.handle.name()
    }

    /// Whether this handle was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        self.handle.is_closed(py)
    }

    /// Closes this handle.
    fn close(&self, py: Python<'_>) {
        self.handle.close(py);
    }

    /// Removes the object: it goes with its last user, even if it is persistent.
    fn remove(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.handle.share(py)?;
        py.detach(|| state.remove()).map(|_| ()).map_err(|error| error::exception(py, error))
    }

    fn _acquire_cancellable(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        cancel: &Cancel,
    ) -> PyResult<bool> {
        match self.wait_with(py, Patience::new(true, timeout)?, Some(cancel))? {
            Err(Error::TimedOut { .. } | Error::Interrupted { .. }) => Ok(false),
            outcome => outcome.map_err(|error| error::exception(py, error)),
        }
    }

    /// Waits until it is set, without blocking the event loop; False if it was not in time.
    #[pyo3(signature = (timeout=None))]
    fn wait_async<'py>(slf: Bound<'py, Self>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        crate::aio::call(&slf, "wait", (timeout,))
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let (arguments, keywords) = self.handle.opening.arguments(py)?;
        keywords.set_item("auto_reset", self.auto_reset)?;
        Ok((arguments, keywords))
    }

    fn _at_fork_reinit(&self) {}

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let event = slf.get();
        let set = event.handle.look(slf.py(), |state| state.is_set());
        let state = match set {
            None => "closed",
            Some(true) => "set",
            Some(false) => "unset",
        };
        repr::other(slf, event.handle.name(), state)
    }
}

/// The answer of a method that changes the event.
fn answer(py: Python<'_>, this: &Event, outcome: Option<Result<(), Error>>) -> *mut ffi::PyObject {
    match outcome {
        Some(Ok(())) => fast::none_object(py),
        Some(Err(error)) => fast::slowly(|py| Err(error::exception(py, error))),
        None => fast::slowly(|py| Err(this.handle.closed_error(py))),
    }
}

fast::plain! {
    fn set(py, this: &Event) {
        answer(py, this, this.handle.look(py, |state| state.set()))
    }
}

fast::plain! {
    fn clear(py, this: &Event) {
        answer(py, this, this.handle.look(py, |state| state.clear()))
    }
}

fast::plain! {
    fn is_set(py, this: &Event) {
        match this.handle.look(py, |state| state.is_set()) {
            Some(set) => fast::bool_object(py, set),
            None => fast::slowly(|py| Err(this.handle.closed_error(py))),
        }
    }
}

fast::many! {
    fn wait(py, this: &Event, arguments: Arguments) {
        let at_once = || this.handle.look(py, |state| matches!(state.try_wait(), Ok(true)));
        if arguments.is_empty() && at_once() == Some(true) {
            return fast::bool_object(py, true);
        }
        fast::slowly(|py| {
            let [timeout] = arguments.read(py, "wait", ["timeout"])?;
            let patience = Patience::read(None, timeout.as_ref())?;
            if at_once() == Some(true) {
                return Ok(fast::bool_object(py, true));
            }
            let got = match this.wait_with(py, patience, None)? {
                Err(Error::TimedOut { .. }) => false,
                outcome => outcome.map_err(|error| error::exception(py, error))?,
            };
            Ok(fast::bool_object(py, got))
        })
    }
}

/// Adds the methods that are declared by hand.
pub(crate) fn add_methods(py: Python<'_>) -> PyResult<()> {
    fast::add::<Event>(
        py,
        vec![
            (
                c"set",
                Method::Plain(set),
                c"set($self, /)\n--\n\nSets it and lets those go on who wait: all, or one if it resets itself.",
            ),
            (c"clear", Method::Plain(clear), c"clear($self, /)\n--\n\nUnsets it."),
            (c"is_set", Method::Plain(is_set), c"is_set($self, /)\n--\n\nWhether it is set."),
            (
                c"wait",
                Method::Many(wait),
                c"wait($self, /, timeout=None)\n--\n\nWaits until it is set; False if it was not in time.",
            ),
        ],
    )
}
