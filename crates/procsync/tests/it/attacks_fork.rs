//! Forks at the worst moments, and children that do what one would rather they did not.
#![allow(unsafe_code)] // kill, waitpid, setuid, pthread_atfork and atexit

use crate::any_lock::{AnyLock, Way, assert_held, start_user};
use crate::attacks_files::{base_for_all, become_user, start_in, there_is_only_one_user};
use crate::child::{Helper, Role};
use crate::fork::forked;
use crate::support::{data_file_of, eventually, file_of, name, waiters};
use procsync::{Event, Mutex, Reset, Scope, Semaphore, SharedMemory};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Promised is 100 ms; a machine that is busy with other tests takes its time.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// A forked child that does nothing, not even with procsync. Killed when this goes.
struct Idle(u32);

impl Idle {
    fn fork() -> Idle {
        let child = forked(|| {
            // SAFETY: plain system call. Should this process be killed, the child goes with it.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            sleep_for_ever();
        });
        Idle(child.pid())
    }

    fn kill(pid: u32) {
        // SAFETY: plain system call; the child was not reaped yet, so the pid is its.
        unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
        // SAFETY: no status is asked for.
        unsafe { libc::waitpid(pid as libc::pid_t, std::ptr::null_mut(), 0) };
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        Idle::kill(self.0);
    }
}

/// Not quite: nothing that a test leaves behind by accident stays.
fn sleep_for_ever() {
    // SAFETY: plain system call.
    unsafe { libc::alarm(5 * 60) };
    loop {
        std::thread::sleep(Duration::from_secs(1_000));
    }
}

type Scenario = (&'static str, fn(&Role));

/// The scenarios that need a process of their own.
const SCENARIOS: &[Scenario] = &[
    ("slots", open_fork_and_drop),
    ("uid", a_child_becomes_another_user),
    ("asks", a_child_asks_first_thing),
    ("grandchild", a_drop_meets_a_fork),
    ("atexit", a_fork_in_an_exit_handler),
    ("wait", a_fork_in_the_middle_of_a_wait),
];

/// Role: one of the scenarios. Arguments: which, a name.
pub(crate) fn scenario(role: &mut Role) {
    let (_, play) = SCENARIOS.iter().find(|(name, _)| *name == role.argument(0)).expect("known");
    play(role);
    role.say("ok");
}

#[track_caller]
fn play(scenario: &str) {
    let mut helper = Helper::start("attack-fork", &[scenario, &name(scenario)]);
    assert_eq!(helper.hear(), "ok");
    helper.finish();
}

/// Role: holds, forks a child that forks one in turn, both idle, and waits to be killed.
/// Arguments: the way (or `memory`), the name. Says the children's pids.
pub(crate) fn hold_and_leave_idlers(role: &mut Role) {
    let name = role.argument(1);
    let memory = (role.argument(0) == "memory").then(|| SharedMemory::create(name, 64));
    let lock = memory.is_none().then(|| AnyLock::open(Way::parse(role.argument(0)), name));
    let memory = memory.transpose().expect("it is new");
    let lock = lock.transpose().expect("it opens");
    let _held = lock.as_ref().map(|lock| lock.hold().expect("it is free"));
    let child = forked(|| {
        let grandchild = forked(sleep_for_ever);
        role.say(&grandchild.pid().to_string());
        sleep_for_ever();
    });
    role.say(&child.pid().to_string());
    sleep_for_ever();
    drop(memory);
}

/// The idle children of a helper. Killed when this goes.
struct Idlers([u32; 2]);

impl Idlers {
    fn of(parent: &mut Helper) -> Idlers {
        Idlers([0; 2].map(|_| parent.hear().parse().expect("a pid")))
    }

    fn assert_running(&self) {
        for pid in self.0 {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            assert!(!stat.contains(") Z "), "it outlives its parent");
        }
    }
}

impl Drop for Idlers {
    fn drop(&mut self) {
        // Their parent is gone: somebody else reaps them.
        for pid in self.0 {
            // SAFETY: plain system call; they run until they are killed here.
            unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
        }
    }
}

#[test]
fn idle_descendants_of_a_killed_holder_do_not_keep_it_alive() {
    for way in Way::OWNED {
        let name = name("idlers");
        let mut holder = Helper::start("hold-and-leave-idlers", &[way.as_str(), &name]);
        let idlers = Idlers::of(&mut holder);
        let mut waiter = start_user(way, &name);
        waiter.tell("hold");
        eventually("it sleeps", || waiters(&name) == 1);
        let killed = Instant::now();
        holder.kill();
        let answer = waiter.hear_within(Duration::from_secs(20)).expect("it goes on");
        let took = killed.elapsed();
        assert_held(&answer, holder.pid());
        assert!(took < NOTICED_WITHIN, "{way:?}: {took:?}");
        idlers.assert_running();
        assert_eq!(waiter.ask("release"), "released");
        waiter.finish();
        assert!(!file_of(&name).exists(), "{way:?}: nor do they keep the name in use");
        idlers.assert_running();
    }
}

#[test]
fn idle_descendants_of_a_killed_user_do_not_keep_shared_memory_in_use() {
    let name = name("idlers-memory");
    let mut user = Helper::start("hold-and-leave-idlers", &["memory", &name]);
    let idlers = Idlers::of(&mut user);
    let memory = SharedMemory::attach(&name).unwrap();
    memory.write(0, b"old").unwrap();
    assert_eq!(memory.attached_processes().unwrap(), 2);
    user.kill();
    assert_eq!(memory.attached_processes().unwrap(), 1);
    drop(memory);
    idlers.assert_running();
    assert!(!data_file_of(&name).exists() && !file_of(&name).exists());
    let memory = SharedMemory::create(&name, 64).unwrap();
    let mut bytes = [1; 3];
    memory.read(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0; 3]);
}

fn open_fork_and_drop(role: &Role) {
    // More often than there is room for participants.
    const PARTICIPANTS: u32 = 8;
    for persistent in [true, false] {
        let name = format!("{}-{persistent}", role.argument(1));
        let options = Mutex::<u64>::options().participants(PARTICIPANTS).persistent(persistent);
        let mut children = Vec::new();
        for round in 0..PARTICIPANTS * 2 {
            let mutex = options.open(&name).unwrap_or_else(|error| panic!("{round}: {error}"));
            drop(mutex.lock().expect("it is free"));
            children.push(Idle::fork());
            drop(mutex);
            assert_eq!(file_of(&name).exists(), persistent, "round {round}");
        }
        let found = procsync::inspect::show(&name, Scope::User).ok();
        assert_eq!(found.map(|object| object.processes), persistent.then_some(0));
        let removed = procsync::remove(&name, Scope::User).expect("no error");
        assert_eq!(removed, persistent.then_some(procsync::Removal::Done), "nobody has it open");
    }
}

#[test]
fn idle_children_use_no_slot_up_and_keep_no_name_in_use() {
    play("slots");
}

fn a_child_becomes_another_user(role: &Role) {
    const OTHER: u32 = 1001;
    let name = role.argument(1);
    for way in Way::OWNED {
        let name = format!("{name}-{}", way.as_str());
        let lock = AnyLock::open(way, &name).expect("it opens");
        let held = lock.hold().expect("it is free");
        forked(|| {
            become_user(OTHER);
            match lock.try_hold() {
                Err(_) => {}
                Ok(None) => panic!("{way:?}: it looks at an object that it may not open"),
                Ok(Some(_)) => panic!("{way:?}: it holds what the parent holds"),
            }
            assert!(lock.hold_within(Duration::from_millis(1)).is_err());
        })
        .ended_well();
        drop(held);
        drop(lock.try_hold().expect("no error").expect("it is as before"));
    }
    let event = Event::open(&format!("{name}-event"), Reset::Manual).expect("it opens");
    forked(|| {
        become_user(OTHER);
        assert!(event.set().is_err(), "nobody who waits would hear of it");
    })
    .ended_well();
    assert!(!event.is_set());
    let theirs = crate::support::base().join(format!("procsync-{OTHER}"));
    assert!(!theirs.exists(), "a second object under the same name was made, or almost");
}

#[test]
fn a_child_that_becomes_another_user_gets_an_error_and_no_other_object() {
    if there_is_only_one_user("a_child_that_becomes_another_user_gets_an_error_and_no_other_object")
    {
        return;
    }
    // Where the other user could make objects.
    let base = base_for_all();
    let mut helper = start_in(base.path(), "attack-fork", &["uid", &name("other-user")]);
    assert_eq!(helper.hear(), "ok");
    helper.finish();
}

/// Role: holds a lock from a slot far behind the first ones. Arguments: the way, the name.
pub(crate) fn hold_from_afar(role: &mut Role) {
    let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1)).expect("it opens");
    let (been, go) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        const CROWD: u32 = 200;
        for _ in 0..CROWD {
            scope.spawn(|| {
                // Has a slot from now on, until it ends.
                drop(lock.hold().expect("it comes free"));
                been.fetch_add(1, Ordering::Relaxed);
                while !go.load(Ordering::Relaxed) {
                    std::thread::park_timeout(Duration::from_millis(100));
                }
            });
        }
        eventually("all have a slot", || been.load(Ordering::Relaxed) == CROWD);
        let _held = lock.hold().expect("it is free");
        role.say("held");
        while role.hear().is_some() {}
        go.store(true, Ordering::Relaxed);
    });
}

/// Files of the child's own, of which some have the numbers that the fork closed.
struct OwnFiles(Vec<File>);

impl OwnFiles {
    const CONTENT: &[u8] = b"mine";

    fn make() -> OwnFiles {
        let file = |_| {
            let mut file = tempfile::tempfile().expect("a file");
            std::io::Write::write_all(&mut file, Self::CONTENT).expect("it is written");
            file
        };
        OwnFiles((0..40).map(file).collect())
    }

    #[track_caller]
    fn assert_untouched(&self, after: &str) {
        for file in &self.0 {
            let data = file.metadata().unwrap_or_else(|error| panic!("{after}: {error}"));
            let length = Self::CONTENT.len() as u64;
            assert_eq!((data.len(), data.nlink()), (length, 0), "{after}");
            // Space set aside beyond its end would not show in its length.
            assert!(data.blocks() <= 8, "{after}: {} blocks", data.blocks());
        }
    }
}

fn a_child_asks_first_thing(role: &Role) {
    let name = role.argument(1);
    let (mutex_name, semaphore_name) = (format!("{name}-mutex"), format!("{name}-semaphore"));
    // Opened before the holder: what this process knows of the file ends with its first page.
    let mutex = Mutex::<u64>::open(&mutex_name).expect("it opens");
    let semaphore = Semaphore::open(&semaphore_name, 1).expect("it opens");
    let event = Event::open(&format!("{name}-event"), Reset::Auto).expect("it opens");
    let mut holders = [(Way::Mutex, &mutex_name), (Way::Semaphore, &semaphore_name)]
        .map(|(way, name)| Helper::start("hold-from-afar", &[way.as_str(), name]));
    for holder in &mut holders {
        assert_eq!(holder.hear(), "held");
    }
    let pids = [holders[0].pid(), holders[1].pid()];
    let questions: [(&str, &dyn Fn()); 9] = [
        ("owner", &|| {
            let owner = mutex.owner().expect("it has one");
            assert_eq!((owner.dead, owner.pid), (false, pids[0]));
        }),
        ("is_locked", &|| assert!(mutex.is_locked())),
        ("Debug", &|| assert!(format!("{mutex:?} {semaphore:?} {event:?}").contains("Mutex"))),
        ("try_lock", &|| assert!(mutex.try_lock().expect("no error").is_none())),
        ("release", &|| assert!(mutex.release().is_err())),
        ("lock_timeout", &|| {
            let refused = mutex.lock_timeout(Duration::from_millis(1)).map(drop);
            let text = refused.expect_err("it is held").to_string();
            assert!(text.contains(&format!("pid {}", pids[0])), "{text}");
        }),
        ("holders", &|| {
            let holders = semaphore.holders().expect("no error");
            assert_eq!((holders[0].dead, holders[0].pid), (false, pids[1]));
        }),
        ("available", &|| assert_eq!(semaphore.available().expect("no error"), 0)),
        ("is_set", &|| assert!(!event.is_set())),
    ];
    for (question, ask) in questions {
        forked(|| {
            let files = OwnFiles::make();
            ask();
            files.assert_untouched(question);
        })
        .ended_well();
    }
    for holder in holders {
        holder.finish();
    }
}

#[test]
fn what_a_child_asks_first_thing_touches_no_file_of_its_own() {
    play("asks");
}

/// Set: the next fork waits, in the middle of it, until the thread with this number sleeps.
static WAIT_FOR: AtomicU32 = AtomicU32::new(0);
static FORKING: AtomicBool = AtomicBool::new(false);

extern "C" fn dawdle() {
    if WAIT_FOR.load(Ordering::Relaxed) == 0 {
        return;
    }
    FORKING.store(true, Ordering::Relaxed);
    let stat = format!("/proc/self/task/{}/stat", WAIT_FOR.load(Ordering::Relaxed));
    // A thread that is not hindered does not sleep, and ends.
    for _ in 0..1_000 {
        match std::fs::read_to_string(&stat) {
            Ok(text) if text.contains(") S ") => break,
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
            Err(_) => break,
        }
    }
    WAIT_FOR.store(0, Ordering::Relaxed);
}

fn a_drop_meets_a_fork(role: &Role) {
    // Registered before the library registers its own, so that it runs after that one.
    // SAFETY: the handler does not unwind.
    assert_eq!(unsafe { libc::pthread_atfork(Some(dawdle), None, None) }, 0);
    let name = role.argument(1);
    let mutex = Mutex::<u64>::open(name).expect("it opens");
    drop(mutex.lock().expect("it is free"));
    let dropper = std::thread::spawn(move || {
        // SAFETY: gettid has no arguments and cannot fail.
        WAIT_FOR.store(unsafe { libc::gettid() } as u32, Ordering::Relaxed);
        // Not asleep: that is what the fork waits for.
        while !FORKING.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        drop(mutex);
    });
    while WAIT_FOR.load(Ordering::Relaxed) == 0 {
        std::hint::spin_loop();
    }
    forked(|| {
        assert_eq!(WAIT_FOR.load(Ordering::Relaxed), 0, "the fork met the drop");
        let files = OwnFiles::make();
        forked(|| files.assert_untouched("in the grandchild")).ended_well();
        files.assert_untouched("in the child");
        // And the child can use the name as if it had never been there.
        drop(Mutex::<u64>::open(name).expect("it opens").lock().expect("it is free"));
        files.assert_untouched("after use");
    })
    .ended_well();
    crate::support::joined(dropper);
    assert!(!file_of(name).exists());
}

#[test]
fn a_drop_in_the_middle_of_a_fork_costs_the_grandchild_no_file() {
    play("grandchild");
}

static AT_EXIT: OnceLock<(PathBuf, Mutex<u64>)> = OnceLock::new();

/// Runs when the thread-local data of the thread that ends the process is gone.
extern "C" fn fork_once_more() {
    let Some((evidence, mutex)) = AT_EXIT.get() else { return };
    // SAFETY: the child calls what a forked child may call here, and ends without exit handlers.
    match unsafe { libc::fork() } {
        0 => {
            // It may get an error; it must not hang, panic or get what the parent holds.
            let got = matches!(mutex.try_lock(), Ok(Some(_)));
            // SAFETY: plain system call.
            unsafe { libc::_exit(if got { 3 } else { 0 }) }
        }
        pid => {
            let mut status = -1;
            // SAFETY: the status may be written.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            let _ = std::fs::write(evidence, status.to_string());
        }
    }
}

fn a_fork_in_an_exit_handler(role: &Role) {
    let mutex = Mutex::<u64>::open(role.argument(1)).expect("it opens");
    mutex.lock().expect("it is free").keep();
    // What a fork needs of this thread is made at its first one.
    forked(|| {}).ended_well();
    assert!(AT_EXIT.set((evidence(role.argument(1)), mutex)).is_ok());
    // SAFETY: the handler does not unwind.
    assert_eq!(unsafe { libc::atexit(fork_once_more) }, 0);
}

fn evidence(name: &str) -> PathBuf {
    crate::support::base().join(format!("evidence-{name}"))
}

#[test]
fn an_exit_handler_may_fork() {
    let name = name("atexit");
    let mut helper = Helper::start("attack-fork", &["atexit", &name]);
    assert_eq!(helper.hear(), "ok");
    helper.finish();
    let found = std::fs::read_to_string(evidence(&name)).expect("the handler came to its end");
    assert_eq!(found, "0", "the child ended badly");
    let mutex = Mutex::<u64>::open(&name).unwrap();
    drop(mutex.try_lock().unwrap().expect("the process that kept it has ended"));
}

/// The child that was forked within a wait; 0: not yet.
static FORKED_WITHIN: AtomicU32 = AtomicU32::new(0);

/// Asked whether a wait is to end, forks. Both go on with the wait.
fn forks_once() -> bool {
    if FORKED_WITHIN.load(Ordering::SeqCst) == 0 {
        // SAFETY: the child only asks for a lock and ends without exit handlers.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        FORKED_WITHIN.store(if child == 0 { u32::MAX } else { child as u32 }, Ordering::SeqCst);
    }
    false
}

fn a_fork_in_the_middle_of_a_wait(role: &Role) {
    let mutex = Mutex::<()>::open(role.argument(1)).expect("it opens");
    let guard = mutex.lock().expect("it is free");
    guard.keep();
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| {
            let got = procsync::interruptible(forks_once, || mutex.lock());
            if FORKED_WITHIN.load(Ordering::SeqCst) != u32::MAX {
                return drop(got.expect("the parent gets it"));
            }
            let nothing = matches!(got, Err(procsync::Error::Interrupted { .. }));
            let held = matches!(mutex.try_lock(), Ok(None));
            // SAFETY: ends the child, and nothing else runs in it.
            unsafe { libc::_exit(if nothing && held { 0 } else { 1 }) };
        });
        eventually("it forks", || FORKED_WITHIN.load(Ordering::SeqCst) != 0);
        let mut status = 0;
        let child = FORKED_WITHIN.load(Ordering::SeqCst) as libc::pid_t;
        // SAFETY: the status may be written.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0, "the child has what its parent waits for");
        drop(mutex.held());
        waiter.join().expect("the waiter is well");
    });
}

#[test]
fn a_child_that_is_forked_in_the_middle_of_a_wait_gets_nothing_by_it() {
    play("wait");
}
