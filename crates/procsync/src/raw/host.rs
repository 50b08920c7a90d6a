//! What the types over the caller's memory need from outside: a clock, an identity, a futex.

use super::sync::AtomicU32;

/// How a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slept {
    /// Somebody woke this sleeper.
    Woken,
    /// The word did not hold the expected value any more; it did not sleep.
    Changed,
    /// The deadline passed. No wake-up was consumed.
    TimedOut,
    /// A signal was handled, or the system woke it for no reason. No wake-up was consumed.
    Interrupted,
}

/// Who asks, as far as it concerns a word that several processes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// 1 to 2³⁰ − 1, drawn at random when the process began (a forked child draws its own). Two
    /// processes in different pid namespaces can have the same pid, but hardly the same number.
    pub(crate) process: u32,
    /// To be shown; decides nothing.
    pub(crate) pid: u32,
    /// The thread, unique within the process among those that live.
    pub(crate) thread: u32,
}

/// The world outside the words. One implementation is the system, the other one a model.
pub(crate) trait Host {
    /// Sleeps while `word` holds `expected`, at the latest until the monotonic clock shows `until`
    /// (in ns; none: for ever).
    fn sleep(&self, word: &AtomicU32, expected: u32, until: Option<u64>) -> Slept;
    /// Wakes at most `sleepers`, answers how many.
    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32;
    /// Who calls.
    fn identity(&self) -> Identity;
    /// Nanoseconds since 1970, as coarse as is cheap.
    fn wall_clock(&self) -> u64;
    /// Nanoseconds of a clock that nobody sets.
    fn monotonic(&self) -> u64;
}
