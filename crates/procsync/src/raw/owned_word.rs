//! A word that says "taken" by saying by whom.

use super::sync::{AtomicU32, Ordering, load_newest};
use super::{TURNS_AT_MOST, Turns, Waiter};

#[cfg(all(test, loom))]
mod model;

/// The bits of a word that name its holder.
pub(crate) const TAG: u32 = (1 << 30) - 1;
/// Of a tag, the bits that say which participant it is. The bits between these and the marks say
/// which of its holds: two holds of one participant that follow each other differ in them, so that
/// one that was taken away by force does not release the next one.
pub(crate) const PARTICIPANT: u32 = (1 << 17) - 1;
/// The last holder died (or had the word taken away) while it held.
pub(crate) const ABANDONED: u32 = 1 << 30;
/// Somebody may sleep on the word.
pub(crate) const WAITERS: u32 = 1 << 31;

/// One word, owned by at most one participant. The participant is named by its tag, 1 to 2³⁰ − 1.
/// Nothing here looks into tags; those of slots say which participant and which of its holds.
///
/// | bits                  | state                                   | leaves by                          |
/// |-----------------------|-----------------------------------------|------------------------------------|
/// | `0`                   | free                                    | acquire                            |
/// | `tag`                 | held                                    | release, mark, abandon             |
/// | `tag \| WAITERS`      | held, somebody may sleep                | release (and wakes one), abandon   |
/// | `ABANDONED`           | free, the last holder died              | acquire (and tells)                |
/// | `ABANDONED \| WAITERS`| the same, somebody may sleep            | acquire (keeps WAITERS)            |
///
/// `WAITERS` alone and `tag | ABANDONED` are never written; found (a damaged segment), the first
/// is taken as free, the second as held by the tag.
///
/// Forgetting to *clear* `WAITERS` is harmless: one needless wake. Forgetting to *set* it is a
/// missed wake-up. Hence: whoever has slept takes the word with `WAITERS` set, because others may
/// sleep beside it and its own mark went with the release that woke it. And whoever has slept and
/// leaves without the word passes the wake-up on, for the same reason.
///
/// Orderings: taking is `Acquire` and every way of giving away is `Release`, so that what one
/// holder wrote is seen by the next. Marking needs no order: it publishes nothing, and that the
/// releaser sees the mark follows from both being read-modify-writes of one word.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct OwnedWord(AtomicU32);

/// Who takes a word: its tag, and what it means to find the word under that tag.
pub(crate) trait Taker {
    /// 1 to 2³⁰ − 1.
    fn tag(&self) -> u32;

    /// Whether who holds by this tag is the caller itself, and so would wait for itself; false if it
    /// is somebody else, who can be waited for.
    fn is_holder(&self, tag: u32) -> bool;
}

/// A tag that one thread goes by, and nobody else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadTag(pub(crate) u32);

impl Taker for ThreadTag {
    fn tag(&self) -> u32 {
        self.0
    }

    fn is_holder(&self, tag: u32) -> bool {
        tag & PARTICIPANT == self.0 & PARTICIPANT
    }
}

/// A tag that all threads of a process go by, where one may wait for another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessTag(pub(crate) u32);

impl Taker for ProcessTag {
    fn tag(&self) -> u32 {
        self.0
    }

    fn is_holder(&self, _tag: u32) -> bool {
        false
    }
}

/// How the word was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The previous holder died holding it.
    pub(crate) abandoned: bool,
}

/// Why the word was not got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Denied<Stop> {
    /// The caller holds it already.
    Owned,
    /// The previous holder died, and the caller does not take such words.
    Abandoned,
    /// The waiter gave up.
    Stopped(Stop),
}

/// The caller's tag does not hold the word.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotOwner;

/// What a release leaves to do: whoever frees a word with `wake` must wake one sleeper.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a sleeper may wait for the wake that this asks for"]
pub(crate) struct Freed {
    pub(crate) wake: bool,
}

impl OwnedWord {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        OwnedWord(AtomicU32::new(0))
    }

    /// The word itself, to sleep on and to wake.
    pub(crate) fn futex(&self) -> &AtomicU32 {
        &self.0
    }

    /// Whose it is: the tag, or 0.
    #[inline]
    pub(crate) fn owner(&self) -> u32 {
        self.0.load(Ordering::Relaxed) & TAG
    }

    /// Which participant has it, or 0.
    pub(crate) fn participant(&self) -> u32 {
        self.owner() & PARTICIPANT
    }

    /// Whose it is, seen with what the last one to release it wrote before.
    #[cfg(not(loom))]
    pub(crate) fn owner_now(&self) -> u32 {
        self.0.load(Ordering::Acquire) & TAG
    }

    /// Whether it is free because its last holder died.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (TAG | ABANDONED) == ABANDONED
    }

    /// The same as the second half of the handshake with releasers (see `WaitQueue`).
    pub(crate) fn newest_owner(&self) -> u32 {
        load_newest(&self.0) & TAG
    }

    #[cfg(all(test, loom))]
    pub(crate) fn bits(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes the word if it is free and nobody died holding it: one compare-exchange.
    #[inline(always)]
    pub(crate) fn try_acquire_clean(&self, tag: u32) -> bool {
        self.0.compare_exchange(0, tag, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes the word if it is free. `SeqCst`, because a search over several words uses this as
    /// its half of the handshake with releasers (see `WaitQueue`).
    #[inline]
    pub(crate) fn try_acquire(&self, tag: u32) -> Option<Taken> {
        let mut seen = load_newest(&self.0);
        for _ in 0..TURNS_AT_MOST {
            if seen & TAG != 0 {
                return None;
            }
            let held = tag | (seen & WAITERS);
            match self.0.compare_exchange(seen, held, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Some(Taken { abandoned: seen & ABANDONED != 0 }),
                Err(now) => seen = now,
            }
        }
        None
    }

    /// Takes the word, waiting for it as long as the waiter does.
    #[cold]
    pub(crate) fn acquire<W: Waiter>(
        &self,
        taker: &impl Taker,
        take_abandoned: bool,
        waiter: &mut W,
    ) -> Result<Taken, Denied<W::Stop>> {
        let mut mark = 0;
        let mut turns = Turns::default();
        let mut seen = self.0.load(Ordering::Relaxed);
        let denied = loop {
            if let Err(stop) = turns.next(waiter) {
                break Denied::Stopped(stop);
            }
            if seen & TAG == 0 {
                if seen & ABANDONED != 0 && !take_abandoned {
                    break Denied::Abandoned;
                }
                let held = taker.tag() | (seen & WAITERS) | mark;
                match self.0.compare_exchange(seen, held, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Ok(Taken { abandoned: seen & ABANDONED != 0 }),
                    Err(now) => seen = now,
                }
                continue;
            }
            if taker.is_holder(seen & TAG) {
                break Denied::Owned;
            }
            if waiter.spin() {
                seen = self.0.load(Ordering::Relaxed);
                continue;
            }
            if seen & WAITERS == 0 {
                let marked = seen | WAITERS;
                if let Err(now) =
                    self.0.compare_exchange(seen, marked, Ordering::Relaxed, Ordering::Relaxed)
                {
                    seen = now;
                    continue;
                }
            }
            // A sleep that stops consumed no wake-up, and the word is marked for the others.
            waiter.sleep(&self.0, seen | WAITERS).map_err(Denied::Stopped)?;
            mark = WAITERS;
            seen = self.0.load(Ordering::Relaxed);
        };
        // Pass on the wake-up that may have come here. After a refusal this is how it reaches
        // everybody who sleeps: each is refused and wakes the next.
        if (seen | mark) & WAITERS != 0 {
            waiter.wake(&self.0, 1);
        }
        Err(denied)
    }

    /// Gives the word back. Never touches a word that bears another tag.
    #[inline(always)]
    pub(crate) fn release(&self, tag: u32) -> Result<Freed, NotOwner> {
        // SeqCst for the permits' sake: the release is the first half of their handshake. It costs
        // nothing over Release for a read-modify-write on x86-64, and one `l` more on arm64.
        match self.0.compare_exchange(tag, 0, Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => Ok(Freed { wake: false }),
            Err(seen) => self.release_marked(tag, seen),
        }
    }

    #[cold]
    fn release_marked(&self, tag: u32, mut seen: u32) -> Result<Freed, NotOwner> {
        // Two turns at most in good company: the mark is only ever added. More are a damaged word.
        for _ in 0..TURNS_AT_MOST {
            if seen & TAG != tag {
                return Err(NotOwner);
            }
            match self.0.compare_exchange(seen, 0, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return Ok(Freed { wake: seen & WAITERS != 0 }),
                Err(now) => seen = now,
            }
        }
        Err(NotOwner)
    }

    /// Frees the word if `tag` holds it, and marks that its holder is gone. For the one that has
    /// proved that death (or was told to take the word away by force).
    pub(crate) fn abandon(&self, tag: u32) -> Option<Freed> {
        let mut seen = self.0.load(Ordering::Relaxed);
        for _ in 0..TURNS_AT_MOST {
            if tag == 0 || seen & TAG != tag {
                return None;
            }
            let left = ABANDONED | (seen & WAITERS);
            match self.0.compare_exchange(seen, left, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return Some(Freed { wake: seen & WAITERS != 0 }),
                Err(now) => seen = now,
            }
        }
        None
    }
}
