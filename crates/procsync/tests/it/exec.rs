//! A process that becomes another program while it holds, threads that go while they wait, and
//! children of children: whoever is not there any more holds nothing, whatever still bears its pid.
#![allow(unsafe_code)] // fork, setsid, _exit

use crate::any_lock::{AnyLock, Held, Way, assert_held, start_user};
use crate::child::{Helper, Role};
use crate::fork::forked;
use crate::support::{LIMIT, eventually, file_of, name, waiters};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// Promised is 100 ms; a machine that is busy with other tests takes its time.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

fn open(role: &Role) -> &'static AnyLock {
    let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1)).expect("it opens");
    Box::leak(Box::new(lock))
}

/// Role: holds, and becomes another program when it is told. Arguments: the way, the name, from
/// which thread.
pub(crate) fn hold_and_exec(role: &mut Role) {
    let lock = open(role);
    std::mem::forget(lock.hold().expect("it is free"));
    role.say("held");
    role.hear();
    // Reads what is left to read, which ends with the test.
    let become_cat = || panic!("{}", Command::new("cat").exec());
    match role.argument(2) {
        "main" => become_cat(),
        "other" => {
            std::thread::spawn(become_cat);
        }
        // Threads of its own sleep for the same lock, and go with the program.
        _ => {
            for _ in 0..5 {
                std::thread::spawn(|| drop(lock.hold()));
            }
            eventually("they sleep", || waiters(role.argument(1)) == 5 + 1);
            become_cat();
        }
    }
    std::thread::sleep(LIMIT);
}

#[test]
fn who_becomes_another_program_while_it_holds_has_let_go() {
    for way in Way::OWNED {
        for thread in ["main", "other", "crowd"] {
            if thread == "crowd" && way == Way::Reentrant {
                continue; // as the mutex
            }
            let name = name("exec");
            let mut holder = Helper::start("hold-and-exec", &[way.as_str(), &name, thread]);
            assert_eq!(holder.hear(), "held");
            let mut waiter = start_user(way, &name);
            waiter.tell("hold");
            eventually("it sleeps", || waiters(&name) == 1);
            let began = Instant::now();
            holder.tell("go");
            assert_held(&waiter.hear(), holder.pid());
            let took = began.elapsed();
            assert!(took < NOTICED_WITHIN * 2, "{way:?} {thread}: {took:?}");
            // The same process, the same pid: another program.
            assert!(holder.runs());
            let program = std::fs::read(format!("/proc/{}/comm", holder.pid())).unwrap();
            assert_eq!(program, b"cat\n", "{way:?} {thread}");
            assert_eq!(waiter.ask("release"), "released");
            assert_held(&waiter.ask("try"), 0);
            waiter.finish();
            assert!(!file_of(&name).exists(), "{way:?} {thread}: nor does it have it open");
        }
    }
}

/// Role: has threads that wait, and ends when it is told. Arguments: the way, the name, how.
pub(crate) fn wait_and_go(role: &mut Role) {
    let lock = open(role);
    for _ in 0..8 {
        std::thread::spawn(|| lock.hold().map(drop));
    }
    role.say("waiting");
    role.hear();
    match role.argument(2) {
        "exit" => std::process::exit(0),
        "exec" => panic!("{}", Command::new("cat").exec()),
        // SAFETY: ends the process without running anything else.
        _ => unsafe { libc::_exit(0) },
    }
}

#[test]
fn threads_that_go_while_they_wait_stand_in_nobodys_way() {
    for way in Way::ALL {
        for how in ["exit", "exec", "_exit"] {
            let name = name("go-waiting");
            let mut holder = start_user(way, &name);
            assert_held(&holder.ask("hold"), 0);
            let mut crowd = Helper::start("wait-and-go", &[way.as_str(), &name, how]);
            assert_eq!(crowd.hear(), "waiting");
            eventually("they sleep", || waiters(&name) == 8);
            let mut last = start_user(way, &name);
            last.tell("hold");
            eventually("one more sleeps", || waiters(&name) == 9);
            crowd.tell("go");
            eventually("they are not seen any more", || waiters(&name) == 1);
            assert_eq!(holder.ask("release"), "released");
            // Nobody of the crowd has had it, so nobody died with it.
            assert_held(&last.hear(), 0);
            last.finish();
            holder.finish();
            drop(crowd);
            assert!(!file_of(&name).exists(), "{way:?} {how}");
        }
    }
}

/// Role: holds, has a grandchild made as daemons are, says its pid, and ends when it is told
/// without having let go. Arguments: the way, the name.
pub(crate) fn hold_and_found_a_daemon(role: &mut Role) {
    let lock = open(role);
    std::mem::forget(lock.hold().expect("it is free"));
    forked(|| {
        // SAFETY: setsid has no arguments.
        assert_ne!(unsafe { libc::setsid() }, -1);
        let grandchild = forked(|| {
            // SAFETY: plain system call.
            unsafe { libc::alarm(5 * 60) };
            assert!(lock.try_hold().expect("no error").is_none(), "the grandparent has it");
            let held = lock.hold_within(LIMIT).expect("the grandparent dies");
            let dead = held.abandoned().map_or(0, |dead| dead.pid);
            role.say(&format!("daemon {} held {dead}", std::process::id()));
            std::mem::forget(held);
            std::thread::sleep(Duration::from_secs(1_000));
        });
        role.say(&grandchild.pid().to_string());
        // SAFETY: ends the process without running anything else: the middle one goes.
        unsafe { libc::_exit(0) };
    })
    .ended_well();
    role.say("founded");
    role.hear();
    // SAFETY: as above.
    unsafe { libc::_exit(0) };
}

#[test]
fn a_daemon_of_a_double_fork_takes_over_from_its_dead_founder() {
    for way in Way::OWNED {
        let name = name("daemon");
        let mut founder = Helper::start("hold-and-found-a-daemon", &[way.as_str(), &name]);
        let daemon = founder.hear();
        assert_eq!(founder.hear(), "founded");
        eventually("the daemon sleeps", || waiters(&name) == 1);
        founder.tell("go");
        let said = founder.hear();
        assert_eq!(said, format!("daemon {daemon} held {}", founder.pid()), "{way:?}");
        let mut user = start_user(way, &name);
        assert_eq!(user.ask("try"), "busy");
        let daemon: u32 = daemon.parse().unwrap();
        // SAFETY: plain system call; it runs until it is killed here.
        unsafe { libc::kill(daemon as libc::pid_t, libc::SIGKILL) };
        assert_held(&user.ask("hold"), daemon);
        user.finish();
    }
}

/// Role: another thread holds while this one forks. Arguments: the way, the name.
pub(crate) fn fork_beside_a_holder(role: &mut Role) {
    let lock = open(role);
    let (sender, told) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let held = lock.hold().expect("it is free");
            told.recv().expect("told to let go");
            drop(held);
        });
        eventually("the other thread has it", || lock.try_hold().expect("no error").is_none());
        // The child has no such thread, and what the thread holds stays its own.
        forked(|| {
            assert!(lock.try_hold().expect("no error").is_none(), "the parent's thread has it");
            assert!(lock.hold_within(Duration::from_millis(30)).is_err());
        })
        .ended_well();
        let child = forked(|| {
            let held = lock.hold_within(LIMIT).expect("the thread lets go");
            assert!(held.abandoned().is_none(), "nobody died");
            if let Held::Mutex(mut guard) = held {
                guard.set(5);
            }
        });
        eventually("the child sleeps", || waiters(role.argument(1)) == 1);
        sender.send(()).expect("it listens");
        child.ended_well();
        thread.join().expect("it let go");
    });
    let held = lock.try_hold().expect("no error").expect("it is free");
    if let Held::Mutex(guard) = &held {
        assert_eq!(guard.get(), 5);
    }
    role.say("ok");
}

#[test]
fn what_a_thread_holds_while_another_one_forks_stays_that_threads() {
    for way in Way::OWNED {
        let mut helper =
            Helper::start("fork-beside-a-holder", &[way.as_str(), &name("fork-beside")]);
        assert_eq!(helper.hear(), "ok", "{way:?}");
        helper.finish();
    }
}
