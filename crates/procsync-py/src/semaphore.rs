//! `Semaphore`: permits that a process holds.

use crate::attached::Attached;
use crate::error;
use crate::fast::{self, Acquire, Method, Refused};
use crate::forks;
use crate::handle::Handle;
use crate::hold::Hold;
use crate::lock::{Last, waiters};
use crate::opening::{Keywords, Opening};
use crate::participant::{Deceased, Participant};
use crate::repr;
use crate::waiting::{self, Cancel, Patience};
use procsync::{Error, Kind, Permit};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// The permits that this process has acquired through one handle, the newest last.
#[derive(Default)]
struct Held {
    indexes: Vec<u32>,
    /// In which process they were acquired: what the parent held is not the child's.
    process: u32,
}

impl Held {
    #[inline(always)]
    fn own(&mut self) -> &mut Vec<u32> {
        let process = forks::generation();
        if self.process != process {
            self.process = process;
            self.indexes.clear();
        }
        &mut self.indexes
    }
}

struct State {
    semaphore: procsync::Semaphore,
    held: Attached<Held>,
    last: Last,
}

impl State {
    /// Lets the permit go and remembers what it stands for.
    #[inline(always)]
    fn keep(&self, py: Python<'_>, permit: Permit<'_>) {
        self.last.note(0, || permit.abandoned());
        let indexes = permit.indexes();
        self.held.with(py, |held| held.own().extend_from_slice(indexes));
        permit.keep();
    }

    fn acquire(&self, permits: u32, patience: Patience) -> Result<Option<Permit<'_>>, Error> {
        match patience {
            Patience::Never => self.semaphore.try_acquire_many(permits),
            Patience::For(timeout) => {
                self.semaphore.acquire_many_timeout(permits, timeout).map(Some)
            }
            Patience::Forever => self.semaphore.acquire_many(permits).map(Some),
        }
    }
}

/// Limits how many are inside at once, by name: permits, which come back when their holder dies.
#[pyclass(frozen, subclass, weakref, module = "procsync")]
pub(crate) struct Semaphore {
    handle: Handle<State>,
    /// As it was asked for; 0 by one that attaches.
    permits: u32,
}

impl Acquire for Semaphore {
    #[inline(always)]
    fn at_once(&self, py: Python<'_>) -> bool {
        // Two looks, because noting what was taken wants the token.
        let taken = self.handle.look_attached(py, |py, state| {
            match state.semaphore.try_acquire_at_once() {
                Some(permit) => {
                    state.keep(py, permit);
                    true
                }
                None => false,
            }
        });
        taken == Some(true)
    }

    fn acquire(&self, py: Python<'_>, patience: Patience) -> PyResult<bool> {
        match self.wait(py, 1, patience, None)? {
            Err(Error::TimedOut { .. }) => Ok(false),
            outcome => outcome.map_err(|error| error::exception(py, error)),
        }
    }

    #[inline(always)]
    fn release(&self, py: Python<'_>) -> Result<(), Refused> {
        self.give_back(py, 1)
    }

    fn explain(&self, py: Python<'_>, refused: Refused) -> PyErr {
        match refused {
            Refused::NotAcquired => error::not_acquired(py, self.handle.kind(), self.handle.name()),
            Refused::Named(error) => error::exception(py, *error),
            _ => self.handle.closed_error(py),
        }
    }
}

impl Semaphore {
    #[inline(always)]
    fn give_back(&self, py: Python<'_>, permits: usize) -> Result<(), Refused> {
        let released = self.handle.look_attached(py, |py, state| {
            let held = state.held.with(py, |held| held.own().len());
            if held < permits {
                return Err(Refused::NotAcquired);
            }
            for _ in 0..permits {
                let Some(index) = state.held.with(py, |held| held.own().pop()) else {
                    return Err(Refused::NotAcquired);
                };
                state.semaphore.release(index).map_err(|error| Refused::Named(Box::new(error)))?;
            }
            Ok(())
        });
        released.unwrap_or(Err(Refused::Closed))
    }

    fn wait(
        &self,
        py: Python<'_>,
        permits: u32,
        patience: Patience,
        cancel: Option<&Cancel>,
    ) -> PyResult<Result<bool, Error>> {
        let state = self.handle.share(py)?;
        if patience == Patience::Never {
            let got = state.acquire(permits, patience);
            return Ok(got.map(|permit| match permit {
                Some(permit) => {
                    state.keep(py, permit);
                    true
                }
                None => false,
            }));
        }
        // Dropping the permit is what undoes it.
        let got = waiting::wait(py, cancel, || state.acquire(permits, patience), drop)?;
        Ok(got.map(|permit| match permit {
            Some(permit) => {
                state.keep(py, permit);
                true
            }
            None => false,
        }))
    }
}

#[pymethods]
impl Semaphore {
    #[new]
    #[pyo3(signature = (name=None, permits=None, **keywords), text_signature = "(name=None, permits=1, *, how='open', scope='user', mode=None, persistent=False, participants=None, spin=None)")]
    fn new(
        py: Python<'_>,
        name: Option<String>,
        permits: Option<i64>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let keywords = Keywords::new("Semaphore", keywords)?;
        let opening = Opening::read(name, keywords)?;
        // One that attaches and is not told takes what there is.
        let permits = permits.unwrap_or(if opening.attaches() { 0 } else { 1 });
        let permits = u32::try_from(permits).map_err(|_| {
            PyValueError::new_err(format!("{permits} permits are not possible; 1 to 1048576 are"))
        })?;
        let semaphore = opening.open(py, procsync::Semaphore::options(permits))?;
        let state = State { semaphore, held: Attached::default(), last: Last::default() };
        Ok(Semaphore { handle: Handle::new(opening, Kind::Semaphore, state), permits })
    }

    /// A context manager that waits at most `timeout` seconds, then raises TimedOutError.
    #[pyo3(signature = (timeout=None))]
    fn hold(slf: Bound<'_, Self>, timeout: Option<f64>) -> PyResult<Hold> {
        let enter = |hold: &Bound<'_, PyAny>, patience| {
            let semaphore = hold.cast::<Semaphore>()?.get();
            let py = hold.py();
            if semaphore.at_once(py) {
                return Ok(());
            }
            let got = semaphore.wait(py, 1, patience, None)?;
            got.map(|_| ()).map_err(|error| error::exception(py, error))
        };
        Ok(Hold::new(slf.into_any().unbind(), Patience::new(true, timeout)?, enter))
    }

    /// Acquires several permits together; False if they could not be had in time.
    #[pyo3(signature = (permits, blocking=true, timeout=None))]
    fn acquire_many(
        &self,
        py: Python<'_>,
        permits: u32,
        blocking: bool,
        timeout: Option<f64>,
    ) -> PyResult<bool> {
        match self.wait(py, permits, Patience::new(blocking, timeout)?, None)? {
            Err(Error::TimedOut { .. }) => Ok(false),
            outcome => outcome.map_err(|error| error::exception(py, error)),
        }
    }

    /// How many permits there are.
    #[getter]
    fn capacity(&self, py: Python<'_>) -> PyResult<u32> {
        Ok(self.handle.share(py)?.semaphore.capacity())
    }

    /// How many permits are free.
    #[getter]
    fn available(&self, py: Python<'_>) -> PyResult<u32> {
        let state = self.handle.share(py)?;
        py.detach(|| state.semaphore.available()).map_err(|error| error::exception(py, error))
    }

    /// Which permits this process has acquired through this handle, counted from 0, the newest last.
    #[getter]
    fn indexes(&self, py: Python<'_>) -> PyResult<Vec<u32>> {
        let state = self.handle.share(py)?;
        Ok(state.held.with(py, |held| held.own().clone()))
    }

    /// Who holds permits, one entry for each permit.
    #[getter]
    fn holders(&self, py: Python<'_>) -> PyResult<Vec<Participant>> {
        let state = self.handle.share(py)?;
        let holders = py.detach(|| state.semaphore.holders());
        let holders = holders.map_err(|error| error::exception(py, error))?;
        Ok(holders.into_iter().map(Participant::from).collect())
    }

    /// Who sleeps for a permit.
    #[getter]
    fn waiters(&self, py: Python<'_>) -> PyResult<Vec<Participant>> {
        waiters(py, &self.handle)
    }

    /// The previous holder of the permit acquired last through this handle, if it died holding it.
    #[getter]
    fn abandoned(&self, py: Python<'_>) -> PyResult<Option<Deceased>> {
        Ok(self.handle.share(py)?.last.died())
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
        let removed = py.detach(|| state.semaphore.remove());
        removed.map(|_| ()).map_err(|error| error::exception(py, error))
    }

    fn _acquire_cancellable(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        cancel: &Cancel,
    ) -> PyResult<bool> {
        match self.wait(py, 1, Patience::new(true, timeout)?, Some(cancel))? {
            Err(Error::TimedOut { .. } | Error::Interrupted { .. }) => Ok(false),
            outcome => outcome.map_err(|error| error::exception(py, error)),
        }
    }

    /// Acquires a permit without blocking the event loop; False if there was none in time.
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
        if self.permits > 0 {
            keywords.set_item("permits", self.permits)?;
        }
        Ok((arguments, keywords))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let semaphore = slf.get();
        let Ok(state) = semaphore.handle.share(slf.py()) else {
            return repr::other(slf, semaphore.handle.name(), "closed");
        };
        let capacity = state.semaphore.capacity();
        let state = match state.semaphore.available() {
            Ok(available) => format!("value={available}/{capacity}"),
            Err(error) => error.to_string(),
        };
        repr::other(slf, semaphore.handle.name(), &state)
    }
}

fast::many! {
    /// `release(n=1)`
    fn release(py, this: &Semaphore, arguments: Arguments) {
        if arguments.is_empty() {
            return match Acquire::release(this, py) {
                Ok(()) => fast::none_object(py),
                Err(refused) => fast::slowly(|py| Err(this.explain(py, refused))),
            };
        }
        fast::slowly(|py| {
            let [permits] = arguments.read(py, "release", ["n"])?;
            let permits: i64 = permits.map_or(Ok(1), |permits| permits.extract())?;
            let permits = usize::try_from(permits).ok().filter(|permits| *permits > 0);
            let permits = permits.ok_or_else(|| PyValueError::new_err("n must be one or more"))?;
            this.give_back(py, permits).map_err(|refused| this.explain(py, refused))?;
            Ok(fast::none_object(py))
        })
    }
}

/// Adds the methods that are declared by hand.
pub(crate) fn add_methods(py: Python<'_>) -> PyResult<()> {
    fast::add_acquire::<Semaphore>(
        py,
        c"acquire($self, /, blocking=True, timeout=-1)\n--\n\nAcquires a permit; False if there was none in time.",
    )?;
    fast::add::<Semaphore>(
        py,
        vec![(
            c"release",
            Method::Many(release),
            c"release($self, /, n=1)\n--\n\nGives back the n permits acquired last through this handle.",
        )],
    )
}
