//! `procsync.raw`: words in memory that the caller supplies.

mod atomic;
mod buffer;
mod futex_word;
mod mutex;
mod semaphore;

pub(crate) use atomic::{AtomicU32, AtomicU64};
pub(crate) use futex_word::FutexWord;
pub(crate) use mutex::RawMutex;
pub(crate) use semaphore::RawSemaphore;

use crate::waiting::Patience;
use procsync::Spin;
use pyo3::prelude::*;
use std::time::Duration;

/// A timeout in nanoseconds, as fastipc has them: negative is for ever.
fn patience(timeout_ns: i64) -> Patience {
    match u64::try_from(timeout_ns) {
        Ok(0) => Patience::Never,
        Ok(ns) => Patience::For(Duration::from_nanos(ns)),
        Err(_) => Patience::Forever,
    }
}

/// How often to look before sleeping; none: as the environment says.
fn spin(given: Option<i64>) -> Spin {
    match given {
        None => Spin::Adaptive,
        Some(pauses) if pauses <= 0 => Spin::Never,
        Some(pauses) => Spin::Pauses(u32::try_from(pauses).unwrap_or(u32::MAX)),
    }
}

/// Adds the methods that are declared by hand.
pub(crate) fn add_methods(py: Python<'_>) -> PyResult<()> {
    atomic::add_methods(py)?;
    futex_word::add_methods(py)?;
    mutex::add_methods(py)?;
    semaphore::add_methods(py)
}
