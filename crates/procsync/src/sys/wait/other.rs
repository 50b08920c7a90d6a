//! No way to sleep on a word is known here: waits look again after a short pause.

use crate::raw::host::Slept;
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
    if word.load(Ordering::Relaxed) == expected { Slept::Interrupted } else { Slept::Woken }
}

pub(crate) fn wake(_word: &AtomicU32, _sleepers: u32, _shared: bool) -> u32 {
    0
}
