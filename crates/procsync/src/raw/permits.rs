//! How many may be inside: one owned word per permit.

use super::owned_word::{Freed, NotOwner, OwnedWord, Taken};
use super::wait_queue::WaitQueue;
use super::{Turns, Waiter, Waker};

#[cfg(all(test, loom))]
mod model;

/// Permits in shared memory, wherever their words lie.
pub(crate) trait PermitWords {
    /// How many permits there are, at least 1.
    fn count(&self) -> u32;
    /// The word of permit `index`, below `count`.
    fn word(&self, index: u32) -> &OwnedWord;
}

/// A permit that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) index: u32,
    /// Its previous holder died holding it.
    pub(crate) abandoned: bool,
}

/// How many permits nobody holds, at a moment that is over when the answer comes.
pub(crate) fn available(words: &impl PermitWords) -> u32 {
    let free = (0..words.count()).filter(|&index| words.word(index).newest_owner() == 0).count();
    // Not above `count`, a u32.
    free as u32
}

/// Takes a free permit, searching all of them from `hint` on.
#[inline]
pub(crate) fn try_acquire(words: &impl PermitWords, tag: u32, hint: u32) -> Option<Got> {
    let count = words.count();
    let start = if hint < count { hint } else { 0 };
    let mut index = start;
    loop {
        if let Some(Taken { abandoned }) = words.word(index).try_acquire(tag) {
            return Some(Got { index, abandoned });
        }
        index += 1;
        if index == count {
            index = 0;
        }
        if index == start {
            return None;
        }
    }
}

/// Takes a permit, waiting for one as long as the waiter does.
#[cold]
pub(crate) fn acquire<W: Waiter>(
    words: &impl PermitWords,
    tag: u32,
    hint: u32,
    queue: &WaitQueue,
    waiter: &mut W,
) -> Result<Got, W::Stop> {
    wait_for(queue, waiter, || try_acquire(words, tag, hint), || ())
}

/// Takes `wanted` permits or none. Nothing is held while it sleeps, so that those who hold some
/// and want more cannot block each other through it.
///
/// Callers take turns (see `Semaphore`'s gate), else two of them could each hold what the other
/// needs, let go, and start over for ever.
pub(crate) fn try_acquire_many(
    words: &impl PermitWords,
    tag: u32,
    hint: u32,
    wanted: u32,
    queue: &WaitQueue,
    waker: &impl Waker,
    got: &mut Vec<Got>,
) -> bool {
    got.clear();
    // Looks before it takes: a grab that must fail would make others fail for a moment.
    if available(words) < wanted {
        return false;
    }
    let mut from = hint;
    while got.len() < wanted as usize {
        match try_acquire(words, tag, from) {
            Some(one) => {
                from = one.index + 1;
                got.push(one);
            }
            None => {
                for one in got.drain(..) {
                    give_back(words, tag, one, queue, waker);
                }
                return false;
            }
        }
    }
    true
}

/// Gives back what was taken and not used, as it was: if its last holder died, the next one is still
/// to be told.
fn give_back(words: &impl PermitWords, tag: u32, one: Got, queue: &WaitQueue, waker: &impl Waker) {
    if !one.abandoned {
        let _ = release(words, tag, one.index, queue, waker);
    } else if let Some(Freed { .. }) = words.word(one.index).abandon(tag) {
        queue.notify(1, waker);
    }
}

/// Takes `wanted` permits together, waiting as long as the waiter does.
pub(crate) fn acquire_many<W: Waiter>(
    words: &impl PermitWords,
    tag: u32,
    hint: u32,
    wanted: u32,
    queue: &WaitQueue,
    waiter: &mut W,
    waker: &impl Waker,
) -> Result<Vec<Got>, W::Stop> {
    let mut got = Vec::with_capacity(wanted as usize);
    let attempt =
        || try_acquire_many(words, tag, hint, wanted, queue, waker, &mut got).then_some(());
    // A release wakes one waiter. If it was this one, and there is too little for it, somebody who
    // wants less may go on instead.
    let in_vain = || {
        if available(words) > 0 {
            queue.notify(1, waker);
        }
    };
    wait_for(queue, waiter, attempt, in_vain)?;
    Ok(got)
}

/// Gives a permit back and wakes a waiter.
#[inline]
pub(crate) fn release(
    words: &impl PermitWords,
    tag: u32,
    index: u32,
    queue: &WaitQueue,
    waker: &impl Waker,
) -> Result<(), NotOwner> {
    // Nobody sleeps on a permit's own word, so its WAITERS bit is never set and never asked.
    let Freed { .. } = words.word(index).release(tag)?;
    queue.notify(1, waker);
    Ok(())
}

/// `in_vain` is called once after each sleep whose wake-up did not lead to success.
fn wait_for<W: Waiter, T>(
    queue: &WaitQueue,
    waiter: &mut W,
    mut attempt: impl FnMut() -> Option<T>,
    mut in_vain: impl FnMut(),
) -> Result<T, W::Stop> {
    let mut slept = false;
    let mut turns = Turns::default();
    loop {
        if let Some(got) = attempt() {
            return Ok(got);
        }
        // Before arriving again: what this announces must not wake its own caller.
        if std::mem::take(&mut slept) {
            in_vain();
        }
        turns.next(waiter)?;
        if waiter.spin() {
            continue;
        }
        let arrival = queue.arrive();
        if let Some(got) = attempt() {
            return Ok(got);
        }
        queue.sleep(arrival, waiter)?;
        slept = true;
    }
}
