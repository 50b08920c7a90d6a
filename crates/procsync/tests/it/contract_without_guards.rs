//! Holds whose guards were let go: what bindings to languages without destructors stand on.

use crate::support::{eventually, joined, name};
use procsync::{Error, Mutex, Ownership, ReentrantMutex, Semaphore};
use std::sync::Arc;

#[test]
fn only_who_holds_a_mutex_gets_its_guard_again() {
    let mutex = Arc::new(Mutex::<u64>::open(&name("held")).unwrap());
    assert!(matches!(mutex.held(), Err(Error::NotOwner { .. })));
    mutex.lock().unwrap().keep();
    let other = mutex.clone();
    joined(std::thread::spawn(move || {
        assert!(matches!(other.held(), Err(Error::NotOwner { .. })));
    }));
    let mut guard = mutex.held().unwrap();
    guard.set(5);
    assert_eq!((guard.grant(), guard.abandoned()), (1, None));
    guard.keep();
    assert!(mutex.is_locked());
    mutex.release().unwrap();
    assert!(!mutex.is_locked());
    assert!(matches!(mutex.held(), Err(Error::NotOwner { .. })));
}

#[test]
fn any_thread_of_a_process_that_holds_a_mutex_gets_its_guard_again() {
    let options = Mutex::<u64>::options().ownership(Ownership::Process);
    let mutex = Arc::new(options.open(&name("held-by-process")).unwrap());
    mutex.lock().unwrap().keep();
    let other = mutex.clone();
    joined(std::thread::spawn(move || drop(other.held().unwrap())));
    assert!(!mutex.is_locked());
}

#[test]
fn untyped_data_is_that_of_a_type_of_the_same_layout() {
    let name = name("untyped");
    let untyped =
        |size, align, initial: &[u8]| Mutex::<()>::options().untyped(size, align, initial);
    let typed = Mutex::<[u32; 3]>::options().initial([1, 2, 3]).create(&name).unwrap();
    assert_eq!(typed.data_size(), 12);
    for (size, align) in [(8, 4), (12, 8), (0, 1)] {
        let refused = untyped(size, align, &[]).open(&name);
        assert!(matches!(refused, Err(Error::Mismatch { .. })), "{size} {align}");
    }
    let mutex = untyped(12, 4, &[]).open(&name).unwrap();
    let mut guard = mutex.lock().unwrap();
    let mut bytes = [0; 12];
    guard.read_bytes(&mut bytes).unwrap();
    assert_eq!(bytes[8..], 3_u32.to_ne_bytes());
    guard.write_bytes(&9_u32.to_ne_bytes()).unwrap();
    assert!(matches!(guard.read_bytes(&mut [0; 13]), Err(Error::InvalidArgument { .. })));
    assert!(matches!(guard.write_bytes(&[0; 13]), Err(Error::InvalidArgument { .. })));
    drop(guard);
    assert_eq!(typed.lock().unwrap().get(), [9, 2, 3]);
}

#[test]
fn untyped_data_that_cannot_be_is_refused() {
    let name = name("untyped-wrong");
    for (size, align, initial) in
        [(8, 3, &[][..]), (8, 0, &[]), (8, 8_192, &[]), (u64::MAX, 1, &[]), (8, 8, &[0; 7])]
    {
        let refused = Mutex::<()>::options().untyped(size, align, initial).open(&name);
        assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{size} {align}");
    }
}

#[test]
fn kept_layers_are_given_back_one_by_one_by_their_thread() {
    let mutex = Arc::new(ReentrantMutex::open(&name("kept-layers")).unwrap());
    for depth in 1..=3 {
        mutex.lock().unwrap().keep();
        assert_eq!(mutex.depth(), depth);
    }
    let other = mutex.clone();
    joined(std::thread::spawn(move || {
        assert_eq!(other.depth(), 0);
        assert!(matches!(other.release(), Err(Error::NotOwner { .. })));
    }));
    for depth in [2, 1, 0] {
        assert!(mutex.is_locked());
        mutex.release().unwrap();
        assert_eq!(mutex.depth(), depth);
    }
    assert!(!mutex.is_locked());
    assert!(matches!(mutex.release(), Err(Error::NotOwner { .. })));
}

#[test]
fn kept_permits_are_given_back_once_each() {
    let semaphore = Arc::new(Semaphore::open(&name("kept-permits"), 4).unwrap());
    let permits = semaphore.acquire_many(3).unwrap();
    let indexes = permits.indexes().to_vec();
    permits.keep();
    assert_eq!(semaphore.available().unwrap(), 1);
    let waiter = {
        let semaphore = semaphore.clone();
        std::thread::spawn(move || semaphore.acquire_many(2).map(|permits| permits.count()))
    };
    for &index in &indexes {
        semaphore.release(index).unwrap();
    }
    assert_eq!(joined(waiter).unwrap(), 2);
    eventually("all are free", || semaphore.available().unwrap() == 4);
    for &index in &indexes {
        let Err(Error::NotOwner { holder: None, .. }) = semaphore.release(index) else {
            panic!("released twice")
        };
    }
    assert!(matches!(semaphore.release(4), Err(Error::InvalidArgument { .. })));
}

#[test]
fn at_once_takes_what_is_plainly_free_and_nothing_else() {
    let mutex = Arc::new(Mutex::<()>::open(&name("at-once")).unwrap());
    assert_eq!(mutex.last_acquired(), None);
    // A thread that is new here has no slot yet, and at once it gets none.
    assert!(mutex.try_lock_at_once().is_none());
    mutex.lock().unwrap().keep();
    assert!(mutex.last_acquired().is_some());
    assert!(mutex.try_lock_at_once().is_none());
    mutex.release().unwrap();
    mutex.try_lock_at_once().expect("free").keep();
    assert!(mutex.is_locked());
    mutex.release().unwrap();

    let layered = Arc::new(ReentrantMutex::open(&name("at-once-layers")).unwrap());
    layered.lock().unwrap().keep();
    layered.try_lock_at_once().expect("a layer more").keep();
    assert_eq!(layered.depth(), 2);
    let other = layered.clone();
    joined(std::thread::spawn(move || {
        assert!(other.try_lock_at_once().is_none());
        assert_eq!(other.depth(), 0);
    }));
    layered.release().unwrap();
    layered.release().unwrap();
    assert!(!layered.is_locked());

    let semaphore = Semaphore::open(&name("at-once-permits"), 1).unwrap();
    let permit = semaphore.try_acquire_at_once().expect("free");
    assert!(semaphore.try_acquire_at_once().is_none());
    drop(permit);
    assert_eq!(semaphore.available().unwrap(), 1);
}
