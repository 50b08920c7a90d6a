//! One wait of one thread for one object: spin, sleep in slices, look who still lives.

use super::slots::Rank;
use super::suspicion::Suspicion;
use super::{Segment, SharedWaker, local};
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::interrupt::Listener;
use crate::pacing::Spinner;
use crate::raw::host::Slept;
use crate::raw::owned_word::TAG;
use crate::raw::{Waiter, Waker};
use crate::sys::{clock, wait};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const MILLISECOND: u64 = 1_000_000;

/// What is shorter than this is not worth showing, nor worth a look.
const BRIEFLY: u64 = 2 * MILLISECOND;

/// How long a waiter sleeps before it looks again, by its rank among the live waiters. The first
/// looks often, a few more often enough that a death is noticed in time even if the first ones died
/// with the holder, and the rest so seldom that a thousand cost no more than a few.
const SLICE_OF_THE_FIRST: u64 = 5 * MILLISECOND;
/// How often that doubles, to 80 ms, if it sleeps on and the system will tell it of the death of each
/// that it waits for.
const DOUBLINGS: u32 = 4;
const SLICE_OF_DEPUTIES: u64 = 80 * MILLISECOND;
/// For each slot that lies before one's own: the more there may be, the less often each looks.
const SLICE_OF_THE_REST: u64 = 16 * MILLISECOND;
const LONGEST_SLICE: u64 = 4_000 * MILLISECOND;

/// How soon one who knows of a death looks again at the slot, whose lock goes with the last of the
/// dead process: this, or a quarter of the time since, whichever is longer.
const HURRY: u64 = 50_000;

/// Looking may cost this fraction of the time at most: 1 in so many.
const LOOKING_COSTS_AT_MOST: u64 = 50;

/// Why a wait ended without success.
#[derive(Debug)]
pub(crate) enum Stop {
    TimedOut,
    Interrupted,
    Failed(Error),
}

/// One wait. Where it waits is shown in the thread's slot while it sleeps.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    segment: &'a Segment,
    deadline: Deadline,
    listener: Listener,
    spinner: Spinner<'a>,
    /// The tag under which it is shown; none: not asked yet, or no slot was free.
    shown: Option<u32>,
    slept: bool,
    /// It has waited for more than a moment, and takes part in looking.
    settled: bool,
    rank: Rank,
    /// How long the last look at the holders took.
    look_cost: u64,
    /// When to look next, on the monotonic clock. Kept over sleeps that end otherwise: signals and
    /// wake-ups in vain must not put the look off.
    next_look: u64,
    /// Until when this wait has told its process that it looks.
    told: u64,
    /// The system tells it of the death of each holder.
    is_told: bool,
    /// On what it slept last, and how often it has looked since in vain.
    slept_on: u32,
    looked: u32,
    /// Since when it knows that a holder, or a thread of it, died.
    death_known: Option<u64>,
    /// When to look next whether this wait is part of a deadlock, if that is wanted.
    suspects: Option<Suspicion>,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(segment: &'a Segment, deadline: Deadline) -> Self {
        let spinner = Spinner::new(has_holders(segment), segment.spin, &segment.spin_estimate);
        let (shown, slept, settled, rank) = (None, false, false, Rank::Rest);
        let (look_cost, next_look, told) = (0, 0, 0);
        let suspects = Suspicion::of(segment, deadline.began());
        Wait {
            segment,
            deadline,
            listener: Listener::new(),
            spinner,
            shown,
            slept,
            settled,
            rank,
            look_cost,
            next_look,
            told,
            is_told: false,
            slept_on: 0,
            looked: 0,
            death_known: None,
            suspects,
        }
    }

    /// To be called when the wait was successful, so that the next ones learn from it.
    pub(crate) fn succeeded(&self) {
        if !self.slept {
            self.spinner.was_enough();
        }
    }

    /// The error of a wait that was not.
    pub(crate) fn error(&self, stop: Stop) -> Error {
        if self.settled && self.rank != Rank::Rest {
            // Who leaves without success hands its part in looking on: the one that wakes up finds
            // fewer before it.
            SharedWaker.wake(self.segment.sleeping_place(), 1);
        }
        match stop {
            Stop::Failed(error) => error,
            Stop::Interrupted => {
                Error::Interrupted { object: self.segment.object(), waited: self.waited() }
            }
            Stop::TimedOut => Error::TimedOut {
                object: self.segment.object(),
                waited: self.waited(),
                holder: self.segment.a_holder(),
            },
        }
    }

    /// A signal's handler, or who was asked whether to wait on, may have forked: the child goes on
    /// here too, and the segment and the tag are its parent's.
    fn check_process(&self) -> Result<(), Stop> {
        if self.segment.is_detached() { Err(Stop::Interrupted) } else { Ok(()) }
    }

    fn waited(&self) -> Duration {
        Duration::from_nanos(clock::monotonic() - self.deadline.began())
    }

    /// The first moments of waiting. Most waits are over before they end, and whatever is done
    /// here happens between marking the word and sleeping on it, when the holder is just about to
    /// let go: done at length, it makes the mark miss its sleeper again and again. So this wait is
    /// not shown yet, and looks only if the holder has had its time.
    fn begin(&mut self) -> Result<(), Stop> {
        self.slept = true;
        self.spinner.was_in_vain();
        self.next_look = clock::monotonic() + BRIEFLY;
        let out_of_time = self.deadline.passed();
        if (out_of_time || self.segment.is_held_long(BRIEFLY)) && self.look()? {
            return Ok(()); // and there is something to be had
        }
        if out_of_time { Err(Stop::TimedOut) } else { Ok(()) }
    }

    /// It takes longer: to be seen, and to know how many wait before. Without a slot it can wait
    /// as well.
    #[cold]
    fn settle(&mut self) {
        self.settled = true;
        self.segment.records().contended.fetch_add(1, Ordering::Relaxed);
        self.shown = local::known_tag(self.segment.id())
            .or_else(|| local::tag(&self.segment.arc(), false).ok());
    }

    /// Before each sleep: what time it is, and until when to sleep at most.
    pub(crate) fn next_slice(&mut self) -> Result<(u64, u64), Stop> {
        if !self.slept {
            self.begin()?;
        } else {
            self.check()?;
        }
        let now = clock::monotonic();
        if self.listener.says_stop(now) {
            return Err(Stop::Interrupted);
        }
        self.check_process()?;
        if now >= self.next_look && !self.settled {
            self.settle();
        }
        // One of the rest may have been woken to take over a leaving one's part.
        if self.settled && (now >= self.next_look || self.rank == Rank::Rest) {
            self.line_up(now);
        }
        let mut until = self.deadline.ns().map_or(self.next_look, |at| at.min(self.next_look));
        if let Some(suspects) = &mut self.suspects {
            until = until.min(suspects.check(self.segment, now)?);
        }
        Ok((now, self.listener.at_most(until)))
    }

    /// After each sleep: looks, if that is this waiter's part now. `death`: it knows of one.
    pub(crate) fn slice_is_over(&mut self, slept: Slept, death: bool) -> Result<(), Stop> {
        self.check_process()?;
        self.listener.slept(slept);
        let now = clock::monotonic();
        let last_chance = self.deadline.ns().is_some_and(|at| now >= at);
        // Those who come late leave looking to the first ones, unless it is their last chance.
        let looks = !self.settled || self.rank != Rank::Rest;
        if death || (now >= self.next_look && looks) || last_chance {
            self.look()?;
            self.looked = self.looked.saturating_add(1);
        }
        Ok(())
    }

    /// Plays its part among those who wait.
    fn line_up(&mut self, now: u64) {
        let wall = clock::wall_coarse();
        self.rank = self.rank(wall);
        let slice = self.slice();
        self.next_look = now + slice;
        if let Some(tag) = self.shown {
            let since = wall.saturating_sub(now - self.deadline.began());
            self.segment.show_waiting(tag, since, wall + slice);
        }
        if self.rank != Rank::Rest {
            self.told = wall + slice;
            self.segment.show_looking(self.told);
        }
    }

    /// Sleeps until then, or until one of the holders dies. True: one did, so look.
    fn sleep_watching(
        &mut self,
        word: &AtomicU32,
        expected: u32,
        now: u64,
        until: u64,
    ) -> (Slept, bool) {
        if std::mem::replace(&mut self.slept_on, expected) != expected {
            self.looked = 0;
        }
        let watched = self.segment.watch_holders(word, expected);
        self.is_told = watched.tells_of_all();
        if !watched.somebody_died {
            self.death_known = None;
            let (slept, death) = watched.sleep(word, expected, until);
            if death {
                self.death_known = Some(clock::monotonic());
            }
            return (slept, death);
        }
        let Some(since) = self.death_known.replace(self.death_known.unwrap_or(now)) else {
            return (Slept::Changed, true); // it died before it was watched
        };
        let soon = now + HURRY.max((now - since) / 4);
        (watched.sleep(word, expected, until.min(soon)).0, true)
    }

    /// Looks whether the holders live; true if something was recovered.
    fn look(&mut self) -> Result<bool, Stop> {
        if !has_holders(self.segment) {
            return Ok(false);
        }
        let before = clock::monotonic();
        let recovered = self.segment.look_at_holders().map_err(Stop::Failed)?;
        self.look_cost = clock::monotonic() - before;
        Ok(recovered)
    }

    fn rank(&self, now: u64) -> Rank {
        // Who is not shown comes after all who are.
        self.segment.rank(self.shown.unwrap_or(u32::MAX), now, self.told)
    }

    fn slice(&self) -> u64 {
        let slice = match self.rank {
            Rank::First if has_holders(self.segment) => {
                // Longer and longer, as long as those hold whose deaths it will be told.
                SLICE_OF_THE_FIRST << if self.is_told { self.looked.min(DOUBLINGS) } else { 0 }
            }
            Rank::First | Rank::Deputy => SLICE_OF_DEPUTIES,
            Rank::Rest if self.is_told => return LONGEST_SLICE,
            Rank::Rest => {
                let tag = self.shown.map_or(u64::MAX, u64::from);
                return tag.saturating_mul(SLICE_OF_THE_REST).min(LONGEST_SLICE);
            }
        };
        // Within the promised time, however dear looking is.
        slice.max(self.look_cost * LOOKING_COSTS_AT_MOST).min(SLICE_OF_DEPUTIES)
    }
}

/// Whether who waits there waits for somebody whose death would end the wait.
fn has_holders(segment: &Segment) -> bool {
    segment.kind().has_holders()
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
        self.spinner.spin()
    }

    fn sleep(&mut self, word: &AtomicU32, expected: u32) -> Result<(), Stop> {
        let (now, until) = self.next_slice()?;
        let (slept, death) = if self.settled && has_holders(self.segment) {
            self.sleep_watching(word, expected, now, until)
        } else {
            (wait::sleep(word, expected, true, Some(until)), false)
        };
        self.slice_is_over(slept, death)
    }

    fn check(&mut self) -> Result<(), Stop> {
        self.check_process()?;
        if self.listener.says_stop(clock::monotonic()) {
            return Err(Stop::Interrupted);
        }
        if self.deadline.passed() { Err(Stop::TimedOut) } else { Ok(()) }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.segment.is_detached() {
            return;
        }
        if let Some(tag) = self.shown {
            self.segment.show_waiting(tag, 0, 0);
        }
        if self.told != 0 {
            self.segment.hide_looking(self.told);
        }
    }
}

const _: () = assert!(super::layout::MOST_SLOTS < TAG);
