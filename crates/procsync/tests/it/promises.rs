//! The seven promises, one test each, as plainly as they can be shown. What tries hard to break them
//! is in the other modules; docs/reliability.md says which is where.

use crate::any_lock::{AnyLock, Way, assert_held, start_user};
#[cfg(unix)]
use crate::attacks_files::{base_for_all, start_in, there_is_only_one_user};
use crate::child::{Helper, Role};
use crate::kill_storm::Random;
#[cfg(unix)]
use crate::support::directory;
use crate::support::{LIMIT, eventually, file_of, name, waiters};
use procsync::{Error, Event, Mutex, Reset, Scope, Semaphore, interruptible};
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

#[test]
fn promise_1_there_are_never_two_holders() {
    for way in Way::OWNED {
        let name = name("promise-1");
        let mut users = [(); 4].map(|()| start_user(way, &name));
        let [holder, waiters_of @ ..] = &mut users;
        assert_held(&holder.ask("hold"), 0);
        for user in waiters_of.iter_mut() {
            assert_eq!(user.ask("try"), "busy");
        }
        for (index, user) in waiters_of.iter_mut().enumerate() {
            user.tell("hold");
            eventually("it sleeps", || waiters(&name) == index + 1);
        }
        holder.kill();
        // One after the other, and never a second one before the first has let go.
        let mut told = 0;
        for turn in 0..waiters_of.len() {
            let mut inside = None;
            eventually("one is let in", || {
                inside = waiters_of.iter_mut().position(|user| {
                    user.hear_within(Duration::from_millis(1)).is_some_and(|answer| {
                        told += u32::from(answer != "held 0");
                        answer.starts_with("held ")
                    })
                });
                inside.is_some()
            });
            let inside = inside.expect("just found");
            for other in (0..waiters_of.len()).filter(|other| *other != inside) {
                let heard = waiters_of[other].hear_within(Duration::from_millis(20));
                assert_eq!(heard, None, "{way:?}, turn {turn}: a second one is inside");
            }
            assert_eq!(start_user(way, &name).ask("try"), "busy");
            assert_eq!(waiters_of[inside].ask("release"), "released");
        }
        assert_eq!(told, 1, "{way:?}: one of them heard of the death");
    }
}

#[test]
fn promise_2_permits_are_conserved() {
    const CAPACITY: u32 = 6;
    let name = name("promise-2");
    let semaphore = Semaphore::create(&name, CAPACITY).unwrap();
    let mut held = 0;
    let mut holders = Vec::new();
    for permits in [1, 2, 3] {
        let mut holder = Helper::start("hold-permits", &[&name, &permits.to_string()]);
        assert_eq!(holder.hear(), "held");
        held += permits;
        holders.push((permits, holder));
        assert_eq!(semaphore.available().unwrap() + held, CAPACITY);
    }
    assert!(semaphore.try_acquire().unwrap().is_none());
    // By a kill and in good order: free and held by the living is all there is.
    for (turn, (permits, mut holder)) in holders.into_iter().enumerate() {
        if turn % 2 == 0 {
            holder.kill()
        } else {
            holder.finish()
        }
        held -= permits;
        assert_eq!(semaphore.available().unwrap() + held, CAPACITY);
    }
    assert_eq!(semaphore.try_acquire_many(CAPACITY).unwrap().expect("all").count(), CAPACITY);
}

#[test]
fn promise_3_a_dead_holder_is_noticed_in_time_and_its_successor_told() {
    /// What is promised, of a machine that does nothing else.
    const PROMISED: Duration = Duration::from_millis(100);
    for way in Way::OWNED {
        let name = name("promise-3");
        let mut fastest = LIMIT;
        let mut holder = start_user(way, &name);
        assert_held(&holder.ask("hold"), 0);
        for _ in 0..10 {
            let mut waiter = start_user(way, &name);
            waiter.tell("hold");
            eventually("it sleeps", || waiters(&name) == 1);
            let began = Instant::now();
            holder.strike();
            assert_held(&waiter.hear(), holder.pid());
            fastest = fastest.min(began.elapsed());
            holder = waiter;
        }
        assert!(fastest < PROMISED, "{way:?}: {fastest:?} at best");
    }
}

const WHOLE: [u64; 64] = [0x1234_5678_9abc_def0; 64];

fn whole() -> procsync::Options<Mutex<[u64; 64]>> {
    Mutex::options().initial(WHOLE)
}

/// Role: makes an object and lets it go, again and again, until it is killed. Argument: a name.
pub(crate) fn make_again_and_again(role: &mut Role) {
    role.say("at it");
    loop {
        drop(whole().open(role.argument(0)).expect("it opens"));
    }
}

#[test]
fn promise_4_no_half_made_object_is_seen_and_a_dead_ones_name_is_usable_at_once() {
    let name = name("promise-4");
    let (mut random, mut seen) = (Random::new(), 0);
    for _ in 0..25 {
        let mut maker = Helper::start("make-again-and-again", &[&name]);
        assert_eq!(maker.hear(), "at it");
        let lasts = Duration::from_micros(random.below(10_000));
        let began = Instant::now();
        while began.elapsed() < lasts {
            match whole().attach(&name) {
                Ok(mutex) => {
                    seen += 1;
                    assert!(mutex.lock_timeout(LIMIT).unwrap().get() == WHOLE, "half made");
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        maker.kill();
        let mutex = whole().create(&name).expect("nobody uses the name who lives");
        assert!(mutex.try_lock().unwrap().expect("it is new").get() == WHOLE);
        drop(mutex);
        assert!(!file_of(&name).exists());
    }
    assert!(seen > 0, "it was never there when looked for, and this shows nothing");
}

#[test]
fn promise_5_whatever_a_peer_writes_is_an_error_at_worst() {
    crate::hostile_memory::meet_anything("data");
    crate::hostile_memory::damage_under_waiters("semaphore");
}

#[test]
#[cfg(unix)]
fn promise_6_nobody_without_permission_gets_in() {
    const TEST: &str = "promise_6_nobody_without_permission_gets_in";
    let name = name("promise-6");
    let mode =
        |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let own = Mutex::<u64>::create(&name).unwrap();
    assert_eq!((mode(directory()), mode(file_of(&name))), (0o700, 0o600), "private by default");
    drop(own);
    if there_is_only_one_user(TEST) {
        return;
    }
    let base = base_for_all();
    let start = |user: &str| start_in(base.path(), "somebody", &[user, user, "0"]);
    let (mut alice, mut bob) = (start("1001"), start("1002"));
    assert_eq!(alice.ask(&format!("create 600 {name}")), "open");
    for how in ["open", "create", "attach", "remove"] {
        let answer = bob.ask(&format!("{how} 600 {name}"));
        assert!(answer.starts_with("error"), "{how}: {answer}");
    }
    assert_eq!(alice.ask("hold"), "held 0");
    // A link to it under another name, and a directory planted for her.
    let file = base.path().join(format!("procsync.{name}"));
    std::os::unix::fs::symlink(&file, base.path().join(format!("procsync.{name}-link"))).unwrap();
    assert!(alice.ask(&format!("open 600 {name}-link")).contains("symbolic link"));
    let planted = base.path().join("procsync-1001");
    std::fs::create_dir(&planted).unwrap();
    std::os::unix::fs::chown(&planted, Some(1002), Some(1002)).unwrap();
    assert!(alice.ask(&format!("create user {name}")).contains("belongs to user 1002"));
}

#[test]
fn promise_7_every_sleep_is_bounded_and_can_be_interrupted() {
    const TIME: Duration = Duration::from_millis(60);
    let in_time = |began: Instant, least: Duration, what: &str| {
        let took = began.elapsed();
        assert!((least..LIMIT / 4).contains(&took), "{what}: {took:?}");
    };
    for way in Way::ALL {
        let name = name("promise-7");
        let mut holder = start_user(way, &name);
        assert_held(&holder.ask("hold"), 0);
        let lock = AnyLock::open(way, &name).unwrap();
        for time in [Duration::ZERO, TIME] {
            let began = Instant::now();
            let refused = lock.hold_within(time).map(drop);
            assert!(matches!(refused, Err(Error::TimedOut { .. })), "{way:?}: {refused:?}");
            in_time(began, time, way.as_str());
        }
        let began = Instant::now();
        let refused = interruptible(|| true, || lock.hold().map(drop));
        assert!(matches!(refused, Err(Error::Interrupted { .. })), "{way:?}: {refused:?}");
        in_time(began, Duration::ZERO, way.as_str());
    }
    let event = Event::open(&name("promise-7"), Reset::Manual).unwrap();
    // A moment that is over, one to come, and one that does not come.
    let began = Instant::now();
    assert!(event.wait_deadline(began).is_err());
    assert!(event.wait_deadline(began + TIME).is_err());
    in_time(began, TIME, "event");
    assert!(matches!(interruptible(|| true, || event.wait()), Err(Error::Interrupted { .. })));
    let scope = Scope::User;
    assert!(procsync::inspect::show(event.name(), scope).unwrap().waiters.is_empty());
}
