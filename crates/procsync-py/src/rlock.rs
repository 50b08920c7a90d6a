//! `RLock`: a mutex that a thread owns, in layers.

use crate::error;
use crate::fast::{self, Acquire, Refused};
use crate::handle::Handle;
use crate::hold::Hold;
use crate::lock::{Last, waiters};
use crate::opening::{Keywords, Opening};
use crate::participant::{Deceased, Participant};
use crate::repr;
use crate::waiting::{self, Cancel, Patience};
use procsync::{Error, Kind, ReentrantMutex, ReentrantMutexGuard};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

struct State {
    mutex: ReentrantMutex,
    last: Last,
}

impl State {
    /// From here on the layer is held until [`ReentrantMutex::release`].
    #[inline(always)]
    fn keep(&self, guard: ReentrantMutexGuard<'_>) {
        // Only the outermost layer knows who died.
        if guard.depth() == 1 {
            self.last.note(guard.grant(), || guard.abandoned());
        }
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

/// A lock that the thread that has it can take again, by name. It is free when it has been released
/// as often.
#[pyclass(frozen, subclass, weakref, module = "procsync")]
pub(crate) struct RLock {
    handle: Handle<State>,
}

impl Acquire for RLock {
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

impl RLock {
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
impl RLock {
    #[new]
    #[pyo3(signature = (name=None, **keywords), text_signature = "(name=None, *, how='open', scope='user', mode=None, persistent=False, participants=None, spin=None)")]
    fn new(
        py: Python<'_>,
        name: Option<String>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let opening = Opening::read(name, Keywords::new("RLock", keywords)?)?;
        let mutex = opening.open(py, ReentrantMutex::options())?;
        let state = State { mutex, last: Last::default() };
        Ok(RLock { handle: Handle::new(opening, Kind::ReentrantMutex, state) })
    }

    /// Whether anybody holds it.
    fn locked(&self, py: Python<'_>) -> PyResult<bool> {
        self.handle
            .look(py, |state| state.mutex.is_locked())
            .ok_or_else(|| self.handle.closed_error(py))
    }

    /// A context manager that waits at most `timeout` seconds, then raises TimedOutError.
    #[pyo3(signature = (timeout=None))]
    fn hold(slf: Bound<'_, Self>, timeout: Option<f64>) -> PyResult<Hold> {
        let enter = |hold: &Bound<'_, PyAny>, patience| {
            let lock = hold.cast::<RLock>()?.get();
            let py = hold.py();
            if lock.at_once(py) {
                return Ok(());
            }
            lock.wait(py, patience, None)?.map(|_| ()).map_err(|error| error::exception(py, error))
        };
        Ok(Hold::new(slf.into_any().unbind(), Patience::new(true, timeout)?, enter))
    }

    /// Takes it away, with all its layers, from whoever holds it; False if nobody does.
    fn force_release(&self, py: Python<'_>) -> PyResult<bool> {
        let state = self.handle.share(py)?;
        state.mutex.force_release().map_err(|error| error::exception(py, error))
    }

    /// Who holds it, or None.
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

    /// The previous holder, if it died holding it; as of the last acquisition through this handle.
    #[getter]
    fn abandoned(&self, py: Python<'_>) -> PyResult<Option<Deceased>> {
        Ok(self.handle.share(py)?.last.died())
    }

    /// The number of the last outermost acquisition through this handle; 0 if there was none.
    #[getter]
    fn grant(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.handle.share(py)?.last.grant())
    }

    /// How many layers of it the calling thread has.
    #[getter]
    fn depth(&self, py: Python<'_>) -> PyResult<u32> {
        self.handle
            .look(py, |state| state.mutex.depth())
            .ok_or_else(|| self.handle.closed_error(py))
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
        py.detach(|| state.mutex.remove()).map(|_| ()).map_err(|error| error::exception(py, error))
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

    /// Acquires it for the current task of asyncio; False if it could not be had in time.
    #[pyo3(signature = (timeout=None))]
    fn acquire_async<'py>(
        slf: Bound<'py, Self>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::aio::call(&slf, "acquire_by_task", (timeout,))
    }

    /// Gives back a layer that the current task of asyncio has.
    fn release_async<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        crate::aio::call(&slf, "release_by_task", ())
    }

    fn __aenter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        crate::aio::call(&slf, "acquire_by_task", (None::<f64>,))
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(
        slf: Bound<'py, Self>,
        _exception: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::aio::call(&slf, "release_by_task", ())
    }

    // What `threading.Condition` asks of a reentrant lock.

    fn _is_owned(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.depth(py)? > 0)
    }

    fn _recursion_count(&self, py: Python<'_>) -> PyResult<u32> {
        self.depth(py)
    }

    fn _release_save(&self, py: Python<'_>) -> PyResult<u32> {
        let state = self.handle.share(py)?;
        // At least once, so that one who does not have it is refused.
        let depth = state.mutex.depth().max(1);
        for _ in 0..depth {
            state.mutex.release().map_err(|error| error::exception(py, error))?;
        }
        Ok(depth)
    }

    fn _acquire_restore(&self, py: Python<'_>, depth: u32) -> PyResult<()> {
        for _ in 0..depth {
            if !self.at_once(py) {
                self.acquire(py, Patience::Forever)?;
            }
        }
        Ok(())
    }

    fn _at_fork_reinit(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.handle.share(py)?;
        // An error says that this thread does not hold it (any more).
        while state.mutex.release().is_ok() {}
        Ok(())
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        self.handle.opening.arguments(py)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let lock = slf.get();
        let Ok(state) = lock.handle.share(slf.py()) else {
            return repr::lock(slf, "closed", lock.handle.name(), "");
        };
        let owner = state.mutex.owner();
        let word = if state.mutex.is_locked() { "locked" } else { "unlocked" };
        let mut more = repr::owner(owner);
        let depth = state.mutex.depth();
        if depth > 0 {
            more += &format!(" depth={depth}");
        }
        repr::lock(slf, word, lock.handle.name(), &more)
    }
}

/// Adds the methods that are declared by hand.
pub(crate) fn add_methods(py: Python<'_>) -> PyResult<()> {
    fast::add_acquire::<RLock>(
        py,
        c"acquire($self, /, blocking=True, timeout=-1)\n--\n\nAcquires it, or one layer more; False if it could not be had in time.",
    )?;
    fast::add_release::<RLock>(
        py,
        c"release($self, /)\n--\n\nGives one layer back; with the last one it is free.",
    )
}
