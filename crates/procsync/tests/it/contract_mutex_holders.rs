//! `Mutex`: who holds it, who held it and is gone, and what comes of that.

use crate::any_lock::{Way, assert_held, start_user};
use crate::child::{Helper, Role, is_command_of_helper};
use crate::support::{LIMIT, eventually, joined, name, waiters};
use procsync::{Cause, Error, Mutex, OnAbandoned, Ownership};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[test]
fn the_owner_is_shown_with_thread_time_and_command() {
    let name = name("owner");
    let mutex = Mutex::<u64>::open(&name).unwrap();
    assert_eq!(mutex.owner(), None);
    let before = SystemTime::now() - Duration::from_secs(1);
    let guard = mutex.lock().unwrap();
    let owner = mutex.owner().expect("this thread has it");
    assert_eq!((owner.pid, owner.dead), (std::process::id(), false));
    assert_eq!(owner.tid, thread_id());
    let since = owner.since.expect("a time");
    assert!(since >= before && since <= SystemTime::now(), "{since:?}");
    assert!(owner.duration().expect("a time") < LIMIT);
    drop(guard);
    assert_eq!(mutex.owner(), None);

    let mut user = start_user(Way::Mutex, &name);
    assert_held(&user.ask("hold"), 0);
    let owner = mutex.owner().expect("the helper has it");
    assert_eq!((owner.pid, owner.dead), (user.pid(), false));
    assert!(is_command_of_helper(&owner.command), "{}", owner.command);
    user.kill();
    let owner = mutex.owner().expect("nobody has taken its place");
    assert_eq!((owner.pid, owner.dead), (user.pid(), true));
    drop(mutex.lock().unwrap());
    assert_eq!(mutex.owner(), None);
}

#[allow(unsafe_code)]
#[cfg(windows)]
fn thread_id() -> u32 {
    unsafe extern "system" {
        fn GetCurrentThreadId() -> u32;
    }
    // SAFETY: no arguments, and it cannot fail.
    unsafe { GetCurrentThreadId() }
}

#[allow(unsafe_code)]
#[cfg(target_os = "linux")]
fn thread_id() -> u32 {
    // SAFETY: gettid has no arguments and cannot fail.
    unsafe { libc::gettid() as u32 }
}

#[allow(unsafe_code)]
#[cfg(target_os = "macos")]
fn thread_id() -> u32 {
    let mut id = 0;
    // SAFETY: 0 means the calling thread, and `id` may be written.
    unsafe { libc::pthread_threadid_np(0, &raw mut id) };
    id as u32
}

#[test]
fn a_thread_that_exits_leaves_the_mutex_abandoned() {
    let name = name("thread-exit");
    let mutex = Arc::new(Mutex::<u64>::open(&name).unwrap());
    let (sender, go) = std::sync::mpsc::channel::<()>();
    let holder = {
        let mutex = mutex.clone();
        std::thread::spawn(move || {
            mutex.lock().unwrap().keep();
            go.recv().unwrap();
            thread_id()
        })
    };
    eventually("the thread holds it", || mutex.is_locked());
    let waiter = {
        let mutex = mutex.clone();
        std::thread::spawn(move || mutex.lock().unwrap().abandoned())
    };
    eventually("the other one sleeps", || waiters(&name) == 1);
    sender.send(()).unwrap();
    let tid = joined(holder);
    let dead = joined(waiter).expect("the waiter is told");
    assert_eq!((dead.pid, dead.tid), (std::process::id(), tid));
    assert_eq!(dead.cause, Cause::ThreadExited);
    assert!(dead.noticed.is_some());
    assert!(mutex.lock().unwrap().abandoned().is_none(), "only the next one is told");
}

#[test]
fn a_handle_that_closes_leaves_what_was_kept_abandoned() {
    let name = name("closed");
    let mut user = start_user(Way::Mutex, &name);
    let mutex = Mutex::<u64>::open(&name).unwrap();
    mutex.lock().unwrap().keep();
    drop(mutex);
    assert_held(&user.ask("hold"), std::process::id());
    user.finish();
}

#[test]
fn taken_by_force_it_is_the_next_ones_alone() {
    let name = name("force");
    let mutex = Arc::new(Mutex::<u64>::open(&name).unwrap());
    assert!(!mutex.force_release().unwrap(), "nobody has it");
    let victim = mutex.lock().unwrap();
    let mut user = start_user(Way::Mutex, &name);
    user.tell("hold");
    eventually("the helper sleeps", || waiters(&name) == 1);
    let other = mutex.clone();
    assert!(joined(std::thread::spawn(move || other.force_release())).unwrap());
    assert_held(&user.hear(), std::process::id());
    drop(victim);
    assert_eq!(mutex.owner().expect("the helper has it still").pid, user.pid());
    assert!(mutex.try_lock().unwrap().is_none());
    // From a process that is alive and knows nothing.
    assert!(mutex.force_release().unwrap());
    let guard = mutex.lock().unwrap();
    let by = guard.abandoned().expect("told");
    assert_eq!((by.pid, by.cause), (user.pid(), Cause::Forced));
    assert!(by.to_string().contains("force"), "{by}");
    assert_eq!(user.ask("release"), "released");
    assert_eq!(mutex.owner().expect("mine").pid, std::process::id());
    drop(guard);
    user.finish();
}

#[test]
fn taken_by_force_from_a_process_its_guard_releases_nothing_of_another_threads() {
    let name = name("force-process");
    let options = Mutex::<u64>::options().ownership(Ownership::Process);
    let mutex = Arc::new(options.open(&name).unwrap());
    let victim = mutex.lock().unwrap();
    assert!(mutex.force_release().unwrap());
    let other = mutex.clone();
    joined(std::thread::spawn(move || other.lock().unwrap().keep()));
    drop(victim);
    assert!(mutex.is_locked(), "the other thread of the same process has it");
    mutex.release().unwrap();
}

#[test]
fn what_was_abandoned_is_reported_refused_or_ignored_as_each_handle_wants() {
    let name = name("policies");
    let open = |policy| Mutex::<u64>::options().on_abandoned(policy).open(&name).unwrap();
    let report = open(OnAbandoned::Report);
    let refuse = Arc::new(open(OnAbandoned::Refuse));
    let ignore = open(OnAbandoned::Ignore);
    let kill_a_holder = || {
        let mut user = start_user(Way::Mutex, &name);
        assert_eq!(user.ask("hold").split(' ').next(), Some("held"));
        user.kill();
        user.pid()
    };

    let pid = kill_a_holder();
    assert_eq!(report.lock().unwrap().abandoned().expect("told").pid, pid);
    assert!(report.lock().unwrap().abandoned().is_none(), "told once");

    kill_a_holder();
    assert!(ignore.lock().unwrap().abandoned().is_none());
    assert!(report.lock().unwrap().abandoned().is_none(), "it is as good as new");

    let pid = kill_a_holder();
    for refused in [
        refuse.lock(),
        refuse.lock_timeout(LIMIT),
        refuse.lock_timeout(Duration::ZERO),
        refuse.try_lock().map(|guard| guard.expect("refused, not busy")),
    ] {
        let Err(error) = refused else { panic!("refused until repaired") };
        let Error::Abandoned { by, .. } = &error else { panic!("{error}") };
        assert_eq!((by.pid, by.cause), (pid, Cause::Died));
        assert!(error.to_string().contains("repair"), "{error}");
    }
    assert!(!refuse.is_locked());
    let mut guard = refuse.repair().unwrap();
    assert_eq!(guard.abandoned().expect("told").pid, pid);
    guard.set(1);
    drop(guard);
    assert_eq!(refuse.lock().unwrap().get(), 1, "it is as good as new");

    kill_a_holder();
    assert!(refuse.lock().is_err());
    drop(report.lock().unwrap());
    drop(refuse.lock().expect("somebody with another policy has had it since"));
    // A repair of what is not broken is a lock.
    assert!(refuse.repair().unwrap().abandoned().is_none());
}

#[test]
fn all_who_wait_are_refused_what_was_abandoned() {
    let name = name("all-refused");
    let options = Mutex::<u64>::options().on_abandoned(OnAbandoned::Refuse);
    let mutex = Arc::new(options.open(&name).unwrap());
    let mut user = start_user(Way::Mutex, &name);
    assert_held(&user.ask("hold"), 0);
    let wait = |mutex: &Arc<Mutex<u64>>| {
        let mutex = mutex.clone();
        std::thread::spawn(move || matches!(mutex.lock(), Err(Error::Abandoned { .. })))
    };
    let refused: Vec<_> = (0..6).map(|_| wait(&mutex)).collect();
    eventually("all sleep", || waiters(&name) == 6);
    user.kill();
    assert!(refused.into_iter().all(joined));
    drop(mutex.repair().unwrap());
    drop(mutex.lock().unwrap());
}

#[test]
fn a_thread_that_finds_no_slot_is_told_and_others_come_after_it() {
    let name = name("no-slots");
    let mutex = Arc::new(Mutex::<u64>::options().participants(3).create(&name).unwrap());
    // One for the process, one for this thread, one for another.
    drop(mutex.lock().unwrap());
    let in_a_thread = || {
        let mutex = mutex.clone();
        joined(std::thread::spawn(move || mutex.lock().map(drop)))
    };
    // A thread that exits gives its slot back.
    for _ in 0..20 {
        in_a_thread().unwrap();
    }
    let (sender, end) = std::sync::mpsc::channel::<()>();
    let (taken, is_taken) = std::sync::mpsc::channel();
    let keeper = {
        let mutex = mutex.clone();
        std::thread::spawn(move || {
            drop(mutex.lock().unwrap());
            taken.send(()).unwrap();
            let _ = end.recv();
        })
    };
    // Before that, another thread could have the last slot.
    is_taken.recv_timeout(LIMIT).unwrap();
    let Err(Error::NoSlots { participants: 3, .. }) = in_a_thread() else { panic!() };
    assert!(!mutex.is_locked());
    drop(mutex.lock().unwrap());
    drop(sender);
    joined(keeper);
    in_a_thread().unwrap();
}

#[test]
fn a_killed_process_gives_its_slots_back() {
    let name = name("slots-back");
    // This process and its thread; one more process and its thread.
    let mutex = Mutex::<u64>::options().participants(4).create(&name).unwrap();
    drop(mutex.lock().unwrap());
    for _ in 0..5 {
        let mut user = start_user(Way::Mutex, &name);
        assert_eq!(user.ask("hold").split(' ').next(), Some("held"));
        user.kill();
    }
    assert!(mutex.lock().unwrap().abandoned().is_some());
}

#[test]
fn many_threads_take_turns_through_few_and_many_objects() {
    // More objects than a thread remembers without a search.
    let mutexes: Arc<Vec<_>> =
        Arc::new((0..20).map(|_| Mutex::<u64>::open(&name("turns")).unwrap()).collect());
    let work = |first: usize| {
        let mutexes = mutexes.clone();
        std::thread::spawn(move || {
            for round in 0..400 {
                let mut guard = mutexes[(first + round * 7) % 20].lock().unwrap();
                guard.update(|data| *data += 1);
            }
        })
    };
    (0..8).map(work).collect::<Vec<_>>().into_iter().for_each(joined);
    let total: u64 = mutexes.iter().map(|mutex| mutex.lock().unwrap().get()).sum();
    assert_eq!(total, 8 * 400);
}

#[test]
fn exit_without_a_release_is_a_death() {
    for how in ["exit", "return", "abort", "panic"] {
        let name = name("exits");
        let mutex = Mutex::<u64>::open(&name).unwrap();
        let mut helper = Helper::start("hold-and-end", &[&name, how]);
        assert_eq!(helper.hear(), "held");
        let guard = mutex.lock_timeout(LIMIT).unwrap();
        let by = guard.abandoned().expect("told");
        assert_eq!(by.pid, helper.pid(), "{how}");
        drop(guard);
    }
}

/// Role: locks, and ends as it is told without releasing.
pub(crate) fn hold_and_end(role: &mut Role) {
    let mutex: &'static Mutex<u64> =
        Box::leak(Box::new(Mutex::open(role.argument(0)).expect("it opens")));
    mutex.lock().expect("it is free").keep();
    role.say("held");
    match role.argument(1) {
        "exit" => std::process::exit(0),
        "abort" => std::process::abort(),
        "panic" => std::panic::resume_unwind(Box::new(())),
        _ => {}
    }
}
