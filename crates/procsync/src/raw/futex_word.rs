//! A word to sleep on.
#![allow(unsafe_code)] // a view of the caller's memory
#![allow(clippy::disallowed_types)] // std's atomic is part of the interface

use super::error::Error;
use super::host::{Host, Slept};
use super::host_wait::deadline;
use super::memory;
use crate::interrupt::Listener;
use crate::sys::System;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A 32-bit word in the caller's memory that threads and processes can sleep on until it changes:
/// the stuff that locks are made of.
///
/// It decides nothing by itself. Whoever changes the word wakes those who sleep on it; a sleeper
/// looks at the word again when it wakes up, because another one may have been faster.
///
/// Loading and storing are one instruction. Waiting and waking are a system call each, so a program
/// that wants to be fast notes in the word itself whether anybody sleeps. On systems other than
/// Linux, a waiter looks at a word that is shared each millisecond (on Windows, unless it lies in a
/// [`SharedMemory`](crate::SharedMemory)); there, a wake without a change may go unseen.
///
/// ```
/// use procsync::raw::FutexWord;
/// use std::sync::atomic::AtomicU32;
///
/// let ready = AtomicU32::new(0);
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let word = FutexWord::over(&ready, false);
///         word.store_release(1);
///         word.wake(1);
///     });
///     let word = FutexWord::over(&ready, false);
///     while word.load_acquire() == 0 {
///         word.wait(0, None);
///     }
/// });
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FutexWord<'a> {
    word: &'a AtomicU32,
    system: System,
}

impl<'a> FutexWord<'a> {
    /// Uses an atomic. `shared` says whether other processes map it; if not, sleeping and waking
    /// are a little cheaper. All users of a word must say the same, else they do not find each
    /// other.
    pub fn over(word: &'a AtomicU32, shared: bool) -> Self {
        FutexWord { word, system: System { shared } }
    }

    /// Uses the first 4 of the `len` bytes at `ptr`. For `shared`, see [`over`](Self::over).
    ///
    /// # Errors
    /// [`Error::TooSmall`] below 4 bytes, [`Error::Misaligned`] if the address is not a multiple
    /// of 4.
    ///
    /// # Safety
    /// The bytes must be valid for reads and writes during `'a`, and whoever else accesses them
    /// meanwhile, in this process or another, does so by atomic operations of 4 bytes.
    ///
    /// ```
    /// use procsync::raw::FutexWord;
    ///
    /// let mut number = 5_u32;
    /// // SAFETY: nobody else uses `number` as long as `word`.
    /// let word = unsafe { FutexWord::from_ptr((&raw mut number).cast(), 4, false) }?;
    /// word.store_release(6);
    /// assert_eq!(word.load_acquire(), 6);
    /// # Ok::<(), procsync::raw::Error>(())
    /// ```
    pub unsafe fn from_ptr(ptr: *mut u8, len: usize, shared: bool) -> Result<Self, Error> {
        // SAFETY: an atomic; the rest is what the caller promised.
        let word = unsafe { memory::view("futex word", ptr, len) }?;
        Ok(FutexWord { word, system: System { shared } })
    }

    /// Sleeps while the word holds `expected`, at most for `timeout` (none, or one too long to be
    /// told: for ever). True: it was woken, or the word holds something else; false: the time is
    /// up.
    ///
    /// Can answer true for no reason: look again. Signals do not end the wait (unless it is
    /// [`interruptible`](crate::interruptible): then it answers true), nor do they begin its time anew. What was written before the [`store_release`](Self::store_release) of a value
    /// is seen once [`load_acquire`](Self::load_acquire) has answered that value.
    ///
    /// ```
    /// use procsync::raw::FutexWord;
    /// use std::sync::atomic::AtomicU32;
    /// use std::time::Duration;
    ///
    /// let number = AtomicU32::new(5);
    /// let word = FutexWord::over(&number, false);
    /// assert!(word.wait(4, None)); // It is 5: there is nothing to wait for.
    /// assert!(!word.wait(5, Some(Duration::from_millis(1))));
    /// ```
    pub fn wait(&self, expected: u32, timeout: Option<Duration>) -> bool {
        let deadline = deadline(&self.system, timeout);
        let mut listener = Listener::new();
        loop {
            if listener.says_stop(self.system.monotonic()) {
                return true;
            }
            let until = listener.at_most(deadline.unwrap_or(u64::MAX));
            let slept = self.system.sleep(self.word, expected, Some(until));
            listener.slept(slept);
            match slept {
                Slept::Woken | Slept::Changed => return true,
                // Where the system cannot sleep on words, this loop does the looking.
                Slept::TimedOut | Slept::Interrupted => {
                    if self.word.load(Ordering::Relaxed) != expected {
                        return true;
                    }
                    if deadline.is_some_and(|deadline| self.system.monotonic() >= deadline) {
                        return false;
                    }
                }
            }
        }
    }

    /// Wakes at most `n` of those who sleep on the word, answers how many. More than 2³¹ − 1 are
    /// as many.
    ///
    /// ```
    /// # use procsync::raw::FutexWord;
    /// # use std::sync::atomic::AtomicU32;
    /// let number = AtomicU32::new(0);
    /// assert_eq!(FutexWord::over(&number, false).wake(u32::MAX), 0);
    /// ```
    pub fn wake(&self, n: u32) -> u32 {
        // The kernel wakes one where it is asked for none.
        if n == 0 { 0 } else { self.system.wake(self.word, n) }
    }

    /// Reads the word; sees what was written before the store that it reads.
    #[inline]
    pub fn load_acquire(&self) -> u32 {
        self.word.load(Ordering::Acquire)
    }

    /// Writes the word; who reads it sees what was written before. Wakes nobody.
    #[inline]
    pub fn store_release(&self, value: u32) {
        self.word.store(value, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use crate::raw::testing::Storm;
    use crate::raw::testing::{aligned_bytes, patience};
    use std::time::Instant;

    #[test]
    fn too_small_or_misaligned_memory_is_refused() {
        let mut bytes = aligned_bytes();
        let start = bytes.0.as_mut_ptr();
        // SAFETY: inside the array, which nobody else uses.
        let small = unsafe { FutexWord::from_ptr(start, 3, false) };
        assert_eq!(small.unwrap_err(), Error::TooSmall { what: "futex word", needed: 4, got: 3 });
        for offset in 1..4 {
            // SAFETY: as above.
            let place = unsafe { start.add(offset) };
            // SAFETY: as above.
            let odd = unsafe { FutexWord::from_ptr(place, 4, false) };
            let remainder = offset;
            let expected = Error::Misaligned { what: "futex word", needed: 4, remainder };
            assert_eq!(odd.unwrap_err(), expected);
        }
    }

    #[test]
    fn wake_tells_how_many_slept() {
        for shared in [false, true] {
            let number = AtomicU32::new(0);
            let word = FutexWord::over(&number, shared);
            assert_eq!(word.wake(0), 0);
            std::thread::scope(|scope| {
                let sleeper = scope.spawn(|| word.wait(0, None));
                let began = Instant::now();
                while word.wake(u32::MAX) == 0 {
                    assert!(began.elapsed() < patience(), "it never slept");
                    std::thread::yield_now();
                }
                assert!(sleeper.join().unwrap());
            });
        }
    }

    #[test]
    #[cfg(unix)]
    fn signals_neither_end_a_wait_nor_begin_it_anew() {
        let number = AtomicU32::new(0);
        let word = FutexWord::over(&number, false);
        let storm = Storm::over_this_thread();
        let timeout = Duration::from_millis(100);
        let began = Instant::now();
        assert!(!word.wait(0, Some(timeout)));
        let took = began.elapsed();
        assert!(storm.handled() > 10, "no storm");
        drop(storm);
        assert!(took >= timeout && took < patience(), "{took:?}");
    }
}
