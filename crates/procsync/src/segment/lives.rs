//! Life words: how the death of a participant is noticed at once, and proved.
//!
//! A thread's slot bears a word that the system marks when that thread dies (see `sys::life`). The
//! mark is there long before the dead process's locks are gone: the system frees its memory in
//! between. It proves that the thread is dead, but unlike the slot's byte lock it does not keep
//! anybody from claiming the slot meanwhile. So whoever recovers by the mark, or ends its counting,
//! has to have the *turn* for the slot: a second byte lock, which ends with its holder too.
//!
//! Who may do what to a slot whose word is marked:
//!
//! - With the turn and the mark seen under it: sweep, then let the word count no more
//!   (`bears_life`). Until then nobody else can claim the slot, because
//! - who has the slot's byte lock claims or vacates only after it has made sure that no word counts,
//!   for which it needs the turn if one does.
//!
//! A slot of a process bears one as well where processes hold: of the thread that opened the object.
//! Its mark proves nothing, for the process may live on; it is a reason to look whether all its
//! threads are exiting, which can be told within one pid namespace.
#![allow(unsafe_code)] // the pages' mapping, the linking of a node

use super::Segment;
use super::layout::PAGE;
use super::slots::Found;
use crate::error::Result;
use crate::participant::Cause;
use crate::raw::host::Slept;
use crate::raw::life_word::{Life, LifeWord};
use crate::raw::owned_word::{PARTICIPANT, TAG};
use crate::sys::life::{self, MOST_WATCHED, Node, Processes, WORD_AT};
use crate::sys::map::{self, Mapping};
use crate::sys::{lock, process};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

/// What a process knows about the life words of one segment.
#[derive(Debug)]
pub(super) struct Lives {
    /// Those of its own slots.
    nodes: Mutex<Vec<(u32, Arc<Node>)>>,
    /// The turn among the threads of this process, which the byte locks of one open file do not
    /// keep apart. For all slots together: recoveries are rare.
    turn: Mutex<()>,
    /// The pages of the life words but the first ones, from when one of them is wanted.
    others: OnceLock<Mapping>,
    /// Whose pages are known to have space set aside, a bit for each slot.
    touchable: Box<[AtomicU64]>,
    /// The open file was lent to other processes: that a thread dies proves nothing any more.
    lent: AtomicBool,
}

impl Lives {
    pub(super) fn new(slots: u32) -> Self {
        Lives {
            nodes: Mutex::new(Vec::new()),
            turn: Mutex::new(()),
            others: OnceLock::new(),
            touchable: (0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            lent: AtomicBool::new(false),
        }
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<(u32, Arc<Node>)>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A life word in the list of the thread that has this, which is to take it out when it ends.
#[derive(Debug)]
pub(super) struct OwnLife(Arc<Node>);

impl Drop for OwnLife {
    fn drop(&mut self) {
        self.0.retire();
    }
}

/// The turn to recover what one dead participant left. Ends with this, or with the process.
struct Turn<'a> {
    segment: &'a Segment,
    at: u64,
    _in_this_process: MutexGuard<'a, ()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Err(error) = lock::unlock_byte(&self.segment.file, self.at) {
            let object = self.segment.object();
            tracing::warn!(%object, %error, "a turn could not be let go");
        }
    }
}

/// The life words of those who are in a waiter's way.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    words: Vec<(&'a AtomicU32, u32)>,
    /// Those that have none, where the system tells of the end of processes.
    processes: Processes,
    /// One of them is marked already, or has ended.
    pub(super) somebody_died: bool,
    /// Some of them have no life word, or are too many to be watched.
    some_without: bool,
}

impl Watched<'_> {
    /// Whether whoever dies of them, it will be told.
    pub(super) fn tells_of_all(&self) -> bool {
        !self.words.is_empty() && !self.some_without
    }

    /// Sleeps while `word` holds `expected` and nobody dies, until then; true: somebody died.
    pub(super) fn sleep(&self, word: &AtomicU32, expected: u32, until: u64) -> (Slept, bool) {
        life::sleep_watching(word, expected, &self.words, &self.processes, until)
    }
}

impl Segment {
    /// Has the deaths of those told who keep a waiter asleep, which sleeps while `word` holds
    /// `expected`. Not of all, if they are many.
    pub(super) fn watch_holders(&self, word: &AtomicU32, expected: u32) -> Watched<'_> {
        /// Those of larger ones are not worth a search before each sleep.
        const MOST_PERMITS: u32 = 64;
        let mut watched = Watched {
            words: Vec::new(),
            processes: Processes::default(),
            somebody_died: false,
            some_without: false,
        };
        if std::ptr::eq(word, self.owned().futex()) {
            self.watch(expected & TAG, &mut watched);
        } else if self.facts.capacity <= MOST_PERMITS {
            let mut tags: Vec<u32> = (0..self.facts.capacity)
                .map(|index| self.permit(index).word.participant())
                .collect();
            tags.sort_unstable();
            tags.dedup();
            tags.iter().take(MOST_WATCHED).for_each(|tag| self.watch(*tag, &mut watched));
            watched.some_without |= tags.len() > MOST_WATCHED;
        } else {
            watched.some_without = true;
        }
        watched
    }

    fn watch<'a>(&'a self, tag: u32, watched: &mut Watched<'a>) {
        let participant = tag & PARTICIPANT;
        let Some(slot) = participant.checked_sub(1).filter(|slot| *slot < self.facts.slots) else {
            return;
        };
        // Without space for the slot's record nobody can hold by it.
        if self.make_touchable(slot).is_err() {
            return;
        }
        match self.life(slot).map(|word| (word, word.watch())) {
            Some((word, Life::Alive(value))) => watched.words.push((word.futex(), value)),
            Some((_, Life::Dead)) => watched.somebody_died = true,
            None | Some((_, Life::Unknown)) => {
                // Also where the end of its process is told: its thread may end before.
                watched.some_without = true;
                let record = self.slot(slot);
                let (pid, started) = (&record.pid, &record.started);
                watched.somebody_died |= watched
                    .processes
                    .watch(pid.load(Ordering::Relaxed), started.load(Ordering::Relaxed));
            }
        }
    }

    fn life_page_at(&self, slot: u32) -> u64 {
        self.places.lives_at + u64::from(slot) * PAGE
    }

    /// Where the life page of a slot is mapped. Sets space aside for it first.
    fn life_page(&self, slot: u32) -> Result<NonNull<u8>> {
        assert!(slot < self.facts.slots);
        let (word, bit) = (&self.lives.touchable[slot as usize / 64], 1 << (slot % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            if !life::HAS_WORDS {
                return Err(self.system("use")(std::io::ErrorKind::Unsupported.into()));
            }
            map::reserve(&self.file, self.life_page_at(slot), PAGE)
                .map_err(self.system("set space aside in"))?;
            word.fetch_or(bit, Ordering::Relaxed);
        }
        let first = self.facts.first_lives();
        if slot < first {
            return Ok(self.place(self.life_page_at(slot) as usize, PAGE as usize));
        }
        // From the last one of the first on.
        let (before, count) = (first - 1, self.facts.slots - first + 1);
        let pages = match self.lives.others.get() {
            Some(pages) => pages,
            None => {
                let pages = self.map.beyond(PAGE as usize, count as usize * PAGE as usize);
                // Another thread may have been faster.
                let _ = self.lives.others.set(pages.map_err(self.system("map"))?);
                self.lives.others.get().expect("it was set just now")
            }
        };
        // SAFETY: below the mapping's length, which is `count` pages.
        Ok(unsafe { pages.start().add((slot - before) as usize * PAGE as usize) })
    }

    /// The life word of a slot, whether or not it counts.
    fn life_word(&self, slot: u32) -> Result<&LifeWord> {
        let page = self.life_page(slot)?;
        // SAFETY: inside the page, and aligned.
        let word = unsafe { page.add(WORD_AT) };
        // SAFETY: a `LifeWord` is an atomic, for which all bytes are values and which others may
        // change at any time. Its mapping goes with `self`, and its page has space set aside.
        Ok(unsafe { word.cast::<LifeWord>().as_ref() })
    }

    /// The life word of a slot, if it has one that counts.
    pub(super) fn life(&self, slot: u32) -> Option<&LifeWord> {
        // Acquire: what was there before is cleared.
        if !life::HAS_WORDS
            || !self.kind().has_holders()
            || self.slot(slot).bears_life.load(Ordering::Acquire) != 1
        {
            return None;
        }
        self.life_word(slot).ok()
    }

    /// Gives a slot that the calling thread has just claimed a life word, if that can be had.
    pub(super) fn begin_life(&self, slot: u32) -> Option<OwnLife> {
        if !self.kind().has_holders()
            || !life::is_available()
            || self.lives.lent.load(Ordering::Relaxed)
        {
            return None;
        }
        let word = self.life_word(slot).ok()?;
        word.clear();
        let page = self.life_page(slot).ok()?;
        // SAFETY: a page of a shared mapping, for which `life_page` has set space aside.
        // Its word is only used as a `LifeWord`, which is an atomic.
        let life = OwnLife(Arc::new(unsafe { Node::link(page) }?));
        let mut nodes = self.lives.nodes();
        // Once more under the lock: who lends the file takes all words back that it finds there.
        if self.lives.lent.load(Ordering::Relaxed) {
            drop(nodes);
            drop(life);
            word.clear();
            return None;
        }
        nodes.push((slot, life.0.clone()));
        // Release: from here on the word counts, and it has this thread's id in it.
        self.slot(slot).bears_life.store(1, Ordering::Release);
        Some(life)
    }

    /// Whether a thread of this process is linked to an own slot's life word.
    pub(super) fn tells_life(&self, slot: u32) -> bool {
        self.lives.nodes().iter().any(|(of, _)| *of == slot)
    }

    /// Takes the life word of an own slot away, before the slot is given back. False: it tells of a
    /// death, and whatever the slot still holds is for the one who has the turn.
    pub(super) fn end_life(&self, slot: u32) -> bool {
        let mut nodes = self.lives.nodes();
        let Some(index) = nodes.iter().position(|(of, _)| *of == slot) else {
            return !self.life(slot).is_some_and(LifeWord::is_dead);
        };
        let (_, node) = nodes.swap_remove(index);
        drop(nodes);
        node.retire();
        // Marked: its thread died, and somebody may be recovering by that. It stays for the next
        // one who has the turn.
        let Some(word) = self.life(slot) else { return true };
        let retired = word.retire();
        if retired {
            self.slot(slot).bears_life.store(0, Ordering::Release);
        }
        retired
    }

    /// From now on, that a thread of this process dies proves nothing.
    #[cfg(unix)]
    pub(super) fn end_all_lives(&self) {
        let nodes = self.lives.nodes();
        self.lives.lent.store(true, Ordering::Relaxed);
        let slots: Vec<_> = nodes.iter().map(|(slot, _)| *slot).collect();
        drop(nodes);
        slots.into_iter().for_each(|slot| _ = self.end_life(slot));
    }

    /// Whether the participant, a thread or a process, is proved dead by its life word.
    pub(super) fn is_proved_dead(&self, slot: u32) -> bool {
        if !self.life(slot).is_some_and(LifeWord::is_dead) {
            return false;
        }
        let record = self.slot(slot);
        if record.tid.load(Ordering::Relaxed) != 0 {
            return true;
        }
        let (namespace, ours) = (record.namespace.load(Ordering::Relaxed), process::namespace());
        let (pid, started) = (&record.pid, &record.started);
        ours != 0
            && u64::from(namespace) == ours
            && process::is_over(pid.load(Ordering::Relaxed), started.load(Ordering::Relaxed))
    }

    /// The turn for a slot; none: somebody else has it.
    fn turn(&self, slot: u32) -> Result<Option<Turn<'_>>> {
        let in_this_process = match self.lives.turn.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let at = self.life_page_at(slot);
        let locked = lock::lock_byte(&self.file, at).map_err(self.system("lock a slot of"))?;
        Ok(locked.then_some(Turn { segment: self, at, _in_this_process: in_this_process }))
    }

    /// Frees what a participant held that is proved dead.
    pub(super) fn recover_by_life(&self, slot: u32) -> Result<Found> {
        let Some(turn) = self.turn(slot)? else { return Ok(Found::Alive) };
        // Once more under the turn: meanwhile others may have recovered it and claimed the slot.
        if !self.is_proved_dead(slot) {
            return Ok(Found::Alive);
        }
        self.sweep(slot, Cause::Died);
        self.end_record(slot);
        // Last: then the slot may be claimed, as soon as its byte lock is gone.
        self.forget_life(slot);
        drop(turn);
        Ok(Found::Recovered)
    }

    /// Makes sure that nobody recovers by a slot's life word any more. For the holder of the slot's
    /// byte lock, before it claims or vacates. False: somebody is at it just now.
    pub(super) fn clear_life(&self, slot: u32) -> Result<bool> {
        // Not `life`, which is none as well if space cannot be set aside: an old mark would stay.
        if !self.kind().has_holders() || self.slot(slot).bears_life.load(Ordering::Acquire) == 0 {
            return Ok(true);
        }
        let Some(turn) = self.turn(slot)? else { return Ok(false) };
        self.forget_life(slot);
        drop(turn);
        Ok(true)
    }

    /// For who has the turn. Leaves the word alone, for whose page there may be no space: who gives
    /// the slot a life word again clears it first.
    fn forget_life(&self, slot: u32) {
        self.slot(slot).bears_life.store(0, Ordering::Release);
    }
}
