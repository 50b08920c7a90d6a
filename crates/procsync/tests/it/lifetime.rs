//! Objects come to be whole, stay while they are used, and go with their last user.
#![cfg_attr(windows, allow(unused_imports))] // not all of these tests run there

use crate::any_lock::{AnyLock, Way, assert_held, start_user};
use crate::child::{Helper, Role};
use crate::kill_storm::Random;
use crate::support::{LIMIT, directory, eventually, file_of, name};
use procsync::{Cause, Error, Event, Kind, Mutex, Removal, Reset, Scope, Semaphore, SharedMemory};
use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

#[test]
fn an_object_lives_as_long_as_any_process_has_it_open() {
    let name = name("relay");
    let mut user = start_user(Way::Mutex, &name);
    for _ in 0..10 {
        let next = start_user(Way::Mutex, &name);
        user.finish();
        assert!(file_of(&name).exists());
        user = next;
    }
    assert_held(&user.ask("hold"), 0);
    user.finish();
    assert!(!file_of(&name).exists(), "the last one took it along, though it held it");
}

#[test]
fn what_killed_users_left_is_reclaimed_by_the_next_one() {
    for way in Way::ALL {
        let name = name("leftover");
        let mut users = [(); 3].map(|()| start_user(way, &name));
        assert_held(&users[0].ask("hold"), 0);
        users.iter_mut().for_each(Helper::kill);
        assert!(file_of(&name).exists(), "nobody was there to take it along");
        let attached = Mutex::<u64>::attach(&name).map(drop);
        assert!(matches!(attached, Err(Error::NotFound { .. })), "{way:?}: {attached:?}");
        assert!(!file_of(&name).exists());
        drop(AnyLock::open(way, &name).unwrap().try_hold().unwrap().expect("a fresh one is free"));
    }
}

#[test]
fn a_leftover_is_replaced_whatever_it_was() {
    let name = name("other-kind");
    for _ in 0..3 {
        let mut user = start_user(Way::Reentrant, &name);
        user.kill();
        assert!(file_of(&name).exists());
        let semaphore = Semaphore::create(&name, 3).unwrap();
        assert_eq!(semaphore.available().unwrap(), 3);
        drop(semaphore);
        let mut user = start_user(Way::Tokens, &name);
        user.kill();
        drop(Event::open(&name, Reset::Auto).unwrap());
        assert!(!file_of(&name).exists());
    }
}

#[test]
fn a_persistent_object_stays_with_its_state_and_its_dead() {
    let name = name("persistent");
    let options = Mutex::<u64>::options().persistent(true);
    options.create(&name).unwrap().lock().unwrap().set(42);
    assert!(file_of(&name).exists());
    let mut user = start_user(Way::Mutex, &name);
    assert_held(&user.ask("hold"), 0);
    user.kill();
    let seen = procsync::inspect::show(&name, Scope::User).unwrap();
    assert!(seen.persistent && seen.processes == 0 && seen.holders[0].dead);
    // Nobody was there when it died, and yet the next one is told.
    let mutex = Mutex::<u64>::attach(&name).unwrap();
    let guard = mutex.lock().unwrap();
    let by = guard.abandoned().expect("told");
    assert_eq!((by.pid, by.cause, guard.get()), (user.pid(), Cause::Died, 42));
    drop(guard);
    let _ = mutex.remove().unwrap();
    drop(mutex);
    assert!(!file_of(&name).exists());
}

#[test]
fn permits_of_the_dead_come_back_in_a_persistent_semaphore_that_nobody_had_open() {
    let name = name("persistent-permits");
    drop(Semaphore::options(2).persistent(true).create(&name).unwrap());
    let mut helper = Helper::start("hold-permits", &[&name, "2"]);
    assert_eq!(helper.hear(), "held");
    helper.kill();
    let semaphore = Semaphore::attach(&name).unwrap();
    let both = semaphore.try_acquire_many(2).unwrap().expect("they came back");
    assert_eq!(both.abandoned().map(|dead| dead.pid), Some(helper.pid()));
    drop(both);
    let _ = semaphore.remove().unwrap();
}

#[test]
fn a_name_can_be_used_again_at_once_and_for_something_else() {
    let name = name("again");
    for round in 0..200 {
        match round % 3 {
            0 => drop(Mutex::<u64>::create(&name).unwrap().lock().unwrap()),
            1 => drop(Semaphore::create(&name, 1 + round).unwrap().acquire().unwrap()),
            _ => Event::create(&name, Reset::Manual).unwrap().set().unwrap(),
        }
        assert!(!file_of(&name).exists());
    }
}

#[test]
#[cfg(unix)]
fn a_failed_opening_leaves_nothing_and_disturbs_nobody() {
    let name = name("failed");
    let mutex = Mutex::<u64>::create(&name).unwrap();
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let guard = mutex.lock().unwrap();
    let before = descriptors();
    for _ in 0..50 {
        assert!(Mutex::<u64>::create(&name).is_err());
        assert!(Mutex::<u32>::open(&name).is_err());
        assert!(Semaphore::attach(&name).is_err());
        assert!(Semaphore::attach(&format!("{name}-not-there")).is_err());
    }
    // Other tests open and close files meanwhile, but not two hundred.
    assert!(descriptors() < before + 100);
    assert!(mutex.is_locked());
    drop(guard);
    // Also a process that fails to create just as the last user leaves leaves nothing behind.
    drop(mutex);
    assert!(!file_of(&name).exists());
}

#[test]
#[cfg(unix)]
fn one_who_keeps_an_object_locked_up_is_reported_and_not_waited_for_for_ever() {
    let name = name("locked-up");
    drop(Mutex::<u64>::options().persistent(true).create(&name).unwrap());
    // As a process that was stopped while it removed the object.
    let file = File::open(file_of(&name)).unwrap();
    assert!(flock(&file, libc::LOCK_EX));
    let began = Instant::now();
    let Err(error) = Mutex::<u64>::open(&name) else { panic!("it is locked up") };
    let Error::Busy { waited, .. } = &error else { panic!("{error}") };
    assert!(*waited <= began.elapsed() && began.elapsed() < LIMIT);
    assert!(error.to_string().contains("stopped"), "{error}");
    // Looking needs no lock.
    assert_eq!(procsync::inspect::show(&name, Scope::User).unwrap().kind, Kind::Mutex);
    assert!(flock(&file, libc::LOCK_UN));
    let mutex = Mutex::<u64>::open(&name).unwrap();
    let _ = mutex.remove().unwrap();
}

#[allow(unsafe_code)]
#[cfg(unix)]
fn flock(file: &File, operation: libc::c_int) -> bool {
    // SAFETY: plain system call on a descriptor that `file` keeps open.
    unsafe { libc::flock(std::os::fd::AsRawFd::as_raw_fd(file), operation) == 0 }
}

#[test]
#[cfg(unix)]
fn no_temporary_file_is_ever_seen() {
    let name = name("temporary");
    let began = Instant::now();
    let worker = std::thread::spawn(move || {
        while began.elapsed() < Duration::from_millis(300) {
            drop(Mutex::<[u64; 1_024]>::create(&name).unwrap());
        }
    });
    while !worker.is_finished() {
        for entry in std::fs::read_dir(directory()).unwrap().flatten() {
            let file = entry.file_name();
            assert!(!file.to_str().unwrap().starts_with(".procsync"), "{file:?}");
        }
    }
    crate::support::joined(worker);
}

#[test]
#[cfg(unix)]
fn a_process_that_is_being_started_keeps_nothing_locked() {
    // Until it runs its program, it has a copy of every descriptor of this process.
    let stop = Arc::new(AtomicBool::new(false));
    let starter = {
        let stop = stop.clone();
        std::thread::spawn(move || {
            while !stop.load(Relaxed) {
                let _ = Command::new("true").status();
            }
        })
    };
    let name = name("started");
    for _ in 0..300 {
        drop(Mutex::<u64>::options().persistent(true).create(&name).unwrap());
        assert!(Mutex::<u64>::create(&name).is_err());
        assert!(Mutex::<u32>::open(&name).is_err());
        drop(Mutex::<u64>::attach(&name).unwrap());
        assert_eq!(procsync::remove(&name, Scope::User).unwrap(), Some(Removal::Done));
    }
    stop.store(true, Relaxed);
    crate::support::joined(starter);
}

/// In each round this process leaves an object, while another one does something to it that gives
/// it no object: then nobody has it, and its name is gone.
fn leave_while_another(does: &str, persistent: bool) {
    const ROUNDS: u64 = if cfg!(windows) { 100 } else { 10_000 };
    let name = name("leave");
    let memory_name = format!("{name}-rounds");
    let memory = SharedMemory::create(&memory_name, 128).unwrap();
    let (round, done) = (memory.atomic_u64(0).unwrap(), memory.atomic_u64(64).unwrap());
    let mut helper = Helper::start("meddle", &[&name, &memory_name, does]);
    assert_eq!(helper.hear(), "ready");
    let mut random = Random::new();
    for number in 1..=ROUNDS {
        let mutex = Mutex::<u64>::options().persistent(persistent).open(&name).unwrap();
        round.store(number, SeqCst);
        for _ in 0..random.below(2_000) {
            std::hint::spin_loop();
        }
        drop(mutex);
        while done.load(SeqCst) != number {
            assert!(helper.runs(), "the helper found something");
            // Not only spun: on a busy machine the other one needs this CPU.
            std::thread::yield_now();
        }
        // At once, unless a test beside this one clears up just now and has a look at it.
        eventually("nobody has it, and its name goes", || !file_of(&name).exists());
    }
    round.store(u64::MAX, SeqCst);
    helper.finish();
}

/// Role: the other one of `leave_while_another`. Arguments: the object's name, the memory's, what
/// to do.
pub(crate) fn meddle(role: &mut Role) {
    let name = role.argument(0);
    let memory = SharedMemory::attach(role.argument(1)).expect("it is there");
    let number = |offset| memory.atomic_u64(offset).expect("in bounds");
    let (round, done) = (number(0), number(64));
    role.say("ready");
    loop {
        let now = round.load(SeqCst);
        match now {
            u64::MAX => return,
            _ if now == done.load(SeqCst) => {
                std::thread::yield_now();
                continue;
            }
            _ => {}
        }
        match role.argument(2) {
            "attach as another kind" => assert!(Semaphore::attach(name).is_err()),
            _ => drop(procsync::remove(name, Scope::User).expect("it can be removed")),
        }
        done.store(now, SeqCst);
    }
}

#[test]
fn who_fails_to_attach_just_as_the_last_user_leaves_takes_the_name_along() {
    leave_while_another("attach as another kind", false);
}

#[test]
fn who_removes_just_as_the_last_user_leaves_takes_the_name_along() {
    leave_while_another("remove", true);
    leave_while_another("remove", false);
}
