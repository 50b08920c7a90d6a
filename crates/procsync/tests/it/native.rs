//! The system's own named semaphores within one process: life cycle, registry, counts, errors. The
//! faults of the library before this one are tested by their marks, NF1 to NF20; docs/native.md has the
//! table.

use crate::support;
use procsync::native::{
    self, Counts, NativeOptions, NativeSemaphore, Observer, Status, Step, registered,
};
use procsync::{Error, Scope, inspect};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A name whose semaphore goes with this, whatever becomes of the test.
pub(crate) struct OwnName(pub(crate) String);

impl OwnName {
    pub(crate) fn new(label: &str) -> OwnName {
        OwnName(support::name(&format!("native-{label}")))
    }

    pub(crate) fn open(&self) -> NativeSemaphore {
        let semaphore = NativeSemaphore::instantiate(&self.0).unwrap();
        semaphore.open().unwrap();
        semaphore
    }

    /// What the system keeps of it.
    pub(crate) fn file(&self) -> std::path::PathBuf {
        format!("/dev/shm/sem.{}", self.0).into()
    }
}

impl Drop for OwnName {
    fn drop(&mut self) {
        let _ = native::unlink(&self.0, Scope::User);
    }
}

/// What one test leaves to be taken over, another one's reaping would give back.
static REAPING: std::sync::RwLock<()> = std::sync::RwLock::new(());

pub(crate) fn reap() -> Vec<inspect::Reaped> {
    let _alone = REAPING.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    inspect::reap(Scope::User).unwrap()
}

/// As long as the caller has this, none of these tests reaps.
pub(crate) fn unreaped() -> std::sync::RwLockReadGuard<'static, ()> {
    REAPING.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[track_caller]
fn out_of_order<T: std::fmt::Debug>(result: Result<T, Error>, step: Step, reason: &str) {
    match result {
        Err(Error::OutOfOrder { step: found, reason: why, .. }) => {
            assert_eq!(found, step);
            assert!(why.contains(reason), "{why}");
        }
        other => panic!("{step} is not refused: {other:?}"),
    }
}

#[test]
fn the_life_cycle_and_what_the_status_says() {
    let name = OwnName::new("life");
    let semaphore = NativeSemaphore::instantiate(&name.0).unwrap();
    assert_eq!(semaphore.status(), Status::default());
    assert!(semaphore.open().unwrap().created);
    let status = semaphore.status();
    assert!(status.opened && !status.locked && !status.closed);
    semaphore.lock().unwrap();
    assert!(semaphore.status().locked && !semaphore.status().reentrant);
    semaphore.lock().unwrap();
    assert!(semaphore.status().reentrant);
    semaphore.unlock().unwrap();
    semaphore.unlock().unwrap();
    assert!(!semaphore.status().locked);
    semaphore.close().unwrap();
    let status = semaphore.status();
    assert!(!status.opened && status.closed && !status.unlinked);
    assert!(name.file().exists());
    assert!(semaphore.unlink().unwrap());
    assert!(semaphore.status().unlinked);
    assert!(!name.file().exists());
}

#[test]
fn a_step_out_of_its_order_is_refused_and_loses_nothing() {
    let name = OwnName::new("order");
    let semaphore = NativeSemaphore::instantiate(&name.0).unwrap();
    out_of_order(semaphore.lock(), Step::Lock, "open");
    out_of_order(semaphore.try_lock(), Step::Lock, "open");
    out_of_order(semaphore.unlock(), Step::Unlock, "open");
    out_of_order(semaphore.close(), Step::Close, "open");
    out_of_order(semaphore.unlink(), Step::Unlink, "close");
    semaphore.open().unwrap();
    out_of_order(semaphore.open(), Step::Open, "already");
    out_of_order(semaphore.unlock(), Step::Unlock, "not locked");
    semaphore.lock().unwrap();
    out_of_order(semaphore.close(), Step::Close, "unlock it first");
    out_of_order(semaphore.unlink(), Step::Unlink, "close it first");
    assert_eq!(semaphore.counts(), Counts { depth: 1, process: 1 });
    assert_eq!(semaphore.value().unwrap(), Some(0));
    semaphore.unlock().unwrap();
    assert_eq!(semaphore.value().unwrap(), Some(1), "it was held all the time, and only once");
    semaphore.close().unwrap();
    out_of_order(semaphore.open(), Step::Open, "instantiate");
    out_of_order(semaphore.lock(), Step::Lock, "closed");
    semaphore.unlink().unwrap();
    out_of_order(semaphore.unlink(), Step::Unlink, "already");
}

/// N6, N10 and NF9: only the outermost unlock posts, and it always does.
#[test]
fn nf9_locked_to_depth_four_only_the_outermost_unlock_posts() {
    let name = OwnName::new("depth");
    let semaphore = name.open();
    for depth in 1..=4 {
        let locked = semaphore.lock().unwrap();
        assert_eq!((locked.depth.from, locked.depth.to), (depth - 1, depth));
        assert_eq!((locked.process.from, locked.process.to), (u32::from(depth > 1), 1));
        assert_eq!(semaphore.value().unwrap(), Some(0), "the system's count at depth {depth}");
    }
    for depth in (0..4).rev() {
        let unlocked = semaphore.unlock().unwrap();
        assert_eq!((unlocked.depth.from, unlocked.depth.to), (depth + 1, depth));
        assert_eq!((unlocked.process.from, unlocked.process.to), (1, u32::from(depth > 0)));
        assert_eq!(semaphore.value().unwrap(), Some(u32::from(depth == 0)), "at depth {depth}");
    }
    out_of_order(semaphore.unlock(), Step::Unlock, "not locked");
    assert_eq!(semaphore.value().unwrap(), Some(1));
}

/// NF1, both ways: registering another one under a taken name is an error, and the same one is none.
#[test]
fn nf1_one_instance_for_a_name_and_thread() {
    let name = OwnName::new("registry");
    let one = NativeSemaphore::instantiate(&name.0).unwrap();
    for prefix in ["", "/", "Global\\"] {
        let same = NativeSemaphore::instantiate(&format!("{prefix}{}", name.0)).unwrap();
        assert!(same.is_same(&one));
    }
    one.register().unwrap();
    let other = NativeOptions::new().unregistered(&name.0).unwrap();
    assert!(matches!(other.register(), Err(Error::NameTaken { .. })));
    assert!(registered(&name.0).unwrap().unwrap().is_same(&one), "the first one stays");
    // Other options than it has.
    for options in [
        NativeOptions::new().initial(2),
        NativeOptions::new().mode(0o600),
        NativeOptions::new().ledger(false),
    ] {
        let refused = options.instantiate(&name.0);
        assert!(matches!(refused, Err(Error::Mismatch { .. })), "{refused:?}");
    }
    // Another thread has its own.
    let theirs = name.0.clone();
    let thread = std::thread::spawn(move || registered(&theirs).unwrap().is_none());
    assert!(support::joined(thread));
    // Closed, it is done with, and the name free for the next one.
    one.open().unwrap();
    one.close().unwrap();
    assert!(registered(&name.0).unwrap().is_none());
    other.register().unwrap();
    assert!(NativeSemaphore::instantiate(&name.0).unwrap().is_same(&other));
    drop(other);
    assert!(registered(&name.0).unwrap().is_none(), "it lives as long as a handle of it");
}

/// NF2, NF4 and NF11: what is not set yet is told by its type, and what is set stays.
#[test]
fn nf2_nf4_nf11_the_identity_says_what_is_known_and_keeps_it() {
    let name = OwnName::new("identity");
    let semaphore = NativeSemaphore::instantiate(&name.0).unwrap();
    let before = semaphore.identity();
    assert_eq!((before.address, &before.name), (None, &name.0));
    assert_eq!(before.process, std::process::id());
    assert_eq!(before.uuid, format!("{}:{}:{}", name.0, before.thread, before.process));
    semaphore.open().unwrap();
    let address = semaphore.identity().address;
    assert!(address.is_some_and(|address| address != 0));
    semaphore.close().unwrap();
    assert_eq!(semaphore.identity().address, address, "never reassigned");
    let theirs = name.0.clone();
    let thread =
        std::thread::spawn(move || NativeSemaphore::instantiate(&theirs).unwrap().identity().uuid);
    assert_ne!(support::joined(thread), before.uuid);
}

/// NF3: whatever it tells, it tells without failing; and what it tells is each step with its counts.
#[test]
fn nf3_an_observer_is_told_of_each_step_and_may_call_back() {
    #[derive(Default)]
    struct Diary(RefCell<Vec<String>>);
    impl Observer for Diary {
        fn will_attempt(&self, step: Step, semaphore: &NativeSemaphore) {
            self.0.borrow_mut().push(format!("{step}? {}", semaphore.depth()));
        }
        fn succeeded(&self, step: Step, semaphore: &NativeSemaphore) {
            self.0.borrow_mut().push(format!("{step}! {}", semaphore.depth()));
            // Unobserved, else this would not end.
            if step == Step::Lock && semaphore.depth() == 1 {
                assert_eq!(semaphore.lock().unwrap().depth.to, 2);
                assert_eq!(semaphore.unlock().unwrap().depth.to, 1);
                assert!(matches!(semaphore.close(), Err(Error::OutOfOrder { .. })));
            }
        }
        fn failed(&self, step: Step, _semaphore: &NativeSemaphore, error: &Error) {
            self.0.borrow_mut().push(format!("{step}: {error}"));
        }
    }
    let name = OwnName::new("observer");
    let diary = Rc::new(Diary::default());
    let semaphore = NativeOptions::new().observer(diary.clone()).instantiate(&name.0).unwrap();
    semaphore.open().unwrap();
    semaphore.lock().unwrap();
    semaphore.unlock().unwrap();
    assert!(semaphore.unlock().is_err());
    semaphore.close().unwrap();
    semaphore.unlink().unwrap();
    let refused = format!("unlock: native semaphore {:?}: cannot unlock: it is not locked", name.0);
    assert_eq!(
        *diary.0.borrow(),
        [
            "open? 0",
            "open! 0",
            "lock? 0",
            "lock! 1",
            "unlock? 1",
            "unlock! 0",
            "unlock? 0",
            &refused,
            "close? 0",
            "close! 0",
            "unlink? 0",
            "unlink! 0"
        ]
    );
}

/// An observer that does everything at the wrong moment gets errors or what it wants, and no panic.
#[test]
fn an_observer_that_closes_under_way_breaks_nothing() {
    struct Closer;
    impl Observer for Closer {
        fn will_attempt(&self, step: Step, semaphore: &NativeSemaphore) {
            if step == Step::Lock {
                semaphore.close().unwrap();
                semaphore.observe(Rc::new(Closer));
            }
        }
    }
    let name = OwnName::new("closer");
    let semaphore = NativeOptions::new().observer(Rc::new(Closer)).instantiate(&name.0).unwrap();
    semaphore.open().unwrap();
    out_of_order(semaphore.lock(), Step::Lock, "closed");
    assert!(semaphore.unlink().unwrap());
}

/// NF7 and N8: the system's answer is read, named, explained.
#[test]
fn nf7_a_refused_call_names_call_number_and_meaning() {
    let name = OwnName::new("limit");
    let semaphore = NativeOptions::new().initial(i32::MAX as u32).instantiate(&name.0).unwrap();
    semaphore.open().unwrap();
    semaphore.lock().unwrap();
    // A stranger posts: then there is no room for what is held.
    let stranger = NativeOptions::new().ledger(false).unregistered(&name.0).unwrap();
    stranger.open().unwrap();
    let c_name = std::ffi::CString::new(format!("/{}", name.0)).unwrap();
    crate::native_interop::post(&c_name);
    let refused = semaphore.unlock().unwrap_err();
    let text = refused.to_string();
    assert!(matches!(
        refused,
        Error::NativeCall { call: "sem_post", code: libc::EOVERFLOW, code_name: "EOVERFLOW", .. }
    ));
    assert!(text.contains("sem_post failed: EOVERFLOW (75): Value too large"), "{text}");
    assert_eq!(semaphore.counts(), Counts { depth: 1, process: 1 }, "it is held as before");
    assert_eq!(semaphore.accounts().unwrap().unwrap().held, 1);
    // One is taken, and it works.
    assert!(stranger.try_lock().unwrap().is_some());
    semaphore.unlock().unwrap();
    assert_eq!(semaphore.accounts().unwrap().unwrap().held, 0);
}

#[test]
fn initial_counts_above_one_and_what_is_there_keeps_its_count() {
    let name = OwnName::new("three");
    let three = NativeOptions::new().initial(3).instantiate(&name.0).unwrap();
    assert!(three.open().unwrap().created);
    let others: Vec<_> = (0..3)
        .map(|_| {
            // As others would: with a count that does not matter any more.
            let other = NativeOptions::new().unregistered(&name.0).unwrap();
            assert!(!other.open().unwrap().created);
            other
        })
        .collect();
    // One thread is one participant, but each instance has a line of its own.
    assert!(others.iter().all(|other| other.try_lock().unwrap().is_some()));
    assert!(three.try_lock().unwrap().is_none());
    let accounts = three.accounts().unwrap().unwrap();
    assert_eq!((accounts.capacity, accounts.free, accounts.held), (Some(3), Some(0), 3));
    assert_eq!(accounts.unknown, Some(0));
    for other in &others {
        other.unlock().unwrap();
    }
    assert_eq!(three.value().unwrap(), Some(3));
    assert!(NativeOptions::new().initial(1 << 31).instantiate("too-many").is_err());
}

#[test]
fn a_wait_ends_at_its_deadline_and_names_the_holder() {
    let name = OwnName::new("deadline");
    let holder = name.open();
    holder.lock().unwrap();
    for ledger in [true, false] {
        let waiter = NativeOptions::new().ledger(ledger).unregistered(&name.0).unwrap();
        waiter.open().unwrap();
        for wait in [Duration::ZERO, Duration::from_millis(30)] {
            let began = Instant::now();
            let Err(Error::TimedOut { holder, waited, .. }) = waiter.lock_for(wait) else {
                panic!("it is held");
            };
            assert!(began.elapsed() >= wait && waited >= wait);
            assert_eq!(holder.map(|holder| holder.pid), ledger.then_some(std::process::id()));
            assert!(waiter.lock_until(began).is_err());
        }
        assert_eq!(waiter.counts(), Counts::default());
    }
    holder.unlock().unwrap();
    assert_eq!(holder.value().unwrap(), Some(1), "who gave up has taken nothing");
    assert_eq!(holder.accounts().unwrap().unwrap().doubtful, 0);
}

#[test]
fn a_thread_waits_for_a_thread_and_one_that_ends_holding_is_named() {
    let name = OwnName::new("threads");
    let here = name.open();
    here.lock().unwrap();
    let theirs = name.0.clone();
    let thread = std::thread::spawn(move || {
        let there = NativeSemaphore::instantiate(&theirs).unwrap();
        assert!(!there.open().unwrap().created);
        let locked = there.lock().unwrap();
        assert_eq!((locked.depth.to, locked.abandoned), (1, None));
        // And it ends holding.
        there.identity().thread
    });
    support::eventually("the other one waits", || support::waiters(&name.0) == 1);
    here.unlock().unwrap();
    let thread = support::joined(thread);
    let locked = here.lock().unwrap();
    assert_eq!(locked.abandoned.map(|dead| dead.tid), Some(thread));
    here.unlock().unwrap();
    assert_eq!(here.value().unwrap(), Some(1));
    assert!(here.lock().unwrap().abandoned.is_none(), "told once");
    here.unlock().unwrap();
}

#[test]
fn an_instance_dropped_while_locked_leaves_its_unit_to_the_next() {
    let _unreaped = unreaped();
    let name = OwnName::new("dropped");
    let semaphore = name.open();
    let other = NativeOptions::new().unregistered(&name.0).unwrap();
    other.open().unwrap();
    semaphore.lock().unwrap();
    semaphore.lock().unwrap();
    drop(semaphore);
    assert_eq!(other.value().unwrap(), Some(0), "not given back to the system");
    assert_eq!(other.accounts().unwrap().unwrap().abandoned, 1);
    let locked = other.try_lock().unwrap().unwrap();
    assert_eq!(locked.abandoned.unwrap().pid, std::process::id());
    other.unlock().unwrap();
    assert_eq!(other.value().unwrap(), Some(1));
}

#[test]
fn what_the_dead_held_is_given_back_to_strangers_by_reap_only() {
    let name = OwnName::new("reap");
    let semaphore = name.open();
    semaphore.lock().unwrap();
    drop(semaphore);
    let bare = NativeOptions::new().ledger(false).unregistered(&name.0).unwrap();
    bare.open().unwrap();
    assert!(bare.try_lock().unwrap().is_none());
    let seen = inspect::show(&name.0, Scope::User).unwrap();
    assert_eq!(seen.kind, procsync::Kind::Native);
    assert_eq!(seen.name.as_str(), name.0);
    let inspect::State::Native(accounts) = seen.state else { panic!("{:?}", seen.state) };
    assert_eq!((accounts.free, accounts.abandoned, accounts.unknown), (Some(0), 1, Some(0)));
    let reaped = reap();
    assert!(
        reaped.iter().any(|one| matches!(one,
            inspect::Reaped::Recovered(object, 1) if object.name == name.0)),
        "{reaped:?}"
    );
    assert!(bare.try_lock().unwrap().is_some());
    bare.unlock().unwrap();
    assert_eq!(bare.value().unwrap(), Some(1), "once");
}

#[test]
fn a_ledger_goes_with_its_semaphore() {
    let name = OwnName::new("gone");
    let semaphore = name.open();
    let path = inspect::show(&name.0, Scope::User).unwrap().path;
    semaphore.close().unwrap();
    assert!(path.exists(), "both stay");
    assert!(semaphore.unlink().unwrap());
    assert!(!path.exists() && !name.file().exists());
    assert!(!native::unlink(&name.0, Scope::User).unwrap(), "there is none any more");
    // Unlinked by somebody who does not know of ledgers.
    let again = name.open();
    let path = inspect::show(&name.0, Scope::User).unwrap().path;
    std::fs::remove_file(name.file()).unwrap();
    let newer = NativeOptions::new().unregistered(&name.0).unwrap();
    assert!(newer.open().unwrap().created, "another semaphore of this name");
    again.lock().unwrap();
    assert!(newer.try_lock().unwrap().is_some(), "which knows nothing of the old one");
    assert_eq!(newer.accounts().unwrap().unwrap().held, 1);
    newer.unlock().unwrap();
    again.unlock().unwrap();
    again.close().unwrap();
    assert!(path.exists());
    let reaped = reap();
    assert!(
        reaped
            .iter()
            .any(|one| matches!(one, inspect::Reaped::Removed(object) if object.name == name.0))
    );
    assert!(!path.exists());
    assert_eq!(newer.accounts().unwrap().unwrap().free, Some(1), "the newer one's is another");
}

#[test]
fn names_that_no_object_of_ours_can_have_are_listed() {
    let name = OwnName(format!("größe {}", support::name("native-umlaut")));
    let semaphore = name.open();
    semaphore.lock().unwrap();
    let all = inspect::list(Scope::User).unwrap();
    let seen = all.iter().flatten().find(|seen| seen.name.as_str() == name.0).unwrap();
    assert_eq!(seen.holders[0].pid, std::process::id());
    assert_eq!(seen.object().to_string(), format!("native semaphore {:?}", name.0));
    // The longest name, longer than a file's with a prefix would be.
    let longest = OwnName(format!("{:x<251}", support::name("native-long")));
    let long = longest.open();
    long.lock().unwrap();
    long.unlock().unwrap();
}

#[test]
fn without_a_ledger_there_is_none_and_where_none_can_be_kept_it_says_so() {
    let name = OwnName::new("bare");
    let bare = NativeOptions::new().ledger(false).instantiate(&name.0).unwrap();
    bare.open().unwrap();
    bare.lock().unwrap();
    assert_eq!(bare.accounts().unwrap(), None);
    assert!(inspect::show(&name.0, Scope::User).is_err());
    bare.unlock().unwrap();
    // Somebody made a directory where the ledger is to be.
    let probe = NativeOptions::new().unregistered(&name.0).unwrap();
    probe.open().unwrap();
    let path = inspect::show(&name.0, Scope::User).unwrap().path;
    drop(probe);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let refused = NativeOptions::new().unregistered(&name.0).unwrap().open().unwrap_err();
    assert!(matches!(refused, Error::NoLedger { .. }), "{refused:?}");
    assert!(refused.to_string().contains("ledger(false)"), "{refused}");
    std::fs::remove_dir(&path).unwrap();
}

/// NF8: what is closed is closed, with everything that it needed, also if it is never unlinked.
#[test]
fn nf8_closing_without_unlinking_leaves_nothing_in_the_process() {
    let name = OwnName::new("leak");
    let path = {
        let _open = name.open();
        inspect::show(&name.0, Scope::User).unwrap().path.display().to_string()
    };
    for drop_only in [true, false] {
        let semaphore = name.open();
        semaphore.lock().unwrap();
        semaphore.unlock().unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.contains(&name.0) && maps.contains(&path), "both are mapped");
        if !drop_only {
            semaphore.close().unwrap();
        }
        drop(semaphore);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains(&name.0) && !maps.contains(&path), "{maps}");
        let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let open = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        assert!(!open.into_iter().any(|file| file.display().to_string().contains(&path)));
    }
    assert!(name.file().exists());
}

/// Who is asked during a wait whether to go on may use the semaphore that is waited for.
#[test]
fn a_semaphore_may_be_used_while_it_is_waited_for() {
    thread_local! {
        static WHICH: RefCell<Option<NativeSemaphore>> = const { RefCell::new(None) };
    }
    let name = OwnName::new("within");
    let holder = NativeOptions::new().unregistered(&name.0).unwrap();
    holder.open().unwrap();
    holder.lock().unwrap();
    let waiter = name.open();
    WHICH.set(Some(waiter.clone()));
    fn close_it() -> bool {
        // Once; then it goes on waiting.
        if let Some(which) = WHICH.take() {
            assert!(which.try_lock().unwrap().is_none());
            which.close().unwrap();
        }
        false
    }
    let waited = procsync::interruptible(close_it, || waiter.lock_for(Duration::from_millis(60)));
    assert!(matches!(waited, Err(Error::TimedOut { .. })), "{waited:?}");
    holder.unlock().unwrap();
    assert_eq!(holder.value().unwrap(), Some(1));
    assert!(waiter.status().closed);
}

/// The ledger is memory that others can write: whatever they write there, this process gets errors at
/// worst, and in time.
#[test]
fn whatever_lies_in_a_ledger_is_an_error_at_worst() {
    use std::os::unix::fs::FileExt;
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for _ in 0..150 {
        let name = OwnName::new("hostile");
        let options = NativeOptions::new().participants(8);
        let semaphore = options.instantiate(&name.0).unwrap();
        semaphore.open().unwrap();
        if next() % 2 == 0 {
            semaphore.lock().unwrap();
        }
        let path = inspect::show(&name.0, Scope::User).unwrap().path;
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        // Anything but the header, which is read once: hot line, records, slots, lines, data.
        for _ in 0..1 + next() % 40 {
            let at = 64 + next() % (192 + 8 * 64 + 8 * 32);
            let byte = if next() % 3 == 0 { 0xff } else { next() as u8 };
            file.write_all_at(&[byte], at).unwrap();
        }
        // What it is about, too.
        file.write_all_at(&next().to_ne_bytes(), 4_096 + next() % 32).unwrap();
        let began = Instant::now();
        let _ = semaphore.try_lock();
        let _ = semaphore.lock_for(Duration::from_millis(3));
        let _ = semaphore.accounts();
        let _ = semaphore.holders();
        let _ = semaphore.unlock();
        let _ = inspect::show(&name.0, Scope::User);
        let _ = semaphore.reap();
        let _ = semaphore.try_lock();
        drop(semaphore);
        assert!(began.elapsed() < Duration::from_secs(20));
        let _ = std::fs::remove_file(path);
    }
    reap();
}

#[test]
fn nothing_is_missing_and_nothing_is_posted() {
    let name = OwnName::new("settled");
    let semaphore = name.open();
    assert_eq!(semaphore.post_doubtful().unwrap(), 0);
    semaphore.lock().unwrap();
    assert_eq!(semaphore.post_doubtful().unwrap(), 0, "held, by one who is known");
    assert_eq!(native::post_doubtful(&name.0, Scope::User).unwrap(), 0);
    semaphore.unlock().unwrap();
    assert_eq!(semaphore.value().unwrap(), Some(1));
    assert_eq!(native::post_doubtful("no such semaphore", Scope::User).unwrap(), 0);
}
