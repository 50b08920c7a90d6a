//! A number of things that anyone may raise and anyone may take from.

use super::sync::{AtomicU32, Ordering, load_newest};
use super::wait_queue::WaitQueue;
use super::{Turns, Waiter, Waker};

#[cfg(all(test, loom))]
mod model;

/// A count, 0 to 2³² − 1. Tokens have no owner.
///
/// | value | state                          | leaves by  |
/// |-------|--------------------------------|------------|
/// | 0     | nothing there, waiters may sleep in the queue | post |
/// | n > 0 | n tokens                       | post, take |
///
/// `SeqCst`, because posting and taking are halves of the queue's handshake; a post is a release
/// and a take an acquire as well, so what was written before a post is seen after the take.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct TokenCount(AtomicU32);

/// The count would have passed 2³² − 1; it is unchanged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl TokenCount {
    #[cfg(all(test, loom))]
    pub(crate) fn new(count: u32) -> Self {
        TokenCount(AtomicU32::new(count))
    }

    pub(crate) fn value(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// For whoever makes the object, while nobody else uses it.
    #[cfg(not(loom))]
    pub(crate) fn initialize(&self, count: u32) {
        self.0.store(count, Ordering::Release);
    }

    /// Adds `count` tokens and wakes as many waiters.
    #[inline]
    pub(crate) fn post(
        &self,
        count: u32,
        queue: &WaitQueue,
        waker: &impl Waker,
    ) -> Result<(), Overflow> {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let raised = seen.checked_add(count).ok_or(Overflow)?;
            match self.0.compare_exchange_weak(seen, raised, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if count > 0 {
            queue.notify(count, waker);
        }
        Ok(())
    }

    /// Takes one token if there is one.
    #[inline]
    pub(crate) fn try_take(&self) -> bool {
        let mut seen = load_newest(&self.0);
        while seen > 0 {
            match self.0.compare_exchange(seen, seen - 1, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes one token, waiting for it as long as the waiter does.
    #[cold]
    pub(crate) fn take<W: Waiter>(&self, queue: &WaitQueue, waiter: &mut W) -> Result<(), W::Stop> {
        let mut turns = Turns::default();
        loop {
            if self.try_take() {
                return Ok(());
            }
            turns.next(waiter)?;
            if waiter.spin() {
                continue;
            }
            let arrival = queue.arrive();
            if self.try_take() {
                return Ok(());
            }
            queue.sleep(arrival, waiter)?;
        }
    }
}
