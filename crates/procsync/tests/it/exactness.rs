//! Never two inside: many processes count, by load and store, and no count is lost.

use crate::any_lock::{AnyLock, Held, Way};
use crate::child::{Helper, Role, Silent, times};
use crate::support::{LIMIT, name, say};
use procsync::SharedMemory;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Instant;

const PROCESSES: u64 = 8;
/// How often each of them counts.
fn each() -> u64 {
    times(if cfg!(windows) { 20_000 } else { 200_000 })
}

/// Where in the shared memory who is ready is counted, and where the counter is.
const READY: usize = 0;
const COUNTER: usize = 64;

fn count_under(way: Way) {
    let all = PROCESSES * each();
    let name = name("exact");
    let memory_name = format!("{name}-counter");
    let memory = SharedMemory::create(&memory_name, 128).unwrap();
    let lock = AnyLock::open(way, &name).unwrap();
    let arguments = [way.as_str(), &name, &memory_name];
    let helpers: Vec<_> =
        (0..PROCESSES).map(|_| Helper::start_silent("counter", &arguments)).collect();
    let ready = memory.atomic_u64(READY).unwrap();
    crate::support::eventually("all are ready", || ready.load(SeqCst) == PROCESSES);
    let began = Instant::now();
    helpers.into_iter().for_each(Silent::finish);
    let took = began.elapsed();
    let rate = all as f64 / took.as_secs_f64() / 1e6;
    say(&format!("{way:?}: {all} times by {PROCESSES} processes in {took:.2?}, {rate:.2} M/s"));
    let counter = memory.atomic_u64(COUNTER).unwrap().load(SeqCst);
    assert_eq!(counter, all, "{way:?}");
    match lock.hold_within(LIMIT).unwrap() {
        Held::Mutex(guard) => {
            assert_eq!(guard.get(), all);
            assert_eq!(guard.grant(), all + 1, "each acquisition has its number");
        }
        Held::Reentrant(guard) => assert_eq!(guard.grant(), all + 1),
        Held::Permit(_) | Held::Token(_) => {}
    }
}

/// Role: waits until all are ready, and counts. Arguments: the way, the names of the lock and the
/// memory.
pub(crate) fn counter(role: &mut Role) {
    let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1)).expect("it opens");
    let memory = SharedMemory::attach(role.argument(2)).expect("it is there");
    let ready = memory.atomic_u64(READY).expect("in bounds");
    ready.fetch_add(1, SeqCst);
    while ready.load(SeqCst) < PROCESSES {
        std::thread::yield_now();
    }
    let counter = memory.atomic_u64(COUNTER).expect("in bounds");
    for _ in 0..each() {
        let mut held = lock.hold_within(LIMIT).expect("it is held for a moment only");
        assert!(held.abandoned().is_none());
        // A load and a store: only the lock makes one of them.
        counter.store(counter.load(Relaxed) + 1, Relaxed);
        if let Held::Mutex(guard) = &mut held {
            guard.set(guard.get() + 1);
        }
    }
}

#[test]
fn a_mutex_loses_no_count() {
    count_under(Way::Mutex);
}

#[test]
fn a_mutex_that_processes_own_loses_no_count() {
    count_under(Way::ProcessMutex);
}

#[test]
fn a_reentrant_mutex_loses_no_count() {
    count_under(Way::Reentrant);
}

#[test]
fn a_semaphore_of_one_permit_loses_no_count() {
    count_under(Way::Semaphore);
}

#[test]
fn one_token_as_a_lock_loses_no_count() {
    count_under(Way::Tokens);
}
