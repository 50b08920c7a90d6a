//! One thread that takes a unit: from the system, or from a dead holder.

use super::{Books, Hold, LONGEST_SLICE, Line};
use crate::deadline::Deadline;
use crate::error::Result;
use crate::raw::Waiter as _;
use crate::raw::host::Slept;
use crate::raw::ledger::{self, LedgerWord, Lines as _, State, Took, Wanted};
use crate::segment::{Segment, Stop, Wait, local};
use crate::sys::native::{Refused, Waited};
use crate::sys::process;
use std::sync::atomic::Ordering;

/// One thread that takes a unit.
pub(super) struct Taking<'a> {
    books: &'a Books,
    segment: &'a Segment,
    tag: u32,
    spare: u32,
    overtaken: &'a dyn Fn() -> bool,
}

impl<'a> Taking<'a> {
    pub(super) fn new(
        books: &'a Books,
        segment: &'a Segment,
        overtaken: &'a dyn Fn() -> bool,
    ) -> Result<Taking<'a>> {
        let tag = local::tag(&segment.arc(), true)?;
        // So many doubts tell that all units may be gone; more tell nothing besides.
        let (units, most) = (segment.units(), segment.facts().slots / 2);
        let spare = if units == 0 { most } else { units.min(most) };
        Ok(Taking { books, segment, tag, spare, overtaken })
    }

    /// Where to begin to search for a line: each participant at another one.
    fn hint(&self) -> u32 {
        self.tag - 1
    }

    fn line(&self, index: u32) -> &LedgerWord {
        self.segment.line(index)
    }

    pub(super) fn take(&self, deadline: Option<Deadline>) -> Result<Option<Hold>> {
        let mut wait = None;
        let mut looked = false;
        loop {
            let (semaphore, hint) = (&self.books.semaphore, self.hint());
            let took = ledger::try_take(self.segment, semaphore, self.tag, hint, self.spare);
            match took.map_err(|refused| self.books.error(&refused))? {
                Took::Granted(index) => return Ok(Some(self.got(index, false))),
                Took::Adopted(index) => return Ok(Some(self.got(index, true))),
                Took::Full => {
                    // The dead may have some.
                    if std::mem::replace(&mut looked, true) {
                        return Err(self.segment.no_lines());
                    }
                    self.segment.look_at_all_lines()?;
                    continue;
                }
                Took::None | Took::Closed if deadline.is_none() => {
                    if std::mem::replace(&mut looked, true) || !self.segment.look_at_holders()? {
                        return Ok(None);
                    }
                    continue;
                }
                Took::None | Took::Closed => {}
            }
            let Some(deadline) = deadline else { return Ok(None) };
            let wait = wait.get_or_insert_with(|| Wait::new(self.segment, deadline));
            match self.wait(wait) {
                Ok(Some(hold)) => {
                    wait.succeeded();
                    return Ok(Some(hold));
                }
                Ok(None) => {}
                Err(Failed::Overtaken) => return Ok(None),
                Err(Failed::Stopped(stop)) => return Err(wait.error(stop)),
                Err(Failed::Refused(refused)) => return Err(self.books.error(&refused)),
            }
        }
    }

    /// Waits for a slice; none: try again.
    fn wait(&self, wait: &mut Wait<'_>) -> Result<Option<Hold>, Failed> {
        if self.segment.gate_is_closed() {
            // Somebody settles: after that.
            return self.wait_for_the_gate(wait).map(|()| None);
        }
        let semaphore = &self.books.semaphore;
        while wait.spin() {
            if semaphore.value().is_none_or(|free| free > 0) {
                return Ok(None);
            }
        }
        let (now, until) = self.next_slice(wait)?;
        // What was looked for just now may have been found.
        if let Some(index) = ledger::adopt(self.segment, self.tag, self.hint()) {
            return Ok(Some(self.got(index, true)));
        }
        let until = until.min(now + LONGEST_SLICE);
        let Wanted::Line(index) = ledger::want(self.segment, self.tag, self.hint(), self.spare)
        else {
            return Ok(None);
        };
        let waited = semaphore.take_until(until);
        if self.segment.is_detached() {
            // A handled signal has forked, and this is the child: the line is the parent's.
            if let Ok(Waited::Granted) = waited {
                semaphore.give().map_err(Failed::Refused)?;
            }
            return Err(Failed::Stopped(Stop::Interrupted));
        }
        if let Ok(Waited::Granted) = waited {
            let _ = self.line(index).granted(self.tag);
            return Ok(Some(self.got(index, false)));
        }
        let _ = self.line(index).not_granted(self.tag);
        let slept = match waited.map_err(Failed::Refused)? {
            Waited::Interrupted => Slept::Interrupted,
            _ => Slept::TimedOut,
        };
        wait.slice_is_over(slept, false).map_err(Failed::Stopped)?;
        Ok(None)
    }

    /// Before each sleep. Whoever is asked here whether to go on may do anything meanwhile.
    fn next_slice(&self, wait: &mut Wait<'_>) -> Result<(u64, u64), Failed> {
        let slice = wait.next_slice();
        if self.segment.is_detached() {
            // It has forked, and this is the child: the tag is the parent's.
            return Err(Failed::Stopped(Stop::Interrupted));
        }
        if (self.overtaken)() {
            return Err(Failed::Overtaken);
        }
        slice.map_err(Failed::Stopped)
    }

    fn wait_for_the_gate(&self, wait: &mut Wait<'_>) -> Result<(), Failed> {
        /// Its closer may have died, and then nobody wakes.
        const LOOK_AGAIN: u64 = 50_000_000;
        let (now, until) = self.next_slice(wait)?;
        let place = self.segment.owned().futex();
        let seen = place.load(Ordering::SeqCst);
        if !self.segment.gate_is_closed() {
            return Ok(());
        }
        let opens = self.segment.hot().gate_until.load(Ordering::SeqCst);
        let until = until.min(opens).min(now + LOOK_AGAIN);
        let slept = crate::sys::wait::sleep(place, seen, true, Some(until));
        if self.segment.is_detached() {
            return Err(Failed::Stopped(Stop::Interrupted));
        }
        wait.slice_is_over(slept, false).map_err(Failed::Stopped)
    }

    fn got(&self, index: u32, adopted: bool) -> Hold {
        let abandoned = adopted.then(|| self.segment.deceased_of_line(index));
        self.segment.record_grant(index, process::tid());
        // Who has the only unit knows that no dead one has it.
        let hot = self.segment.hot();
        if hot.doubts.load(Ordering::Relaxed) != 0
            && self.segment.units() == 1
            && matches!(self.line(index).state(), (State::Held, tag) if tag == self.tag)
        {
            // First: what becomes doubtful meanwhile sets it again.
            hot.doubts.store(0, Ordering::SeqCst);
            ledger::end_doubts(self.segment);
        }
        let line = Some(Line { tag: self.tag, index });
        Hold { process: process::identity().process, line, abandoned }
    }
}

/// Why a slice ended without success.
enum Failed {
    /// The calling thread has got a unit in another way.
    Overtaken,
    Stopped(Stop),
    Refused(Refused),
}
