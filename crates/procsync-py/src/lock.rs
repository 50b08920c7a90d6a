//! `Lock`: a mutex that a process owns.

use crate::error;
use crate::fast::{self, Acquire, Refused};
use crate::handle::Handle;
use crate::hold::Hold;
use crate::opening::{Keywords, Opening};
use crate::participant::{Deceased, Participant};
use crate::repr;
use crate::waiting::{self, Cancel, Patience};
use procsync::{Error, Kind, Mutex, MutexGuard, OnAbandoned, Ownership, inspect};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// What a handle remembers of its last acquisition.
#[derive(Default)]
pub(crate) struct Last {
    grant: AtomicU64,
    after_a_death: AtomicBool,
    died: std::sync::Mutex<Option<procsync::Deceased>>,
}

impl Last {
    /// Only for the holder.
    #[inline(always)]
    pub(crate) fn note(&self, grant: u64, died: impl FnOnce() -> Option<procsync::Deceased>) {
        // Relaxed: to be read by the holder, who wrote it, or to be shown.
        self.grant.store(grant, Ordering::Relaxed);
        let died = died();
        if died.is_some() || self.after_a_death.load(Ordering::Relaxed) {
            self.note_death(died);
        }
    }

    #[cold]
    fn note_death(&self, died: Option<procsync::Deceased>) {
        self.after_a_death.store(died.is_some(), Ordering::Relaxed);
        *self.died.lock().unwrap_or_else(PoisonError::into_inner) = died;
    }

    pub(crate) fn grant(&self) -> u64 {
        self.grant.load(Ordering::Relaxed)
    }

    pub(crate) fn died(&self) -> Option<Deceased> {
        if !self.after_a_death.load(Ordering::Relaxed) {
            return None;
        }
        let died = self.died.lock().unwrap_or_else(PoisonError::into_inner);
        died.clone().map(Deceased::from)
    }
}

struct State {
    mutex: Mutex,
    last: Last,
}

impl State {
    /// From here on the mutex is held until [`Mutex::release`].
    #[inline(always)]
    fn keep(&self, guard: MutexGuard<'_>) {
        self.last.note(guard.grant(), || guard.abandoned());
        guard.keep();
    }

    fn lock(&self, patience: Patience) -> Result<bool, Error> {
        let guard = match patience {
            Patience::Never => match self.mutex.try_lock()? {
                Some(guard) => guard,
                None => return Ok(false),
            },
            Patience::For(timeout) => self.mutex.lock_timeout(timeout)?,
            Patience::Forever => self.mutex.lock()?,
        };
        self.keep(guard);
        Ok(true)
    }
}

/// Mutual exclusion between all processes that know the name. See the stubs for the documentation
/// that users read.
#[pyclass(frozen, subclass, weakref, module = "procsync")]
pub(crate) struct Lock {
    handle: Handle<State>,
    on_abandoned: OnAbandoned,
}

impl Acquire for Lock {
    #[inline(always)]
    fn at_once(&self, py: Python<'_>) -> bool {
        let taken = self.handle.look(py, |state| match state.mutex.try_lock_at_once() {
            Some(guard) => {
                state.keep(guard);
                true
            }
            None => false,
        });
        taken == Some(true)
    }

    fn acquire(&self, py: Python<'_>, patience: Patience) -> PyResult<bool> {
        match self.wait(py, patience, None)? {
            Err(Error::TimedOut { .. }) => Ok(false),
            outcome => outcome.map_err(|error| error::exception(py, error)),
        }
    }

    #[inline(always)]
    fn release(&self, py: Python<'_>) -> Result<(), Refused> {
        match self.handle.look(py, |state| state.mutex.release()) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Refused::Named(Box::new(error))),
            None => Err(Refused::Closed),
        }
    }

    fn explain(&self, py: Python<'_>, refused: Refused) -> PyErr {
        match refused {
            Refused::Named(error) => error::exception(py, *error),
            _ => self.handle.closed_error(py),
        }
    }
}

impl Lock {
    fn wait(
        &self,
        py: Python<'_>,
        patience: Patience,
        cancel: Option<&Cancel>,
    ) -> PyResult<Result<bool, Error>> {
        let state = self.handle.share(py)?;
        if patience == Patience::Never {
            return Ok(state.lock(patience));
        }
        let undo = |got: bool| {
            if got {
                // Fails only if it was taken away by force meanwhile: released all the same.
                let _ = state.mutex.release();
            }
        };
        waiting::wait(py, cancel, || state.lock(patience), undo)
    }
}

#[pymethods]
impl Lock {
    #[new]
    #[pyo3(signature = (name=None, **keywords), text_signature = "(name=None, *, how='open', on_abandoned='report', scope='user', mode=None, persistent=False, participants=None, spin=None)")]
    fn new(
        py: Python<'_>,
        name: Option<String>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let keywords = Keywords::new("Lock", keywords)?;
        let on_abandoned = match keywords.take::<String>("on_abandoned")?.as_deref() {
            None | Some("report") => OnAbandoned::Report,
            Some("refuse") => OnAbandoned::Refuse,
            Some("ignore") => OnAbandoned::Ignore,
            Some(other) => {
                return Err(PyValueError::new_err(format!(
                    "on_abandoned={other:?} is not possible; \"report\", \"refuse\" and \"ignore\" are"
                )));
            }
        };
        let opening = Opening::read(name, keywords)?;
        let options = Mutex::options().ownership(Ownership::Process).on_abandoned(on_abandoned);
        let mutex = opening.open(py, options)?;
        let state = State { mutex, last: Last::default() };
        Ok(Lock { handle: Handle::new(opening, Kind::Mutex, state), on_abandoned })
    }

    /// Whether anybody holds it.
    fn locked(&self, py: Python<'_>) -> PyResult<bool> {
        self.handle
            .look(py, |state| state.mutex.is_locked())
            .ok_or_else(|| self.handle.closed_error(py))
    }

    /// A context manager that waits at most `timeout` seconds, then raises.
    #[pyo3(signature = (timeout=None))]
    fn hold(slf: Bound<'_, Self>, timeout: Option<f64>) -> PyResult<Hold> {
        let enter = |hold: &Bound<'_, PyAny>, patience| {
            let lock = hold.cast::<Lock>()?.get();
            let py = hold.py();
            if lock.at_once(py) {
                return Ok(());
            }
            lock.wait(py, patience, None)?.map(|_| ()).map_err(|error| error::exception(py, error))
        };
        Ok(Hold::new(slf.into_any().unbind(), Patience::new(true, timeout)?, enter))
    }

    /// Takes it even if its holder died, to set right what it guards.
    fn repair(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.handle.share(py)?;
        let repair = || state.mutex.repair().map(|guard| state.keep(guard));
        let undo = |()| {
            let _ = state.mutex.release();
        };
        waiting::wait(py, None, repair, undo)?.map_err(|error| error::exception(py, error))
    }

    /// Takes it away from whoever holds it.
    fn force_release(&self, py: Python<'_>) -> PyResult<bool> {
        let state = self.handle.share(py)?;
        state.mutex.force_release().map_err(|error| error::exception(py, error))
    }

    /// Who holds it.
    #[getter]
    fn owner(&self, py: Python<'_>) -> PyResult<Option<Participant>> {
        let state = self.handle.share(py)?;
        Ok(py.detach(|| state.mutex.owner()).map(Participant::from))
    }

    /// Who sleeps for it.
    #[getter]
    fn waiters(&self, py: Python<'_>) -> PyResult<Vec<Participant>> {
        waiters(py, &self.handle)
    }

    /// The previous holder, if it died holding it.
    #[getter]
    fn abandoned(&self, py: Python<'_>) -> PyResult<Option<Deceased>> {
        Ok(self.handle.share(py)?.last.died())
    }

    /// The number of the last acquisition through this handle; 0 if there was none.
    #[getter]
    fn grant(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.handle.share(py)?.last.grant())
    }

    /// When it was last acquired, by whomever; seconds since 1970.
    #[getter]
    fn last_acquired(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(crate::participant::seconds(self.handle.share(py)?.mutex.last_acquired()))
    }

    /// The same in nanoseconds, 0 if never: for `procsync.fastipc`.
    fn _last_acquired_ns(&self, py: Python<'_>) -> PyResult<u64> {
        let moment = self.handle.share(py)?.mutex.last_acquired();
        let since = moment.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
        Ok(since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// What happens if the holder dies.
    #[getter]
    fn on_abandoned(&self) -> &'static str {
        match self.on_abandoned {
            OnAbandoned::Refuse => "refuse",
            OnAbandoned::Ignore => "ignore",
            _ => "report",
        }
    }

    #[getter]
    fn name(&self) -> &str {
        self.handle.name()
    }

    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        self.handle.is_closed(py)
    }

    fn close(&self, py: Python<'_>) {
        self.handle.close(py);
    }

    fn remove(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.handle.share(py)?;
        py.detach(|| state.mutex.remove()).map(|_| ()).map_err(|error| error::exception(py, error))
    }

    /// For asyncio: waits in the calling thread, until `cancel` is called in another one.
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

    /// Frees it if this process holds it, as `threading` wants it of its locks in a forked child.
    /// There the process is a new one, and what the parent holds stays the parent's.
    fn _at_fork_reinit(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.handle.share(py)?;
        // An error says that this process does not hold it.
        let _ = state.mutex.release();
        Ok(())
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let (arguments, keywords) = self.handle.opening.arguments(py)?;
        keywords.set_item("on_abandoned", self.on_abandoned())?;
        Ok((arguments, keywords))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let lock = slf.get();
        let Ok(state) = lock.handle.share(slf.py()) else {
            return repr::lock(slf, "closed", lock.handle.name(), "");
        };
        let owner = state.mutex.owner();
        let word = if state.mutex.is_locked() { "locked" } else { "unlocked" };
        repr::lock(slf, word, lock.handle.name(), &repr::owner(owner))
    }
}

/// Who sleeps for an object, as a stranger sees it: that takes no lock and disturbs nobody.
pub(crate) fn waiters<T: Send + Sync>(
    py: Python<'_>,
    handle: &Handle<T>,
) -> PyResult<Vec<Participant>> {
    if handle.is_closed(py) {
        return Err(handle.closed_error(py));
    }
    let shown = py.detach(|| inspect::show(handle.name(), handle.opening.scope));
    let shown = shown.map_err(|error| error::exception(py, error))?;
    Ok(shown.waiters.into_iter().map(Participant::from).collect())
}

/// Adds the methods that are declared by hand.
pub(crate) fn add_methods(py: Python<'_>) -> PyResult<()> {
    fast::add_acquire::<Lock>(
        py,
        c"acquire($self, /, blocking=True, timeout=-1)\n--\n\nAcquires it; False if it could not be had in time.",
    )?;
    fast::add_release::<Lock>(
        py,
        c"release($self, /)\n--\n\nReleases it, in whichever thread of the process.",
    )
}
