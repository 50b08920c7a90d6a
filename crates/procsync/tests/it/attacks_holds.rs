//! A guard whose hold was taken away by force is worth nothing, whatever comes after.

use crate::support::{LIMIT, name};
use procsync::{Mutex, Ownership};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Two threads that go from one step to the next together.
struct Steps(AtomicU64);

impl Steps {
    fn wait_for(&self, step: u64) {
        let began = Instant::now();
        let mut looks = 0_u32;
        while self.0.load(Ordering::Acquire) < step {
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(128) {
                // There may be one processor only.
                std::thread::yield_now();
                assert!(began.elapsed() < LIMIT, "the other thread hangs");
            }
            std::hint::spin_loop();
        }
    }

    fn reach(&self, step: u64) {
        self.0.store(step, Ordering::Release);
    }
}

/// One holds, takes the mutex away from itself and lets its guard go only then, while the other
/// takes it with the same tag: what the process owns, each of its threads does.
#[test]
fn a_stale_guard_never_frees_a_later_hold_of_the_process() {
    const ROUNDS: u64 = 100_000;
    const TIME: Duration = Duration::from_secs(5);
    let name = name("stale");
    let mutex = Mutex::<()>::options().ownership(Ownership::Process).open(&name).unwrap();
    let (freed, dropped, done) =
        (Steps(AtomicU64::new(0)), Steps(AtomicU64::new(0)), Steps(AtomicU64::new(0)));
    let last = AtomicU64::new(ROUNDS);
    let began = Instant::now();
    let (rounds, lost) = std::thread::scope(|scope| {
        let later = scope.spawn(|| {
            let (mut round, mut lost) = (0, 0);
            while round < last.load(Ordering::Acquire) {
                round += 1;
                freed.wait_for(round);
                let guard = mutex.lock_timeout(LIMIT).expect("it is free");
                dropped.wait_for(round);
                lost += u64::from(!mutex.is_locked());
                drop(guard);
                done.reach(round);
            }
            (round, lost)
        });
        for round in 1..=ROUNDS {
            if began.elapsed() > TIME {
                last.store(round, Ordering::Release);
            }
            let stale = mutex.lock_timeout(LIMIT).expect("it is free");
            assert!(mutex.force_release().expect("no error"));
            freed.reach(round);
            // Before, while and after the other one takes it; every second time as soon as that
            // shows, when it may not have written yet whose hold it is.
            for _ in 0..round % 64 {
                if round % 2 == 0 && mutex.is_locked() {
                    break;
                }
                std::hint::spin_loop();
            }
            drop(stale);
            dropped.reach(round);
            done.wait_for(round);
            if round >= last.load(Ordering::Acquire) {
                break;
            }
        }
        later.join().expect("it did not panic")
    });
    assert_eq!(lost, 0, "of {rounds} holds");
    assert!(!mutex.is_locked());
}

/// The same with a thread's own later hold, which has the same tag as its first.
#[test]
fn a_stale_guard_never_frees_a_later_hold_of_its_thread() {
    let name = name("stale-thread");
    let (mutex, second) =
        (Mutex::<u64>::open(&name).unwrap(), Mutex::<u64>::attach(&name).unwrap());
    let mut stale = Vec::new();
    for round in 0..100 {
        stale.push(mutex.lock_timeout(LIMIT).unwrap());
        if round % 2 == 0 {
            assert!(second.force_release().unwrap());
        } else {
            std::thread::scope(|scope| {
                assert!(scope.spawn(|| second.force_release().unwrap()).join().unwrap());
            });
        }
    }
    let held = mutex.lock_timeout(LIMIT).unwrap();
    assert!(stale.iter().all(|guard| guard.grant() < held.grant()));
    drop(stale);
    assert!(mutex.is_locked(), "none of a hundred stale guards freed it");
    assert!(second.owner().is_some());
    drop(held);
    assert!(!mutex.is_locked());
}
