#![allow(unsafe_code)] // memory for the tests

use super::*;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// Only a true failure lasts so long.
fn patience() -> Duration {
    Duration::from_secs(60)
}

/// A word with a table, as an object's file has them.
struct Memory {
    _sleepers: Sleepers,
    word: Box<AtomicU32>,
    table: Box<[u128; TABLE / 16]>,
}

impl Memory {
    fn new() -> Memory {
        let (word, mut table) = (Box::new(AtomicU32::new(0)), Box::new([0; TABLE / 16]));
        let start = NonNull::from(&*word).cast();
        let place = NonNull::from(&mut *table).cast();
        // SAFETY: the table lives as long as the sleepers, is aligned and only used by them.
        let sleepers = unsafe { Sleepers::register(start, 4, 64, place) };
        Memory { _sleepers: sleepers, word, table }
    }

    fn table(&self) -> &Table {
        Table::at(NonNull::from(&*self.table).cast())
    }
}

/// Sleeps until it is woken, or the word has changed.
fn sleep_on(word: &AtomicU32, shared: bool) -> Slept {
    loop {
        match sleep(word, 0, shared, None) {
            Slept::Interrupted => {}
            slept => return slept,
        }
    }
}

fn eventually_wakes(word: &AtomicU32, most: u32, shared: bool) -> u32 {
    let began = Instant::now();
    loop {
        match wake(word, most, shared) {
            0 => assert!(began.elapsed() < patience(), "nobody sleeps"),
            woken => return woken,
        }
        std::thread::yield_now();
    }
}

#[test]
fn who_sleeps_is_woken_and_counted() {
    let memory = Memory::new();
    for shared in [true, false] {
        assert_eq!(wake(&memory.word, u32::MAX, shared), 0);
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| sleep_on(&memory.word, shared));
            assert_eq!(eventually_wakes(&memory.word, 1, shared), 1);
            assert_eq!(sleeper.join().unwrap(), Slept::Woken);
        });
    }
}

#[test]
fn a_changed_word_and_a_passed_time_end_it_at_once_and_leave_nothing() {
    let memory = Memory::new();
    for shared in [true, false] {
        assert_eq!(sleep(&memory.word, 1, shared, None), Slept::Changed);
        assert_eq!(sleep(&memory.word, 0, shared, Some(0)), Slept::TimedOut);
        let until = clock::monotonic() + 3_000_000;
        assert_eq!(sleep(&memory.word, 0, shared, Some(until)), Slept::TimedOut);
        assert!(clock::monotonic() >= until);
        assert_eq!(wake(&memory.word, u32::MAX, shared), 0);
    }
}

#[test]
fn no_more_are_woken_than_asked_and_all_have_their_turn() {
    const SLEEPERS: u32 = 12;
    let memory = Memory::new();
    let woken = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..SLEEPERS {
            scope.spawn(|| {
                assert_eq!(sleep_on(&memory.word, true), Slept::Woken);
                woken.fetch_add(1, Ordering::Relaxed);
            });
        }
        let mut told = 0;
        while told < SLEEPERS {
            let more = eventually_wakes(&memory.word, 5, true);
            assert!(more <= 5);
            told += more;
        }
    });
    assert_eq!(woken.into_inner(), SLEEPERS.into());
}

#[test]
fn the_entries_of_the_dead_are_no_sleepers_and_make_room() {
    let memory = Memory::new();
    // Entries of threads that never were, in all cells.
    for cell in 0..1_023 {
        let sleep = (cell + 1) << 24 | 2;
        memory_cells(&memory)[2 * cell as usize].store(sleep, Ordering::Relaxed);
        memory_cells(&memory)[2 * cell as usize + 1].store(64, Ordering::Relaxed);
    }
    let soon = clock::monotonic() + 2_000_000;
    assert_eq!(sleep(&memory.word, 0, true, Some(soon)), Slept::TimedOut);
    assert!(memory.table().claim(64).is_some());
    // Those that are left are seen to be nobody's.
    memory_cells(&memory)[2 * 7].store(8 << 24 | 2, Ordering::Relaxed);
    assert_eq!(wake(&memory.word, u32::MAX, true), 0);
}

fn memory_cells(memory: &Memory) -> &[AtomicU64] {
    let start = NonNull::from(&*memory.table).cast::<AtomicU64>();
    // SAFETY: inside the table, behind its first 16 bytes.
    let start = unsafe { start.add(2) };
    // SAFETY: so many are there, and all accesses are atomic.
    unsafe { std::slice::from_raw_parts(start.as_ptr(), 2 * 1_023) }
}

#[test]
fn among_the_living_few_are_asked_for_and_the_dead_are_found_in_the_end() {
    let memory = Memory::new();
    let living: Vec<_> = std::iter::from_fn(|| memory.table().claim(1)).collect();
    assert_eq!(living.len(), 1_023);
    assert!((0..64).all(|_| memory.table().claim(64).is_none()), "they all live");
    for dead in [0, 500, 1_022] {
        let cell = &memory_cells(&memory)[2 * dead];
        let theirs = cell.swap(7 << 24 | 2, Ordering::Relaxed);
        let mut claims = std::iter::repeat_with(|| memory.table().claim(64));
        let asked = claims.position(|claimed| claimed.is_some());
        assert!(asked.is_some_and(|asked| asked <= 1_023 / 32), "{asked:?}");
        cell.store(theirs, Ordering::Relaxed);
    }
}

#[test]
fn whose_waker_is_killed_halfway_looks_soon() {
    // Never taken away: were it to sleep for ever, the test should end all the same.
    let memory: &'static Memory = Box::leak(Box::new(Memory::new()));
    let cell = &memory_cells(memory)[0];
    let asleep = || cell.load(Ordering::Relaxed) & 3 == 2;
    // It changed the word, and got no further.
    let sleeper =
        std::thread::spawn(move || while sleep(&memory.word, 0, true, None) != Slept::Changed {});
    eventually("it sleeps", asleep);
    memory.word.store(1, Ordering::Relaxed);
    eventually("it looks", || sleeper.is_finished());
    sleeper.join().unwrap();
    // It took the entry out, and did not ring.
    memory.word.store(0, Ordering::Relaxed);
    let sleeper = std::thread::spawn(move || sleep_on(&memory.word, true));
    eventually("its entry is taken", || {
        let entry = cell.load(Ordering::Relaxed);
        asleep() && cell.compare_exchange(entry, 0, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    });
    eventually("it looks", || sleeper.is_finished());
    assert_eq!(sleeper.join().unwrap(), Slept::Woken);
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < patience(), "not so: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn where_the_table_is_full_sleeping_is_polling() {
    let memory = Memory::new();
    let all: Vec<_> = std::iter::from_fn(|| memory.table().claim(1)).collect();
    assert_eq!(all.len(), 1_023);
    assert_eq!(sleep(&memory.word, 0, true, None), Slept::Interrupted);
    assert_eq!(sleep(&memory.word, 1, true, None), Slept::Changed);
    drop(all);
    let until = clock::monotonic() + 1_000_000;
    assert_eq!(sleep(&memory.word, 0, true, Some(until)), Slept::TimedOut);
}

#[test]
fn a_word_of_nobodys_object_is_looked_at_again_soon() {
    let word = AtomicU32::new(0);
    assert_eq!(sleep(&word, 0, true, None), Slept::Interrupted);
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| sleep_on(&word, true));
        assert_eq!(eventually_wakes(&word, 1, true), 1);
        assert_eq!(sleeper.join().unwrap(), Slept::Woken);
    });
}
