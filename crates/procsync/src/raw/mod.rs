//! Algorithms over words in memory that the caller supplies.
//!
//! Nothing here knows an operating system. An algorithm that has to sleep asks its `Waiter`; one
//! that has to wake somebody asks its `Waker`. The real ones stand on the futex of the system
//! (see `sys::wait`), the models' ones on loom. So what is model-checked is what ships.
//!
//! The pieces, from small to large: `OwnedWord` (who holds it, in one word), `WaitQueue` (sleep
//! and wake for states that are spread over several words), `Permits` (an owned word per permit),
//! `TokenCount` (a number that anyone may raise), `Flag` (set or unset).
//!
//! What others can use of this lies in memory that *they* supply: [`FutexWord`], [`AtomicU32`],
//! [`AtomicU64`], [`RawMutex`], [`RawSemaphore`].

#![deny(clippy::disallowed_types)] // atomics come from `sync`, so that the models have them

#[cfg(not(loom))]
mod atomic;
#[cfg(not(loom))]
mod error;
pub(crate) mod flag;
#[cfg(not(loom))]
mod futex_word;
pub(crate) mod host;
#[cfg(not(loom))]
mod host_wait;
pub(crate) mod ledger;
pub(crate) mod life_word;
#[cfg(not(loom))]
mod memory;
#[cfg(all(test, loom))]
pub(crate) mod model;
pub(crate) mod owned_word;
pub(crate) mod permits;
#[cfg(not(loom))]
mod raw_mutex;
#[cfg(not(loom))]
mod raw_semaphore;
pub(crate) mod spin;
pub(crate) mod sync;
#[cfg(all(test, not(loom)))]
mod testing;
pub(crate) mod token_count;
pub(crate) mod wait_queue;

#[cfg(not(loom))]
pub use atomic::{AtomicU32, AtomicU64};
#[cfg(not(loom))]
pub use error::Error;
#[cfg(not(loom))]
pub use futex_word::FutexWord;
#[cfg(not(loom))]
pub use memory::{HEADER_SIZE, HeaderMemory};
#[cfg(not(loom))]
pub use raw_mutex::RawMutex;
#[cfg(not(loom))]
pub use raw_semaphore::RawSemaphore;

/// Wakes those who sleep on a word.
pub(crate) trait Waker {
    /// Wakes at most `sleepers` of those who sleep on `word`; answers how many it woke.
    fn wake(&self, word: &sync::AtomicU32, sleepers: u32) -> u32;
}

/// One wait of one thread: how long it spins, how it sleeps, when it gives up.
pub(crate) trait Waiter: Waker {
    /// Why a wait ends without success: a deadline, an error of the system.
    type Stop;

    /// Pauses for a moment and answers true, as long as spinning may still pay.
    fn spin(&mut self) -> bool;

    /// Sleeps while `word` holds `expected`. May return early for no reason; the caller looks
    /// again. Returns `Stop` only if this sleep consumed no wake-up, for else the wake-up would
    /// be lost to the others.
    fn sleep(&mut self, word: &sync::AtomicU32, expected: u32) -> Result<(), Self::Stop>;

    /// Answers `Stop` if the deadline has passed. Called from loops that another process could
    /// keep turning by changing the word all the time.
    fn check(&mut self) -> Result<(), Self::Stop>;
}

/// Counts the turns of a waiting loop that finds the word changed each time, and asks now and then
/// whether the deadline has passed.
#[derive(Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// In the models every turn, so that they see what a check in any place does.
    const BETWEEN_CHECKS: u32 = if cfg!(loom) { 1 } else { 1_024 };

    #[inline]
    pub(crate) fn next<W: Waiter>(&mut self, waiter: &mut W) -> Result<(), W::Stop> {
        self.0 += 1;
        if self.0 < Self::BETWEEN_CHECKS {
            return Ok(());
        }
        self.0 = 0;
        waiter.check()
    }
}

/// A loop that never waits gives up after so many turns. Reached only if somebody keeps changing
/// the word to no purpose, that is, in damaged memory.
pub(crate) const TURNS_AT_MOST: u32 = 1_024;
