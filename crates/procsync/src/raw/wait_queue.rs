//! Sleeping and waking for a state that is not the word slept on: permits, token counts.

use super::sync::{AtomicU32, Ordering, handshake};
use super::{Waiter, Waker};

/// Two words: a sequence to sleep on and a number of arrivals that tells whether anybody may
/// sleep at all.
///
/// A waiter: reads `sequence`, adds itself to `arrivals`, looks at the state once more, sleeps
/// while `sequence` is unchanged. One who changes the state: changes it, and if `arrivals` is not
/// 0, moves `sequence` on and wakes.
///
/// *No wake-up is missed.* Adding to `arrivals` then looking, against changing then reading
/// `arrivals`: a store-load handshake, all `SeqCst`. So the waiter sees the change or the changer
/// sees the arrival. If the changer sees it, then it moves the sequence after the waiter read it
/// (the arrival is a release that the changer acquires, and the waiter read the sequence before),
/// so the waiter does not fall asleep on it, or is woken.
///
/// *`arrivals` is cleared* by a changer whose wake found fewer sleepers than it could have woken,
/// and only if it still has the value that this changer read: everyone counted in it had read
/// the sequence before this changer moved it, and so does not sleep any more without arriving
/// again. A clear that is forgotten costs a needless wake; a clear too many would be a missed one.
///
/// A waiter or changer that dies anywhere in between leaves `arrivals` too high (a needless wake,
/// which then clears it) or a wake-up undone (found by the sleepers' slices).
#[repr(C)]
#[derive(Debug)]
pub(crate) struct WaitQueue {
    sequence: AtomicU32,
    arrivals: AtomicU32,
}

/// The sequence as it was before the state was looked at for the last time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival(u32);

impl WaitQueue {
    #[cfg(any(loom, test))]
    pub(crate) fn new() -> Self {
        WaitQueue { sequence: AtomicU32::new(0), arrivals: AtomicU32::new(0) }
    }

    /// The word that is slept on.
    pub(crate) fn futex(&self) -> &AtomicU32 {
        &self.sequence
    }

    /// Announces that the caller is about to look once more and then to sleep.
    pub(crate) fn arrive(&self) -> Arrival {
        let arrival = Arrival(self.sequence.load(Ordering::Acquire));
        if self.arrivals.fetch_add(1, Ordering::SeqCst) == u32::MAX {
            // It wrapped to "nobody".
            self.arrivals.fetch_add(1, Ordering::SeqCst);
        }
        handshake();
        arrival
    }

    /// Sleeps, unless something was announced since `arrival`.
    pub(crate) fn sleep<W: Waiter>(&self, arrival: Arrival, w: &mut W) -> Result<(), W::Stop> {
        w.sleep(&self.sequence, arrival.0)
    }

    /// After a change that lets `count` waiters go on.
    #[inline]
    pub(crate) fn notify(&self, count: u32, waker: &impl Waker) {
        handshake();
        let arrivals = self.arrivals.load(Ordering::SeqCst);
        if arrivals != 0 {
            self.notify_sleepers(arrivals, count, waker);
        }
    }

    #[cold]
    fn notify_sleepers(&self, arrivals: u32, count: u32, waker: &impl Waker) {
        self.sequence.fetch_add(1, Ordering::AcqRel);
        if waker.wake(&self.sequence, count) < count {
            // Relaxed: on success it only forgets arrivals that were seen above; nothing is read
            // or published by it.
            let _ =
                self.arrivals.compare_exchange(arrivals, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}
