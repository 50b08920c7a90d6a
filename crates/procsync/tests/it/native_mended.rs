//! Faults of the system's semaphores and their ledgers that a review found: each must not come back.

use crate::child::{Helper, Role};
use crate::native::OwnName;
use crate::support::{eventually, joined, waiters};
use procsync::native::{NativeOptions, NativeSemaphore};
use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// An instance that is not registered, so that one thread may have several.
fn open(options: &NativeOptions, name: &OwnName) -> NativeSemaphore {
    let semaphore = options.unregistered(&name.0).unwrap();
    semaphore.open().unwrap();
    semaphore
}

/// Role: waits, to be killed in it. Arguments: name, initial count, participants.
pub(crate) fn wait(role: &mut Role) {
    let options = NativeOptions::new().initial(role.number(1)).participants(role.number(2));
    let semaphore = options.instantiate(role.argument(0)).expect("a good name");
    semaphore.open().expect("it opens");
    role.say("open");
    let answer = semaphore.lock();
    role.say(&format!("{:?}", answer.map(|locked| locked.depth.to)));
    role.hear();
}

/// One who waits now.
fn waiting(name: &OwnName, initial: u32, participants: u32) -> Helper {
    let arguments = [&name.0, &initial.to_string(), &participants.to_string()];
    let before = waiters(&name.0);
    let mut helper = Helper::start("native-wait", &arguments.map(|one| one.as_str()));
    assert_eq!(helper.hear(), "open");
    eventually("it waits", || waiters(&name.0) == before + 1);
    helper
}

/// Goes after its thread's slots, as it was made before them.
struct Late {
    over: Sender<()>,
    go_on: Receiver<()>,
    unlock: bool,
    semaphore: Option<NativeSemaphore>,
}

impl Drop for Late {
    fn drop(&mut self) {
        self.over.send(()).unwrap();
        self.go_on.recv().unwrap();
        let semaphore = self.semaphore.take().unwrap();
        if self.unlock {
            assert!(semaphore.unlock().is_err(), "it lost its unit when the thread's slot went");
        }
    }
}

#[test]
fn who_unlocks_or_drops_after_its_slot_went_takes_nothing_from_the_next_one() {
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    for unlock in [true, false] {
        let name = OwnName::new("late");
        let here = name.open();
        let ((over, is_over), (go, go_on)) = (channel(), channel());
        let theirs = name.0.clone();
        let late = std::thread::spawn(move || {
            LATE.set(Some(Late { over, go_on, unlock, semaphore: None }));
            let semaphore = NativeSemaphore::instantiate(&theirs).unwrap();
            semaphore.open().unwrap();
            semaphore.lock().unwrap();
            LATE.with_borrow_mut(|late| late.as_mut().unwrap().semaphore = Some(semaphore));
        });
        is_over.recv().unwrap();
        let theirs = name.0.clone();
        let ((got, is_got), (end, is_end)) = (channel(), channel::<()>());
        let next = std::thread::spawn(move || {
            let semaphore = NativeSemaphore::instantiate(&theirs).unwrap();
            semaphore.open().unwrap();
            got.send(semaphore.lock().unwrap().abandoned.is_some()).unwrap();
            let _ = is_end.recv();
            semaphore.unlock().unwrap();
        });
        assert!(is_got.recv().unwrap(), "it is told that the first one ended");
        go.send(()).unwrap();
        joined(late);
        assert!(here.try_lock().unwrap().is_none(), "the other thread is inside");
        drop(end);
        joined(next);
        assert_eq!(here.value().unwrap(), Some(1));
    }
}

#[test]
fn where_all_lines_are_abandoned_they_are_adopted() {
    const UNITS: u32 = 4;
    let name = OwnName::new("all-abandoned");
    let options = NativeOptions::new().initial(UNITS).participants(UNITS);
    let here = open(&options, &name);
    for _ in 0..UNITS {
        let (options, theirs) =
            (NativeOptions::new().initial(UNITS).participants(UNITS), name.0.clone());
        joined(std::thread::spawn(move || {
            let semaphore = options.unregistered(&theirs).unwrap();
            semaphore.open().unwrap();
            // Those before ended, and what they had is not asked for as long as some are free.
            assert!(semaphore.lock().unwrap().abandoned.is_none());
        }));
    }
    assert_eq!(here.accounts().unwrap().unwrap().abandoned, UNITS);
    assert!(here.try_lock().unwrap().unwrap().abandoned.is_some());
    here.unlock().unwrap();
    let again = open(&options, &name);
    assert!(again.lock_for(Duration::from_secs(5)).is_ok());
    again.unlock().unwrap();
}

#[test]
fn where_all_lines_are_doubtful_what_is_free_can_be_taken() {
    const UNITS: u32 = 4;
    let name = OwnName::new("all-doubtful");
    let stranger = NativeOptions::new().initial(UNITS).ledger(false);
    let strangers: Vec<_> = (0..UNITS).map(|_| open(&stranger, &name)).collect();
    strangers.iter().for_each(|stranger| assert!(stranger.try_lock().unwrap().is_some()));
    for _ in 0..=UNITS {
        waiting(&name, UNITS, UNITS).kill();
    }
    strangers.iter().for_each(|stranger| drop(stranger.unlock().unwrap()));
    let here = open(&NativeOptions::new().initial(UNITS).participants(UNITS), &name);
    assert!(here.try_lock().unwrap().is_some());
    here.unlock().unwrap();
    assert!(here.lock_for(Duration::from_secs(5)).is_ok());
    here.unlock().unwrap();
    assert_eq!(here.value().unwrap(), Some(UNITS));
}
