//! Set or unset, with those who wait for "set".

use super::sync::{AtomicU32, Ordering};
use super::{Turns, Waiter, Waker};

#[cfg(all(test, loom))]
mod model;

const SET: u32 = 1;
const WAITERS: u32 = 2;
/// One step of the number of times that the flag was set; it fills the bits above the two.
const ONE_SETTING: u32 = 4;

/// What a successful wait does to the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consume {
    /// Nothing: it stays set until cleared, and setting wakes everybody (manual reset).
    Nothing,
    /// Unsets it: each setting lets one waiter go on (auto reset).
    Setting,
}

/// One word: `SET`, `WAITERS`, and above them how often it was set (modulo 2³⁰).
///
/// | bits            | state                                      | leaves by                              |
/// |-----------------|--------------------------------------------|----------------------------------------|
/// | neither         | unset                                      | set, mark                              |
/// | `WAITERS`       | unset, somebody may sleep                  | set (wakes)                            |
/// | `SET`           | set                                        | clear, or a waiter that consumes       |
/// | `SET \| WAITERS`| never written; taken as set                | as `SET`                               |
///
/// The number lets a waiter of a manual-reset flag see that the flag was set while it slept, even
/// if it was cleared again before the waiter ran. It would have to wrap around exactly within one
/// sleep to be mistaken, and then the waiter goes on waiting, as after the clear it may.
///
/// A consuming waiter that has slept leaves `WAITERS` behind when it unsets the flag: the setting
/// that woke it took the mark of the others with it. Forgetting that would be a missed wake-up; a
/// mark too many is a needless wake.
///
/// `Release` on set, `Acquire` on a successful wait: what was written before the set is seen.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Flag(AtomicU32);

impl Flag {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Flag(AtomicU32::new(0))
    }

    /// The word itself, to sleep on and to wake.
    #[cfg(all(test, loom))]
    pub(crate) fn futex(&self) -> &AtomicU32 {
        &self.0
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) & SET != 0
    }

    /// Sets the flag and wakes those who wait: all, or one if a wait consumes the setting.
    /// Atomics and one wake, nothing else: safe in a signal handler.
    #[inline]
    pub(crate) fn set(&self, consume: Consume, waker: &impl Waker) {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            // An atomic write even if it is set already: a waiter that takes this setting must see
            // what this caller wrote before, so the release may not be left out.
            let set = if seen & SET != 0 {
                seen
            } else {
                (seen & !WAITERS).wrapping_add(ONE_SETTING) | SET
            };
            match self.0.compare_exchange_weak(seen, set, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if seen & WAITERS != 0 {
            waker.wake(&self.0, if consume == Consume::Nothing { u32::MAX } else { 1 });
        }
    }

    /// Unsets the flag.
    #[inline]
    pub(crate) fn clear(&self) {
        self.0.fetch_and(!SET, Ordering::Relaxed);
    }

    /// Answers at once whether it is (and for a consuming wait: was) set.
    #[inline]
    pub(crate) fn try_wait(&self, consume: Consume) -> bool {
        match consume {
            Consume::Nothing => self.is_set(),
            Consume::Setting => self.consume(self.0.load(Ordering::Relaxed), 0).is_ok(),
        }
    }

    /// Unsets the flag, which held `seen` a moment ago, and leaves `mark`. Answers what it holds if
    /// it is not set.
    #[inline]
    fn consume(&self, mut seen: u32, mark: u32) -> Result<(), u32> {
        while seen & SET != 0 {
            let unset = (seen & !SET) | mark;
            match self.0.compare_exchange(seen, unset, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
        Err(seen)
    }

    /// Waits until the flag is set, as long as the waiter does.
    #[cold]
    pub(crate) fn wait<W: Waiter>(&self, consume: Consume, waiter: &mut W) -> Result<(), W::Stop> {
        let mut mark = 0;
        let mut turns = Turns::default();
        let first = self.0.load(Ordering::Acquire);
        let mut seen = first;
        loop {
            match consume {
                Consume::Nothing => {
                    if seen & SET != 0 || (seen ^ first) >= ONE_SETTING {
                        return Ok(());
                    }
                }
                Consume::Setting => match self.consume(seen, mark) {
                    Ok(()) => return Ok(()),
                    Err(now) => seen = now,
                },
            }
            if let Err(stop) = turns.next(waiter) {
                // The wake-up that may have come here was for one of those who consume.
                if consume == Consume::Setting && mark != 0 {
                    waiter.wake(&self.0, 1);
                }
                return Err(stop);
            }
            if waiter.spin() {
                seen = self.0.load(Ordering::Acquire);
                continue;
            }
            if seen & WAITERS == 0 {
                let marked = seen | WAITERS;
                if let Err(now) =
                    self.0.compare_exchange(seen, marked, Ordering::Relaxed, Ordering::Acquire)
                {
                    seen = now;
                    continue;
                }
            }
            waiter.sleep(&self.0, seen | WAITERS)?;
            mark = WAITERS;
            seen = self.0.load(Ordering::Acquire);
        }
    }
}
