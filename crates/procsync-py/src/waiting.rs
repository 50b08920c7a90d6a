//! Waiting without holding the interpreter up, and being called away.

use crate::forks;
use procsync::interruptible;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// How long a caller is ready to wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Patience {
    Never,
    For(Duration),
    Forever,
}

/// The longest timeout in seconds, `threading.TIMEOUT_MAX` on systems of 64 bits.
const LONGEST: f64 = 9_223_372_036.0;

impl Patience {
    /// From the arguments that `threading.Lock.acquire` takes, with its rules.
    pub(crate) fn new(blocking: bool, timeout: Option<f64>) -> PyResult<Patience> {
        let Some(seconds) = timeout.filter(|seconds| *seconds != -1.0) else {
            return Ok(if blocking { Patience::Forever } else { Patience::Never });
        };
        if !blocking {
            return Err(PyValueError::new_err("can't specify a timeout for a non-blocking call"));
        }
        if seconds.is_nan() {
            return Err(PyValueError::new_err("the timeout is not a number"));
        }
        if seconds < 0.0 {
            return Err(PyValueError::new_err("the timeout must not be negative (-1 is for ever)"));
        }
        if seconds > LONGEST {
            return Err(PyOverflowError::new_err("the timeout is too large"));
        }
        // Rounded up: a wait that ends too early would be an error, one that ends late is not.
        Ok(Patience::For(Duration::from_nanos((seconds * 1e9).ceil() as u64)))
    }

    /// From the arguments as they come.
    pub(crate) fn read(
        blocking: Option<&Bound<'_, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Patience> {
        let blocking = blocking.map_or(Ok(true), |blocking| blocking.is_truthy())?;
        Patience::new(blocking, timeout.map_or(Ok(None), |timeout| timeout.extract())?)
    }
}

/// Asked to end a wait from another thread.
#[pyclass(frozen, module = "procsync._procsync", name = "_Cancel")]
#[derive(Default)]
pub(crate) struct Cancel {
    state: Arc<AtomicU8>,
}

const WAITING: u8 = 0;
const DELIVERED: u8 = 1;
const CANCELLED: u8 = 2;

#[pymethods]
impl Cancel {
    #[new]
    fn new() -> Cancel {
        Cancel::default()
    }

    /// Called by the one who waits: False if it was delivered first.
    fn cancel(&self) -> bool {
        self.leave(CANCELLED)
    }

    /// Called by the thread that waited for it: False if it was cancelled first.
    fn deliver(&self) -> bool {
        self.leave(DELIVERED)
    }
}

impl Cancel {
    fn leave(&self, to: u8) -> bool {
        self.state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

thread_local! {
    /// The exception of a signal handler that ended a wait of this thread.
    static PENDING: RefCell<Option<PyErr>> = const { RefCell::new(None) };
    /// What can cancel the current wait of this thread.
    static CANCEL: RefCell<Option<Arc<AtomicU8>>> = const { RefCell::new(None) };
    /// Whether signal handlers run in this thread, and in which process that was found out.
    static IS_MAIN: Cell<Option<(u32, bool)>> = const { Cell::new(None) };
}

/// Runs `body`, which may wait, detached from the interpreter. Signal handlers run meanwhile, if this
/// is the thread for that; one that raises ends the wait, and its exception is the answer. If
/// `body` has got something even so, `undo` gives it back.
pub(crate) fn wait<T: Send, E: Send>(
    py: Python<'_>,
    cancel: Option<&Cancel>,
    body: impl FnOnce() -> Result<T, E> + Send,
    undo: impl FnOnce(T),
) -> PyResult<Result<T, E>> {
    if let Some(cancel) = cancel {
        CANCEL.set(Some(cancel.state.clone()));
        let outcome = py.detach(|| interruptible(is_cancelled, body));
        CANCEL.set(None);
        return Ok(outcome);
    }
    if !runs_signal_handlers(py) {
        return Ok(py.detach(body));
    }
    let outcome = py.detach(|| interruptible(signal_handler_raised, body));
    match PENDING.take() {
        None => Ok(outcome),
        Some(raised) => {
            if let Ok(got) = outcome {
                undo(got);
            }
            Err(raised)
        }
    }
}

fn is_cancelled() -> bool {
    CANCEL.with_borrow(|cancel| {
        cancel.as_ref().is_some_and(|state| state.load(Ordering::Acquire) == CANCELLED)
    })
}

/// Runs the handlers of the signals that have come. Where the interpreter is about to end, there is
/// nothing to go on waiting for.
fn signal_handler_raised() -> bool {
    let raised = Python::try_attach(|py| match py.check_signals() {
        Ok(()) => false,
        Err(raised) => {
            PENDING.set(Some(raised));
            true
        }
    });
    raised.unwrap_or(true)
}

/// Python runs the handlers of signals in its main thread only.
fn runs_signal_handlers(py: Python<'_>) -> bool {
    let process = forks::generation();
    match IS_MAIN.get() {
        Some((when, answer)) if when == process => return answer,
        _ => {}
    }
    let answer = is_main_thread(py).unwrap_or(true);
    IS_MAIN.set(Some((process, answer)));
    answer
}

fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let modules = py.import("sys")?.getattr("modules")?;
    // Who has not loaded it has started no threads by it.
    let Ok(threading) = modules.get_item("threading") else { return Ok(true) };
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    let current = threading.call_method0("get_ident")?;
    main.eq(current)
}
