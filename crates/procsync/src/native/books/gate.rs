//! The gate of a ledger: who counts has everybody else stand still for a moment.

use crate::raw::Waker as _;
use crate::segment::ledger::GATE_TIME;
use crate::segment::{Segment, SharedWaker, local};
use crate::sys::clock;
use std::sync::atomic::{Ordering, fence};

/// While somebody has this, and its time is not over, nobody begins to take.
pub(super) struct Gate<'a> {
    segment: &'a Segment,
    /// Of this one closing: who is late must not open the gate of another.
    pub(super) tag: u32,
    until: u64,
}

impl<'a> Gate<'a> {
    /// None: another one has it closed.
    pub(super) fn close(segment: &'a Segment, tag: u32) -> Option<Gate<'a>> {
        let (gate, tag) = (segment.owned(), tag | local::next_hold());
        let owner = gate.newest_owner();
        if owner != 0 {
            if !segment.gate_has_lapsed() {
                return None;
            }
            // Who has it is stopped, say. It finds out before it gives anything.
            let _ = gate.abandon(owner);
        }
        gate.try_acquire(tag)?;
        let until = clock::monotonic() + GATE_TIME;
        segment.hot().gate_until.store(until, Ordering::SeqCst);
        // What is read from here on is newer than what anybody wrote who saw the gate open.
        fence(Ordering::SeqCst);
        Some(Gate { segment, tag, until })
    }

    pub(super) fn is_still_closed(&self) -> bool {
        self.segment.owned().newest_owner() == self.tag && clock::monotonic() < self.until
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        let gate = self.segment.owned();
        // Else it is another's by now.
        if gate.release(self.tag).is_ok() {
            SharedWaker.wake(gate.futex(), i32::MAX as u32);
        }
    }
}
