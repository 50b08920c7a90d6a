//! `TokenSemaphore`: things that are handed over.

use crate::error;
use crate::fast::{self, Acquire, Method, Refused};
use crate::handle::Handle;
use crate::lock::waiters;
use crate::opening::{Keywords, Opening};
use crate::participant::Participant;
use crate::repr;
use crate::waiting::{self, Cancel, Patience};
use procsync::{Error, Kind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

type State = procsync::TokenSemaphore;

/// Counts things, by name: who makes one releases, who takes one acquires. Tokens belong to nobody.
#[pyclass(frozen, subclass, weakref, module = "procsync")]
pub(crate) struct TokenSemaphore {
    handle: Handle<State>,
    initial: u32,
}

impl Acquire for TokenSemaphore {
    #[inline(always)]
    fn at_once(&self, py: Python<'_>) -> bool {
        self.handle.look(py, |state| matches!(state.try_wait(), Ok(true))) == Some(true)
    }

    fn acquire(&self, py: Python<'_>, patience: Patience) -> PyResult<bool> {
        match self.wait(py, patience, None)? {
            Err(Error::TimedOut { .. }) => Ok(false),
            outcome => outcome.map_err(|error| error::exception(py, error)),
        }
    }

    #[inline(always)]
    fn release(&self, py: Python<'_>) -> Result<(), Refused> {
        self.post(py, 1)
    }

    fn explain(&self, py: Python<'_>, refused: Refused) -> PyErr {
        match refused {
            Refused::Named(error) => error::exception(py, *error),
            _ => self.handle.closed_error(py),
        }
    }
}

impl TokenSemaphore {
    #[inline(always)]
    fn post(&self, py: Python<'_>, tokens: u32) -> Result<(), Refused> {
        match self.handle.look(py, |state| state.post(tokens)) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Refused::Named(Box::new(error))),
            None => Err(Refused::Closed),
        }
    }

    fn wait(
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
            if got {
                // The count cannot be full: one was taken just now.
                let _ = state.post(1);
            }
        };
        waiting::wait(py, cancel, wait, undo)
    }
}

#[pymethods]
impl TokenSemaphore {
    #[new]
    #[pyo3(signature = (name=None, initial=0, **keywords), text_signature = "(name=None, initial=0, *, how='open', scope='user', mode=None, persistent=False, participants=None, spin=None)")]
    fn new(
        py: Python<'_>,
        name: Option<String>,
        initial: i64,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let initial = u32::try_from(initial).map_err(|_| {
            PyValueError::new_err(format!("a count of {initial} is not possible; 0 to 2**32-1 are"))
        })?;
        let opening = Opening::read(name, Keywords::new("TokenSemaphore", keywords)?)?;
        let semaphore = opening.open(py, procsync::TokenSemaphore::options(initial))?;
        let handle = Handle::new(opening, Kind::TokenSemaphore, semaphore);
        Ok(TokenSemaphore { handle, initial })
    }

    /// How many tokens there are.
    #[getter]
    fn value(&self, py: Python<'_>) -> PyResult<u32> {
        self.handle.look(py, |state| state.value()).ok_or_else(|| self.handle.closed_error(py))
    }

    /// Who sleeps for a token.
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
        match self.wait(py, Patience::new(true, timeout)?, Some(cancel))? {
            Err(Error::TimedOut { .. } | Error::Interrupted { .. }) => Ok(false),
            outcome => outcome.map_err(|error| error::exception(py, error)),
        }
    }

    /// Takes a token without blocking the event loop; False if there was none in time.
    #[pyo3(signature = (timeout=None))]
    fn acquire_async<'py>(
        slf: Bound<'py, Self>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::aio::call(&slf, "acquire", (timeout,))
    }

    fn __aenter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        crate::aio::call(&slf, "acquire", (None::<f64>,))
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(
        slf: Bound<'py, Self>,
        _exception: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::aio::call(&slf, "release", ())
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let (arguments, keywords) = self.handle.opening.arguments(py)?;
        keywords.set_item("initial", self.initial)?;
        Ok((arguments, keywords))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let semaphore = slf.get();
        let state = semaphore.handle.look(slf.py(), |state| format!("value={}", state.value()));
        repr::other(slf, semaphore.handle.name(), state.as_deref().unwrap_or("closed"))
    }
}

fast::many! {
    /// `release(n=1)`
    fn release(py, this: &TokenSemaphore, arguments: Arguments) {
        if arguments.is_empty() {
            return match Acquire::release(this, py) {
                Ok(()) => fast::none_object(py),
                Err(refused) => fast::slowly(|py| Err(this.explain(py, refused))),
            };
        }
        fast::slowly(|py| {
            let [tokens] = arguments.read(py, "release", ["n"])?;
            let tokens: i64 = tokens.map_or(Ok(1), |tokens| tokens.extract())?;
            if tokens < 1 {
                return Err(PyValueError::new_err("n must be one or more"));
            }
            let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
            this.post(py, tokens).map_err(|refused| this.explain(py, refused))?;
            Ok(fast::none_object(py))
        })
    }
}

/// Adds the methods that are declared by hand.
pub(crate) fn add_methods(py: Python<'_>) -> PyResult<()> {
    fast::add_acquire::<TokenSemaphore>(
        py,
        c"acquire($self, /, blocking=True, timeout=-1)\n--\n\nTakes a token; False if there was none in time.",
    )?;
    fast::add::<TokenSemaphore>(
        py,
        vec![(
            c"release",
            Method::Many(release),
            c"release($self, /, n=1)\n--\n\nAdds n tokens and wakes as many who wait.",
        )],
    )
}
