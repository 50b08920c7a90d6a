//! No way to sleep on a word is known here: waits look again after a short pause.
#![allow(unsafe_code)] // the same signatures as elsewhere

use crate::raw::host::Slept;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) fn sleep(word: &AtomicU32, expected: u32, _shared: bool, until: Option<u64>) -> Slept {
    if word.load(Ordering::Relaxed) != expected {
        return Slept::Changed;
    }
    let now = crate::sys::clock::monotonic();
    if until.is_some_and(|until| until <= now) {
        return Slept::TimedOut;
    }
    let left = until.map_or(1_000_000, |until| until - now);
    std::thread::sleep(Duration::from_nanos(left.min(1_000_000)));
    Slept::Interrupted
}

pub(crate) fn wake(_word: &AtomicU32, _sleepers: u32, _shared: bool) -> u32 {
    0
}

/// How many bytes of an object's file the system needs to know who sleeps.
pub(crate) const TABLE: usize = 0;

/// Who sleeps on words in a piece of memory need not be written down.
#[derive(Debug)]
pub(crate) struct Sleepers;

impl Sleepers {
    /// # Safety
    /// None: it does nothing.
    pub(crate) unsafe fn register(
        _start: NonNull<u8>,
        _length: usize,
        _first: u64,
        _table: NonNull<u8>,
    ) -> Sleepers {
        Sleepers
    }
}
