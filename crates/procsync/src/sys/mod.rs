//! The only place that knows the system. Each seam is a folder with a file per system, identical
//! signatures in all of them, and a `mod.rs` that only chooses.

pub(crate) mod clock;
pub(crate) mod life;
pub(crate) mod lock;
pub(crate) mod map;
pub(crate) mod native;
pub(crate) mod process;
pub(crate) mod wait;
#[cfg(windows)]
mod windows;

use crate::raw::Waker;
use crate::raw::host::{Host, Identity, Slept};
use std::sync::atomic::AtomicU32;

/// The system, as the types over the caller's memory see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct System {
    /// Whether other processes map the same words: a private futex is a little cheaper.
    pub(crate) shared: bool,
}

impl Host for System {
    fn sleep(&self, word: &AtomicU32, expected: u32, until: Option<u64>) -> Slept {
        wait::sleep(word, expected, self.shared, until)
    }

    #[inline]
    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32 {
        wait::wake(word, sleepers, self.shared)
    }

    #[inline]
    fn identity(&self) -> Identity {
        process::identity()
    }

    #[inline]
    fn wall_clock(&self) -> u64 {
        clock::wall_coarse()
    }

    fn monotonic(&self) -> u64 {
        clock::monotonic()
    }
}

impl Waker for System {
    #[inline]
    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32 {
        Host::wake(self, word, sleepers)
    }
}
