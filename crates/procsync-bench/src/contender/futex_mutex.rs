//! The textbook futex mutex of three states (Drepper, "Futexes are tricky"), in a mapped file: the floor for a lock that
//! sleeps and knows nothing of its holder.
// Says that its word may be shared.
#![allow(unsafe_code)]

use std::hint;
use std::io;
use std::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
};

use super::{Lock, Object, OnDrop, Place};
use crate::shared::{Mapped, Shareable};
use crate::sys::{futex_wait, futex_wake};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep.
const AWAITED: u32 = 2;

pub(super) struct Word(AtomicU32);

// SAFETY: an atomic integer, for which every pattern of bits is a value; a state that is none of the three counts as held.
unsafe impl Shareable for Word {}

/// Looks `SPINS` times before it sleeps.
pub(super) struct FutexMutex<const SPINS: u32>(Mapped<Word>);

pub(super) type Sleeping = FutexMutex<0>;
pub(super) type Spinning = FutexMutex<100>;

impl<const SPINS: u32> Object for FutexMutex<SPINS> {
    const NAME: &'static str = if SPINS == 0 { "futex" } else { "futex-spinning" };
    const ABOUT: &'static str = if SPINS == 0 {
        "floor: the textbook mutex of three states on a futex"
    } else {
        "floor: the same, looking again 100 times before it sleeps"
    };

    fn create(place: &Place) -> io::Result<Self> {
        Mapped::create(&place.path()).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl<const SPINS: u32> Lock for FutexMutex<SPINS> {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        let word = &self.0.0;
        if word.compare_exchange(FREE, HELD, Acquire, Relaxed).is_err() {
            lock_contended(word, SPINS);
        }
        OnDrop(|| {
            if word.swap(FREE, Release) == AWAITED {
                futex_wake(word, 1);
            }
        })
    }
}

#[cold]
fn lock_contended(word: &AtomicU32, spins: u32) {
    for _ in 0..spins {
        let free = word.load(Relaxed) == FREE;
        if free && word.compare_exchange(FREE, HELD, Acquire, Relaxed).is_ok() {
            return;
        }
        hint::spin_loop();
    }
    // Whoever comes through here cannot know whether others sleep, so it leaves the mark: a needless wake is harmless.
    while word.swap(AWAITED, Acquire) != FREE {
        futex_wait(word, AWAITED);
    }
}
