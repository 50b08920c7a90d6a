//! One wait of one thread on words in the caller's memory.

use super::error::Error;
use super::host::Host;
use super::spin::{Spin, SpinEstimate};
use super::sync::AtomicU32;
use super::{Waiter, Waker};
use crate::interrupt::Listener;
use crate::pacing::Spinner;
use std::time::Duration;

/// A sleeper looks again at the latest after this long: whoever was to wake it may have died just
/// before.
const SLICE: u64 = 1_000_000_000;

/// Why a wait ended without success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    TimedOut,
    Interrupted,
}

/// The moment on the host's monotonic clock at which a wait that begins now is over; none is never.
/// Computed once per wait, so that an interrupted wait does not begin anew.
pub(super) fn deadline(host: &impl Host, timeout: Option<Duration>) -> Option<u64> {
    let ns = u64::try_from(timeout?.as_nanos()).ok()?;
    host.monotonic().checked_add(ns)
}

/// Spins as it has paid off, then sleeps until the deadline, in slices.
#[derive(Debug)]
pub(super) struct HostWait<'a, H: Host> {
    host: &'a H,
    spinner: Spinner<'a>,
    listener: Listener,
    began: u64,
    deadline: Option<u64>,
    slept: bool,
}

impl<'a, H: Host> HostWait<'a, H> {
    pub(super) fn new(
        host: &'a H,
        estimate: &'a SpinEstimate,
        timeout: Option<Duration>,
        backs_off: bool,
        spin: Spin,
    ) -> Self {
        let (began, deadline) = (host.monotonic(), deadline(host, timeout));
        let spinner = Spinner::new(backs_off, spin, estimate);
        HostWait { host, spinner, listener: Listener::new(), began, deadline, slept: false }
    }

    /// To be called when the wait was successful, so that the next ones learn from it.
    pub(super) fn succeeded(&self) {
        if !self.slept {
            self.spinner.was_enough();
        }
    }

    /// The error of a wait that was not successful. `pid`: who is in the way, as far as that is known.
    pub(super) fn error(&self, stop: &Stop, what: &'static str, pid: u32) -> Error {
        let waited = self.waited();
        match stop {
            Stop::TimedOut => Error::TimedOut { what, waited, pid },
            Stop::Interrupted => Error::Interrupted { what, waited },
        }
    }

    fn waited(&self) -> Duration {
        Duration::from_nanos(self.host.monotonic().saturating_sub(self.began))
    }
}

impl<H: Host> Waker for HostWait<'_, H> {
    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32 {
        self.host.wake(word, sleepers)
    }
}

impl<H: Host> Waiter for HostWait<'_, H> {
    type Stop = Stop;

    #[inline]
    fn spin(&mut self) -> bool {
        self.spinner.spin()
    }

    fn sleep(&mut self, word: &AtomicU32, expected: u32) -> Result<(), Stop> {
        // Before the sleep and not after it: one that consumed a wake-up must not end the wait.
        self.check()?;
        if !self.slept {
            self.slept = true;
            self.spinner.was_in_vain();
        }
        let slice = self.host.monotonic().saturating_add(SLICE);
        let until = self.deadline.map_or(slice, |deadline| deadline.min(slice));
        let until = self.listener.at_most(until);
        // However it ends, the caller looks again and comes back here with the same deadline.
        self.listener.slept(self.host.sleep(word, expected, Some(until)));
        Ok(())
    }

    fn check(&mut self) -> Result<(), Stop> {
        let now = self.host.monotonic();
        if self.listener.says_stop(now) {
            return Err(Stop::Interrupted);
        }
        match self.deadline {
            Some(deadline) if now >= deadline => Err(Stop::TimedOut),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::host::{Identity, Slept};
    use std::cell::{Cell, RefCell};

    /// A clock that moves by 300 ms with each sleep, all of which are interrupted.
    struct Interrupting {
        now: Cell<u64>,
        slept_until: RefCell<Vec<Option<u64>>>,
    }

    const STEP: u64 = 300_000_000;

    impl Host for Interrupting {
        fn sleep(&self, _word: &AtomicU32, _expected: u32, until: Option<u64>) -> Slept {
            self.slept_until.borrow_mut().push(until);
            self.now.set(self.now.get() + STEP);
            Slept::Interrupted
        }

        fn wake(&self, _word: &AtomicU32, _sleepers: u32) -> u32 {
            0
        }

        fn identity(&self) -> Identity {
            Identity { process: 1, pid: 1, thread: 1 }
        }

        fn wall_clock(&self) -> u64 {
            0
        }

        fn monotonic(&self) -> u64 {
            self.now.get()
        }
    }

    fn host() -> Interrupting {
        Interrupting { now: Cell::new(7), slept_until: RefCell::default() }
    }

    #[test]
    fn an_interrupted_wait_goes_on_to_the_same_deadline() {
        let (host, estimate) = (host(), SpinEstimate::new());
        let timeout = Some(Duration::from_nanos(2 * STEP));
        let mut wait = HostWait::new(&host, &estimate, timeout, false, Spin::Never);
        let word = AtomicU32::new(0);
        assert_eq!(wait.sleep(&word, 0), Ok(()));
        assert_eq!(wait.sleep(&word, 0), Ok(()));
        assert_eq!(wait.sleep(&word, 0), Err(Stop::TimedOut));
        assert_eq!(*host.slept_until.borrow(), [Some(7 + 2 * STEP); 2]);
        assert_eq!(wait.waited(), Duration::from_nanos(2 * STEP));
    }

    #[test]
    fn a_wait_for_ever_sleeps_in_slices() {
        let (host, estimate) = (host(), SpinEstimate::new());
        for timeout in [None, Some(Duration::MAX), Some(Duration::from_nanos(u64::MAX))] {
            let mut wait = HostWait::new(&host, &estimate, timeout, false, Spin::Never);
            let before = host.monotonic();
            assert_eq!(wait.sleep(&AtomicU32::new(0), 0), Ok(()));
            assert_eq!(host.slept_until.borrow().last(), Some(&Some(before + SLICE)));
        }
    }
}
