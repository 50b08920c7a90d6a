//! Killed at every step: after this or that instruction of an operation, and before and after every
//! single system call of opening and leaving.
#![allow(unsafe_code)] // a helper's environment

use crate::any_lock::{AnyLock, Way};
use crate::child::{Helper, Role};
use crate::kill_storm::Random;
use crate::support::{LIMIT, data_file_of, file_of, name, say, skip};
use crate::tracer::{Stop, Traced, be_traced, marked};
use procsync::{Mutex, Removal, Scope, Semaphore, SharedMemory};
use std::time::Duration;

/// What data begins with.
const WHOLE: [u64; 2] = [0x1234_5678_9abc_def0; 2];

fn whole() -> procsync::Options<Mutex<[u64; 2]>> {
    Mutex::options().initial(WHOLE)
}

/// Role: does something between the tracer's marks. Arguments: what, a name.
pub(crate) fn do_stepwise(role: &mut Role) {
    let (what, name) = (role.argument(0), role.argument(1));
    if let Some(way) = what.strip_prefix("hold ") {
        let lock = AnyLock::open(Way::parse(way), name).expect("it opens");
        // The first time claims a slot; that is another matter.
        drop(lock.hold().expect("it is free"));
        be_traced(role);
        return marked(|| drop(lock.hold().expect("it is free")));
    }
    if let Some(way) = what.strip_prefix("wait ") {
        // A traced thread is so slow that it would spin for most of its instructions.
        // SAFETY: this helper has no other thread that reads the environment.
        unsafe { std::env::set_var("PROCSYNC_SPIN", "never") };
        let lock = AnyLock::open(Way::parse(way), name).expect("it opens");
        // The first time claims a slot and finds out much about this process and the machine.
        drop(lock.hold_within(Duration::from_millis(1)));
        be_traced(role);
        // Time enough to fall asleep, instruction by instruction.
        return marked(|| drop(lock.hold_within(Duration::from_millis(30))));
    }
    if what == "both permits" {
        let semaphore = Semaphore::attach(name).expect("it is there");
        drop(semaphore.acquire_many(2).expect("they are free"));
        be_traced(role);
        return marked(|| drop(semaphore.acquire_many(2).expect("they are free")));
    }
    be_traced(role);
    match what {
        "open" => marked(|| drop(whole().open(name).expect("it opens"))),
        "open and hold" => marked(|| {
            let mutex = whole().open(name).expect("it opens");
            drop(mutex.lock_timeout(LIMIT).expect("it is free"));
        }),
        "fail" => marked(|| drop(Mutex::<u8>::open(name).map(drop))),
        "create persistent" => {
            marked(|| drop(whole().persistent(true).open(name).expect("it opens")));
        }
        "remove" => marked(|| {
            let _ = procsync::remove(name, Scope::User).expect("it can be removed");
        }),
        "memory" => marked(|| drop(SharedMemory::open(name, 8_192).expect("it opens"))),
        other => panic!("{other}"),
    }
}

/// Starts a helper that does something, stopped where it begins; none: it cannot be traced here.
fn start(test: &str, what: &str, name: &str) -> Option<(Helper, Traced)> {
    let mut helper = Helper::start("do-stepwise", &[what, name]);
    match Traced::begin(&mut helper) {
        Ok(traced) => {
            traced.run_to_begin();
            Some((helper, traced))
        }
        Err(why) => {
            skip(test, &why);
            None
        }
    }
}

/// What comes later is of no interest: a wait that fails tells, in many instructions, who had it.
const MOST_INSTRUCTIONS: u64 = 8_000;

/// Kills a helper that does something after a number of instructions, for many numbers, and calls
/// `check` with its pid each time.
fn after_instructions(test: &str, what: &str, name: &str, kills: u64, check: impl Fn(u32)) -> bool {
    let mut random = Random::new();
    let Some((mut helper, traced)) = start(test, what, name) else { return false };
    let mut length = 0;
    while length < MOST_INSTRUCTIONS && traced.step() != Stop::End {
        length += 1;
    }
    traced.kill(&mut helper);
    check(helper.pid());
    for kill in 0..kills {
        // Spread evenly, and not always the same.
        let piece = length / kills + 1;
        let steps = kill * piece + random.below(piece);
        let Some((mut helper, traced)) = start(test, what, name) else { return false };
        for _ in 0..steps {
            traced.step();
        }
        traced.kill(&mut helper);
        check(helper.pid());
    }
    say(&format!("{what}: {kills} kills in {length} instructions"));
    true
}

#[test]
fn a_lock_is_free_after_a_kill_at_any_instruction() {
    const TEST: &str = "a_lock_is_free_after_a_kill_at_any_instruction";
    for way in Way::OWNED {
        let name = name("step");
        let lock = AnyLock::open(way, &name).unwrap();
        let check = |pid| {
            let held = lock.hold_within(LIMIT).unwrap();
            assert!(held.abandoned().is_none_or(|dead| dead.pid == pid), "{way:?}");
            drop(held);
            assert!(lock.try_hold().unwrap().unwrap().abandoned().is_none());
        };
        if !after_instructions(TEST, &format!("hold {}", way.as_str()), &name, 25, check) {
            return;
        }
    }
}

#[test]
fn permits_are_whole_after_a_kill_at_any_instruction() {
    const TEST: &str = "permits_are_whole_after_a_kill_at_any_instruction";
    let name = name("step-permits");
    let semaphore = Semaphore::create(&name, 2).unwrap();
    let check = |_| {
        assert_eq!(semaphore.available().unwrap(), 2);
        drop(semaphore.acquire_many_timeout(2, LIMIT).unwrap());
    };
    after_instructions(TEST, "both permits", &name, 20, check);
}

#[test]
fn a_waiter_does_no_harm_killed_at_any_instruction() {
    const TEST: &str = "a_waiter_does_no_harm_killed_at_any_instruction";
    for way in [Way::Mutex, Way::Semaphore, Way::Tokens] {
        let name = name("step-wait");
        let lock = AnyLock::open(way, &name).unwrap();
        let held = std::cell::RefCell::new(Some(lock.hold().unwrap()));
        let check = |_| {
            // Released, and another waiter is let in.
            let mut held = held.borrow_mut();
            *held = None;
            let again = lock.hold_within(LIMIT).unwrap();
            assert!(again.abandoned().is_none(), "{way:?}: this process released it");
            *held = Some(again);
        };
        if !after_instructions(TEST, &format!("wait {}", way.as_str()), &name, 10, check) {
            return;
        }
    }
}

/// Kills a helper that does something before and after each of its system calls, and calls `check`
/// each time. `prepare` comes before each.
fn at_calls(test: &str, what: &str, name: &str, prepare: impl Fn(), check: impl Fn()) -> bool {
    let mut stops = 0;
    loop {
        prepare();
        let Some((mut helper, traced)) = start(test, what, name) else { return false };
        let mut left = stops;
        let ended = loop {
            let stop = traced.next_call();
            if stop == Stop::End || left == 0 {
                break stop == Stop::End;
            }
            left -= 1;
        };
        traced.kill(&mut helper);
        check();
        if ended {
            say(&format!("{what}: killed before and after {} system calls", stops / 2));
            assert!(stops > 10, "{stops}");
            return true;
        }
        stops += 1;
    }
}

#[test]
fn a_name_is_usable_and_its_object_whole_after_a_kill_at_any_system_call() {
    const TEST: &str = "a_name_is_usable_and_its_object_whole_after_a_kill_at_any_system_call";
    let check_fresh = |name: &str| {
        let mutex = whole().open(name).unwrap();
        let guard = mutex.lock_timeout(LIMIT).unwrap();
        assert_eq!(guard.get(), WHOLE);
        drop(guard);
        drop(mutex);
        assert!(!file_of(name).exists());
    };
    for what in ["open", "open and hold"] {
        // Nobody else has it: it is created, and goes.
        let fresh = name("calls-fresh");
        if !at_calls(TEST, what, &fresh, || (), || check_fresh(&fresh)) {
            return;
        }
        // This process has it open, and has changed it.
        let shared = name("calls-shared");
        let mutex = whole().create(&shared).unwrap();
        mutex.lock().unwrap().set([7; 2]);
        at_calls(
            TEST,
            what,
            &shared,
            || (),
            || {
                let guard = mutex.lock_timeout(LIMIT).unwrap();
                assert_eq!(guard.get(), [7; 2]);
                assert!(whole().create(&shared).is_err());
            },
        );
        drop(mutex);
        check_fresh(&shared);
        // It stays without anybody who has it open.
        let stays = name("calls-stays");
        let make = || drop(whole().persistent(true).open(&stays).unwrap());
        at_calls(TEST, what, &stays, make, || {
            let mutex = whole().attach(&stays).expect("it is persistent");
            assert_eq!(mutex.lock_timeout(LIMIT).unwrap().get(), WHOLE);
        });
        assert_eq!(procsync::remove(&stays, Scope::User).unwrap(), Some(Removal::Done));
    }
}

#[test]
fn what_is_to_stay_stays_and_what_is_to_go_goes_after_a_kill_at_any_system_call() {
    const TEST: &str =
        "what_is_to_stay_stays_and_what_is_to_go_goes_after_a_kill_at_any_system_call";
    let name = name("calls-stay");
    let made = at_calls(
        TEST,
        "create persistent",
        &name,
        || (),
        || {
            // There whole, or not there.
            match whole().attach(&name) {
                Ok(mutex) => assert_eq!(mutex.lock_timeout(LIMIT).unwrap().get(), WHOLE),
                Err(procsync::Error::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            let _ = procsync::remove(&name, Scope::User).unwrap();
            assert!(!file_of(&name).exists());
        },
    );
    if !made {
        return;
    }
    let prepare = || drop(whole().persistent(true).open(&name).unwrap());
    at_calls(TEST, "remove", &name, prepare, || {
        let removed = procsync::remove(&name, Scope::User).unwrap();
        assert!(matches!(removed, None | Some(Removal::Done)), "{removed:?}");
        assert!(!file_of(&name).exists());
    });
    // One who wants it otherwise is refused, dies of it, and changes nothing.
    prepare();
    at_calls(
        TEST,
        "fail",
        &name,
        || (),
        || {
            assert_eq!(whole().attach(&name).unwrap().lock_timeout(LIMIT).unwrap().get(), WHOLE);
        },
    );
    assert_eq!(procsync::remove(&name, Scope::User).unwrap(), Some(Removal::Done));
}

#[test]
fn shared_memory_is_whole_and_leaves_nothing_after_a_kill_at_any_system_call() {
    const TEST: &str = "shared_memory_is_whole_and_leaves_nothing_after_a_kill_at_any_system_call";
    let name = name("calls-memory");
    at_calls(
        TEST,
        "memory",
        &name,
        || (),
        || {
            let memory = SharedMemory::open(&name, 4_096).unwrap();
            assert!(memory.created(), "nobody has one");
            let mut bytes = [1; 4_096];
            memory.read(0, &mut bytes).unwrap();
            assert_eq!(bytes, [0; 4_096]);
            memory.write(0, b"used").unwrap();
            drop(memory);
            assert!(!file_of(&name).exists() && !data_file_of(&name).exists());
        },
    );
}
