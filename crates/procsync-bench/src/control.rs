//! The block of shared memory through which the workers of a measurement are started, stopped and counted.
// Says that the block may be shared.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::shared::Shareable;
use crate::sys;

/// As many workers as a block has lines for.
pub(crate) const MOST_WORKERS: usize = 64;

/// A value alone on its cache line, and on the neighbour that the processor fetches along with it.
#[repr(C, align(128))]
#[derive(Default)]
pub(crate) struct Line<T>(pub(crate) T);

/// What one worker tells the others. Nobody else writes it, unless the workload says so.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Report {
    /// How often it has done what the workload is about.
    pub(crate) operations: AtomicU64,
    /// A monotonic time, in nanoseconds.
    pub(crate) at: AtomicU64,
    /// How far it has come, in the workload's own numbers.
    pub(crate) step: AtomicU32,
}

/// The block itself: zeros at first.
#[repr(C)]
pub(crate) struct Control {
    /// Workers that are attached and wait for the start; in threaded workloads, threads.
    pub(crate) ready: Line<AtomicU32>,
    /// How often the start was given.
    started: Line<AtomicU32>,
    /// 1 once everybody is to finish.
    stopped: Line<AtomicU32>,
    /// What contended locks protect. Loaded and stored in two steps, so that two holders at once lose an increment.
    pub(crate) protected: Line<AtomicU64>,
    /// One line for each worker.
    pub(crate) reports: [Line<Report>; MOST_WORKERS],
}

// SAFETY: nothing but atomic integers, for which every pattern of bits is a value.
unsafe impl Shareable for Control {}

impl Control {
    /// Starts whoever waits for start number `count`.
    pub(crate) fn start(&self, count: u32) {
        self.started.0.store(count, Ordering::Release);
        sys::futex_wake(&self.started.0, i32::MAX);
    }

    /// Sleeps until start number `count` was given or everybody is to finish.
    pub(crate) fn await_start(&self, count: u32) {
        loop {
            let started = self.started.0.load(Ordering::Acquire);
            if started >= count || self.is_stopped() {
                return;
            }
            sys::futex_wait(&self.started.0, started);
        }
    }

    /// Tells everybody to finish, also those who still wait for a start.
    pub(crate) fn stop(&self) {
        self.stopped.0.store(1, Ordering::Release);
        // The word must change: who has read it but does not sleep yet would miss a mere wake.
        self.started.0.fetch_add(1, Ordering::Release);
        sys::futex_wake(&self.started.0, i32::MAX);
    }

    /// Whether everybody is to finish.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.0.load(Ordering::Relaxed) != 0
    }
}
