//! Calling a waiting thread away.

use crate::raw::host::Slept;
use std::cell::Cell;

/// Asked in a waiting thread whether it is to give up. See [`interruptible`].
pub type Interrupt = fn() -> bool;

thread_local! {
    static INTERRUPT: Cell<Option<Interrupt>> = const { Cell::new(None) };
}

/// A thread that can be called away asks at least as often as this, in nanoseconds: a signal that
/// comes just before it falls asleep does not wake it.
const ASKS_EVERY: u64 = 25_000_000;

/// Runs `body`. Whatever this thread waits for meanwhile, objects and words, it is asked by
/// `interrupt` whether it is to give up: after each signal that a handler of this thread has
/// handled, and every 25 ms besides. On the answer true the wait ends with `Interrupted`, and
/// nothing was acquired or taken.
///
/// For bindings to languages whose signal handlers do not run by themselves while a thread waits
/// here. Without it, signals do not end a wait. It is not asked when there is nothing to wait for, so
/// it costs nothing then; nor while it runs itself, so it may use locks of its own. Calls may be
/// nested: the inner one counts. Threads that are started meanwhile are not concerned.
///
/// ```
/// use procsync::{Error, Event, Reset, interruptible};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static CALLED_AWAY: AtomicBool = AtomicBool::new(false);
///
/// let event = Event::open("interruptible-example", Reset::Manual)?;
/// CALLED_AWAY.store(true, Ordering::Relaxed); // As a handler of SIGINT would.
/// let waited = interruptible(|| CALLED_AWAY.load(Ordering::Relaxed), || event.wait());
/// assert!(matches!(waited, Err(Error::Interrupted { .. })));
/// # Ok::<(), Error>(())
/// ```
pub fn interruptible<T>(interrupt: Interrupt, body: impl FnOnce() -> T) -> T {
    let _before = Restore(INTERRUPT.replace(Some(interrupt)));
    body()
}

/// Runs what cannot end without success, and so cannot be called away.
pub(crate) fn uninterrupted<T>(body: impl FnOnce() -> T) -> T {
    let _before = Restore(INTERRUPT.replace(None));
    body()
}

/// What was there before, put back in any case.
struct Restore(Option<Interrupt>);

impl Drop for Restore {
    fn drop(&mut self) {
        INTERRUPT.set(self.0);
    }
}

/// The part of one wait that listens.
#[derive(Debug)]
pub(crate) struct Listener {
    interrupt: Option<Interrupt>,
    /// When to ask next, on the monotonic clock.
    next: u64,
}

impl Listener {
    pub(crate) fn new() -> Self {
        // A thread that is exiting has none any more.
        Listener { interrupt: INTERRUPT.try_with(Cell::get).ok().flatten(), next: 0 }
    }

    /// Until when to sleep at most, for one who wants to sleep until `until`.
    pub(crate) fn at_most(&self, until: u64) -> u64 {
        if self.interrupt.is_some() { until.min(self.next) } else { until }
    }

    /// Told how a sleep ended.
    pub(crate) fn slept(&mut self, how: Slept) {
        if how == Slept::Interrupted {
            self.next = 0;
        }
    }

    /// Whether the wait is to end. Asks when it is time to.
    pub(crate) fn says_stop(&mut self, now: u64) -> bool {
        let Some(interrupt) = self.interrupt else { return false };
        if now < self.next {
            return false;
        }
        self.next = now + ASKS_EVERY;
        uninterrupted(interrupt)
    }
}
