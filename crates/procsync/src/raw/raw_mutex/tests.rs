use super::*;
#[cfg(unix)]
use crate::raw::testing::{Child, SharedPage, Storm};
use crate::raw::testing::{aligned_bytes, patience};
use std::time::Instant;

fn until(mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < patience(), "it never happened");
        std::thread::yield_now();
    }
}

#[test]
fn too_small_or_misaligned_memory_is_refused() {
    let mut bytes = aligned_bytes();
    let start = bytes.0.as_mut_ptr();
    // SAFETY: inside the array, which nobody else uses.
    let small = unsafe { RawMutex::from_ptr(start, 63, false) };
    assert_eq!(small.unwrap_err(), Error::TooSmall { what: WHAT, needed: 64, got: 63 });
    // SAFETY: as above.
    let place = unsafe { start.add(2) };
    // SAFETY: as above.
    let odd = unsafe { RawMutex::from_ptr(place, 64, false) };
    assert_eq!(odd.unwrap_err(), Error::Misaligned { what: WHAT, needed: 4, remainder: 2 });
    assert_eq!(bytes.0, [0; 128]);
}

#[test]
fn what_is_neither_zero_nor_a_mutex_is_refused_and_left_alone() {
    let mut bytes = aligned_bytes();
    for (offset, expected) in [
        (
            0,
            Error::WrongMagic {
                what: WHAT,
                expected: 0x4D55_5458,
                found: u32::from_ne_bytes([9; 4]),
            },
        ),
        (12, Error::NotZero { what: WHAT, offset: 12 }),
        (60, Error::NotZero { what: WHAT, offset: 60 }),
    ] {
        bytes.0.fill(0);
        bytes.0[offset..offset + 4].fill(9);
        let before = bytes.0;
        // SAFETY: inside the array, which nobody else uses.
        let got = unsafe { RawMutex::from_ptr(bytes.0.as_mut_ptr(), 128, false) };
        assert_eq!(got.unwrap_err(), expected);
        assert_eq!(bytes.0, before);
    }
}

#[test]
fn the_bytes_are_where_the_documentation_says() {
    // At a multiple of 4 that is none of 8.
    let mut bytes = aligned_bytes();
    // SAFETY: inside the array.
    let place = unsafe { bytes.0.as_mut_ptr().add(4) };
    // SAFETY: 64 bytes from there are in the array, which nobody else uses while the mutex does.
    let mutex = unsafe { RawMutex::from_ptr(place, 64, true) }.unwrap();
    mutex.acquire().unwrap();
    let (ns, pid) = (mutex.last_acquired_ns(), mutex.owner_pid());
    assert_eq!((mutex.magic(), pid), (0x4D55_5458, std::process::id()));
    let me = mutex.system.identity();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    assert!(now.abs_diff(ns) < 60_000_000_000, "{ns} {now}");

    let word = |bytes: &[u8; 128], at: usize| {
        u32::from_ne_bytes(bytes[4 + at..8 + at].try_into().unwrap())
    };
    assert_eq!(word(&bytes.0, 0), 0x4D55_5458);
    assert_eq!(word(&bytes.0, 4), 0);
    assert_eq!(word(&bytes.0, 8), me.process);
    assert_eq!(word(&bytes.0, 12), pid);
    assert_eq!(bytes.0[20..28], ns.to_ne_bytes());
    assert_eq!(word(&bytes.0, 24), me.thread);
    assert!(bytes.0[32..].iter().chain(&bytes.0[..4]).all(|byte| *byte == 0));

    // SAFETY: as above.
    let place = unsafe { bytes.0.as_mut_ptr().add(4) };
    // SAFETY: as above.
    let mutex = unsafe { RawMutex::from_ptr(place, 64, true) }.unwrap();
    assert!(mutex.is_locked(), "attaching left it as it was");
    mutex.release().unwrap();
    assert_eq!(mutex.last_acquired_ns(), ns);
    for offset in [8, 12, 24] {
        assert_eq!(word(&bytes.0, offset), 0, "{offset}");
    }
}

#[test]
fn a_thread_that_locks_twice_gets_an_error_at_once() {
    let memory = HeaderMemory::new();
    let mutex = RawMutex::over(&memory, false).unwrap();
    let again = RawMutex::over(&memory, false).unwrap();
    mutex.acquire().unwrap();
    let expected = Err(Error::AlreadyOwned { thread: mutex.system.identity().thread });
    assert_eq!(again.acquire(), expected);
    assert_eq!(again.acquire_timeout(Some(Duration::MAX), Spin::Adaptive), expected);
    assert!(!again.try_acquire());
    again.release().unwrap();
    // Not any more: its number went with the release.
    assert!(std::thread::scope(|scope| scope.spawn(|| mutex.try_acquire()).join().unwrap()));
    let timeout = Some(Duration::from_millis(1));
    assert!(matches!(mutex.acquire_timeout(timeout, Spin::Never), Err(Error::TimedOut { .. })));
}

#[test]
fn a_second_thread_waits_and_any_thread_may_release() {
    let memory = HeaderMemory::new();
    let mutex = RawMutex::over(&memory, false).unwrap();
    mutex.acquire().unwrap();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| mutex.acquire());
        // It has marked the word: it sleeps, or is about to.
        until(|| mutex.header.state.futex().load(Ordering::Relaxed) >> 31 == 1);
        assert!(!second.is_finished());
        scope.spawn(|| mutex.release().unwrap());
        second.join().unwrap().unwrap();
    });
    assert!(mutex.is_locked());
    mutex.release().unwrap();
    assert_eq!(mutex.release(), Err(Error::NotOwner { owner_pid: 0 }));
    assert_eq!(mutex.owner_pid(), 0);
}

#[test]
fn an_abandoned_word_is_taken() {
    let memory = HeaderMemory::new();
    let mutex = RawMutex::over(&memory, false).unwrap();
    for acquire in
        [|mutex: &RawMutex| mutex.acquire().is_ok(), |mutex: &RawMutex| mutex.try_acquire()]
    {
        assert!(mutex.try_acquire());
        let tag = mutex.system.identity().process;
        assert_eq!(mutex.header.state.abandon(tag), Some(Freed { wake: false }));
        mutex.header.owner_thread.store(0, Ordering::Relaxed);
        assert!(!mutex.is_locked());
        assert!(acquire(&mutex));
        mutex.release().unwrap();
    }
}

#[test]
fn handed_over_between_many_threads_it_lets_one_in_and_its_owner_is_never_wiped() {
    const TURNS: u32 = 5_000;
    const THREADS: u32 = 6;
    let memory = HeaderMemory::new();
    let count = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let (memory, count) = (&memory, &count);
            scope.spawn(move || {
                let mutex = RawMutex::over(memory, true).unwrap();
                let me = mutex.system.identity();
                let spin = [Spin::Adaptive, Spin::Never, Spin::Pauses(50)][number as usize % 3];
                for turn in 0..TURNS {
                    mutex.acquire_timeout(None, spin).unwrap();
                    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    if turn % 64 == 0 {
                        std::thread::yield_now();
                    }
                    assert!(mutex.is_locked());
                    assert_eq!(mutex.owner_pid(), me.pid);
                    assert_eq!(mutex.header.owner_thread.load(Ordering::Relaxed), me.thread);
                    mutex.release().unwrap();
                }
            });
        }
    });
    assert_eq!(count.load(Ordering::Relaxed), THREADS * TURNS);
    assert_eq!(memory.to_bytes()[8..16], [0; 8]);
}

#[test]
#[cfg(unix)]
fn signals_neither_end_a_wait_nor_begin_it_anew() {
    let memory = HeaderMemory::new();
    let mutex = RawMutex::over(&memory, false).unwrap();
    std::thread::scope(|scope| scope.spawn(|| mutex.acquire().unwrap()).join().unwrap());
    let storm = Storm::over_this_thread();
    let timeout = Duration::from_millis(100);
    let began = Instant::now();
    let denied = mutex.acquire_timeout(Some(timeout), Spin::Adaptive).unwrap_err();
    let took = began.elapsed();
    assert!(storm.handled() > 10, "no storm");
    drop(storm);
    assert!(took >= timeout && took < patience(), "{took:?}");
    let Error::TimedOut { waited, pid, .. } = denied else { panic!("{denied}") };
    assert!(waited >= timeout && waited <= took);
    assert_eq!(pid, std::process::id());
}

#[test]
fn what_overflows_is_for_ever_and_no_time_at_all_is_a_try() {
    let memory = HeaderMemory::new();
    let mutex = RawMutex::over(&memory, false).unwrap();
    mutex.acquire().unwrap();
    std::thread::scope(|scope| {
        let none = scope.spawn(|| mutex.acquire_timeout(Some(Duration::ZERO), Spin::Adaptive));
        assert!(matches!(none.join().unwrap(), Err(Error::TimedOut { .. })));
        let ever = scope.spawn(|| mutex.acquire_timeout(Some(Duration::MAX), Spin::Never));
        until(|| mutex.header.state.futex().load(Ordering::Relaxed) >> 31 == 1);
        mutex.release().unwrap();
        ever.join().unwrap().unwrap();
    });
}

#[test]
#[cfg(unix)]
fn two_processes_count_exactly_and_keep_their_ownership() {
    const TURNS: u32 = 100_000;
    let page = SharedPage::new();
    // SAFETY: 64 bytes inside the page, which lives until the end of the test in both processes.
    let mutex = unsafe { RawMutex::from_ptr(page.at(0), 64, true) }.unwrap();
    // SAFETY: as above, 4 bytes.
    let count = unsafe { memory::view::<AtomicU32>("count", page.at(64), 4) }.unwrap();
    let work = || {
        let pid = mutex.system.identity().pid;
        let mut good = true;
        for _ in 0..TURNS {
            good &= mutex.acquire().is_ok();
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            good &= mutex.owner_pid() == pid;
            good &= mutex.release().is_ok();
        }
        good
    };
    let child = Child::run(work);
    assert!(work());
    assert!(child.succeeded());
    assert_eq!(count.load(Ordering::Relaxed), 2 * TURNS);
    assert!(!mutex.is_locked());
}

#[test]
#[cfg(unix)]
fn another_process_cannot_release_it_even_under_the_same_pid() {
    let page = SharedPage::new();
    // SAFETY: 64 bytes inside the page, which lives until the end of the test in both processes.
    let mutex = unsafe { RawMutex::from_ptr(page.at(0), 64, true) }.unwrap();
    mutex.acquire().unwrap();
    let pid = std::process::id();
    let child = Child::run(|| {
        let mine = mutex.system.identity().pid;
        // As if both were pid 1, each in its namespace.
        mutex.header.owner_pid.store(mine, Ordering::Relaxed);
        mutex.release() == Err(Error::NotOwner { owner_pid: mine }) && !mutex.try_acquire()
    });
    assert!(child.succeeded());
    assert!(mutex.is_locked());
    assert_ne!(mutex.owner_pid(), pid);
    mutex.release().unwrap();
}

#[test]
#[cfg(unix)]
fn a_dead_holder_is_freed_by_force() {
    let page = SharedPage::new();
    // SAFETY: 64 bytes inside the page, which lives until the end of the test in both processes.
    let mutex = unsafe { RawMutex::from_ptr(page.at(0), 64, true) }.unwrap();
    assert!(Child::run(|| mutex.try_acquire()).succeeded());
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| mutex.acquire());
        until(|| mutex.header.state.futex().load(Ordering::Relaxed) >> 31 == 1);
        assert!(mutex.force_release());
        waiter.join().unwrap().unwrap();
    });
    assert_eq!(mutex.owner_pid(), std::process::id());
}
