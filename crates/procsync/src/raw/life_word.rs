//! A word that the system marks when a thread dies.

use super::TURNS_AT_MOST;
use super::sync::{AtomicU32, Ordering};

#[cfg(all(test, loom))]
mod model;

/// The thread's id (FUTEX_TID_MASK of linux/futex.h).
const THREAD: u32 = (1 << 30) - 1;
/// FUTEX_OWNER_DIED.
const DIED: u32 = 1 << 30;
/// FUTEX_WAITERS: the system wakes one sleeper when it marks the word.
const SOMEBODY_SLEEPS: u32 = 1 << 31;

/// One word of a participant's slot, in the system's own format for robust futexes.
///
/// | bits                        | state                                | leaves by                       |
/// |-----------------------------|--------------------------------------|---------------------------------|
/// | `0`                         | tells nothing                        | its thread stores its id        |
/// | `id`, `id \| SLEEPS`        | its thread lives                     | the system, at its death; retire |
/// | `DIED`, `DIED \| SLEEPS`    | its thread is dead                   | who claims the slot next, to `0` |
///
/// Ids are those of the thread's own pid namespace. Only the system compares them, with the dying
/// thread's own; here they mean nothing but "not zero".
///
/// Orderings: the system marks with a full barrier. Reading the mark is `Acquire`, so that what the
/// dead one wrote is seen by who takes over. Announcing a sleeper needs no order: the system reads
/// and marks the word in one step, and the sleep itself compares it again.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct LifeWord(AtomicU32);

/// What a life word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Nothing.
    Unknown,
    /// Its thread lives. To be slept on with this value: then its death wakes a sleeper.
    Alive(u32),
    Dead,
}

impl LifeWord {
    pub(crate) fn futex(&self) -> &AtomicU32 {
        &self.0
    }

    /// Whether its thread is dead.
    pub(crate) fn is_dead(&self) -> bool {
        self.0.load(Ordering::Acquire) & DIED != 0
    }

    /// What it says, and has the system wake a sleeper when that changes.
    pub(crate) fn watch(&self) -> Life {
        let mut seen = self.0.load(Ordering::Acquire);
        for _ in 0..TURNS_AT_MOST {
            if seen & DIED != 0 {
                return Life::Dead;
            }
            if seen & THREAD == 0 {
                return Life::Unknown;
            }
            if seen & SOMEBODY_SLEEPS != 0 {
                return Life::Alive(seen);
            }
            let announced = seen | SOMEBODY_SLEEPS;
            match self.0.compare_exchange(seen, announced, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => return Life::Alive(announced),
                Err(now) => seen = now,
            }
        }
        Life::Unknown
    }

    /// Lets it tell nothing, unless it tells of a death: that is not for the slot's own process to
    /// clear, because somebody may be recovering by it.
    pub(crate) fn retire(&self) -> bool {
        let mut seen = self.0.load(Ordering::Relaxed);
        for _ in 0..TURNS_AT_MOST {
            if seen & DIED != 0 {
                return false;
            }
            match self.0.compare_exchange(seen, 0, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Lets it tell nothing. Only for who gives a slot that it has claimed a life word anew: until
    /// then the word does not count.
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Release);
    }
}
