//! Which permits were handed out through a handle, so that each is given back once.

use crate::boundary::Outcome;
use crate::failure::Failure;
use crate::forks;
use crate::status::procsync_kind;
use procsync::{Permit, Semaphore};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The permits of one acquisition, as C keeps them. Fields are read only; what is copied stands for
/// the same permits, and only the first release of them counts.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct procsync_permit {
    /// Which acquisition of this process it was; 0: none, or released.
    pub serial: u64,
    /// The permit, or the first of them, counted from 0.
    pub index: u32,
    /// How many they are.
    pub count: u32,
}

/// No further permit.
const END: u32 = u32::MAX;

/// Of all handles, so that no permit is taken for one of another handle.
static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);

/// Serials bear the number of forks above this, so that a child's copies of its parent's permits are
/// told from its own.
const FORKS_AT: u32 = 48;

fn next_serial() -> u64 {
    loop {
        let number = NEXT_SERIAL.fetch_add(1, Ordering::Relaxed) & ((1 << FORKS_AT) - 1);
        if number != 0 {
            return u64::from(forks::count()) << FORKS_AT | number;
        }
    }
}

fn is_of_this_process(serial: u64) -> bool {
    serial != 0 && serial >> FORKS_AT == u64::from(forks::count())
}

/// Whether a permit was this acquisition's until now.
fn forget(entry: &Entry, serial: u64) -> bool {
    // Relaxed on failure: nothing is concluded from what is there. On success, what comes after is
    // the permit's release, whose own word orders everything for the next one who takes it.
    is_of_this_process(serial)
        && entry.serial.compare_exchange(serial, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// What is known of one permit of the semaphore.
struct Entry {
    /// The acquisition through this handle that it belongs to; 0: none.
    serial: AtomicU64,
    /// The next permit of the same acquisition, or `END`.
    next: AtomicU32,
}

/// A semaphore, and what was acquired through this handle. Without a lock: a thread that forks may
/// leave its child any moment of it.
///
/// | `serial` | who writes it |
/// |---|---|
/// | 0 → n | who acquired the permit just now, which nobody else has |
/// | n → 0 | who releases it, by an exchange, so that of two who do one succeeds; and only then is the permit free for others |
pub(crate) struct Permits {
    pub(crate) semaphore: Semaphore,
    entries: Box<[Entry]>,
}

impl Permits {
    pub(crate) fn new(semaphore: Semaphore) -> Permits {
        forks::notice();
        let entry = |_| Entry { serial: AtomicU64::new(0), next: AtomicU32::new(END) };
        let entries = (0..semaphore.capacity()).map(entry).collect();
        Permits { semaphore, entries }
    }

    /// Keeps what was acquired.
    pub(crate) fn hand_out(&self, permit: Permit<'_>) -> Outcome<procsync_permit> {
        let serial = next_serial();
        let (indexes, count) = (permit.indexes(), permit.count());
        // A forked child opens the object anew, which may be another one by now. What cannot be
        // kept is given back, for the permit is dropped.
        let entries = || indexes.iter().map(|index| self.entries.get(*index as usize));
        if entries().any(|entry| entry.is_none()) {
            return Err(Failure::argument(
                "the semaphore has more permits than when this handle was opened; open it anew",
            ));
        }
        for (at, entry) in entries().flatten().enumerate() {
            entry.next.store(indexes.get(at + 1).copied().unwrap_or(END), Ordering::Relaxed);
            // Release pairs with the exchange in `forget`, after which the next one is read.
            entry.serial.store(serial, Ordering::Release);
        }
        let index = indexes.first().copied().unwrap_or(END);
        permit.keep();
        Ok(procsync_permit { serial, index, count })
    }

    /// Gives back what was handed out, all of it.
    pub(crate) fn take_back(&self, permit: procsync_permit) -> Outcome {
        let (mut index, mut answer) = (permit.index, None);
        // It ends: each turn takes a serial away, and nobody puts the same one there again.
        while let Some(entry) = self.entries.get(index as usize) {
            // Read before the permit is let go, and so before another one can change it. Acquire
            // pairs with the store in `hand_out`.
            let ours = entry.serial.load(Ordering::Acquire) == permit.serial;
            let next = entry.next.load(Ordering::Relaxed);
            if !ours || !forget(entry, permit.serial) {
                break;
            }
            let released = self.semaphore.release(index).map_err(Failure::Named);
            answer = Some(answer.unwrap_or(Ok(())).and(released));
            index = next;
        }
        answer.unwrap_or_else(|| Err(self.not_handed_out()))
    }

    /// The indexes of what was handed out.
    pub(crate) fn indexes(&self, permit: procsync_permit) -> Outcome<Vec<u32>> {
        let (mut index, mut indexes) = (permit.index, Vec::new());
        while let Some(entry) = self.entries.get(index as usize) {
            let ours = is_of_this_process(permit.serial)
                && entry.serial.load(Ordering::Acquire) == permit.serial;
            // The second condition is for one that is released meanwhile: chains may change then.
            if !ours || indexes.len() >= self.entries.len() {
                break;
            }
            indexes.push(index);
            index = entry.next.load(Ordering::Relaxed);
        }
        if indexes.is_empty() { Err(self.not_handed_out()) } else { Ok(indexes) }
    }

    #[cold]
    fn not_handed_out(&self) -> Failure {
        Failure::NotOwner(
            procsync_kind::PROCSYNC_KIND_SEMAPHORE,
            self.semaphore.name().to_owned(),
            "this permit was not acquired through this handle, or it was released already",
        )
    }
}

impl Drop for Permits {
    fn drop(&mut self) {
        for (index, entry) in (0..).zip(&self.entries) {
            let serial = entry.serial.load(Ordering::Acquire);
            if forget(entry, serial) {
                // What fails here is a segment that somebody damaged.
                let _ = self.semaphore.release(index);
            }
        }
    }
}
