//! When a wait gives up.

use crate::sys::clock;
use std::time::{Duration, Instant};

/// A moment on the monotonic clock, computed once per wait: whatever interrupts the wait, what
/// follows resumes towards the same moment. A moment too far away to be told is "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    began: u64,
    at: Option<u64>,
}

impl Deadline {
    pub(crate) fn never() -> Deadline {
        Deadline { began: clock::monotonic(), at: None }
    }

    pub(crate) fn after(timeout: Duration) -> Deadline {
        let ns = u64::try_from(timeout.as_nanos()).ok();
        let began = clock::monotonic();
        Deadline { began, at: ns.and_then(|ns| began.checked_add(ns)) }
    }

    pub(crate) fn at(moment: Instant) -> Deadline {
        Deadline::after(moment.saturating_duration_since(Instant::now()))
    }

    /// The moment in ns of the monotonic clock.
    pub(crate) fn ns(self) -> Option<u64> {
        self.at
    }

    /// When the wait began, in ns of the monotonic clock.
    pub(crate) fn began(self) -> u64 {
        self.began
    }

    pub(crate) fn passed(self) -> bool {
        self.at.is_some_and(|at| clock::monotonic() >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overflows_is_for_ever() {
        assert_eq!(Deadline::after(Duration::MAX).ns(), None);
        assert_eq!(Deadline::after(Duration::from_nanos(u64::MAX)).ns(), None);
        assert!(!Deadline::never().passed());
    }

    #[test]
    fn the_past_has_passed() {
        assert!(Deadline::after(Duration::ZERO).passed());
        assert!(Deadline::at(Instant::now()).passed());
        assert!(!Deadline::after(Duration::from_secs(3600)).passed());
    }
}
