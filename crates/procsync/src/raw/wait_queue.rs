//! Sleeping and waking for a state that is not the word slept on: permits, token counts.

use super::sync::{AtomicU32, Ordering, load_newest};
use super::{Waiter, Waker};

#[cfg(all(test, loom))]
mod model;

/// A sequence to sleep on, the number of those who ever arrived to sleep on it, and how many of
/// these are settled: known not to sleep any more. Nobody can be asleep if the last two are equal,
/// and then a changer has nothing to do.
///
/// A waiter: reads `sequence`, adds itself to `arrived`, looks at the state once more, sleeps
/// while `sequence` is unchanged. One who changes the state: changes it, and if `arrived` is not
/// `settled`, moves `sequence` on and wakes.
///
/// *No wake-up is missed.* Adding to `arrived` then looking, against changing then reading
/// `arrived`: a store-load handshake, all `SeqCst`. So the waiter sees the change or the changer
/// sees the arrival. If the changer sees it, then it moves the sequence after the waiter read it
/// (the arrival is a release that the changer acquires, and the waiter read the sequence before),
/// so the waiter does not fall asleep on it, or is woken.
///
/// *Settling.* A changer whose wake found fewer sleepers than it could have woken settles as many
/// arrivals as it read before. All of these had read the sequence before this changer moved it,
/// and nobody sleeps on the old one now; to sleep again they must arrive again, and that counts
/// anew. So the claim stays true, however late it is written and in whatever order: one that
/// overwrites a later one only costs a needless wake. (A number that is set back to 0 would not
/// do: a changer that was held up could take those who arrived since for those whom it saw.)
/// The numbers wrap around; to be mistaken, 2³² must arrive while one changer is held up.
///
/// A waiter or changer that dies anywhere in between leaves arrivals unsettled (a needless wake,
/// which then settles them) or a wake-up undone (found by the sleepers' slices).
#[repr(C)]
#[derive(Debug)]
pub(crate) struct WaitQueue {
    sequence: AtomicU32,
    arrived: AtomicU32,
    settled: AtomicU32,
}

/// The sequence as it was before the state was looked at for the last time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival(u32);

impl WaitQueue {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        WaitQueue {
            sequence: AtomicU32::new(0),
            arrived: AtomicU32::new(0),
            settled: AtomicU32::new(0),
        }
    }

    /// The word that is slept on.
    pub(crate) fn futex(&self) -> &AtomicU32 {
        &self.sequence
    }

    /// Announces that the caller is about to look once more and then to sleep.
    pub(crate) fn arrive(&self) -> Arrival {
        let arrival = Arrival(self.sequence.load(Ordering::Acquire));
        self.arrived.fetch_add(1, Ordering::SeqCst);
        arrival
    }

    /// Sleeps, unless something was announced since `arrival`.
    pub(crate) fn sleep<W: Waiter>(&self, arrival: Arrival, w: &mut W) -> Result<(), W::Stop> {
        w.sleep(&self.sequence, arrival.0)
    }

    /// After a change that lets `count` waiters go on.
    #[inline]
    pub(crate) fn notify(&self, count: u32, waker: &impl Waker) {
        let arrived = load_newest(&self.arrived);
        if arrived != self.settled.load(Ordering::Relaxed) {
            self.notify_sleepers(arrived, count, waker);
        }
    }

    #[cold]
    fn notify_sleepers(&self, arrived: u32, count: u32, waker: &impl Waker) {
        self.sequence.fetch_add(1, Ordering::AcqRel);
        if waker.wake(&self.sequence, count) < count {
            // Relaxed: the claim is true whenever it is read, and publishes nothing else.
            self.settled.store(arrived, Ordering::Relaxed);
        }
    }
}
