//! A count of tokens on a futex, in a mapped file: the floor for a signal between processes.
// Says that its words may be shared.
#![allow(unsafe_code)]

use std::hint;
use std::io;
use std::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, SeqCst},
};

use super::{Object, Place, Tokens};
use crate::shared::{Mapped, Shareable};
use crate::sys::{futex_wait, futex_wake};

#[repr(C)]
pub(super) struct Words {
    tokens: AtomicU32,
    sleepers: AtomicU32,
}

// SAFETY: atomic integers, for which every pattern of bits is a value.
unsafe impl Shareable for Words {}

/// Looks `SPINS` times before it sleeps.
pub(super) struct FutexTokens<const SPINS: u32>(Mapped<Words>);

pub(super) type Sleeping = FutexTokens<0>;
pub(super) type Spinning = FutexTokens<1_000>;

impl<const SPINS: u32> Object for FutexTokens<SPINS> {
    const NAME: &'static str = if SPINS == 0 { "futex" } else { "futex-spinning" };
    const ABOUT: &'static str = if SPINS == 0 {
        "floor: a count on a futex"
    } else {
        "floor: the same, looking again 1,000 times before it sleeps"
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

impl<const SPINS: u32> FutexTokens<SPINS> {
    #[inline]
    fn try_take(&self) -> bool {
        let take = |tokens: u32| tokens.checked_sub(1);
        self.0.tokens.fetch_update(Acquire, Relaxed, take).is_ok()
    }
}

impl<const SPINS: u32> Tokens for FutexTokens<SPINS> {
    fn post(&self) {
        // Sequentially consistent, like the sleeper's count and its look at the tokens: one of the two sees the other.
        self.0.tokens.fetch_add(1, SeqCst);
        if self.0.sleepers.load(SeqCst) > 0 {
            futex_wake(&self.0.tokens, 1);
        }
    }

    fn wait(&self) {
        for _ in 0..SPINS {
            if self.try_take() {
                return;
            }
            hint::spin_loop();
        }
        while !self.try_take() {
            self.0.sleepers.fetch_add(1, SeqCst);
            futex_wait(&self.0.tokens, 0);
            self.0.sleepers.fetch_sub(1, SeqCst);
        }
    }
}
