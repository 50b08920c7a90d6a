//! `ReentrantMutex`: layers.

use crate::any_lock::{Way, assert_held, start_user};
use crate::support::{LIMIT, eventually, joined, name, waiters};
use procsync::{Cause, Error, ReentrantMutex};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn layers_count_through_all_handles_of_the_process() {
    let name = name("layers");
    let (mutex, again) =
        (ReentrantMutex::open(&name).unwrap(), ReentrantMutex::open(&name).unwrap());
    let first = mutex.lock().unwrap();
    let second = again.try_lock().unwrap().expect("a layer more");
    let third = mutex.lock_timeout(Duration::ZERO).unwrap();
    let fourth = again.lock_deadline(Instant::now()).unwrap();
    assert_eq!([&first, &second, &third, &fourth].map(|guard| guard.depth()), [1, 2, 3, 4]);
    assert!([&second, &third, &fourth].into_iter().all(|guard| guard.grant() == first.grant()));
    drop([second, third, fourth]);
    assert!(mutex.is_locked());
    drop(first);
    assert!(!mutex.is_locked());
}

#[test]
fn guards_may_go_in_any_order() {
    let mutex = ReentrantMutex::open(&name("order")).unwrap();
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let mut guards = [(); 3].map(|()| Some(mutex.lock().unwrap()));
        for index in order {
            assert!(mutex.is_locked(), "{order:?}");
            guards[index] = None;
        }
        assert!(!mutex.is_locked(), "{order:?}");
    }
    // Layers that come and go in between.
    let first = mutex.lock().unwrap();
    let second = mutex.lock().unwrap();
    drop(first);
    let third = mutex.lock().unwrap();
    assert_eq!(third.depth(), 2);
    drop(second);
    assert!(mutex.is_locked());
    drop(third);
    assert!(!mutex.is_locked());
}

#[test]
fn other_threads_and_processes_wait_for_the_outermost_layer() {
    let name = name("outermost");
    let mutex = Arc::new(ReentrantMutex::open(&name).unwrap());
    let mut user = start_user(Way::Reentrant, &name);
    let outer = mutex.lock().unwrap();
    let inner = mutex.lock().unwrap();
    let busy_here = || {
        let mutex = mutex.clone();
        joined(std::thread::spawn(move || mutex.try_lock().unwrap().is_none()))
    };
    assert!(busy_here());
    assert_eq!(user.ask("try"), "busy");
    user.tell("hold");
    eventually("the helper sleeps", || waiters(&name) == 1);
    drop(inner);
    assert!(busy_here());
    assert_eq!(user.hear_within(Duration::from_millis(50)), None);
    drop(outer);
    assert_held(&user.hear(), 0);
    assert!(mutex.try_lock().unwrap().is_none());
    assert!(matches!(
        mutex.lock_timeout(Duration::from_millis(10)),
        Err(Error::TimedOut { holder: Some(holder), .. }) if holder.pid == user.pid()
    ));
    assert_eq!(mutex.owner().expect("the helper").pid, user.pid());
    user.finish();
}

#[test]
fn depth_begins_anew_after_each_holder() {
    let mutex = Arc::new(ReentrantMutex::open(&name("anew")).unwrap());
    for _ in 0..20 {
        let other = mutex.clone();
        joined(std::thread::spawn(move || {
            let outer = other.lock().unwrap();
            let inner = other.lock().unwrap();
            assert_eq!((outer.depth(), inner.depth()), (1, 2));
            // The guards go with the thread, or are forgotten by it.
            std::mem::forget(inner);
            drop(outer);
        }));
        let guard = mutex.lock_timeout(LIMIT).unwrap();
        assert_eq!(guard.depth(), 1);
        assert_eq!(
            guard.abandoned().expect("it exited with a layer left").cause,
            Cause::ThreadExited
        );
    }
}

#[test]
fn taken_by_force_all_layers_go_and_old_guards_release_nothing() {
    let mutex = Arc::new(ReentrantMutex::open(&name("force")).unwrap());
    let old = [mutex.lock().unwrap(), mutex.lock().unwrap(), mutex.lock().unwrap()];
    assert!(mutex.force_release().unwrap());
    assert!(!mutex.is_locked());
    let outer = mutex.lock().unwrap();
    assert_eq!(outer.depth(), 1);
    assert_eq!(outer.abandoned().expect("told").cause, Cause::Forced);
    let inner = mutex.lock().unwrap();
    drop(old);
    assert!(mutex.is_locked());
    let next = mutex.lock().unwrap();
    assert_eq!(next.depth(), 3);
    drop((next, outer));
    assert!(mutex.is_locked());
    drop(inner);
    assert!(!mutex.is_locked());
    assert!(!mutex.force_release().unwrap());
}

#[test]
fn many_layers_are_counted_right() {
    let mutex = ReentrantMutex::open(&name("many")).unwrap();
    let mut guards: Vec<_> = (0..10_000).map(|_| mutex.lock().unwrap()).collect();
    assert_eq!(guards.last().unwrap().depth(), 10_000);
    while guards.pop().is_some() {
        assert_eq!(mutex.is_locked(), !guards.is_empty());
    }
}
