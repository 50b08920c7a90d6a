//! Who sleeps on which word of an object: a table in the object's file.
#![allow(unsafe_code)] // a view of the mapping

use super::bell::{self, Bell, Owner};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use windows_sys::Win32::Foundation::HANDLE;

/// How many can sleep on one object's words at once.
const CELLS: usize = 1_023;

/// Of so many cells a thread that finds none free asks whether their owners live, which takes a system
/// call for each.
const ASKED_FOR: usize = 32;

/// The two lowest bits of a cell's sleep: what it is about.
const STATE: u64 = 3;
const CLAIMED: u64 = 1;
const ASLEEP: u64 = 2;

/// A sleeper.
///
/// | `sleep`           | means                          | written by                                     |
/// |-------------------|--------------------------------|------------------------------------------------|
/// | 0                 | free                           | its waker, its sleeper, who found its owner dead |
/// | number \| CLAIMED | its word is being written      | who is about to sleep, from 0                  |
/// | number \| ASLEEP  | it sleeps on `word`            | the same                                       |
///
/// The number stands for the thread's event and for this one sleep, so it does not come again: a cell
/// that still holds it when it is exchanged has held it all along, and `word` belongs to it.
#[repr(C)]
#[derive(Debug)]
struct Cell {
    sleep: AtomicU64,
    word: AtomicU64,
}

#[repr(C, align(16))]
#[derive(Debug)]
pub(super) struct Table {
    /// One more than the highest cell that was ever used. Set before the cell is, so it hides none.
    used: AtomicU32,
    /// Where the next waker begins to look, so that all have their turn. Decides nothing else.
    turn: AtomicU32,
    reserved: AtomicU64,
    cells: [Cell; CELLS],
}

const _: () = assert!(size_of::<Table>() == 16_384);

/// A cell of this thread, given back when this goes.
#[derive(Debug)]
pub(super) struct Claimed<'a> {
    cell: &'a Cell,
    bell: Rc<Bell>,
    sleep: u64,
}

impl Table {
    pub(super) fn at<'a>(place: NonNull<Table>) -> &'a Table {
        // SAFETY: mapped, aligned and only accessed by atomics, by the promise of who registered it
        // (`Sleepers::register`), for as long as the words to which it belongs.
        unsafe { place.as_ref() }
    }

    /// A cell for a sleep on a word; none: it is full, or this thread cannot be woken.
    pub(super) fn claim(&self, word: u64) -> Option<Claimed<'_>> {
        let bell = Bell::own()?;
        let sleep = bell.next_sleep();
        // Elsewhere for each sleep, so that all cells have their turn.
        let first = (sleep / 4 % CELLS as u64) as usize * ASKED_FOR % CELLS;
        let cells = || self.cells.iter().enumerate();
        let (index, cell) =
            cells().find(|(_, cell)| cell.take(0, sleep | CLAIMED)).or_else(|| {
                // Full of the dead, perhaps.
                let mut some = cells().cycle().skip(first).take(ASKED_FOR);
                some.find(|(_, cell)| cell.inherit(sleep))
            })?;
        cell.word.store(word, Ordering::Relaxed);
        self.used.fetch_max(index as u32 + 1, Ordering::Relaxed);
        Some(Claimed { cell, bell, sleep })
    }

    /// Wakes at most so many of those who sleep on a word; answers how many.
    pub(super) fn wake(&self, word: u64, most: u32) -> u32 {
        // Pairs with the one in `show`: who is not seen below sees that the word has changed.
        fence(Ordering::SeqCst);
        let used = (self.used.load(Ordering::Relaxed) as usize).min(CELLS);
        if used == 0 {
            return 0;
        }
        let first = self.turn.load(Ordering::Relaxed) as usize % used;
        let mut woken = 0;
        for index in (first..used).chain(0..first) {
            if woken == most {
                break;
            }
            let cell = &self.cells[index];
            // Acquire: the word that belongs to it was written before.
            let sleep = cell.sleep.load(Ordering::Acquire);
            if sleep & STATE != ASLEEP || cell.word.load(Ordering::Relaxed) != word {
                continue;
            }
            if cell.take(sleep, 0) && bell::ring(sleep) == Owner::Woken {
                woken += 1;
                self.turn.store(index as u32 + 1, Ordering::Relaxed);
            }
        }
        woken
    }
}

impl Cell {
    /// Acquire and release: who finds the cell free, or taken out, sees what was done before.
    fn take(&self, from: u64, to: u64) -> bool {
        self.sleep.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Takes the cell of a dead thread.
    fn inherit(&self, sleep: u64) -> bool {
        let theirs = self.sleep.load(Ordering::Relaxed);
        bell::is_gone(theirs) && self.take(theirs, sleep | CLAIMED)
    }
}

impl Claimed<'_> {
    /// From here on it can be woken. To be followed by a look at the word.
    pub(super) fn show(&self) {
        // Release: who sees it sees the word that belongs to it.
        self.cell.sleep.store(self.sleep | ASLEEP, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Whether nobody has woken it yet.
    pub(super) fn is_shown(&self) -> bool {
        // Acquire: who woke it wrote before what it was woken for.
        self.cell.sleep.load(Ordering::Acquire) == self.sleep | ASLEEP
    }

    /// Cannot be woken any more; false: it was.
    pub(super) fn withdraw(&self) -> bool {
        self.cell.take(self.sleep | ASLEEP, 0)
    }

    /// Sleeps until somebody wakes this thread, for this sleep or, late, for an earlier one; until one
    /// of the handles is signalled; or so long. True: a handle is.
    pub(super) fn wait(&self, handles: &[HANDLE], ns: u64) -> bool {
        self.bell.wait(handles, ns)
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        // Whoever panics between claiming and sleeping; else it is free already.
        if !self.withdraw() {
            self.cell.take(self.sleep | CLAIMED, 0);
        }
    }
}
