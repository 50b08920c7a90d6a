//! The system's own named semaphores: what `procsync/native.py` makes its class of.
#![allow(unsafe_code)] // Send, for what stays in its thread

use crate::error;
use crate::of_thread::OfThread;
use crate::opening::read_scope;
use crate::participant::{Deceased, Participant};
use crate::waiting::{self, Patience};
use procsync::native::{self, Change, NativeOptions};
use procsync::{Error, Scope};
use pyo3::prelude::*;

/// Both counts, each as it was and as it is: of the depth, and of the system's units.
type Changes = (u32, u32, u32, u32);
/// Capacity, free, held, abandoned, doubtful, unknown.
type Accounts = (Option<u32>, Option<u32>, u32, u32, u32, Option<u32>);

fn changes(depth: Change, process: Change) -> Changes {
    (depth.from, depth.to, process.from, process.to)
}

/// An instance of one thread.
#[pyclass(frozen, subclass, module = "procsync._procsync", name = "_NativeSemaphore")]
pub(crate) struct NativeSemaphore {
    name: String,
    semaphore: OfThread<native::NativeSemaphore>,
}

/// What is used by the thread that it belongs to, while that is detached from the interpreter.
struct Detached<'a>(&'a native::NativeSemaphore);

// SAFETY: who is detached from the interpreter goes on in the same thread (`Python::detach`).
unsafe impl Send for Detached<'_> {}

impl<'a> Detached<'a> {
    fn get(self) -> &'a native::NativeSemaphore {
        self.0
    }
}

impl NativeSemaphore {
    fn here(&self, py: Python<'_>) -> PyResult<&native::NativeSemaphore> {
        self.semaphore.get().ok_or_else(|| error::wrong_thread(py, &self.name))
    }

    /// Something that asks the system or other processes.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        what: impl FnOnce(&native::NativeSemaphore) -> procsync::Result<T> + Send,
    ) -> PyResult<T> {
        let here = Detached(self.here(py)?);
        let answer = py.detach(move || what(here.get()));
        answer.map_err(|error| error::exception(py, error))
    }
}

#[pymethods]
impl NativeSemaphore {
    #[new]
    #[pyo3(signature = (name, initial=1, mode=0o644, scope="user", ledger=true, participants=None))]
    fn new(
        py: Python<'_>,
        name: &str,
        initial: u32,
        mode: u32,
        scope: &str,
        ledger: bool,
        participants: Option<u32>,
    ) -> PyResult<Self> {
        let scope = match read_scope(scope)? {
            // Who may use the semaphore may use its ledger.
            Scope::Machine { .. } => Scope::Machine { mode: mode & 0o666 },
            user => user,
        };
        let mut options =
            NativeOptions::new().initial(initial).mode(mode).scope(scope).ledger(ledger);
        if let Some(participants) = participants {
            options = options.participants(participants);
        }
        let semaphore = options.instantiate(name).map_err(|error| error::exception(py, error))?;
        let name = semaphore.name().to_owned();
        Ok(NativeSemaphore { name, semaphore: OfThread::new(semaphore) })
    }

    /// The name without prefix. In any thread.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    fn _is_same(&self, py: Python<'_>, other: &NativeSemaphore) -> PyResult<bool> {
        Ok(self.here(py)?.is_same(other.here(py)?))
    }

    fn _open(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, |semaphore| Ok(semaphore.open()?.created))
    }

    #[pyo3(signature = (blocking=true, timeout=None))]
    fn _lock(
        &self,
        py: Python<'_>,
        blocking: bool,
        timeout: Option<f64>,
    ) -> PyResult<Option<(Changes, Option<Deceased>)>> {
        let patience = Patience::new(blocking, timeout)?;
        let semaphore = self.here(py)?;
        let here = Detached(semaphore);
        let lock = move || {
            let semaphore = here.get();
            match patience {
                Patience::Never => semaphore.try_lock(),
                Patience::For(timeout) => semaphore.lock_for(timeout).map(Some),
                Patience::Forever => semaphore.lock().map(Some),
            }
        };
        let undo = |got: Option<native::Locked>| {
            if got.is_some() {
                // What was got just now can be given back; if not, it is told at the next step.
                let _ = semaphore.unlock();
            }
        };
        match waiting::wait(py, None, lock, undo)? {
            Ok(Some(locked)) => {
                let changes = changes(locked.depth, locked.process);
                Ok(Some((changes, locked.abandoned.map(Deceased::from))))
            }
            Ok(None) | Err(Error::TimedOut { .. }) => Ok(None),
            Err(error) => Err(error::exception(py, error)),
        }
    }

    fn _unlock(&self, py: Python<'_>) -> PyResult<Changes> {
        self.ask(py, |semaphore| {
            let unlocked = semaphore.unlock()?;
            Ok(changes(unlocked.depth, unlocked.process))
        })
    }

    fn _close(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, native::NativeSemaphore::close)
    }

    fn _unlink(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, native::NativeSemaphore::unlink)
    }

    /// Opened, locked, reentrant, closed, unlinked.
    fn _status(&self, py: Python<'_>) -> PyResult<(bool, bool, bool, bool, bool)> {
        let status = self.here(py)?.status();
        Ok((status.opened, status.locked, status.reentrant, status.closed, status.unlinked))
    }

    /// Depth, units of the system's.
    fn _counts(&self, py: Python<'_>) -> PyResult<(u32, u32)> {
        let counts = self.here(py)?.counts();
        Ok((counts.depth, counts.process))
    }

    /// Name, thread, process, uuid, address.
    fn _identity(&self, py: Python<'_>) -> PyResult<(String, u32, u32, String, Option<usize>)> {
        let it = self.here(py)?.identity();
        Ok((it.name, it.thread, it.process, it.uuid, it.address))
    }

    fn _accounts(&self, py: Python<'_>) -> PyResult<Option<Accounts>> {
        let accounts = self.ask(py, native::NativeSemaphore::accounts)?;
        Ok(accounts
            .map(|it| (it.capacity, it.free, it.held, it.abandoned, it.doubtful, it.unknown)))
    }

    fn _holders(&self, py: Python<'_>) -> PyResult<Vec<Participant>> {
        let holders = self.ask(py, native::NativeSemaphore::holders)?;
        Ok(holders.into_iter().map(Participant::from).collect())
    }

    fn _reap(&self, py: Python<'_>) -> PyResult<u32> {
        self.ask(py, native::NativeSemaphore::reap)
    }

    fn _post_doubtful(&self, py: Python<'_>) -> PyResult<u32> {
        self.ask(py, native::NativeSemaphore::post_doubtful)
    }
}

#[pyfunction]
#[pyo3(signature = (name, scope="user"))]
pub(crate) fn _native_unlink(py: Python<'_>, name: &str, scope: &str) -> PyResult<bool> {
    let scope = read_scope(scope)?;
    py.detach(|| native::unlink(name, scope)).map_err(|error| error::exception(py, error))
}
