use super::*;
#[cfg(unix)]
use crate::raw::testing::{Child, SharedPage, Storm};
use crate::raw::testing::{aligned_bytes, patience};

fn semaphore(memory: &HeaderMemory, count: u32) -> RawSemaphore<'_> {
    RawSemaphore::over(memory, Some(count), false).unwrap()
}

#[test]
fn too_small_or_misaligned_memory_is_refused() {
    let mut bytes = aligned_bytes();
    let start = bytes.0.as_mut_ptr();
    // SAFETY: inside the array, which nobody else uses.
    let small = unsafe { RawSemaphore::from_ptr(start, 0, Some(1), false) };
    assert_eq!(small.unwrap_err(), Error::TooSmall { what: WHAT, needed: 64, got: 0 });
    // SAFETY: as above.
    let place = unsafe { start.add(3) };
    // SAFETY: as above.
    let odd = unsafe { RawSemaphore::from_ptr(place, 64, Some(1), false) };
    assert_eq!(odd.unwrap_err(), Error::Misaligned { what: WHAT, needed: 4, remainder: 3 });
    assert_eq!(bytes.0, [0; 128]);
}

#[test]
fn what_is_no_semaphore_is_refused_and_left_alone() {
    let memory = HeaderMemory::new();
    let wrong = |found| Error::WrongMagic { what: WHAT, expected: 0x5345_4D41, found };
    let got = RawSemaphore::over(&memory, None, false).unwrap_err();
    assert_eq!(got, wrong(0));
    assert!(got.to_string().ends_with("create one first, with an initial count"), "{got}");
    crate::raw::RawMutex::over(&memory, false).unwrap();
    let before = memory.to_bytes();
    for initial in [None, Some(1)] {
        let got = RawSemaphore::over(&memory, initial, false).unwrap_err();
        assert_eq!(got, wrong(0x4D55_5458));
    }
    assert_eq!(memory.to_bytes(), before);
    memory.words()[0].store(0, Ordering::Relaxed);
    memory.words()[2].store(7, Ordering::Relaxed);
    let got = RawSemaphore::over(&memory, Some(1), false).unwrap_err();
    assert_eq!(got, Error::NotZero { what: WHAT, offset: 8 });
}

#[test]
fn the_bytes_are_where_the_documentation_says() {
    // At a multiple of 4 that is none of 8.
    let mut bytes = aligned_bytes();
    // SAFETY: inside the array.
    let place = unsafe { bytes.0.as_mut_ptr().add(4) };
    // SAFETY: 64 bytes from there are in the array, which nobody else uses while it does.
    let semaphore = unsafe { RawSemaphore::from_ptr(place, 64, Some(9), true) }.unwrap();
    assert_eq!((semaphore.last_pid(), semaphore.last_acquired_ns()), (0, 0));
    semaphore.wait();
    let (ns, pid) = (semaphore.last_acquired_ns(), semaphore.last_pid());
    assert_eq!((semaphore.magic(), pid), (0x5345_4D41, std::process::id()));
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    assert!(now.abs_diff(ns) < 60_000_000_000, "{ns} {now}");
    assert_eq!(bytes.0[4..8], 0x5345_4D41_u32.to_ne_bytes());
    assert_eq!(bytes.0[8..12], [0; 4]);
    assert_eq!(bytes.0[12..16], 8_u32.to_ne_bytes());
    assert_eq!(bytes.0[16..20], pid.to_ne_bytes());
    assert_eq!(bytes.0[20..28], ns.to_ne_bytes());
    assert!(bytes.0[28..].iter().chain(&bytes.0[..4]).all(|byte| *byte == 0));
}

#[test]
fn of_many_that_make_it_at_once_one_gives_the_count() {
    for _ in 0..200 {
        let memory = HeaderMemory::new();
        let taken = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    if semaphore(&memory, 2).try_wait() {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let left = RawSemaphore::over(&memory, None, false).unwrap().value();
        assert_eq!((taken.into_inner(), left), (2, 0));
    }
}

#[test]
fn one_that_is_half_made_is_waited_for_but_not_for_ever() {
    let memory = HeaderMemory::new();
    memory.words()[0].store(HALF_MADE, Ordering::Relaxed);
    let patience = Duration::from_millis(20);
    for initial in [None, Some(1)] {
        let got = RawSemaphore::attach(memory.words(), initial, false, patience).unwrap_err();
        assert!(matches!(got, Error::HalfMade { waited, .. } if waited >= patience), "{got}");
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            RawSemaphore::attach(memory.words(), Some(1), false, super::tests::patience())
                .unwrap()
                .value()
        });
        memory.words()[2].store(5, Ordering::Relaxed);
        memory.words()[0].store(RawSemaphore::MAGIC, Ordering::Release);
        assert_eq!(other.join().unwrap(), 5);
    });
}

#[test]
fn an_overflow_changes_nothing() {
    let memory = HeaderMemory::new();
    let semaphore = semaphore(&memory, 5);
    assert_eq!(
        semaphore.post(u32::MAX - 4),
        Err(Error::Overflow { what: WHAT, count: u32::MAX - 4 })
    );
    assert_eq!(semaphore.value(), 5);
    semaphore.post(u32::MAX - 5).unwrap();
    assert!(semaphore.post1().is_err());
    semaphore.post(0).unwrap();
    assert_eq!(semaphore.value(), u32::MAX);
}

/// Waits until that many have announced that they are about to sleep.
fn until_asleep(memory: &HeaderMemory, sleepers: u32) {
    let began = Instant::now();
    // The second word of the queue, at 28, counts the arrivals.
    while memory.words()[7].load(Ordering::Relaxed) < sleepers {
        assert!(began.elapsed() < patience(), "they never slept");
        std::thread::yield_now();
    }
}

#[test]
fn as_many_sleepers_wake_as_quick_posts_came() {
    const SLEEPERS: u32 = 8;
    const ROUNDS: u64 = 30;
    let began = Instant::now();
    for round in 0..ROUNDS {
        let memory = HeaderMemory::new();
        let semaphore = semaphore(&memory, 0);
        std::thread::scope(|scope| {
            for _ in 0..SLEEPERS {
                scope.spawn(|| semaphore.wait_timeout(Some(patience()), Spin::Never).unwrap());
            }
            until_asleep(&memory, SLEEPERS);
            if round % 8 == 0 {
                semaphore.post(SLEEPERS).unwrap();
            } else {
                (0..SLEEPERS).for_each(|_| semaphore.post1().unwrap());
            }
        });
        assert_eq!(semaphore.value(), 0);
    }
    // One that is forgotten is saved by its slice, a second later: once in nearly every round.
    assert!(began.elapsed() < Duration::from_secs(ROUNDS / 2), "{:?}", began.elapsed());
}

#[test]
fn more_than_a_signed_number_of_posts_wakes_everybody() {
    let began = Instant::now();
    for _ in 0..50 {
        let memory = HeaderMemory::new();
        let semaphore = semaphore(&memory, 0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| semaphore.wait_timeout(Some(patience()), Spin::Never).unwrap());
            }
            until_asleep(&memory, 3);
            semaphore.post(u32::MAX).unwrap();
        });
        assert_eq!(semaphore.value(), u32::MAX - 3);
    }
    // As above.
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[test]
fn a_reset_sets_the_count_and_wakes() {
    let memory = HeaderMemory::new();
    let semaphore = semaphore(&memory, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| semaphore.wait_timeout(Some(patience()), Spin::Never).unwrap());
        until_asleep(&memory, 1);
        semaphore.reset(4);
    });
    assert_eq!(semaphore.value(), 3);
    semaphore.reset(0);
    assert!(!semaphore.try_wait());
}

#[test]
fn what_is_posted_is_taken_exactly_once() {
    const EACH: u32 = 5_000;
    let memory = HeaderMemory::new();
    let semaphore = semaphore(&memory, 0);
    std::thread::scope(|scope| {
        for spin in [Spin::Adaptive, Spin::Never, Spin::Pauses(20)] {
            let semaphore = &semaphore;
            scope.spawn(move || (0..EACH).for_each(|_| semaphore.post1().unwrap()));
            scope.spawn(move || {
                (0..EACH).for_each(|_| semaphore.wait_timeout(None, spin).unwrap());
            });
        }
    });
    assert_eq!(semaphore.value(), 0);
}

#[test]
#[cfg(unix)]
fn signals_neither_end_a_wait_nor_begin_it_anew() {
    let memory = HeaderMemory::new();
    let semaphore = semaphore(&memory, 0);
    let storm = Storm::over_this_thread();
    let timeout = Duration::from_millis(100);
    let began = Instant::now();
    let denied = semaphore.wait_timeout(Some(timeout), Spin::Adaptive).unwrap_err();
    let took = began.elapsed();
    assert!(storm.handled() > 10, "no storm");
    drop(storm);
    assert!(matches!(denied, Error::TimedOut { waited, .. } if waited >= timeout));
    assert!(took >= timeout && took < patience(), "{took:?}");
}

#[test]
#[cfg(unix)]
fn two_processes_hand_over_exactly() {
    const TURNS: u32 = 100_000;
    let page = SharedPage::new();
    // SAFETY: 64 bytes inside the page, which lives until the end of the test in both processes.
    let full = unsafe { RawSemaphore::from_ptr(page.at(0), 64, Some(0), true) }.unwrap();
    // SAFETY: as above.
    let empty = unsafe { RawSemaphore::from_ptr(page.at(64), 64, Some(100), true) }.unwrap();
    let child = Child::run(|| {
        (0..TURNS).all(|_| {
            full.wait();
            empty.post1().is_ok()
        }) && full.last_pid() == full.system.identity().pid
    });
    for _ in 0..TURNS {
        empty.wait();
        full.post1().unwrap();
    }
    assert!(child.succeeded());
    assert_eq!((full.value(), empty.value()), (0, 100));
}
