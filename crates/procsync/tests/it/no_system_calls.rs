//! An uncontended operation makes no system call: counted by tracing a process.

use crate::child::{Helper, Role};
use crate::support::{name, skip};
use crate::tracer::{Stop, Traced, be_traced, marked};
use procsync::{Event, Mutex, Ownership, ReentrantMutex, Reset, Semaphore, TokenSemaphore};
use std::time::Duration;

const ROUNDS: u32 = 1_000;
/// What is counted, in this order.
const OPERATIONS: [&str; 10] = [
    "Mutex<u64>::lock, set, drop",
    "Mutex::try_lock and lock_timeout, drop",
    "Mutex that the process owns: lock, keep, release",
    "ReentrantMutex: two layers",
    "Semaphore::acquire, drop",
    "Semaphore::try_acquire, three at once",
    "TokenSemaphore: post, wait",
    "Event, manual: set, wait, clear",
    "Event, automatic: set, wait",
    "several objects in turn",
];

/// Role: does each of the operations many times between two marks.
pub(crate) fn operate(role: &mut Role) {
    let name = |kind: &str| format!("{}-{kind}", role.argument(0));
    let mutex = Mutex::<u64>::open(&name("mutex")).expect("it opens");
    let options = Mutex::<()>::options().ownership(Ownership::Process);
    let process_mutex = options.open(&name("process")).expect("it opens");
    let reentrant = ReentrantMutex::open(&name("reentrant")).expect("it opens");
    let semaphore = Semaphore::open(&name("semaphore"), 4).expect("it opens");
    let tokens = TokenSemaphore::open(&name("tokens"), 0).expect("it opens");
    let manual = Event::open(&name("manual"), Reset::Manual).expect("it opens");
    let auto = Event::open(&name("auto"), Reset::Auto).expect("it opens");
    let operations: [&dyn Fn() -> procsync::Result<()>; OPERATIONS.len()] = [
        &|| {
            let mut guard = mutex.lock()?;
            guard.set(guard.get() + 1);
            Ok(())
        },
        &|| {
            drop(mutex.try_lock()?.expect("it is free"));
            drop(mutex.lock_timeout(Duration::from_secs(1))?);
            Ok(())
        },
        &|| {
            process_mutex.lock()?.keep();
            process_mutex.release()
        },
        &|| {
            let _outer = reentrant.lock()?;
            reentrant.lock().map(drop)
        },
        &|| semaphore.acquire().map(drop),
        &|| {
            let permits = [(); 3].map(|()| semaphore.try_acquire());
            permits.into_iter().try_for_each(|permit| {
                drop(permit?.expect("there are four"));
                Ok(())
            })
        },
        &|| {
            tokens.post(1)?;
            tokens.wait()
        },
        &|| {
            manual.set()?;
            manual.wait()?;
            manual.clear()
        },
        &|| {
            auto.set()?;
            auto.wait_timeout(Duration::from_secs(1))
        },
        &|| {
            let _mutex = mutex.lock()?;
            let _reentrant = reentrant.lock()?;
            let _permit = semaphore.acquire()?;
            let _process = process_mutex.lock()?;
            tokens.post(1)?;
            tokens.wait()
        },
    ];
    be_traced(role);
    for operation in operations {
        // A thread's first use of an object claims a slot, and sees who it is.
        operation().expect("it works");
        marked(|| {
            for _ in 0..ROUNDS {
                operation().expect("it works");
            }
        });
    }
    role.say("done");
    role.hear();
}

#[test]
fn uncontended_operations_make_no_system_call() {
    let mut helper = Helper::start("operate", &[&name("traced")]);
    let traced = match Traced::begin(&mut helper) {
        Ok(traced) => traced,
        Err(why) => return skip("uncontended_operations_make_no_system_call", &why),
    };
    for operation in OPERATIONS {
        traced.run_to_begin();
        let mut calls = Vec::new();
        loop {
            match traced.next_call() {
                Stop::End => break,
                Stop::Enters(number) => calls.push(number),
                _ => {}
            }
        }
        let (count, first) = (calls.len(), &calls[..calls.len().min(8)]);
        assert_eq!(count, 0, "{operation}: system calls {first:?} in {ROUNDS} rounds");
    }
    traced.let_go();
    assert_eq!(helper.hear(), "done");
    helper.finish();
}
