//! Waits that are disturbed all the time still notice that the holder is dead.
#![allow(unsafe_code)] // signal handlers and pthread_kill

use crate::any_lock::{AnyLock, Way, assert_held, start_user};
use crate::child::{Helper, Role};
use crate::support::{LIMIT, eventually, name, say, waiters};
use procsync::{Scope, Semaphore};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Promised is 100 ms; a machine that is busy with other tests takes its time.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// Long enough to tell late from never.
const PATIENCE: Duration = Duration::from_secs(20);

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Role: waits while a signal interrupts it about every 100 µs, which is more often than it would
/// look by itself. Arguments: the way, a name. Says `rain` when it has waited so for a while, and
/// after whose death it has the lock.
pub(crate) fn lock_in_the_rain(role: &mut Role) {
    // SAFETY: sigaction is a plain struct of integers and a pointer, for which zeros are a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as *const () as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler only uses an atomic.
    assert_eq!(unsafe { libc::sigaction(libc::SIGALRM, &raw const action, null_mut()) }, 0);
    // SAFETY: pthread_self has no arguments and cannot fail.
    let me = unsafe { libc::pthread_self() } as usize;
    let (role, stop) = (&*role, AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("it sleeps", || waiters(role.argument(1)) == 1);
            let mut said = false;
            while !stop.load(Ordering::Relaxed) {
                // SAFETY: that thread waits for the end of the scope.
                unsafe { libc::pthread_kill(me as libc::pthread_t, libc::SIGALRM) };
                if HANDLED.load(Ordering::Relaxed) >= 1_000 && !std::mem::replace(&mut said, true) {
                    role.say("rain");
                }
                std::thread::sleep(Duration::from_micros(50));
            }
        });
        let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1));
        let lock = lock.expect("it opens");
        let held = lock.hold_within(LIMIT).expect("the holder dies");
        role.say(&format!("held {}", held.abandoned().map_or(0, |dead| dead.pid)));
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_lone_waiter_under_a_timer_signal_notices_a_killed_holder() {
    for way in Way::OWNED {
        let name = name("rain-killed");
        let mut holder = start_user(way, &name);
        assert_held(&holder.ask("hold"), 0);
        let mut waiter = Helper::start("lock-in-the-rain", &[way.as_str(), &name]);
        assert_eq!(waiter.hear(), "rain");
        let killed = Instant::now();
        holder.kill();
        let answer = waiter.hear_within(PATIENCE).expect("it goes on");
        let took = killed.elapsed();
        assert_held(&answer, holder.pid());
        say(&format!("{way:?}: under a timer signal, noticed after {took:.1?}"));
        assert!(took < NOTICED_WITHIN, "{way:?}: {took:?}");
        waiter.finish();
    }
}

#[test]
fn a_waiter_for_many_permits_amid_traffic_notices_a_killed_holder() {
    const CAPACITY: u32 = 3_000;
    const TRAFFIC: Duration = Duration::from_secs(3);
    let name = name("traffic");
    let semaphore = Semaphore::open(&name, CAPACITY).unwrap();
    let mut holder = Helper::start("hold-permits", &[&name, "1"]);
    assert_eq!(holder.hear(), "held");
    let stop = AtomicBool::new(false);
    let mut permits: Vec<_> =
        (1..CAPACITY).map(|_| semaphore.try_acquire().unwrap().expect("it is free")).collect();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let all = semaphore.acquire_many_timeout(CAPACITY, LIMIT);
            all.map(|all| all.abandoned().map(|dead| dead.pid))
        });
        eventually("it sleeps", || waiters(&name) == 1);
        // Wakes the waiter more often than it would look by itself, and never looks.
        let traffic = scope.spawn(|| {
            let (began, pause) = (Instant::now(), TRAFFIC / CAPACITY);
            for turn in 1.. {
                if permits.pop().is_none() || stop.load(Ordering::Relaxed) {
                    break;
                }
                // Not asleep: that may last so long that the waiter looks in between.
                while began.elapsed() < pause * turn {
                    std::thread::yield_now();
                }
            }
            permits.clear();
        });
        let killed = Instant::now();
        holder.kill();
        let recovered = || procsync::inspect::show(&name, Scope::User).unwrap().recovered == 1;
        while !recovered() && !traffic.is_finished() {
            std::thread::sleep(Duration::from_millis(50));
        }
        let took = killed.elapsed();
        let in_time = recovered() && took < NOTICED_WITHIN;
        stop.store(true, Ordering::Relaxed);
        traffic.join().unwrap();
        let dead = waiter.join().unwrap().expect("all of them come free");
        assert_eq!(dead, Some(holder.pid()));
        say(&format!("amid traffic, noticed after {took:.1?}"));
        assert!(in_time, "{took:?}");
    });
}

/// Role: holds, with a crowd of threads that wait. Arguments: the way, a name.
pub(crate) fn hold_amid_a_crowd(role: &mut Role) {
    const CROWD: usize = 20;
    let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1)).expect("it opens");
    let _held = lock.hold().expect("it is free");
    std::thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| drop(lock.hold()));
        }
        eventually("all of them sleep", || waiters(role.argument(1)) == CROWD);
        role.say("held");
        std::thread::sleep(Duration::from_secs(1_000));
    });
}

#[test]
fn a_waiter_goes_on_when_a_crowd_dies_with_the_holder() {
    for way in Way::OWNED {
        let mut longest = Duration::ZERO;
        for round in 0..5_u32 {
            let name = name("crowd-killed");
            let mut crowd = Helper::start("hold-amid-a-crowd", &[way.as_str(), &name]);
            assert_eq!(crowd.hear(), "held");
            let mut waiter = start_user(way, &name);
            waiter.tell("hold");
            eventually("it sleeps behind them", || waiters(&name) == 21);
            // At various points of whatever pattern the waits have.
            std::thread::sleep(Duration::from_millis(u64::from(round * 37)));
            let killed = Instant::now();
            crowd.kill();
            let answer = waiter.hear_within(PATIENCE).expect("it goes on");
            longest = longest.max(killed.elapsed());
            assert_held(&answer, crowd.pid());
            waiter.finish();
        }
        say(&format!("{way:?}: behind a crowd, noticed after {longest:.1?} at most"));
        assert!(longest < NOTICED_WITHIN, "{way:?}: {longest:?}");
    }
}
