//! Faults of the system's semaphores and their ledgers that a review found: each must not come back.

#![allow(unsafe_code)] // fork

use crate::child::{Helper, Role};
use crate::fork::forked;
use crate::native::{OwnName, reap, unreaped};
use crate::support::{eventually, joined, skip, waiters};
use procsync::native::{NativeOptions, NativeSemaphore};
use procsync::{Error, Scope, inspect};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
    let _unreaped = unreaped();
    let name = OwnName::new("all-abandoned");
    let options = NativeOptions::new().initial(UNITS).participants(UNITS);
    let here = open(&options, &name);
    for _ in 0..UNITS {
        let theirs = name.0.clone();
        joined(std::thread::spawn(move || {
            let options = NativeOptions::new().initial(UNITS).participants(UNITS);
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
    for stranger in &strangers {
        stranger.unlock().unwrap();
    }
    let here = open(&NativeOptions::new().initial(UNITS).participants(UNITS), &name);
    assert!(here.try_lock().unwrap().is_some());
    here.unlock().unwrap();
    assert!(here.lock_for(Duration::from_secs(5)).is_ok());
    here.unlock().unwrap();
    assert_eq!(here.value().unwrap(), Some(UNITS));
}

/// Made by a program that tells nobody with how many units.
fn made_by_a_stranger(name: &OwnName, units: u32) -> NativeSemaphore {
    open(&NativeOptions::new().initial(units).ledger(false), name)
}

#[test]
fn how_many_units_a_strangers_semaphore_has_is_not_guessed() {
    let name = OwnName::new("unknown-units");
    let stranger = made_by_a_stranger(&name, 1);
    let here = open(&NativeOptions::new().initial(3), &name);
    assert_eq!(here.accounts().unwrap().unwrap().capacity, None);
    assert_eq!(here.post_doubtful().unwrap(), 0, "nobody died");
    assert!(stranger.try_lock().unwrap().is_some());
    assert_eq!(here.post_doubtful().unwrap(), 0, "nobody died");
    for _ in 0..3 {
        waiting(&name, 3, 1_024).kill();
    }
    stranger.unlock().unwrap();
    here.lock().unwrap();
    let accounts = here.accounts().unwrap().unwrap();
    assert_eq!((accounts.held, accounts.doubtful), (1, 3), "who has one cannot know of others");
    assert_eq!(here.post_doubtful().unwrap(), 0, "one is held, so nothing is known to be missing");
    here.unlock().unwrap();
    assert_eq!(here.post_doubtful().unwrap(), 0);
    assert_eq!(here.value().unwrap(), Some(1));
    // One is gone, and of that much is told by nobody having any.
    assert!(stranger.try_lock().unwrap().is_some());
    assert_eq!(here.post_doubtful().unwrap(), 1, "for one of the doubts");
    assert_eq!(here.post_doubtful().unwrap(), 0);
    assert_eq!((here.value().unwrap(), here.accounts().unwrap().unwrap().doubtful), (Some(1), 2));
}

#[test]
fn who_makes_a_semaphore_tells_the_others_how_many_units_it_has() {
    let name = OwnName::new("known-units");
    let maker = open(&NativeOptions::new().initial(3), &name);
    let other = open(&NativeOptions::new(), &name);
    assert_eq!(other.accounts().unwrap().unwrap().capacity, Some(3));
    drop(maker);
    drop(other);
    let later = open(&NativeOptions::new().initial(7), &name);
    assert_eq!(later.accounts().unwrap().unwrap().capacity, Some(3));
}

/// How a program is run with a `/dev/shm` of its own and another directory for ledgers.
fn other_shm(directory: &std::path::Path) -> Result<Vec<String>, String> {
    let script = "mount -t tmpfs none /dev/shm && PROCSYNC_DIR=$0 exec \"$@\"";
    let program = ["unshare", "--mount", "sh", "-c", script, &directory.display().to_string()];
    match std::process::Command::new(program[0]).args(&program[1..]).arg("true").output() {
        Ok(output) if output.status.success() => Ok(program.map(str::to_owned).to_vec()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("unshare: {error}")),
    }
}

fn start_by(program: &[String], role: &str, name: &OwnName) -> Helper {
    let program: Vec<&str> = program.iter().map(String::as_str).collect();
    let mut helper = Helper::start_by(&program, role, &[&name.0, "1"]);
    assert_eq!(helper.hear(), "open");
    helper
}

/// A new `/dev/shm` (the machine was started again) gives the numbers of the old one once more.
#[test]
fn a_semaphore_with_the_number_of_one_before_is_another_one() {
    let name = OwnName::new("number-again");
    let directory = tempfile::tempdir().unwrap();
    let program = match other_shm(directory.path()) {
        Ok(program) => program,
        Err(why) => {
            return skip(
                "native_mended::a_semaphore_with_the_number_of_one_before_is_another_one",
                &why,
            );
        }
    };
    for _ in 0..3 {
        let mut user = start_by(&program, "native-user", &name);
        assert_eq!(user.ask("accounts"), "1 of 1 free", "the dead one's is of another semaphore");
        assert_eq!(user.ask("lock"), "locked 0");
        user.kill();
    }
}

/// Two containers with one directory for ledgers: what one finds of the other's `/dev/shm` is not its own.
#[test]
fn reap_leaves_the_ledgers_of_another_containers_semaphores() {
    let name = OwnName::new("two-containers");
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = match other_shm(directory.path()) {
        Ok(program) => program,
        Err(why) => {
            return skip(
                "native_mended::reap_leaves_the_ledgers_of_another_containers_semaphores",
                &why,
            );
        }
    };
    let here = ["env".to_owned(), format!("PROCSYNC_DIR={}", directory.path().display())];
    let mut holder = start_by(&here, "native-user", &name);
    assert_eq!(holder.ask("lock"), "locked 0");
    holder.kill();
    let mut reaper = start_by(&elsewhere, "native-user", &name);
    assert_eq!(reaper.ask("reap"), "0 removed");
    reaper.finish();
    let mut next = start_by(&here, "native-user", &name);
    assert_eq!(next.ask("lock"), format!("locked {}", holder.pid()));
    assert_eq!(next.ask("unlock"), "unlocked");
    next.finish();
}

/// Role: unlinks what it has open, locks it, and forks a child that waits for its end and then locks.
/// Arguments: name, "dies" or "leaves".
pub(crate) fn found_an_orphan(role: &mut Role) {
    let semaphore = NativeOptions::new().unregistered(role.argument(0)).expect("a good name");
    semaphore.open().expect("it opens");
    assert!(procsync::native::unlink(role.argument(0), Scope::User).expect("it is there"));
    semaphore.lock().expect("it is free");
    let parent = std::process::id();
    forked(|| {
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(Duration::from_millis(1));
        }
        let locked = semaphore.lock_for(Duration::from_secs(10));
        let dead = locked.map(|locked| locked.abandoned.map_or(0, |dead| dead.pid));
        role.say(&format!("{:?}", dead.map_err(|error| error.to_string())));
    });
    role.say(&parent.to_string());
    if role.argument(1) == "leaves" {
        drop(semaphore);
        role.hear();
        return;
    }
    role.hear();
}

#[test]
fn a_forked_child_of_an_unlinked_semaphore_gets_what_its_dead_parent_held() {
    for end in ["dies", "leaves"] {
        for reaped in [false, true] {
            let name = OwnName::new("orphan");
            let mut parent = Helper::start("native-found-an-orphan", &[&name.0, end]);
            let pid = parent.hear();
            if reaped && end == "leaves" {
                reap();
            }
            parent.kill();
            if reaped {
                reap();
            }
            assert_eq!(parent.hear(), format!("Ok({pid})"), "{end}, reaped: {reaped}");
        }
    }
}

/// And once nobody has the semaphore any more, its ledger goes.
#[test]
fn reap_removes_an_unlinked_semaphores_ledger_when_nobody_has_it() {
    let name = OwnName::new("nobody");
    let mut holder = crate::native_kill::start(&name);
    let path = inspect::show(&name.0, Scope::User).unwrap().path;
    assert_eq!(holder.ask("lock"), "locked 0");
    assert!(procsync::native::unlink(&name.0, Scope::User).unwrap());
    reap();
    assert!(path.exists(), "it is in use");
    holder.kill();
    eventually("it is removed", || {
        let reaped = reap();
        let removed = reaped
            .iter()
            .any(|one| matches!(one, inspect::Reaped::Removed(object) if object.name == name.0));
        // Other tests reap too.
        assert!(!removed || !path.exists());
        !path.exists()
    });
}

#[test]
fn reap_waits_for_nobody_who_is_stopped() {
    let name = OwnName::new("reap-stopped");
    let two = NativeOptions::new().initial(2);
    let (one, other) = (open(&two, &name), open(&two, &name));
    one.lock().unwrap();
    other.lock().unwrap();
    let (mut killed, stopped) = (waiting(&name, 2, 1_024), waiting(&name, 2, 1_024));
    stopped.stop();
    killed.kill();
    one.unlock().unwrap();
    other.unlock().unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            reap();
            over.store(true, Ordering::Relaxed);
        });
        // Nothing is shut meanwhile.
        while !over.load(Ordering::Relaxed) {
            assert!(one.try_lock().unwrap().is_some());
            one.unlock().unwrap();
        }
    });
    assert!(
        matches!(one.post_doubtful(), Err(Error::Busy { .. })),
        "one is in the middle of taking"
    );
}

#[test]
fn one_who_is_stopped_while_it_settles_stops_nobody_for_long() {
    let name = OwnName::new("settler-stopped");
    let two = NativeOptions::new().initial(2);
    let (one, other) = (open(&two, &name), open(&two, &name));
    one.lock().unwrap();
    other.lock().unwrap();
    let mut waiter = waiting(&name, 2, 1_024);
    waiter.stop();
    let mut settler = Helper::start("native-user", &[&name.0, "2"]);
    assert_eq!(settler.hear(), "open");
    settler.tell("post doubtful");
    // It has shut the gate, as nobody gets in.
    one.unlock().unwrap();
    eventually("the gate is shut", || match one.try_lock().unwrap() {
        Some(_) => {
            one.unlock().unwrap();
            false
        }
        None => true,
    });
    settler.stop();
    waiter.kill();
    one.lock_for(Duration::from_secs(10)).unwrap();
    assert_eq!(one.post_doubtful().unwrap(), 0, "and others may settle");
    settler.signal(libc::SIGCONT);
    let answer = settler.hear();
    assert!(answer == "0" || answer.starts_with("error"), "{answer}");
    one.unlock().unwrap();
    other.unlock().unwrap();
    assert_eq!(one.value().unwrap(), Some(2));
}

thread_local! {
    static WHICH: RefCell<Option<(NativeSemaphore, Sender<()>)>> = const { RefCell::new(None) };
}

/// Asked whether to go on: locks what is waited for, once.
fn lock_it() -> bool {
    if let Some((which, asked)) = WHICH.take() {
        asked.send(()).unwrap();
        assert_eq!(which.lock_for(Duration::from_secs(10)).unwrap().depth.to, 1);
    }
    false
}

#[test]
fn who_locks_within_its_own_wait_does_not_wait_for_itself() {
    for ledger in [true, false] {
        let name = OwnName::new("within-itself");
        let options = NativeOptions::new().ledger(ledger);
        let holder = open(&options, &name);
        holder.lock().unwrap();
        let theirs = name.0.clone();
        let (asked, is_asked) = channel();
        let waiter = std::thread::spawn(move || {
            let semaphore = NativeOptions::new().ledger(ledger).unregistered(&theirs).unwrap();
            semaphore.open().unwrap();
            WHICH.set(Some((semaphore.clone(), asked)));
            let outer =
                procsync::interruptible(lock_it, || semaphore.lock_for(Duration::from_secs(20)));
            assert_eq!(outer.unwrap().depth.to, 2);
            semaphore.unlock().unwrap();
            semaphore.unlock().unwrap();
        });
        is_asked.recv().unwrap();
        holder.unlock().unwrap();
        joined(waiter);
        assert_eq!(holder.value().unwrap(), Some(1));
        if ledger {
            let accounts = holder.accounts().unwrap().unwrap();
            assert_eq!((accounts.held, accounts.doubtful), (0, 0));
        }
    }
}

/// Role: waits and forks in the wait; the parent gives up. Argument: the name.
pub(crate) fn fork_within(role: &mut Role) {
    static PARENT: AtomicU32 = AtomicU32::new(0);
    static FORKED: AtomicBool = AtomicBool::new(false);
    /// Asked whether to go on: forks, once. The child wants to go on.
    fn fork_once() -> bool {
        if !FORKED.swap(true, Ordering::SeqCst) {
            // SAFETY: the child uses what a program that forks may use with glibc.
            assert!(unsafe { libc::fork() } >= 0);
        }
        PARENT.load(Ordering::SeqCst) == std::process::id()
    }
    PARENT.store(std::process::id(), Ordering::SeqCst);
    let semaphore = NativeOptions::new().unregistered(role.argument(0)).expect("a good name");
    semaphore.open().expect("it opens");
    let outcome = procsync::interruptible(fork_once, || semaphore.lock());
    let is_parent = PARENT.load(Ordering::SeqCst) == std::process::id();
    assert!(matches!(outcome, Err(Error::Interrupted { .. })), "{outcome:?}");
    if is_parent {
        role.say("parent: interrupted");
        role.hear();
        return;
    }
    // It can be used by the child like any other.
    let dead = semaphore.lock_for(Duration::from_secs(20)).expect("it comes free").abandoned;
    assert!(dead.is_none());
    let holders = semaphore.holders().expect("a good ledger");
    let mine = holders.iter().all(|holder| holder.pid == std::process::id());
    semaphore.unlock().expect("it is held");
    role.say(&format!("child: interrupted, then inside by its own name: {mine}"));
    std::process::exit(0);
}

#[test]
fn a_child_that_is_forked_within_a_wait_does_not_go_on_in_its_parents_name() {
    let name = OwnName::new("fork-within");
    let holder = name.open();
    holder.lock().unwrap();
    let mut helper = Helper::start("native-fork-within", &[&name.0]);
    assert_eq!(helper.hear(), "parent: interrupted");
    holder.unlock().unwrap();
    assert_eq!(helper.hear(), "child: interrupted, then inside by its own name: true");
    helper.finish();
    assert_eq!(holder.value().unwrap(), Some(1));
}

#[test]
fn what_is_one_semaphore_of_the_system_is_one_instance() {
    let name = OwnName::new("local");
    let one = NativeSemaphore::instantiate(&name.0).unwrap();
    let local = NativeSemaphore::instantiate(&format!("Local\\{}", name.0)).unwrap();
    assert!(one.is_same(&local), "the system has one for both");
}

#[test]
fn so_few_participants_that_nobody_could_lock_are_refused() {
    let name = OwnName::new("alone");
    let refused = NativeOptions::new().participants(1).unregistered(&name.0);
    assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{refused:?}");
    let two = open(&NativeOptions::new().participants(2), &name);
    two.lock().unwrap();
    two.unlock().unwrap();
}

/// Role: as another user, makes one that nobody may open. Argument: the name.
pub(crate) fn make_closed(role: &mut Role) {
    crate::security::become_user(65_534, 65_534, 0o022);
    let options = NativeOptions::new().mode(0o400).ledger(false);
    let semaphore = options.unregistered(role.argument(0)).expect("a good name");
    assert!(semaphore.open().expect("it was made, and need not be opened again").created);
    semaphore.lock().expect("it is free");
    semaphore.unlock().expect("it is held");
    role.say("done");
}

#[test]
fn who_makes_a_semaphore_can_use_it_whatever_its_mode() {
    const TEST: &str = "native_mended::who_makes_a_semaphore_can_use_it_whatever_its_mode";
    if crate::attacks_files::there_is_only_one_user(TEST) {
        return;
    }
    let name = OwnName::new("mode-400");
    let mut maker = Helper::start("native-make-closed", &[&name.0]);
    assert_eq!(maker.hear(), "done");
    maker.finish();
}

/// Role: says how opening ends. Argument: the name.
pub(crate) fn open_and_tell(role: &mut Role) {
    let semaphore = NativeOptions::new().unregistered(role.argument(0)).expect("a good name");
    match semaphore.open() {
        Err(Error::NoLedger { .. }) => role.say("no ledger"),
        other => role.say(&format!("{other:?}")),
    }
}

#[test]
fn where_no_ledger_can_be_made_no_semaphore_is_left_behind() {
    let name = OwnName::new("no-room");
    let program = ["env", "PROCSYNC_DIR=/proc"];
    let mut helper = Helper::start_by(&program, "native-open-and-tell", &[&name.0]);
    assert_eq!(helper.hear(), "no ledger");
    helper.finish();
    assert!(!name.file().exists());
    // What was there stays.
    let bare = made_by_a_stranger(&name, 1);
    let mut helper = Helper::start_by(&program, "native-open-and-tell", &[&name.0]);
    assert_eq!(helper.hear(), "no ledger");
    helper.finish();
    assert!(name.file().exists());
    bare.close().unwrap();
}

/// How many lines were used is only a hint for who searches; who counts what is missing looks at all.
#[test]
fn a_damaged_hint_hides_no_holder_from_who_counts() {
    use std::os::unix::fs::FileExt;
    /// See docs/layout.md.
    const LINES_USED_AT: u64 = 104;
    let name = OwnName::new("hint");
    let holder = name.open();
    holder.lock().unwrap();
    let path = inspect::show(&name.0, Scope::User).unwrap().path;
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&[0; 4], LINES_USED_AT).unwrap();
    assert_eq!(holder.accounts().unwrap().unwrap().held, 1);
    assert_eq!(holder.post_doubtful().unwrap(), 0, "it is held by one who is known");
    holder.unlock().unwrap();
    assert_eq!(holder.value().unwrap(), Some(1));
}
