//! Deaths that the system tells: life words, beside glibc's own robust mutexes in the same list.
#![allow(unsafe_code)] // bare system calls, pthread mutexes in shared memory

use crate::any_lock::{AnyLock, Way, assert_held, start_user};
use crate::child::{Helper, Role};
use crate::support::{LIMIT, eventually, joined, name, skip, waiters};
use procsync::{Cause, Error, Mutex, ReentrantMutex, SharedMemory};
use std::time::Duration;

/// The environment variable that does without life words, and its value.
const OFF: [&str; 2] = ["PROCSYNC_LIFE_WORD=off", "PROCSYNC_LIFE_WORD=on"];

/// A child that the library is not told of: it keeps every descriptor, and so every lock, of this
/// process, until it is killed. Answers its pid.
fn idle_child() -> libc::pid_t {
    // SAFETY: as fork(2); the child only sleeps.
    let child = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    assert!(child >= 0);
    if child == 0 {
        loop {
            // SAFETY: no arguments.
            unsafe { libc::pause() };
        }
    }
    child as libc::pid_t
}

/// Role: holds, and has a child that keeps its locks. Arguments: the way, the name.
pub(crate) fn hold_and_leave_locks(role: &mut Role) {
    let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1));
    let lock = lock.expect("it opens");
    let _held = lock.hold().expect("it is free");
    role.say(&idle_child().to_string());
    role.hear();
}

/// A waiter and a holder whose locks outlive it: with life words, and only then, the waiter gets in.
fn outlive_locks(way: Way, off_or_on: &str) -> (String, Helper) {
    let name = name("outlive");
    let by = ["env", off_or_on];
    let mut holder = Helper::start_by(&by, "hold-and-leave-locks", &[way.as_str(), &name]);
    let idle: libc::pid_t = holder.hear().parse().expect("a pid");
    let mut waiter = Helper::start_by(&by, "user", &[way.as_str(), &name]);
    assert_eq!(waiter.hear(), "open");
    waiter.tell("hold within 1500");
    eventually("it sleeps", || waiters(&name) == 1);
    let dead = holder.pid();
    holder.kill();
    let answer = waiter.hear();
    // SAFETY: plain system call on a process that only this test kills.
    unsafe { libc::kill(idle, libc::SIGKILL) };
    (answer.replace(&dead.to_string(), "dead"), waiter)
}

#[test]
fn the_dead_are_told_even_if_their_locks_live_on() {
    for way in Way::OWNED {
        let (answer, waiter) = outlive_locks(way, OFF[1]);
        assert_eq!(answer, "held dead", "{way:?}");
        waiter.finish();
    }
}

#[test]
fn without_life_words_the_locks_decide() {
    let (answer, mut waiter) = outlive_locks(Way::Mutex, OFF[0]);
    assert!(answer.starts_with("error"), "{answer}");
    // With the last of them it comes back.
    waiter.tell("hold");
    assert!(waiter.hear().starts_with("held"));
    waiter.finish();
}

/// Role: a thread of it opens and holds, as a process, and ends bluntly. Arguments: the way, the name.
pub(crate) fn hold_as_process_and_lose_a_thread(role: &mut Role) {
    let (way, name) = (Way::parse(role.argument(0)), role.argument(1).to_owned());
    let (held, is_held) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let lock: &AnyLock = Box::leak(Box::new(AnyLock::open(way, &name).expect("it opens")));
        std::mem::forget(lock.hold().expect("it is free"));
        // SAFETY: no arguments.
        held.send(unsafe { libc::syscall(libc::SYS_gettid) }).expect("it is heard");
        end_bluntly();
    });
    let thread = is_held.recv().expect("it holds");
    eventually("the thread is gone", || {
        !std::path::Path::new(&format!("/proc/self/task/{thread}")).exists()
    });
    role.say("held");
    role.hear();
}

#[test]
fn a_process_that_lost_a_thread_still_holds() {
    for way in [Way::ProcessMutex, Way::Semaphore] {
        let name = name("lost");
        let mut holder = Helper::start("hold-as-process-and-lose-a-thread", &[way.as_str(), &name]);
        assert_eq!(holder.hear(), "held");
        let mut waiter = start_user(way, &name);
        let refused = waiter.ask("hold within 300");
        assert!(refused.starts_with("error"), "{way:?}: {refused}");
        assert_eq!(waiter.ask("try"), "busy", "{way:?}");
        waiter.tell("hold");
        eventually("it sleeps", || waiters(&name) == 1);
        let dead = holder.pid();
        holder.kill();
        assert_held(&waiter.hear(), dead);
        waiter.finish();
    }
}

#[test]
fn every_way_to_hold_is_recovered_without_life_words() {
    for way in Way::OWNED {
        let name = name("off");
        let mut users = [0; 2].map(|_| {
            let mut user = Helper::start_by(&["env", OFF[0]], "user", &[way.as_str(), &name]);
            assert_eq!(user.hear(), "open");
            user
        });
        assert_held(&users[0].ask("hold"), 0);
        users[1].tell("hold");
        eventually("it sleeps", || waiters(&name) == 1);
        let dead = users[0].pid();
        users[0].kill();
        assert_held(&users[1].hear(), dead);
    }
}

/// A thread that ends without a word to anybody: no destructor runs.
fn end_bluntly() -> ! {
    // SAFETY: the thread's stack and everything on it is leaked.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!()
}

/// Role: a thread of it holds, and ends bluntly; the process lives on. Argument: the name.
pub(crate) fn hold_and_end_bluntly(role: &mut Role) {
    let mutex: &Mutex = Box::leak(Box::new(Mutex::open(role.argument(0)).expect("it opens")));
    std::thread::spawn(|| {
        std::mem::forget(mutex.lock().expect("it is free"));
        end_bluntly();
    });
    role.say("started");
    role.hear();
}

#[test]
fn a_thread_that_ends_bluntly_in_a_living_process_leaves_it_abandoned() {
    let name = name("blunt");
    let here = Mutex::<()>::open(&name).unwrap();
    let mut helper = Helper::start("hold-and-end-bluntly", &[&name]);
    assert_eq!(helper.hear(), "started");
    eventually("it is held, or was", || here.deceased_or_owner());
    let guard = here.lock_timeout(LIMIT).unwrap();
    let dead = guard.abandoned().expect("told");
    assert_eq!((dead.pid, dead.cause), (helper.pid(), Cause::Died));
    drop(guard);
    assert!(helper.runs());
    // And among the threads of one process.
    let other =
        Box::leak(Box::new(Mutex::<()>::open(&crate::support::name("blunt-here")).unwrap()));
    let other: &'static Mutex = other;
    std::thread::spawn(move || {
        std::mem::forget(other.lock().unwrap());
        end_bluntly();
    });
    eventually("it is held", || other.deceased_or_owner());
    assert!(other.lock_timeout(LIMIT).unwrap().abandoned().is_some());
    helper.finish();
}

trait Touched {
    fn deceased_or_owner(&self) -> bool;
}

impl Touched for Mutex {
    /// Whether somebody holds it or died holding it.
    fn deceased_or_owner(&self) -> bool {
        let shown = procsync::inspect::show(self.name(), procsync::Scope::User).unwrap();
        !matches!(shown.state, procsync::inspect::State::Free)
    }
}

/// A robust, shared pthread mutex in place.
#[derive(Clone, Copy)]
pub(crate) struct Robust(*mut libc::pthread_mutex_t);

// SAFETY: made to be used by several threads and processes.
unsafe impl Send for Robust {}
// SAFETY: as above.
unsafe impl Sync for Robust {}

impl Robust {
    const SIZE: usize = 64;

    pub(crate) fn at(memory: &SharedMemory, index: usize) -> Robust {
        const { assert!(size_of::<libc::pthread_mutex_t>() <= Robust::SIZE) };
        assert!((index + 1) * Robust::SIZE <= memory.size());
        // SAFETY: inside the memory, as just asserted.
        Robust(unsafe { memory.as_ptr().add(index * Robust::SIZE) }.cast())
    }

    pub(crate) fn initialize(self) {
        self.initialize_as(false);
    }

    /// `inherits`: who holds it inherits the priority of who waits.
    pub(crate) fn initialize_as(self, inherits: bool) {
        // SAFETY: plain bytes until they are initialized.
        let mut attributes: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
        let given = &raw mut attributes;
        // SAFETY: may be written.
        assert_eq!(unsafe { libc::pthread_mutexattr_init(given) }, 0);
        // SAFETY: initialized just now.
        unsafe { libc::pthread_mutexattr_setpshared(given, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: as above.
        unsafe { libc::pthread_mutexattr_setrobust(given, libc::PTHREAD_MUTEX_ROBUST) };
        // SAFETY: as above.
        unsafe { libc::pthread_mutexattr_setprotocol(given, libc::c_int::from(inherits)) };
        // SAFETY: as above; the mutex lies in memory that nobody uses yet.
        assert_eq!(unsafe { libc::pthread_mutex_init(self.0, given) }, 0);
    }

    pub(crate) fn try_lock(self) -> i32 {
        // SAFETY: as in `lock`.
        unsafe { libc::pthread_mutex_trylock(self.0) }
    }

    pub(crate) fn lock(self) -> i32 {
        // SAFETY: initialized by the test before anybody else has it.
        unsafe { libc::pthread_mutex_lock(self.0) }
    }

    pub(crate) fn unlock(self) {
        // SAFETY: as above, and locked by the calling thread.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0) }, 0);
    }
}

/// How many of each there are in the next test.
const MIXED: usize = 24;

/// Role: locks ours and glibc's in turn, releases some of both in another order, and holds the
/// rest. Arguments: the names' beginning, the memory's name.
pub(crate) fn mix_robust_mutexes(role: &mut Role) {
    let memory = SharedMemory::attach(role.argument(1)).expect("it is there");
    let ours: Vec<_> = (0..MIXED)
        .map(|index| {
            ReentrantMutex::open(&format!("{}-{index}", role.argument(0))).expect("it opens")
        })
        .collect();
    let theirs: Vec<_> = (0..MIXED).map(|index| Robust::at(&memory, index)).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut guards: Vec<_> = Vec::new();
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(theirs.lock(), 0);
                guards.push(Some(ours.lock().expect("it is free")));
            }
            // In and out, between neighbours of both kinds, first, last and in the middle.
            for round in 0..1_000_usize {
                let index = round * 7 % MIXED;
                theirs[index].unlock();
                guards[index] = None;
                assert_eq!(theirs[index].lock(), 0);
                guards[index] = Some(ours[index].lock().expect("it is free"));
            }
            for index in (0..MIXED).step_by(3) {
                theirs[index].unlock();
                guards[index] = None;
            }
            role.say("mixed");
            role.hear();
        });
    });
}

#[test]
fn robust_mutexes_of_glibc_in_the_same_thread_keep_working() {
    let name = name("mixed");
    let memory_name = format!("{name}-memory");
    let memory = SharedMemory::create(&memory_name, (MIXED * Robust::SIZE) as u64).unwrap();
    let theirs: Vec<_> = (0..MIXED).map(|index| Robust::at(&memory, index)).collect();
    theirs.iter().for_each(|mutex| mutex.initialize());
    let ours: Vec<_> =
        (0..MIXED).map(|index| ReentrantMutex::open(&format!("{name}-{index}")).unwrap()).collect();
    let mut helper = Helper::start("mix-robust-mutexes", &[&name, &memory_name]);
    assert_eq!(helper.hear(), "mixed");
    helper.kill();
    for index in 0..MIXED {
        let released = index % 3 == 0;
        assert_eq!(theirs[index].lock(), if released { 0 } else { libc::EOWNERDEAD }, "{index}");
        let guard = ours[index].lock_timeout(LIMIT).unwrap();
        assert_eq!(guard.abandoned().is_some(), !released, "{index}");
    }
}

/// Role: threads of it use a mutex; another one closes it, while they live on; they use it again,
/// and other objects, and end. Argument: the name.
pub(crate) fn close_under_threads(role: &mut Role) {
    let name = role.argument(0);
    for round in 0..20 {
        let mutex = Mutex::<u64>::open(name).expect("it opens");
        let threads: Vec<_> = std::thread::scope(|scope| {
            let users: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut guard = mutex.lock_timeout(LIMIT).expect("nobody keeps it");
                        guard.update(|number| *number += 1);
                    })
                })
                .collect();
            users.into_iter().map(|user| user.join().is_ok()).collect()
        });
        assert!(threads.iter().all(|good| *good), "round {round}");
        // This thread has a slot too, and closes by itself.
        mutex.lock().expect("nobody keeps it").update(|number| *number += 1);
    }
    role.say("done");
    role.hear();
}

#[test]
fn threads_outlive_what_they_used() {
    let name = name("under");
    let here = Mutex::<u64>::open(&name).unwrap();
    let mut helper = Helper::start("close-under-threads", &[&name]);
    assert_eq!(helper.hear(), "done");
    assert_eq!(here.lock().unwrap().get(), 100);
    helper.finish();
}

/// Role: a thread uses a mutex that another one then closes, and lives on. Argument: the name. Says
/// the id of that thread.
pub(crate) fn leave_a_stale_word(role: &mut Role) {
    let mutex = std::sync::Arc::new(Mutex::<()>::open(role.argument(0)).expect("it opens"));
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let (used, uses) = std::sync::mpsc::channel();
    let user = {
        let mutex = mutex.clone();
        std::thread::spawn(move || {
            drop(mutex.lock().expect("it is free"));
            drop(mutex);
            // SAFETY: no arguments.
            used.send(unsafe { libc::syscall(libc::SYS_gettid) }).expect("it is heard");
            let _ = ends.recv();
        })
    };
    let thread = uses.recv().expect("it uses it");
    eventually("the thread lets go of it", || std::sync::Arc::strong_count(&mutex) == 1);
    drop(mutex);
    role.say(&thread.to_string());
    role.hear();
    drop(end);
    joined(user);
}

/// Role: a thread with a given id, in a pid namespace of its own, holds. Arguments: the name, the id.
pub(crate) fn hold_with_thread_id(role: &mut Role) {
    let wanted: i64 = role.number(1);
    let mutex = Mutex::<()>::open(role.argument(0)).expect("it opens");
    // The next thread has the next id.
    std::fs::write("/proc/sys/kernel/ns_last_pid", (wanted - 1).to_string()).expect("as root");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: no arguments.
            assert_eq!(unsafe { libc::syscall(libc::SYS_gettid) }, wanted);
            let _guard = mutex.lock().expect("it is free");
            role.say("held");
            role.hear();
        });
    });
}

#[test]
fn the_death_of_one_is_not_taken_for_that_of_another_with_the_same_id() {
    const TEST: &str = "the_death_of_one_is_not_taken_for_that_of_another_with_the_same_id";
    let unshare = match crate::containers::unshare() {
        Ok(unshare) if unshare.len() == 5 => unshare,
        Ok(_) => return skip(TEST, "thread ids can be chosen by root only"),
        Err(why) => return skip(TEST, &why),
    };
    let name = name("same-id");
    // Keeps it alive, so that the second one gets the very slot of the first.
    let here = Mutex::<()>::open(&name).unwrap();
    let mut first = Helper::start("leave-a-stale-word", &[&name]);
    let thread = first.hear();
    let mut second = Helper::start_by(unshare, "hold-with-thread-id", &[&name, &thread]);
    assert_eq!(second.hear(), "held");
    // The system marks the word now, if it still is what that thread's list leads to.
    first.kill();
    let refused = here.lock_timeout(Duration::from_millis(300)).map(drop);
    assert!(matches!(refused, Err(Error::TimedOut { .. })), "{refused:?}");
    second.finish();
    assert!(here.lock().unwrap().abandoned().is_none());
}

/// Role: holds more mutexes in one thread than the system's walk or this library's limit allow for.
/// Arguments: the names' beginning, how many.
pub(crate) fn hold_many(role: &mut Role) {
    let mutexes: Vec<_> = (0..role.number::<u32>(1))
        .map(|index| {
            Mutex::<()>::options()
                .participants(4)
                .open(&format!("{}-{index}", role.argument(0)))
                .expect("it opens")
        })
        .collect();
    let _guards: Vec<_> = mutexes.iter().map(|mutex| mutex.lock().expect("it is free")).collect();
    role.say("held");
    role.hear();
}

#[test]
fn what_a_thread_holds_beyond_the_length_of_its_list_comes_back_too() {
    const MANY: u32 = 3_000;
    // Each has a descriptor.
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit may be written.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max.min(16_384);
    // SAFETY: a valid limit; more descriptors harm no other test.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    if limit.rlim_cur < 2 * u64::from(MANY) {
        let test = "what_a_thread_holds_beyond_the_length_of_its_list_comes_back_too";
        return skip(test, "too few descriptors");
    }
    let name = name("many");
    let mut helper = Helper::start("hold-many", &[&name, &MANY.to_string()]);
    assert_eq!(helper.hear(), "held");
    let mutexes: Vec<_> =
        (0..MANY).map(|index| Mutex::<()>::attach(&format!("{name}-{index}")).unwrap()).collect();
    helper.kill();
    for mutex in &mutexes {
        assert!(mutex.lock_timeout(LIMIT).unwrap().abandoned().is_some(), "{}", mutex.name());
    }
}
