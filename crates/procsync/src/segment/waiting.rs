//! One wait of one thread for one object: spin, sleep in slices, look who still lives.

use super::{Segment, SharedWaker, local};
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::raw::host::Slept;
use crate::raw::owned_word::TAG;
use crate::raw::spin::{LEAST, Spin};
use crate::raw::{Waiter, Waker};
use crate::sys::{clock, process, wait};
use std::sync::atomic::{AtomicU32, Ordering};

const MILLISECOND: u64 = 1_000_000;

/// How long a waiter sleeps before it looks again, by how many live waiters stand before it. The
/// first looks often, a few more often enough that a death is noticed in time even if the first
/// ones died with the holder, and the rest so seldom that a thousand cost no more than a few.
const SLICES: [(u32, u64); 2] = [(0, 5 * MILLISECOND), (DEPUTIES, 80 * MILLISECOND)];
const DEPUTIES: u32 = 16;
const SLICE_OF_THE_REST: u64 = 1_000 * MILLISECOND;
/// Looking may cost this fraction of the time at most: 1 in so many.
const LOOKING_COSTS_AT_MOST: u64 = 50;

/// Why a wait ended without success.
#[derive(Debug)]
pub(crate) enum Stop {
    TimedOut,
    Failed(Error),
}

/// One wait. Where it waits is shown in the thread's slot while it sleeps.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    segment: &'a Segment,
    deadline: Deadline,
    began: u64,
    spins_left: u32,
    spun: u32,
    /// The tag under which it is shown; none: not asked yet, or no slot was free.
    shown: Option<u32>,
    slept: bool,
    /// How long the last look at the holders took.
    look_cost: u64,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(segment: &'a Segment, deadline: Deadline) -> Self {
        let spins_left = if !process::may_spin() {
            0
        } else {
            match segment.spin {
                Spin::Adaptive => segment.spin_estimate.allowance(),
                Spin::Never => 0,
                Spin::Pauses(pauses) => pauses,
            }
        };
        let began = clock::monotonic();
        Wait {
            segment,
            deadline,
            began,
            spins_left,
            spun: 0,
            shown: None,
            slept: false,
            look_cost: 0,
        }
    }

    /// To be called when the wait was successful, so that the next ones learn from it.
    pub(crate) fn succeeded(&self) {
        if !self.slept {
            self.segment.spin_estimate.paid(self.spun);
        }
    }

    /// The error of a wait that was not.
    pub(crate) fn error(&self, stop: Stop) -> Error {
        match stop {
            Stop::Failed(error) => error,
            Stop::TimedOut => Error::TimedOut {
                object: self.segment.object(),
                waited: std::time::Duration::from_nanos(clock::monotonic() - self.began),
                holder: self.segment.a_holder(),
            },
        }
    }

    #[cold]
    fn first_sleep(&mut self) -> Result<(), Stop> {
        self.slept = true;
        if self.spun > LEAST {
            self.segment.spin_estimate.wasted();
        }
        self.segment.records().contended.fetch_add(1, Ordering::Relaxed);
        // To be seen, and to know how many wait before; without a slot it can wait as well.
        self.shown = local::tag(&self.segment.arc(), false).ok();
        self.look()
    }

    fn look(&mut self) -> Result<(), Stop> {
        if matches!(self.segment.kind(), Kind::Mutex | Kind::ReentrantMutex | Kind::Semaphore) {
            let before = clock::monotonic();
            self.segment.look_at_holders().map_err(Stop::Failed)?;
            self.look_cost = clock::monotonic() - before;
        }
        Ok(())
    }

    fn slice(&self, now: u64) -> u64 {
        let Some(tag) = self.shown else { return SLICES[1].1 };
        let before = self.segment.waiters_before(tag, now, DEPUTIES + 1);
        let slice = SLICES
            .iter()
            .find(|(most, _)| before <= *most)
            .map_or(SLICE_OF_THE_REST, |(_, slice)| *slice);
        slice.max(self.look_cost * LOOKING_COSTS_AT_MOST)
    }
}

impl Waker for Wait<'_> {
    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32 {
        SharedWaker.wake(word, sleepers)
    }
}

impl Waiter for Wait<'_> {
    type Stop = Stop;

    #[inline]
    fn spin(&mut self) -> bool {
        if self.spins_left == 0 {
            return false;
        }
        self.spins_left -= 1;
        self.spun += 1;
        std::hint::spin_loop();
        true
    }

    fn sleep(&mut self, word: &AtomicU32, expected: u32) -> Result<(), Stop> {
        self.check()?;
        if !self.slept {
            self.first_sleep()?;
            // The look may have freed the word; the sleep below then returns at once.
        }
        let now = clock::wall_coarse();
        let slice = self.slice(now);
        if let Some(tag) = self.shown {
            let waited = clock::monotonic() - self.began;
            self.segment.show_waiting(tag, now.saturating_sub(waited), now + slice);
        }
        let slice_ends = clock::monotonic() + slice;
        let until = self.deadline.ns().map_or(slice_ends, |at| at.min(slice_ends));
        match wait::sleep(word, expected, true, Some(until)) {
            Slept::TimedOut => self.look(),
            Slept::Woken | Slept::Changed | Slept::Interrupted => Ok(()),
        }
    }

    fn check(&mut self) -> Result<(), Stop> {
        if self.deadline.passed() { Err(Stop::TimedOut) } else { Ok(()) }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(tag) = self.shown {
            self.segment.show_waiting(tag, 0, 0);
        }
    }
}

const _: () = assert!(super::layout::MOST_SLOTS < TAG);
