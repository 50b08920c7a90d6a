//! What a thread knows about the segments that it uses: its slots in them.

use super::Segment;
use super::lives::OwnLife;
use crate::error::{Error, Result};
use crate::raw::owned_word::{PARTICIPANT, TAG};
use crate::sys::process;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};

/// A thread's slot in a segment.
struct Seat {
    segment_id: u64,
    segment: Weak<Segment>,
    slot: u32,
    /// Goes from the thread's list when this goes.
    _life: Option<OwnLife>,
}

/// A thread's slots. Dropped when the thread exits: what it still holds becomes abandoned.
#[derive(Default)]
struct Seats {
    /// In the order of segments' ids.
    of_thread: Vec<Seat>,
    /// Slots of the process that bear this thread's life word.
    of_process: Vec<Seat>,
    /// At how many to look next which of them are of closed segments.
    tidy_at: usize,
}

impl Drop for Seats {
    fn drop(&mut self) {
        forget_all();
        for seat in self.of_thread.drain(..) {
            if let Some(segment) = seat.segment.upgrade() {
                segment.thread_exits(seat.slot);
            }
        }
        for seat in self.of_process.drain(..) {
            if let Some(segment) = seat.segment.upgrade() {
                segment.life_of_process_ends(seat.slot);
            }
        }
    }
}

/// How many segments a thread uses without a search, for 32 bytes of its own memory each. Segments
/// whose ids differ by a multiple of it push each other out.
const CACHED: usize = 128;

struct Cached {
    segment_id: Cell<u64>,
    tag: Cell<u32>,
}

struct Hint {
    segment_id: Cell<u64>,
    permit: Cell<u32>,
}

thread_local! {
    /// Which hold comes next, in the place where tags have it.
    static NEXT_HOLD: Cell<u32> = const { Cell::new(0) };
    static SEATS: RefCell<Seats> = const { RefCell::new(Seats { of_thread: Vec::new(), of_process: Vec::new(), tidy_at: 0 }) };
    // Without a destructor, so that looking is a plain load. Ids begin at 1.
    static TAGS: [Cached; CACHED] =
        const { [const { Cached { segment_id: Cell::new(0), tag: Cell::new(0) } }; CACHED] };
    static HINTS: [Hint; CACHED] =
        const { [const { Hint { segment_id: Cell::new(0), permit: Cell::new(0) } }; CACHED] };
}

/// This thread's tag in a segment, if it is at hand.
#[inline(always)]
pub(crate) fn cached_tag(segment_id: u64) -> Option<u32> {
    TAGS.with(|tags| {
        let cached = &tags[segment_id as usize % CACHED];
        (cached.segment_id.get() == segment_id).then(|| cached.tag.get())
    })
}

/// What makes the tag of this thread's next hold another one than that of the last 8,191.
#[inline(always)]
pub(crate) fn next_hold() -> u32 {
    NEXT_HOLD.with(|next| {
        let hold = next.get();
        next.set(hold.wrapping_add(PARTICIPANT + 1) & TAG);
        hold
    })
}

/// This thread's tag in a segment, if it has one.
pub(crate) fn known_tag(segment_id: u64) -> Option<u32> {
    cached_tag(segment_id).or_else(|| {
        let slot = SEATS.try_with(|seats| seats.borrow().slot(segment_id)).ok()??;
        Some(remember(segment_id, slot))
    })
}

impl Seats {
    fn slot(&self, segment_id: u64) -> Option<u32> {
        let at = self.of_thread.binary_search_by_key(&segment_id, |seat| seat.segment_id).ok()?;
        Some(self.of_thread[at].slot)
    }

    fn put(&mut self, seat: Seat) {
        // Newer segments have higher ids, so this is nearly always the end.
        let at = self.of_thread.partition_point(|other| other.segment_id < seat.segment_id);
        self.of_thread.insert(at, seat);
    }

    /// Forgets what is closed, whenever there may be twice as much as was left the last time.
    fn tidy_up(&mut self) {
        const FEW: usize = 16;
        let count = self.of_thread.len() + self.of_process.len();
        if count < self.tidy_at {
            return;
        }
        self.of_thread.retain(|seat| seat.segment.strong_count() > 0);
        self.of_process.retain(|seat| seat.segment.strong_count() > 0);
        self.tidy_at = FEW.max(2 * (self.of_thread.len() + self.of_process.len()));
    }
}

fn remember(segment_id: u64, slot: u32) -> u32 {
    let tag = slot + 1;
    TAGS.with(|tags| {
        let cached = &tags[segment_id as usize % CACHED];
        cached.segment_id.set(segment_id);
        cached.tag.set(tag);
    });
    tag
}

/// This thread's tag in a segment; claims a slot if it has none. One that only wants to be seen
/// waiting (`!needed`) gets none of the last quarter of the slots.
#[cold]
pub(crate) fn tag(segment: &Arc<Segment>, needed: bool) -> Result<u32> {
    if let Some(tag) = known_tag(segment.id()) {
        return Ok(tag);
    }
    // Asked first, so that no slot is claimed that could not be given back.
    SEATS
        .try_with(|seats| seats.borrow_mut().tidy_up())
        .map_err(|_| Error::ThreadExiting { object: segment.object() })?;
    let slot = segment.claim_slot(process::tid(), needed)?;
    // Who only wants to be seen holds nothing by it.
    let seat = Seat::take(segment, slot, needed);
    SEATS.with(|seats| seats.borrow_mut().put(seat));
    Ok(remember(segment.id(), slot))
}

impl Seat {
    fn take(segment: &Arc<Segment>, slot: u32, holds: bool) -> Seat {
        let _life = if holds { segment.begin_life(slot) } else { None };
        Seat { segment_id: segment.id(), segment: Arc::downgrade(segment), slot, _life }
    }
}

/// Has this thread's death told in a slot of the process, until the thread exits.
pub(super) fn speak_for_process(segment: &Arc<Segment>, slot: u32) {
    // Asked first, as in `tag`.
    if SEATS.try_with(|seats| seats.borrow_mut().tidy_up()).is_ok() {
        let seat = Seat::take(segment, slot, true);
        SEATS.with(|seats| seats.borrow_mut().of_process.push(seat));
    }
}

/// Where this thread last found a permit.
#[inline]
pub(crate) fn hint(segment_id: u64) -> u32 {
    HINTS.with(|hints| {
        let hint = &hints[segment_id as usize % CACHED];
        if hint.segment_id.get() == segment_id { hint.permit.get() } else { 0 }
    })
}

#[inline]
pub(crate) fn set_hint(segment_id: u64, permit: u32) {
    HINTS.with(|hints| {
        let hint = &hints[segment_id as usize % CACHED];
        hint.segment_id.set(segment_id);
        hint.permit.set(permit);
    });
}

/// Empties the cache: after a fork the slots are the parent's, after a thread's end nobody's.
pub(super) fn forget_all() {
    TAGS.with(|tags| tags.iter().for_each(|cached| cached.segment_id.set(0)));
}
