//! Sleeping on words that other processes wake: each sleeping thread has an event of its own, and a
//! table beside the words says who sleeps on which one.
//!
//! This system has no futex between processes (`WaitOnAddress` knows one process only). A semaphore
//! for all sleepers of an object would not do: a wake-up for one could be taken by another one that
//! came later, and the number of sleepers, which has to be kept beside it, would be wrong for ever
//! once a sleeper was killed. So each thread that sleeps makes an event whose name is a random
//! number, and writes the number into a table in the object's file (`table`). A waker takes it out
//! and sets the event by its name. The system keeps the books: if the process is dead, the name
//! leads nowhere, and the waker goes on to the next one. A stale entry costs one failed call, once.
//!
//! | what happens | what it costs |
//! |---|---|
//! | a sleeper is killed | its entry is found dead by the next waker, or by who needs the place |
//! | a waker is killed between taking an entry out and setting the event | that sleeper sleeps to the end of its slice, a second at most |
//! | a waker sets an event late, when its owner sleeps again | the owner finds itself still in the table, and goes on sleeping |
//! | the table is full (1,023 sleepers on one object), or no event can be made | sleeping is polling, every millisecond |
//! | a peer writes nonsense into the table | calls for nothing, sleeps that end for nothing or with their slice |
//!
//! *No wake-up is missed.* A sleeper writes its entry, then looks at the word once more; who
//! changed the word looks at the entries afterwards. Between the two steps stands a sequentially
//! consistent fence on either side, so one of them sees the other.
//!
//! Words that lie in no object of this library (the caller's own memory) and words of one process
//! alone are slept on within the process (`local`). If other processes have them too, a sleeper looks
//! every millisecond whether they changed.
#![allow(unsafe_code)] // addresses of tables

mod bell;
mod local;
mod table;

use crate::raw::host::Slept;
use crate::sys::clock;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use table::{Claimed, Table};
use windows_sys::Win32::Foundation::HANDLE;

/// How many bytes of an object's file, at its end and from a multiple of 64, the table takes.
pub(crate) const TABLE: usize = size_of::<Table>();

/// How often who cannot be woken looks.
const POLL: u64 = 1_000_000;

/// How long one who can be woken sleeps at most before it looks: its waker may have been killed before it
/// rang the bell, or before it looked at the table.
const SLICE: u64 = 1_000_000_000;

/// Words, by the address of the first: how many bytes, what their offsets begin with, and where their
/// sleepers are written down.
type Places = BTreeMap<usize, Place>;

#[derive(Debug, Clone, Copy)]
struct Place {
    length: usize,
    first: u64,
    table: NonNull<Table>,
}

// SAFETY: the table consists of atomics; that it is mapped is up to who registered it.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

static PLACES: RwLock<Places> = RwLock::new(Places::new());

fn places() -> RwLockReadGuard<'static, Places> {
    PLACES.read().unwrap_or_else(PoisonError::into_inner)
}

fn places_to_change() -> RwLockWriteGuard<'static, Places> {
    PLACES.write().unwrap_or_else(PoisonError::into_inner)
}

/// As long as this is there, who sleeps on words in a piece of memory is written down in a table.
#[derive(Debug)]
pub(crate) struct Sleepers {
    start: usize,
}

impl Sleepers {
    /// For the words in `length` bytes from `start`. `first` tells the words of one piece from those of
    /// others with the same table: it is where the piece's offsets begin.
    ///
    /// # Safety
    /// `TABLE` bytes at `table`, aligned to 16, are mapped as long as `self`, and only accessed by
    /// atomics.
    pub(crate) unsafe fn register(
        start: NonNull<u8>,
        length: usize,
        first: u64,
        table: NonNull<u8>,
    ) -> Sleepers {
        let start = start.addr().get();
        places_to_change().insert(start, Place { length, first, table: table.cast() });
        Sleepers { start }
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        places_to_change().remove(&self.start);
    }
}

/// The table for a word, and the word's number in it; none: the word is not in an object's memory.
fn place_of(word: &AtomicU32) -> Option<(&Table, u64)> {
    let address = word.as_ptr().addr();
    let places = places();
    let (start, place) = places.range(..=address).next_back()?;
    let offset = address - start;
    if offset >= place.length {
        return None;
    }
    // What is registered under this address now is the mapping in which the word lies, which its
    // owner keeps for as long as somebody has a reference to the word.
    Some((Table::at(place.table), place.first + offset as u64))
}

/// Sleeps while `word` holds `expected`, until the monotonic clock shows `until` (none: for ever); if the
/// word is shared, for a slice at most.
pub(crate) fn sleep(word: &AtomicU32, expected: u32, shared: bool, until: Option<u64>) -> Slept {
    if !shared {
        return local::sleep(word, expected, until);
    }
    let Some((table, number)) = place_of(word) else {
        return poll(until, |until| local::sleep(word, expected, Some(until)));
    };
    match table.claim(number) {
        Some(place) => sleep_in(&place, word, expected, &[], until).0,
        None => poll(until, |until| {
            if word.load(Ordering::Relaxed) != expected {
                return Slept::Changed;
            }
            pause_until(until);
            Slept::TimedOut
        }),
    }
}

/// The same for a shared word, until one of the handles is signalled, too; true: one is.
pub(in crate::sys) fn sleep_watching(
    word: &AtomicU32,
    expected: u32,
    handles: &[HANDLE],
    until: u64,
) -> (Slept, bool) {
    match place_of(word).and_then(|(table, number)| table.claim(number)) {
        Some(place) => sleep_in(&place, word, expected, handles, Some(until)),
        None => (sleep(word, expected, true, Some(until)), false),
    }
}

fn sleep_in(
    place: &Claimed<'_>,
    word: &AtomicU32,
    expected: u32,
    handles: &[HANDLE],
    until: Option<u64>,
) -> (Slept, bool) {
    // Who wakes up for another reason may have been woken as well.
    let ends = |how| if place.withdraw() { how } else { Slept::Woken };
    place.show();
    // After the fence in `show`: pairs with the one in `wake`.
    if word.load(Ordering::Relaxed) != expected {
        return (ends(Slept::Changed), false);
    }
    let slice = clock::monotonic() + SLICE;
    let (end, how) = match until {
        Some(until) if until <= slice => (until, Slept::TimedOut),
        _ => (slice, Slept::Interrupted),
    };
    loop {
        let left = end.saturating_sub(clock::monotonic());
        if left == 0 {
            return (ends(how), false);
        }
        let handle = place.wait(handles, left);
        if !place.is_shown() {
            return (Slept::Woken, handle);
        }
        if handle {
            return (ends(Slept::Interrupted), true);
        }
    }
}

/// Sleeps for a moment at most, and says so.
fn poll(until: Option<u64>, sleep: impl FnOnce(u64) -> Slept) -> Slept {
    let soon = clock::monotonic() + POLL;
    let until = until.unwrap_or(u64::MAX);
    match sleep(until.min(soon)) {
        Slept::TimedOut if soon < until => Slept::Interrupted,
        slept => slept,
    }
}

fn pause_until(until: u64) {
    std::thread::sleep(Duration::from_nanos(until.saturating_sub(clock::monotonic())));
}

/// Wakes at most `sleepers` of those who sleep on `word`; answers how many it woke.
pub(crate) fn wake(word: &AtomicU32, sleepers: u32, shared: bool) -> u32 {
    match if shared { place_of(word) } else { None } {
        Some((table, number)) => table.wake(number, sleepers),
        None => local::wake(word, sleepers),
    }
}

#[cfg(test)]
mod tests;
