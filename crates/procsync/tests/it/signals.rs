//! Signals: what they interrupt goes on towards the same deadline, and a handler may set an event.
#![allow(unsafe_code)] // signal handlers

use crate::any_lock::{AnyLock, Way, assert_held, start_user};
use crate::child::{Helper, Role};
use crate::support::{LIMIT, eventually, name, waiters};
use procsync::{Error, Event, Reset, Semaphore, interruptible};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::time::{Duration, Instant};

static HANDLED: AtomicU32 = AtomicU32::new(0);
static EVENT: AtomicPtr<Event> = AtomicPtr::new(null_mut());

pub(crate) extern "C" fn count(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn set_event(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
    // SAFETY: null, or an event that is never freed.
    if let Some(event) = unsafe { EVENT.load(Ordering::Acquire).as_ref() } {
        let _ = event.set();
    }
}

/// Without SA_RESTART: system calls that are interrupted say so.
pub(crate) fn handle(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) {
    // SAFETY: sigaction is a plain struct of integers and a pointer, for which zeros are a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    // SAFETY: the handlers here only use atomics and what the library says may be used.
    assert_eq!(unsafe { libc::sigaction(signal, &raw const action, null_mut()) }, 0);
}

/// Sends the calling thread a signal every millisecond while `work` runs.
pub(crate) fn pelted<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: pthread_self has no arguments and cannot fail.
    let me = unsafe { libc::pthread_self() } as usize;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // SAFETY: the scope's thread lives as long as this one.
                unsafe { libc::pthread_kill(me as libc::pthread_t, libc::SIGUSR1) };
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let done = work();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

/// Role: waits in every way while signals rain. Argument: a name; a user of each way holds it.
pub(crate) fn wait_in_the_rain(role: &mut Role) {
    const TIME: Duration = Duration::from_millis(150);
    handle(libc::SIGUSR1, count);
    for way in Way::ALL {
        let name = format!("{}-{}", role.argument(0), way.as_str());
        let lock = AnyLock::open(way, &name).expect("it opens");
        let before = HANDLED.load(Ordering::Relaxed);
        let began = Instant::now();
        let refused = pelted(|| lock.hold_within(TIME).map(drop));
        assert!(matches!(refused, Err(Error::TimedOut { .. })), "{way:?}");
        assert!(began.elapsed() >= TIME, "{way:?}: {:?}", began.elapsed());
        let handled = HANDLED.load(Ordering::Relaxed) - before;
        assert!(handled >= 20, "{way:?}: {handled} signals only");
        role.say("refused");
        // And what comes while signals rain is got.
        drop(pelted(|| lock.hold_within(LIMIT)).expect("the other one lets go"));
        role.say("got");
    }
    for reset in [Reset::Manual, Reset::Auto] {
        let name = format!("{}-{reset:?}", role.argument(0));
        let event = Event::open(&name, reset).expect("it opens");
        let began = Instant::now();
        let refused = pelted(|| event.wait_timeout(TIME));
        assert!(matches!(refused, Err(Error::TimedOut { .. })));
        assert!(began.elapsed() >= TIME, "{reset:?}: {:?}", began.elapsed());
    }
    let name = format!("{}-many", role.argument(0));
    let semaphore = Semaphore::open(&name, 3).expect("it opens");
    let _one = semaphore.acquire().expect("it is free");
    let began = Instant::now();
    let refused = pelted(|| semaphore.acquire_many_timeout(3, TIME).map(drop));
    assert!(matches!(refused, Err(Error::TimedOut { .. })));
    assert!(began.elapsed() >= TIME);
    role.say("done");
}

#[test]
fn interrupted_waits_go_on_towards_the_same_deadline() {
    let name = name("rain");
    let mut holders: Vec<_> =
        Way::ALL.iter().map(|way| start_user(*way, &format!("{name}-{}", way.as_str()))).collect();
    for holder in &mut holders {
        assert_held(&holder.ask("hold"), 0);
    }
    let mut helper = Helper::start("wait-in-the-rain", &[&name]);
    for (holder, way) in holders.iter_mut().zip(Way::ALL) {
        assert_eq!(helper.hear(), "refused");
        let name = format!("{name}-{}", way.as_str());
        eventually("it sleeps again", || waiters(&name) == 1);
        assert_eq!(holder.ask("release"), "released");
        assert_eq!(helper.hear(), "got");
    }
    assert_eq!(helper.hear(), "done");
    helper.finish();
}

/// Role: waits for events that its own signal handler sets.
pub(crate) fn wait_for_own_handler(role: &mut Role) {
    handle(libc::SIGUSR2, set_event);
    for reset in [Reset::Manual, Reset::Auto] {
        let name = format!("{}-{reset:?}", role.argument(0));
        let event = Event::open(&name, reset).expect("it opens");
        EVENT.store(Box::leak(Box::new(event)), Ordering::Release);
        // SAFETY: stored just now, and never freed.
        let event = unsafe { &*EVENT.load(Ordering::Acquire) };
        for round in 0..10 {
            role.say("waiting");
            event.wait_timeout(LIMIT).expect("the handler sets it");
            assert!(HANDLED.load(Ordering::Relaxed) > round);
            event.clear().expect("it is cleared");
            role.say("on");
        }
    }
}

#[test]
fn a_signal_handler_sets_an_event_that_its_own_thread_waits_for() {
    let name = name("handler");
    let mut helper = Helper::start("wait-for-own-handler", &[&name]);
    for reset in [Reset::Manual, Reset::Auto] {
        let name = format!("{name}-{reset:?}");
        for _ in 0..10 {
            assert_eq!(helper.hear(), "waiting");
            eventually("it sleeps", || waiters(&name) == 1);
            helper.signal(libc::SIGUSR2);
            assert_eq!(helper.hear(), "on");
        }
    }
    helper.finish();
}

static CALLED_AWAY: AtomicBool = AtomicBool::new(false);

extern "C" fn call_away(_signal: libc::c_int) {
    CALLED_AWAY.store(true, Ordering::Relaxed);
}

/// Role: waits in every way, and is called away by signals. Argument: a name; a user of each way
/// holds it.
pub(crate) fn be_called_away(role: &mut Role) {
    handle(libc::SIGUSR1, call_away);
    let interrupted = |waited: Result<(), Error>| {
        assert!(matches!(waited, Err(Error::Interrupted { .. })), "{waited:?}");
        role.say("away");
        CALLED_AWAY.store(false, Ordering::Relaxed);
    };
    let called_away = || CALLED_AWAY.load(Ordering::Relaxed);
    for way in Way::ALL {
        let name = format!("{}-{}", role.argument(0), way.as_str());
        let lock = AnyLock::open(way, &name).expect("it opens");
        role.say(&name);
        interrupted(interruptible(called_away, || lock.hold_within(LIMIT).map(drop)));
    }
    let name = format!("{}-event", role.argument(0));
    let event = Event::open(&name, Reset::Manual).expect("it opens");
    role.say(&name);
    interrupted(interruptible(called_away, || event.wait()));
}

#[test]
fn a_signal_ends_a_wait_that_is_interruptible() {
    let name = name("away");
    let mut holders: Vec<_> =
        Way::ALL.iter().map(|way| start_user(*way, &format!("{name}-{}", way.as_str()))).collect();
    for holder in &mut holders {
        assert_held(&holder.ask("hold"), 0);
    }
    let mut helper = Helper::start("be-called-away", &[&name]);
    for _ in 0..=Way::ALL.len() {
        let object = helper.hear();
        eventually("it sleeps", || waiters(&object) == 1);
        helper.signal(libc::SIGUSR1);
        assert_eq!(helper.hear(), "away");
        assert_eq!(waiters(&object), 0);
    }
    // Nothing was acquired: who holds may let go and hold again.
    for holder in &mut holders {
        assert_eq!(holder.ask("release"), "released");
        assert_held(&holder.ask("hold"), 0);
    }
    helper.finish();
}

#[test]
fn who_is_interruptible_is_asked_without_a_signal_too_and_may_lock_meanwhile() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    static OTHER: AtomicPtr<Event> = AtomicPtr::new(null_mut());
    fn at_the_third() -> bool {
        // SAFETY: stored before this is used, and never freed.
        let other = unsafe { &*OTHER.load(Ordering::Acquire) };
        // A wait within: nobody is asked about it, else this would not end.
        let waited = other.wait_timeout(Duration::from_millis(60));
        assert!(matches!(waited, Err(Error::TimedOut { .. })));
        ASKED.fetch_add(1, Ordering::Relaxed) == 2
    }
    let other = Event::open(&name("asked-within"), Reset::Manual).unwrap();
    OTHER.store(Box::leak(Box::new(other)), Ordering::Release);
    let event = Event::open(&name("asked"), Reset::Manual).unwrap();
    let waited = interruptible(at_the_third, || event.wait_timeout(LIMIT));
    assert!(matches!(waited, Err(Error::Interrupted { .. })), "{waited:?}");
    assert_eq!(ASKED.load(Ordering::Relaxed), 3);
    // It is over with the body.
    let waited = event.wait_timeout(Duration::from_millis(60));
    assert!(matches!(waited, Err(Error::TimedOut { .. })), "{waited:?}");
    let number = std::sync::atomic::AtomicU32::new(0);
    let word = procsync::raw::FutexWord::over(&number, false);
    assert!(interruptible(|| true, || word.wait(0, None)));
}
