//! What a fork leaves to whom: the parent keeps what it holds, the child begins anew.
#![allow(unsafe_code)] // fork

use crate::any_lock::{AnyLock, Held, Way, assert_held, start_user};
use crate::child::{Helper, Role};
use crate::support::{LIMIT, eventually, file_of, name, waiters};
use procsync::{Error, Event, Mutex, Ownership, ReentrantMutex, Reset, Semaphore, SharedMemory};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A forked child.
pub(crate) struct Forked(libc::pid_t);

/// Forks; the child runs `child` and ends.
pub(crate) fn forked(child: impl FnOnce()) -> Forked {
    // SAFETY: the child runs on in the only thread it has. What it uses of the C library and the
    // standard library is what a program that forks may use with glibc: its allocator among it.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            // With everything that is run when a program ends.
            std::process::exit(if ended.is_ok() { 0 } else { 101 })
        }
        pid => Forked(pid),
    }
}

impl Forked {
    pub(crate) fn pid(&self) -> u32 {
        self.0 as u32
    }

    /// Waits until it has ended in good order.
    #[track_caller]
    pub(crate) fn ended_well(self) {
        let (began, mut status) = (Instant::now(), 0);
        loop {
            // SAFETY: the status may be written.
            let answer = unsafe { libc::waitpid(self.0, &raw mut status, libc::WNOHANG) };
            if answer == self.0 {
                assert_eq!(status, 0, "the child ended badly");
                return;
            }
            if began.elapsed() > LIMIT / 2 {
                // SAFETY: it was not reaped, so the pid is its.
                unsafe { libc::kill(self.0, libc::SIGKILL) };
                panic!("the forked child hangs");
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

type Scenario = fn(&Role);

/// What happens around a fork, each in a process of its own.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("held", a_hold_stays_the_parents),
    ("anew", the_child_opens_anew),
    ("blocked", the_child_waits_for_the_parent),
    ("release", the_child_cannot_release),
    ("layers", the_child_has_no_layers),
    ("permits", permits_stay_the_parents),
    ("signals", events_and_tokens_pass_between_them),
    ("memory", memory_is_shared),
    ("grandchild", a_grandchild_begins_anew_too),
    ("closed", the_child_closes_what_it_never_used),
    ("asks", asking_changes_no_file_of_the_child),
    ("duplicate", the_child_has_nothing_to_pass_on),
];

/// Role: one of the scenarios. Arguments: which, a name.
pub(crate) fn scenario(role: &mut Role) {
    let (_, play) = SCENARIOS.iter().find(|(name, _)| *name == role.argument(0)).expect("known");
    play(role);
    role.say("ok");
}

#[track_caller]
fn play(scenario: &str) {
    let mut helper = Helper::start("fork", &[scenario, &name(scenario)]);
    assert_eq!(helper.hear(), "ok");
    helper.finish();
}

fn a_hold_stays_the_parents(role: &Role) {
    for way in Way::OWNED {
        let name = format!("{}-{}", role.argument(1), way.as_str());
        let lock = AnyLock::open(way, &name).expect("it opens");
        let mut held = Some(lock.hold().expect("it is free"));
        if let Some(Held::Mutex(guard)) = &mut held {
            guard.set(77);
        }
        forked(|| {
            if let Some(Held::Mutex(guard)) = &held {
                assert_eq!(guard.get(), 77, "the data is still there to be read");
            }
            drop(held.take());
            assert!(lock.try_hold().expect("no error").is_none(), "{way:?}: the parent has it");
        })
        .ended_well();
        assert!(file_of(&name).exists(), "{way:?}: the child's end does not take the name along");
        let mut user = start_user(way, &name);
        assert_eq!(user.ask("try"), "busy", "{way:?}");
        drop(held);
        assert_held(&user.ask("try"), 0);
        user.finish();
        drop(lock.hold().expect("the parent's handle is as before"));
    }
}

#[test]
fn a_lock_held_across_a_fork_stays_the_parents() {
    play("held");
}

fn the_child_opens_anew(role: &Role) {
    for way in Way::OWNED {
        let name = format!("{}-{}", role.argument(1), way.as_str());
        let lock = AnyLock::open(way, &name).expect("it opens");
        drop(lock.hold().expect("it is free"));
        let child = forked(|| {
            // Forgotten: the child ends holding it.
            std::mem::forget(lock.hold().expect("it is free"));
            eventually("the parent waits", || waiters(&name) == 1);
        });
        let pid = child.pid();
        eventually("the child has it", || lock.try_hold().expect("no error").is_none());
        let refused = lock.hold_within(Duration::ZERO).map(drop);
        let Err(Error::TimedOut { holder: Some(holder), .. }) = refused else { panic!("{way:?}") };
        assert_eq!(holder.pid, pid, "{way:?}");
        let held = lock.hold_within(LIMIT).expect("the child ends");
        assert_eq!(held.abandoned().map(|dead| dead.pid), Some(pid), "{way:?}");
        child.ended_well();
    }
}

#[test]
fn what_a_forked_child_takes_it_takes_for_itself() {
    play("anew");
}

fn the_child_waits_for_the_parent(role: &Role) {
    for way in Way::ALL {
        let name = format!("{}-{}", role.argument(1), way.as_str());
        let lock = AnyLock::open(way, &name).expect("it opens");
        let held = lock.hold().expect("it is free");
        let child = forked(|| drop(lock.hold().expect("the parent lets go")));
        eventually("the child sleeps", || waiters(&name) == 1);
        drop(held);
        child.ended_well();
        assert!(lock.hold_within(LIMIT).expect("it is free").abandoned().is_none());
    }
}

#[test]
fn a_forked_child_waits_for_its_parent_to_let_go() {
    play("blocked");
}

fn the_child_cannot_release(role: &Role) {
    for ownership in [Ownership::Thread, Ownership::Process] {
        let options = Mutex::<u64>::options().ownership(ownership);
        let mutex = options.open(role.argument(1)).expect("it opens");
        mutex.lock().expect("it is free").keep();
        forked(|| {
            assert!(matches!(mutex.release(), Err(Error::NotOwner { holder: Some(_), .. })));
        })
        .ended_well();
        mutex.release().expect("it is the parent's");
    }
}

#[test]
fn a_forked_child_cannot_release_what_the_parent_keeps() {
    play("release");
}

fn the_child_has_no_layers(role: &Role) {
    let mutex = ReentrantMutex::open(role.argument(1)).expect("it opens");
    let mut guards = vec![mutex.lock().expect("it is free"), mutex.lock().expect("a layer")];
    let child = forked(|| {
        guards.pop();
        assert!(mutex.try_lock().expect("no error").is_none(), "the layers are the parent's");
        let outer = mutex.lock_timeout(LIMIT).expect("the parent lets go");
        assert_eq!(outer.depth(), 1);
        let inner = mutex.lock().expect("a layer");
        assert_eq!(inner.depth(), 2);
        guards.clear();
        assert!(mutex.is_locked());
    });
    eventually("the child sleeps", || waiters(role.argument(1)) == 1);
    assert_eq!(mutex.lock().expect("a layer").depth(), 3);
    guards.clear();
    child.ended_well();
    assert_eq!(mutex.lock_timeout(LIMIT).expect("it is free").depth(), 1);
}

#[test]
fn layers_stay_the_parents() {
    play("layers");
}

fn permits_stay_the_parents(role: &Role) {
    let semaphore = Semaphore::open(role.argument(1), 4).expect("it opens");
    let mut permits = vec![
        semaphore.acquire_many(2).expect("they are free"),
        semaphore.acquire().expect("it is free"),
    ];
    forked(|| {
        assert_eq!(semaphore.available().expect("no error"), 1);
        permits.clear();
        assert_eq!(semaphore.available().expect("no error"), 1);
        let own = semaphore.acquire().expect("one is free");
        assert!(semaphore.try_acquire().expect("no error").is_none());
        std::mem::forget(own);
    })
    .ended_well();
    assert_eq!(semaphore.available().expect("no error"), 1, "the child's came back, no other did");
    permits.clear();
    assert_eq!(semaphore.available().expect("no error"), 4);
}

#[test]
fn permits_held_across_a_fork_stay_the_parents() {
    play("permits");
}

fn events_and_tokens_pass_between_them(role: &Role) {
    let event = Event::open(role.argument(1), Reset::Auto).expect("it opens");
    let name = format!("{}-tokens", role.argument(1));
    let tokens = procsync::TokenSemaphore::open(&name, 0).expect("it opens");
    let child = forked(|| {
        event.wait_timeout(LIMIT).expect("the parent sets it");
        tokens.post(3).expect("there is room");
    });
    event.set().expect("it is set");
    for _ in 0..3 {
        tokens.wait_timeout(LIMIT).expect("the child posts");
    }
    child.ended_well();
    assert_eq!((tokens.value(), event.is_set()), (0, false));
}

#[test]
fn events_and_tokens_pass_between_parent_and_child() {
    play("signals");
}

fn memory_is_shared(role: &Role) {
    let name = role.argument(1);
    let memory = SharedMemory::create(name, 64).expect("it is new");
    forked(|| {
        memory.write(0, b"child").expect("in bounds");
        assert_eq!(memory.attached_processes().expect("it opens anew"), 2);
    })
    .ended_well();
    let mut bytes = [0; 5];
    memory.read(0, &mut bytes).expect("in bounds");
    assert_eq!(&bytes, b"child");
    assert_eq!(memory.attached_processes().expect("it is open"), 1);
    forked(move || drop(memory)).ended_well();
    assert!(file_of(name).exists() || !crate::support::data_file_of(name).exists());
}

#[test]
fn memory_is_shared_with_the_child() {
    play("memory");
}

fn a_grandchild_begins_anew_too(role: &Role) {
    for way in Way::OWNED {
        let name = format!("{}-{}", role.argument(1), way.as_str());
        let lock = AnyLock::open(way, &name).expect("it opens");
        drop(lock.hold().expect("it is free"));
        forked(|| {
            let mut held = Some(lock.hold().expect("it is free"));
            forked(|| {
                drop(held.take());
                assert!(lock.try_hold().expect("no error").is_none(), "the child has it");
            })
            .ended_well();
            drop(held);
            forked(|| drop(lock.hold().expect("it is free"))).ended_well();
        })
        .ended_well();
        let held = lock.try_hold().expect("no error").expect("it is free");
        assert!(held.abandoned().is_none(), "{way:?}: everybody released");
    }
}

#[test]
fn a_grandchild_begins_anew_as_the_child_does() {
    play("grandchild");
}

fn the_child_closes_what_it_never_used(role: &Role) {
    let name = role.argument(1);
    let lock = AnyLock::open(Way::Mutex, name).expect("it opens");
    let held = lock.hold().expect("it is free");
    let mut lock_of_child = Some(AnyLock::open(Way::Mutex, name).expect("it opens"));
    forked(|| lock_of_child = None).ended_well();
    assert!(file_of(name).exists());
    let mut user = start_user(Way::Mutex, name);
    assert_eq!(user.ask("try"), "busy");
    drop(held);
    assert_held(&user.ask("try"), 0);
    user.finish();
    drop((lock, lock_of_child));
    assert!(!file_of(name).exists(), "the child is gone and keeps nothing in use");
}

#[test]
fn a_child_that_closes_what_it_inherited_changes_nothing() {
    play("closed");
}

fn asking_changes_no_file_of_the_child(role: &Role) {
    let name = role.argument(1);
    let mutex = Mutex::<u64>::open(name).expect("it opens");
    let event = Event::open(&format!("{name}-event"), Reset::Manual).expect("it opens");
    let semaphore = Semaphore::open(&format!("{name}-permits"), 2).expect("it opens");
    let _permit = semaphore.acquire().expect("it is free");
    let mut late = Helper::start("hold-late", &[name]);
    assert_eq!(late.hear(), "held");
    forked(|| {
        // These get the numbers of the descriptors that the fork closed.
        let files: Vec<_> = (0..40).map(|_| tempfile::tempfile().expect("a file")).collect();
        let owner = mutex.owner().expect("the other process has it");
        assert_eq!((owner.dead, owner.pid), (false, late.pid()));
        assert!(mutex.is_locked() && !event.is_set());
        let [holder] = &semaphore.holders().expect("no error")[..] else { panic!("one holder") };
        assert_eq!((holder.dead, holder.pid), (false, std::os::unix::process::parent_id()));
        let _ = format!("{mutex:?} {event:?} {semaphore:?}");
        let touched = files.iter().filter(|file| file.metadata().expect("open").len() > 0);
        assert_eq!(touched.count(), 0, "files that have nothing to do with it");
    })
    .ended_well();
}

/// Role: holds a mutex from a thread whose slot is not among the first.
pub(crate) fn hold_late(role: &mut Role) {
    let mutex = Mutex::<u64>::open(role.argument(0)).expect("it opens");
    let barrier = std::sync::Barrier::new(101);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                drop(mutex.lock().expect("it comes free"));
                barrier.wait();
                // Keeps its slot until the process ends.
                std::thread::sleep(Duration::from_secs(1_000));
            });
        }
        barrier.wait();
        mutex.lock().expect("it is free").keep();
        role.say("held");
        role.hear();
        std::process::exit(0);
    });
}

#[test]
fn asking_who_holds_it_touches_no_other_file_of_the_child() {
    play("asks");
}

fn the_child_has_nothing_to_pass_on(role: &Role) {
    let options = Mutex::<u64>::options().ownership(Ownership::Process);
    let mutex = options.open(role.argument(1)).expect("it opens");
    let guard = mutex.lock().expect("it is free");
    forked(|| {
        let _files: Vec<_> = (0..20).map(|_| tempfile::tempfile().expect("a file")).collect();
        assert!(guard.inheritable().is_err(), "the hold is the parent's");
    })
    .ended_well();
}

#[test]
fn a_child_has_no_descriptor_of_its_parents_hold_to_pass_on() {
    play("duplicate");
}

/// Role: holds, starts another process in some way, and waits to be killed. Arguments: the way, the
/// name, how the other process comes to be.
pub(crate) fn hold_and_start(role: &mut Role) {
    let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1)).expect("it opens");
    let held = lock.hold().expect("it is free");
    // Ends when the test closes its end of the pipe, which this process passes on.
    let mut cat = Command::new("cat");
    cat.stdout(Stdio::null());
    match role.argument(2) {
        "fork" => {
            // The child says it, so that it is one of its own by then, and has closed what it
            // inherited.
            let _child = forked(|| {
                role.say(&std::process::id().to_string());
                while role.hear().is_some() {}
            });
        }
        "exec" => {
            // SAFETY: does nothing; that it is there makes the standard library fork.
            unsafe { cat.pre_exec(|| Ok(())) };
            role.say(&cat.spawn().expect("cat starts").id().to_string());
        }
        "inheritable" => {
            let duplicate = match &held {
                Held::Mutex(guard) => guard.inheritable(),
                Held::Permit(permit) => permit.inheritable(),
                _ => unreachable!("not asked for"),
            };
            let _duplicate = duplicate.expect("there are descriptors left");
            role.say(&cat.spawn().expect("cat starts").id().to_string());
        }
        _ => role.say(&cat.spawn().expect("cat starts").id().to_string()),
    }
    std::thread::sleep(Duration::from_secs(1_000));
}

fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.contains('Z'))
}

#[test]
fn children_that_outlive_a_killed_parent_do_not_keep_its_hold() {
    for way in Way::OWNED {
        for how in ["fork", "exec", "spawn"] {
            let name = name("outlive");
            let mut parent = Helper::start("hold-and-start", &[way.as_str(), &name, how]);
            let child: u32 = parent.hear().parse().unwrap();
            let mut user = start_user(way, &name);
            assert_eq!(user.ask("try"), "busy");
            parent.kill();
            assert_held(&user.ask("hold"), parent.pid());
            assert!(runs(child), "{way:?} {how}: it outlives its parent");
            assert_eq!(user.ask("release"), "released");
            user.finish();
            assert!(!file_of(&name).exists(), "{way:?} {how}: nor does it keep it in use");
            drop(parent);
            eventually("the child ends", || !runs(child));
        }
    }
}

#[test]
fn who_inherits_the_descriptor_keeps_the_hold_until_it_ends() {
    for way in [Way::ProcessMutex, Way::Semaphore] {
        let name = name("inheritable");
        let mut parent = Helper::start("hold-and-start", &[way.as_str(), &name, "inheritable"]);
        let child: u32 = parent.hear().parse().unwrap();
        let mut user = start_user(way, &name);
        parent.signal(libc::SIGKILL);
        eventually("the parent is gone", || !runs(parent.pid()));
        assert_eq!(user.ask("try"), "busy", "{way:?}: the child keeps it");
        let refused = user.ask("hold within 100");
        assert!(refused.contains(&format!("pid {}", parent.pid())), "{refused}");
        user.tell("hold");
        eventually("it sleeps", || waiters(&name) == 1);
        drop(parent);
        assert_held(&user.hear(), parent_of_the_hold(&refused));
        eventually("the child ends", || !runs(child));
        user.finish();
    }
}

/// The pid that an error's text names.
fn parent_of_the_hold(text: &str) -> u32 {
    let after = text.split("pid ").nth(1).expect("a pid is named");
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}
