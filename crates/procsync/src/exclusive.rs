//! What the mutexes have in common: one holder, told by its tag.

use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::participant::{Cause, Deceased};
use crate::raw::Waker;
use crate::raw::owned_word::{Denied, Freed, PARTICIPANT, ProcessTag, TAG, ThreadTag};
use crate::segment::layout::Hot;
use crate::segment::{Segment, SharedWaker, Wait, local};
use crate::sys::{clock, process};
use std::sync::atomic::Ordering;

/// Who owns a mutex while it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ownership {
    /// The thread that locked it. Locking again in the same thread is an error at once, and only
    /// that thread can release. A thread that exits while it holds leaves it abandoned.
    #[default]
    Thread,
    /// The process. Any thread of it may release; locking again, even in the same thread, waits,
    /// because another thread may release meanwhile.
    Process,
}

/// A mutex that is held. Two plain values and no more: such a guard is passed in two registers, any
/// other through memory, which costs more than the lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold<'a> {
    /// Not the handle's current one, which a forked child may have replaced.
    pub(crate) segment: &'a Segment,
    /// The tag and [`AFTER_A_DEATH`]; above them the lower half of the grant.
    ticket: u64,
}

/// The previous holder died. Above all tags.
const AFTER_A_DEATH: u32 = 1 << 31;

/// An open mutex of either kind.
#[derive(Debug)]
pub(crate) struct Exclusive {
    pub(crate) handle: Handle,
    pub(crate) ownership: Ownership,
}

impl Exclusive {
    /// The fast path: no system call, no check of anything that the exchange does not check. None:
    /// it is not free, or the calling thread is new here, or there was a fork.
    #[inline(always)]
    pub(crate) fn acquire_at_once(&self) -> Option<Hold<'_>> {
        if self.ownership == Ownership::Process {
            return self.acquire_at_once_as_process();
        }
        let (hot, tag) = self.handle.at_hand()?;
        if !hot.owned().try_acquire_clean(tag) {
            return None;
        }
        Some(record(self.handle.segment(), hot, tag, false))
    }

    /// Apart, so that the path of threads is small enough to be inlined.
    #[inline(never)]
    fn acquire_at_once_as_process(&self) -> Option<Hold<'_>> {
        let segment = self.handle.segment();
        let tag = segment.next_process_tag();
        if segment.is_detached() || !segment.owned().try_acquire_clean(tag) {
            return None;
        }
        Some(self.record(segment, tag, false))
    }

    /// Writes down who has it since when; only for the holder.
    fn record<'a>(&self, segment: &'a Segment, tag: u32, abandoned: bool) -> Hold<'a> {
        if self.ownership == Ownership::Process {
            segment.hot().holder_tid.store(process::tid(), Ordering::Relaxed);
        }
        record(segment, segment.hot(), tag, abandoned)
    }

    fn tag(&self, segment: &Segment) -> Result<u32> {
        match self.ownership {
            Ownership::Thread => Ok(local::tag(&segment.arc(), true)? | local::next_hold()),
            Ownership::Process => Ok(segment.next_process_tag()),
        }
    }

    /// The part of the tag that says who: the calling thread, or the process; 0 if that has none.
    #[inline(always)]
    fn participant(&self, segment: &Segment) -> u32 {
        match self.ownership {
            Ownership::Thread => local::known_tag(segment.id()).unwrap_or(0),
            Ownership::Process => segment.process_tag(),
        }
    }

    /// Takes it if it is free, after a look whether a holder that stands in the way lives.
    pub(crate) fn try_acquire(&self, take_abandoned: bool) -> Result<Option<Hold<'_>>> {
        let segment = self.handle.live()?;
        let tag = self.tag(segment)?;
        let word = segment.owned();
        for look in [true, false] {
            let refused = !take_abandoned && word.is_abandoned();
            if refused {
                return Err(self.abandoned(segment));
            }
            if let Some(taken) = word.try_acquire(tag) {
                let hold = self.record(segment, tag, taken.abandoned);
                if taken.abandoned && !take_abandoned {
                    // Its holder died between the check and the taking.
                    return Err(self.give_back_abandoned(hold));
                }
                return Ok(Some(hold));
            }
            if word.participant() == tag & PARTICIPANT {
                return match self.ownership {
                    Ownership::Thread => Err(Error::AlreadyOwned { object: segment.object() }),
                    Ownership::Process => Ok(None),
                };
            }
            if !look || !segment.look_at_holders()? {
                break;
            }
        }
        Ok(None)
    }

    /// Takes it, waiting until the deadline.
    #[cold]
    pub(crate) fn acquire(&self, deadline: Deadline, take_abandoned: bool) -> Result<Hold<'_>> {
        let segment = self.handle.live()?;
        let tag = self.tag(segment)?;
        let mut wait = Wait::new(segment, deadline);
        let word = segment.owned();
        let acquired = match self.ownership {
            Ownership::Thread => word.acquire(&ThreadTag(tag), take_abandoned, &mut wait),
            Ownership::Process => word.acquire(&ProcessTag(tag), take_abandoned, &mut wait),
        };
        match acquired {
            Ok(taken) => {
                wait.succeeded();
                Ok(self.record(segment, tag, taken.abandoned))
            }
            Err(Denied::Owned) => Err(Error::AlreadyOwned { object: segment.object() }),
            Err(Denied::Abandoned) => Err(self.abandoned(segment)),
            Err(Denied::Stopped(stop)) => Err(wait.error(stop)),
        }
    }

    fn abandoned(&self, segment: &Segment) -> Error {
        Error::Abandoned { object: segment.object(), by: segment.deceased() }
    }

    fn give_back_abandoned(&self, hold: Hold<'_>) -> Error {
        let error = self.abandoned(hold.segment);
        if let Some(Freed { wake: true }) = hold.segment.owned().abandon(hold.tag()) {
            SharedWaker.wake(hold.segment.owned().futex(), 1);
        }
        error
    }

    /// The hold of the calling thread (or process), if it has it.
    pub(crate) fn own(&self) -> Result<Hold<'_>> {
        let segment = self.handle.live()?;
        self.own_in(segment).ok_or_else(|| self.not_owner(segment))
    }

    #[inline(always)]
    fn own_in<'a>(&self, segment: &'a Segment) -> Option<Hold<'a>> {
        // 0 is nobody: a process that has closed the object.
        let participant = Some(self.participant(segment)).filter(|participant| *participant != 0);
        Hold::of(segment, participant?)
    }

    /// Gives it back, if the calling thread (or process) has it.
    #[inline]
    pub(crate) fn release_own(&self) -> Result<()> {
        if self.release_at_once() { Ok(()) } else { self.release_slowly() }
    }

    /// The fast path. False: it is not the caller's, or that takes longer to find out.
    #[inline(always)]
    fn release_at_once(&self) -> bool {
        self.own_in(self.handle.segment()).is_some_and(Hold::release)
    }

    #[cold]
    #[inline(never)]
    fn release_slowly(&self) -> Result<()> {
        let hold = self.own()?;
        if hold.release() { Ok(()) } else { Err(self.not_owner(hold.segment)) }
    }

    #[cold]
    pub(crate) fn not_owner(&self, segment: &Segment) -> Error {
        Error::NotOwner { object: segment.object(), holder: segment.owner().map(Box::new) }
    }

    /// Takes it away from whoever holds it; false if nobody did.
    pub(crate) fn force_release(&self) -> Result<bool> {
        let segment = self.handle.live()?;
        let tag = segment.owned().owner();
        if tag == 0 {
            return Ok(false);
        }
        if let Some(slot) = (tag & PARTICIPANT).checked_sub(1)
            && segment.slot_record(slot).is_some()
        {
            segment.write_obituary(slot, Cause::Forced);
        }
        let Some(freed) = segment.owned().abandon(tag) else { return Ok(false) };
        tracing::warn!(object = %segment.object(), from = %segment.deceased(), "released by force");
        if freed.wake {
            SharedWaker.wake(segment.owned().futex(), 1);
        }
        Ok(true)
    }
}

/// Writes down the time and the number of an acquisition; only for the holder.
#[inline(always)]
fn record<'a>(segment: &'a Segment, hot: &'a Hot, tag: u32, abandoned: bool) -> Hold<'a> {
    // Relaxed, and a load and a store: only the holder writes, and holders follow each other by
    // acquire and release of the state word.
    let grant = hot.grant.load(Ordering::Relaxed).wrapping_add(1);
    hot.grant.store(grant, Ordering::Relaxed);
    hot.acquired_at.store(clock::wall_coarse(), Ordering::Relaxed);
    let mark = if abandoned { AFTER_A_DEATH } else { 0 };
    Hold::new(segment, tag | mark, grant)
}

impl<'a> Hold<'a> {
    #[inline(always)]
    fn new(segment: &'a Segment, tag: u32, grant: u64) -> Self {
        Hold { segment, ticket: (grant << 32) | u64::from(tag) }
    }

    #[inline(always)]
    fn tag(self) -> u32 {
        self.ticket as u32 & TAG
    }

    /// Who died holding it before. What is written down about that one stays as it is for as long
    /// as this hold lasts.
    pub(crate) fn deceased(self) -> Option<Deceased> {
        (self.ticket as u32 & AFTER_A_DEATH != 0).then(|| self.segment.deceased())
    }

    /// As one that does not want to know of a death.
    pub(crate) fn untold(self) -> Self {
        Hold { ticket: self.ticket & !u64::from(AFTER_A_DEATH), ..self }
    }

    /// The number of this acquisition.
    pub(crate) fn grant(self) -> u64 {
        // While it is held, the object's number is this one; after it was taken away, not far above.
        let now = self.segment.hot().grant.load(Ordering::Relaxed);
        now.wrapping_sub(u64::from((now as u32).wrapping_sub((self.ticket >> 32) as u32)))
    }

    /// Gives it back; false if it is not this hold's any more: it was taken away by force, or a
    /// fork made this a copy of the parent's.
    #[inline(always)]
    pub(crate) fn release(self) -> bool {
        if self.segment.is_detached() {
            return false;
        }
        // The tag tells two holds of one thread apart, of which the first was taken away. Nothing
        // that others write late, after they lost it by force, can stand in the way of this.
        match self.segment.owned().release(self.tag()) {
            Ok(Freed { wake: false }) => true,
            Ok(Freed { wake: true }) => {
                SharedWaker.wake(self.segment.owned().futex(), 1);
                true
            }
            Err(_) => false,
        }
    }

    /// Gives one layer of a reentrant mutex back, and with the last one the mutex. Guards may go in
    /// any order.
    pub(crate) fn release_layer(self) {
        // If the mutex was taken away by force, the layers went with it; what is counted now
        // belongs to a later hold.
        if self.segment.is_detached() || !self.is_current() {
            return;
        }
        // Relaxed, and a load and a store: only the owning thread counts.
        let depth = self.segment.depth.load(Ordering::Relaxed);
        self.segment.depth.store(depth.saturating_sub(1), Ordering::Relaxed);
        if depth <= 1 {
            self.release();
        }
    }

    fn is_current(&self) -> bool {
        self.segment.owned().owner() == self.tag()
    }

    /// What this participant holds now.
    #[inline(always)]
    fn of(segment: &'a Segment, participant: u32) -> Option<Hold<'a>> {
        let tag = segment.owned().owner();
        let grant = segment.hot().grant.load(Ordering::Relaxed);
        (tag & PARTICIPANT == participant).then(|| Hold::new(segment, tag, grant))
    }

    /// Whether the calling thread's tag is on the word: for a reentrant mutex's owner.
    pub(crate) fn of_calling_thread(segment: &'a Segment) -> Option<Hold<'a>> {
        if segment.is_detached() {
            return None;
        }
        Hold::of(segment, local::known_tag(segment.id())?)
    }
}
