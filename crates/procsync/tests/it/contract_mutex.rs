//! `Mutex`: locking, waiting, releasing, and the data that it guards.

use crate::any_lock::{Way, start_user};
use crate::support::{LIMIT, eventually, joined, name, waiters};
use procsync::{Error, Mutex, MutexGuard, Ownership};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(30);

/// Objects may be used and moved by any thread; a guard stays with the thread that locked.
const _: fn() = || {
    fn any_thread<T: Send + Sync>() {}
    any_thread::<Mutex<[u64; 3]>>();
    any_thread::<procsync::ReentrantMutex>();
    any_thread::<procsync::Semaphore>();
    any_thread::<procsync::Permit<'static>>();
    any_thread::<procsync::TokenSemaphore>();
    any_thread::<procsync::Event>();
    any_thread::<procsync::SharedMemory>();
    any_thread::<Error>();
};

/// Does not compile if `$guard` is `Send`: then both implementations would fit.
macro_rules! assert_stays_in_its_thread {
    ($guard:ty) => {
        const _: fn() = || {
            trait Ambiguous<Which> {
                fn which() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + Send> Ambiguous<u8> for T {}
            let _ = <$guard as Ambiguous<_>>::which;
        };
    };
}
assert_stays_in_its_thread!(MutexGuard<'static, u64>);
assert_stays_in_its_thread!(procsync::ReentrantMutexGuard<'static>);

#[test]
fn data_begins_as_asked_and_is_seen_through_every_handle() {
    let name = name("data");
    let first = Mutex::<[u32; 3]>::options().initial([1, 2, 3]).create(&name).unwrap();
    // What is there already is not begun anew.
    let second = Mutex::<[u32; 3]>::options().initial([9, 9, 9]).open(&name).unwrap();
    assert_eq!(second.lock().unwrap().get(), [1, 2, 3]);
    first.lock().unwrap().set([4, 5, 6]);
    second.lock().unwrap().update(|data| data[0] += 10);
    assert_eq!(first.lock().unwrap().get(), [14, 5, 6]);
    let zeroed = Mutex::<[u64; 1_024]>::open(&format!("{name}-zero")).unwrap();
    assert_eq!(zeroed.lock().unwrap().get(), [0; 1_024]);
}

#[test]
#[allow(unsafe_code)]
fn data_in_place_is_the_data() {
    let mutex = Mutex::<u64>::options().initial(5).create(&name("place")).unwrap();
    let guard = mutex.lock().unwrap();
    // SAFETY: valid while the guard lives, and no other process knows this mutex.
    unsafe { *guard.as_ptr() += 2 };
    assert_eq!(guard.get(), 7);
}

#[test]
fn data_of_another_size_or_alignment_is_refused_with_both() {
    let name = name("size");
    let _mutex = Mutex::<u64>::create(&name).unwrap();
    for (refused, is, wanted) in [
        (Mutex::<u32>::open(&name).map(drop), "8", "4"),
        (Mutex::<()>::open(&name).map(drop), "8", "0"),
        (Mutex::<[u32; 2]>::open(&name).map(drop), "8", "4"),
    ] {
        let Err(error) = refused else { panic!("{wanted} is {is}") };
        let Error::Mismatch { property, wanted: asked, found, .. } = &error else {
            panic!("{error}")
        };
        assert!(property.contains("data"), "{property}");
        assert_eq!((found.as_str(), asked.as_str()), (is, wanted));
        assert!(error.to_string().contains(is) && error.to_string().contains(wanted), "{error}");
    }
}

#[test]
fn locking_twice_in_a_thread_is_an_error_at_once() {
    let name = name("twice");
    let (mutex, again) = (Mutex::<u64>::open(&name).unwrap(), Mutex::<u64>::open(&name).unwrap());
    let guard = mutex.lock().unwrap();
    for mutex in [&mutex, &again] {
        assert!(matches!(mutex.lock(), Err(Error::AlreadyOwned { .. })));
        assert!(matches!(mutex.try_lock(), Err(Error::AlreadyOwned { .. })));
        assert!(matches!(mutex.lock_timeout(LIMIT), Err(Error::AlreadyOwned { .. })));
        assert!(matches!(mutex.lock_deadline(Instant::now()), Err(Error::AlreadyOwned { .. })));
        assert!(matches!(mutex.repair(), Err(Error::AlreadyOwned { .. })));
    }
    drop(guard);
    drop(again.lock().unwrap());
}

#[test]
fn a_second_thread_of_the_process_waits_and_then_gets_it() {
    let name = name("second-thread");
    let mutex = Arc::new(Mutex::<u64>::open(&name).unwrap());
    let guard = mutex.lock().unwrap();
    let other = {
        let mutex = mutex.clone();
        std::thread::spawn(move || {
            let mut guard = mutex.lock().unwrap();
            guard.update(|data| *data += 1);
            (guard.get(), guard.abandoned().is_none())
        })
    };
    eventually("the other thread sleeps", || waiters(&name) == 1);
    assert!(!other.is_finished());
    drop(guard);
    assert_eq!(joined(other), (1, true));
    assert_eq!(mutex.lock().unwrap().get(), 1);
}

#[test]
fn try_lock_of_what_another_has_is_none() {
    let name = name("try");
    let mutex = Arc::new(Mutex::<u64>::open(&name).unwrap());
    let mut user = start_user(Way::Mutex, &name);
    assert_eq!(user.ask("try"), "held 0");
    assert!(mutex.try_lock().unwrap().is_none());
    assert!(mutex.is_locked());
    assert_eq!(user.ask("release"), "released");
    let guard = mutex.try_lock().unwrap().expect("it is free");
    assert_eq!(user.ask("try"), "busy");
    let other = mutex.clone();
    assert!(joined(std::thread::spawn(move || other.try_lock().unwrap().is_none())));
    drop(guard);
    assert!(!mutex.is_locked());
    user.finish();
}

#[test]
fn a_wait_ends_at_its_deadline_and_says_who_has_it() {
    let name = name("deadline");
    let mutex = Mutex::<u64>::open(&name).unwrap();
    let mut user = start_user(Way::Mutex, &name);
    assert_eq!(user.ask("hold"), "held 0");
    let began = Instant::now();
    let Err(error) = mutex.lock_timeout(SHORT) else { panic!("it is held") };
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    let Error::TimedOut { waited, holder: Some(holder), .. } = &error else { panic!("{error}") };
    assert!(*waited >= SHORT && *waited <= began.elapsed(), "{waited:?}");
    assert_eq!(holder.pid, user.pid());
    assert!(!holder.dead && !holder.foreign_namespace && holder.tid != 0);
    let text = error.to_string();
    assert!(text.contains(&format!("pid {}", user.pid())) && text.contains(&name), "{text}");

    let (began, deadline) = (Instant::now(), Instant::now() + SHORT);
    assert!(matches!(mutex.lock_deadline(deadline), Err(Error::TimedOut { .. })));
    assert!(began.elapsed() >= SHORT && Instant::now() >= deadline);
    let past = Instant::now().checked_sub(Duration::from_secs(3)).unwrap_or(began);
    for over in [mutex.lock_deadline(past), mutex.lock_timeout(Duration::ZERO)] {
        assert!(matches!(over, Err(Error::TimedOut { .. })));
    }
    user.finish();
}

#[test]
fn what_is_free_is_got_even_if_there_is_no_time() {
    let mutex = Mutex::<u64>::open(&name("no-time")).unwrap();
    drop(mutex.lock_timeout(Duration::ZERO).unwrap());
    drop(mutex.lock_deadline(Instant::now()).unwrap());
    drop(mutex.lock_timeout(Duration::MAX).unwrap());
    // From a thread that is new here, too.
    assert!(joined(std::thread::spawn(move || mutex.lock_timeout(Duration::ZERO).is_ok())));
}

#[test]
fn who_has_no_time_still_gets_it_from_the_dead() {
    for way in Way::OWNED {
        let name = name("no-time-dead");
        let lock = crate::any_lock::AnyLock::open(way, &name).unwrap();
        let mut user = start_user(way, &name);
        assert_eq!(user.ask("hold"), "held 0");
        user.kill();
        // As `try_lock` does: a look whether the holder lives is not waiting.
        let held = lock.hold_within(Duration::ZERO).map_err(|error| error.to_string());
        let dead = held.unwrap().abandoned().map(|dead| dead.pid);
        assert_eq!(dead, Some(user.pid()), "{way:?}");
    }
}

#[test]
fn what_is_kept_is_released_by_its_owner_alone() {
    let mutex = Arc::new(Mutex::<u64>::open(&name("keep")).unwrap());
    let release_elsewhere = || {
        let mutex = mutex.clone();
        joined(std::thread::spawn(move || mutex.release()))
    };
    assert!(matches!(mutex.release(), Err(Error::NotOwner { holder: None, .. })));
    mutex.lock().unwrap().keep();
    assert!(mutex.is_locked());
    let Err(Error::NotOwner { holder: Some(holder), .. }) = release_elsewhere() else {
        panic!("another thread is not the owner")
    };
    assert_eq!(holder.pid, std::process::id());
    mutex.release().unwrap();
    assert!(!mutex.is_locked());
    assert!(mutex.release().is_err(), "once");
    // A guard whose hold was released by hand releases nothing of the next one's.
    let stale = mutex.lock().unwrap();
    mutex.release().unwrap();
    mutex.lock().unwrap().keep();
    drop(stale);
    assert!(mutex.is_locked());
    mutex.release().unwrap();
}

#[test]
fn what_a_process_owns_any_thread_of_it_releases() {
    let name = name("process-owned");
    let open = || Mutex::<u64>::options().ownership(Ownership::Process).open(&name).unwrap();
    let mutex = Arc::new(open());
    mutex.lock().unwrap().keep();
    // Locking again waits, in this thread and in another one, for somebody may release.
    assert!(mutex.try_lock().unwrap().is_none());
    assert!(matches!(mutex.lock_timeout(SHORT), Err(Error::TimedOut { .. })));
    let waiter = {
        let mutex = mutex.clone();
        std::thread::spawn(move || mutex.lock().map(|guard| guard.grant()))
    };
    eventually("the other thread sleeps", || waiters(&name) == 1);
    let second = open();
    joined(std::thread::spawn(move || second.release())).unwrap();
    assert!(joined(waiter).unwrap() > 1);
    assert!(matches!(mutex.release(), Err(Error::NotOwner { .. })));
    // Another process is not the owner.
    let mut user = start_user(Way::ProcessMutex, &name);
    assert_eq!(user.ask("hold"), "held 0");
    let Err(Error::NotOwner { holder: Some(holder), .. }) = mutex.release() else { panic!() };
    assert_eq!(holder.pid, user.pid());
    assert_ne!(holder.tid, 0, "the thread that took it is known");
    user.finish();
}

#[test]
fn a_process_owns_on_when_the_thread_that_locked_exits() {
    let name = name("process-outlives");
    let options = Mutex::<u64>::options().ownership(Ownership::Process);
    let mutex = Arc::new(options.open(&name).unwrap());
    let other = mutex.clone();
    joined(std::thread::spawn(move || other.lock().unwrap().keep()));
    let mut user = start_user(Way::ProcessMutex, &name);
    assert_eq!(user.ask("try"), "busy");
    mutex.release().unwrap();
    assert_eq!(user.ask("try"), "held 0");
    user.finish();
}

#[test]
fn grants_only_grow_whoever_takes_it() {
    let name = name("grants");
    let mutex = Arc::new(Mutex::<u64>::open(&name).unwrap());
    let mut user = start_user(Way::Mutex, &name);
    let mut last = 0;
    for round in 0..50 {
        let other = mutex.clone();
        let grant = match round % 5 {
            0 => joined(std::thread::spawn(move || other.lock().unwrap().grant())),
            1 => mutex.try_lock().unwrap().unwrap().grant(),
            2 => {
                assert_eq!(user.ask("hold"), "held 0");
                assert_eq!(user.ask("release"), "released");
                mutex.lock().unwrap().grant()
            }
            3 => {
                mutex.lock().unwrap().keep();
                assert!(mutex.force_release().unwrap());
                mutex.lock().unwrap().grant()
            }
            _ => mutex.lock_timeout(SHORT).unwrap().grant(),
        };
        assert!(grant > last, "{grant} after {last}");
        last = grant;
    }
    user.finish();
}

#[test]
fn who_waits_is_told_of_damage_and_not_kept_for_ever() {
    let name = name("damage");
    let mutex = Mutex::<u64>::open(&name).unwrap();
    let state = std::fs::OpenOptions::new().write(true).open(crate::support::file_of(&name));
    let write = |word: u32| {
        crate::support::write_at(state.as_ref().unwrap(), &word.to_ne_bytes(), 64);
    };
    // A holder that cannot be, with and without the marks; the calling thread is participant 2.
    for word in [5_000, (1 << 30) - 1, 1 << 31 | 5_000, 1 << 30 | 5_000, u32::MAX] {
        write(word);
        assert!(matches!(mutex.lock(), Err(Error::Damaged { .. })), "{word:x}");
        assert!(matches!(mutex.try_lock(), Err(Error::Damaged { .. })), "{word:x}");
        assert!(matches!(mutex.lock_timeout(LIMIT), Err(Error::Damaged { .. })), "{word:x}");
        assert!(mutex.owner().is_none());
        assert!(mutex.force_release().unwrap(), "the last resort works");
        assert!(mutex.lock().unwrap().abandoned().is_some());
    }
    // A slot that nobody ever had holds it: as good as dead.
    write(900);
    assert!(mutex.lock().unwrap().abandoned().is_some());
    // A mark that nobody set.
    write(1 << 31);
    assert!(mutex.lock().unwrap().abandoned().is_none());
    assert!(!mutex.is_locked());
}

#[test]
fn who_wants_no_data_can_lock_what_guards_any() {
    let name = name("any-data");
    let numbers = Mutex::<[u64; 3]>::open(&name).unwrap();
    numbers.lock().unwrap().set([1, 2, 3]);
    let plain = Mutex::<()>::attach(&name).unwrap();
    let guard = plain.lock().unwrap();
    assert!(numbers.try_lock().is_err(), "this thread holds it");
    drop(guard);
    assert_eq!(numbers.lock().unwrap().get(), [1, 2, 3]);
    // It would not know how to make it again, so it must not seem to be able to.
    assert!(matches!(Mutex::<()>::open(&name), Err(Error::Mismatch { .. })));
    assert!(matches!(Mutex::<u32>::attach(&name), Err(Error::Mismatch { .. })));
}
