//! Too little of everything: inodes, descriptors, address space, slots; and too many of everything:
//! waiters, objects. Errors that say so, and what is there works on.
#![allow(unsafe_code)] // limits of a helper

use crate::any_lock::{AnyLock, Way, assert_held, start_user};
use crate::child::{Helper, Role};
use crate::support::{LIMIT, data_file_of, eventually, file_of, name, say, skip, waiters};
use procsync::{Error, Mutex, Scope, SharedMemory};
use std::process::Command;
use std::time::{Duration, Instant};

/// Promised is 100 ms; a machine that is busy with other tests takes its time.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// A shell that puts a file system of few inodes in the place of /dev/shm, for what it runs alone.
const FEW_INODES: [&str; 5] = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs -o nr_inodes=20,mode=1777 tmpfs /dev/shm && PROCSYNC_DIR=/dev/shm exec \"$0\" \"$@\"",
];

#[track_caller]
fn assert_errno<T>(answer: procsync::Result<T>, errno: i32) {
    let Err(error) = answer else { panic!("there is nothing left for that") };
    let Error::System { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.raw_os_error(), Some(errno), "{error}");
}

fn limit(resource: libc::__rlimit_resource_t, most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: the struct is initialized and only read.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}

#[test]
fn no_inodes_are_an_error_and_what_is_there_works_on() {
    const TEST: &str = "no_inodes_are_an_error_and_what_is_there_works_on";
    match Command::new(FEW_INODES[0]).args(&FEW_INODES[1..]).arg("true").output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => return skip(TEST, String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => return skip(TEST, &format!("unshare: {error}")),
    }
    let mut helper = Helper::start_by(&FEW_INODES, "use-up", &[&name("inodes"), "inodes"]);
    assert_eq!(helper.hear(), "ok");
    helper.finish();
}

#[test]
fn no_descriptors_are_an_error_and_what_is_there_works_on() {
    let mut helper = Helper::start("use-up", &[&name("descriptors"), "descriptors"]);
    assert_eq!(helper.hear(), "ok");
    helper.finish();
}

/// Role: opens objects until there are no more inodes (or descriptors). Arguments: a name, which.
pub(crate) fn use_up(role: &mut Role) {
    let errno = if role.argument(1) == "inodes" {
        libc::ENOSPC
    } else {
        limit(libc::RLIMIT_NOFILE, 40);
        libc::EMFILE
    };
    let named = |number: usize| format!("{}-{number}", role.argument(0));
    // Known to this thread, so that nothing has to be opened for it later.
    drop(Mutex::<u64>::open(&named(9_999)).expect("it opens").lock().expect("it is free"));
    let mut objects = Vec::new();
    let refused = loop {
        match Mutex::<u64>::open(&named(objects.len())) {
            Ok(mutex) => objects.push(mutex),
            Err(error) => break error,
        }
        assert!(objects.len() < 100, "there is no end to it");
    };
    assert!(objects.len() > 5, "{}: {refused}", objects.len());
    assert_errno(Err::<(), _>(refused), errno);
    for _ in 0..3 {
        assert_errno(Mutex::<u64>::open(&named(objects.len())), errno);
        assert_errno(SharedMemory::create(&named(objects.len()), 64), errno);
    }
    assert!(
        !file_of(&named(objects.len())).exists() && !data_file_of(&named(objects.len())).exists()
    );
    // What is open works, also for threads that are new to it.
    for mutex in &objects {
        mutex.lock_timeout(LIMIT).expect("it is free").set(1);
        std::thread::scope(|scope| {
            let guard = mutex.lock().expect("it is free");
            let thread = scope.spawn(|| mutex.lock_timeout(LIMIT).map(|guard| guard.get()));
            drop(guard);
            assert_eq!(thread.join().expect("no panic").expect("it comes free"), 1);
        });
        assert!(mutex.owner().is_none());
    }
    // A second handle needs a descriptor for a moment only; with one to spare it opens.
    let last = objects.pop().expect("some");
    drop(Mutex::<u64>::open(&named(0)).expect("it is open already"));
    drop(last);
    assert!(!file_of(&named(objects.len())).exists(), "it could be removed");
    objects.push(Mutex::open(&named(objects.len())).expect("as many as before"));
    drop(objects);
    role.say("ok");
}

/// Role: opens objects until its address space is used up. Argument: a name.
pub(crate) fn use_up_memory(role: &mut Role) {
    const SIZE: u64 = 8 << 20;
    let status = std::fs::read_to_string("/proc/self/status").expect("it can be read");
    let used = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let used = used.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let named = |number: usize| format!("{}-{number}", role.argument(0));
    // Two and a half: the half is for all else that needs memory.
    limit(libc::RLIMIT_AS, used.expect("told") * 1_024 + SIZE * 5 / 2);
    let memory = [0, 1].map(|number| SharedMemory::create(&named(number), SIZE).expect("room"));
    for _ in 0..3 {
        assert_errno(SharedMemory::create(&named(2), SIZE), libc::ENOMEM);
        assert!(!file_of(&named(2)).exists() && !data_file_of(&named(2)).exists(), "left behind");
    }
    let small = Mutex::<u64>::open(&named(3)).expect("there is room for that");
    drop(small.lock().expect("it is free"));
    // Another process made it, and has no such limit; here it is an error, and there it stays.
    role.say(&named(4));
    role.hear();
    assert_errno(SharedMemory::attach(&named(4)), libc::ENOMEM);
    let [first, second] = memory;
    drop(first);
    drop(SharedMemory::attach(&named(4)).expect("there is room again"));
    second.write(SIZE as usize - 1, &[1]).expect("in bounds");
    role.say("ok");
}

#[test]
fn no_address_space_is_an_error_and_leaves_nothing_behind() {
    let mut helper = Helper::start("use-up-memory", &[&name("memory")]);
    let name = helper.hear();
    let memory = SharedMemory::create(&name, 8 << 20).unwrap();
    assert_eq!(helper.ask("made"), "ok");
    assert_eq!(memory.attached_processes().unwrap(), 1);
    helper.finish();
    drop(memory);
    assert!(!file_of(&name).exists() && !data_file_of(&name).exists());
}

#[test]
fn a_process_for_which_there_is_no_slot_is_told_and_others_are_not_disturbed() {
    let name = name("slots");
    // One for this process, one for its thread, and the last.
    let mutex = Mutex::<u64>::options().participants(3).create(&name).unwrap();
    let guard = mutex.lock().unwrap();
    let mut other = Helper::start("attach-or-tell", &[&name]);
    assert_eq!(other.ask("open"), "open");
    let mut third = Helper::start("attach-or-tell", &[&name]);
    for _ in 0..3 {
        let answer = third.ask("open");
        assert!(answer.contains("all its 3 slots"), "{answer}");
    }
    // It may come in once another has left, also by a kill.
    other.kill();
    assert_eq!(third.ask("open"), "open");
    drop(guard);
    drop(mutex.lock().unwrap());
    third.finish();
    drop(mutex);
    assert!(!file_of(&name).exists());
}

/// Role: attaches to a mutex when it is told, and tells what came of it. Argument: the name.
pub(crate) fn attach_or_tell(role: &mut Role) {
    let mut mutex = None;
    while role.hear().is_some() {
        match Mutex::<u64>::attach(role.argument(0)) {
            Ok(opened) => {
                mutex = Some(opened);
                role.say("open");
            }
            Err(error) => role.say(&error.to_string()),
        }
    }
    drop(mutex);
}

#[test]
fn a_stopped_waiter_holds_nobody_up() {
    for way in Way::OWNED {
        let name = name("stopped-waiter");
        let mut holder = start_user(way, &name);
        assert_held(&holder.ask("hold"), 0);
        // The first one looks most often; it is stopped.
        let mut first = start_user(way, &name);
        first.tell("hold");
        eventually("the first one sleeps", || waiters(&name) == 1);
        let mut second = start_user(way, &name);
        second.tell("hold");
        eventually("the second one sleeps", || waiters(&name) == 2);
        first.stop();
        let began = Instant::now();
        holder.kill();
        assert_held(&second.hear(), holder.pid());
        let took = began.elapsed();
        assert!(took < NOTICED_WITHIN, "{way:?}: {took:?}");
        // It goes on when it goes on.
        first.signal(libc::SIGCONT);
        assert_eq!(second.ask("release"), "released");
        assert_held(&first.hear(), 0);
        // A release that would have woken a stopped one wakes somebody all the same.
        second.tell("hold");
        eventually("the second one sleeps again", || waiters(&name) == 1);
        let mut third = start_user(way, &name);
        third.tell("hold");
        eventually("the third one sleeps", || waiters(&name) == 2);
        second.stop();
        assert_eq!(first.ask("release"), "released");
        let answer = third.hear_within(NOTICED_WITHIN);
        let answer = answer.unwrap_or_else(|| panic!("{way:?}: it is not let in"));
        assert_held(&answer, 0);
        assert_eq!(third.ask("release"), "released");
        second.signal(libc::SIGCONT);
        assert_held(&second.hear(), 0);
        say(&format!("{way:?}: with its first waiter stopped, noticed after {took:.1?}"));
    }
}

const CROWD: usize = 100;

/// Role: a hundred threads that each lock once. Arguments: the way, the name.
pub(crate) fn come_by_the_hundred(role: &mut Role) {
    let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1)).expect("it opens");
    let told = std::sync::Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                let held = lock.hold_within(LIMIT * 2).expect("its turn comes");
                *told.lock().expect("no panic") += u32::from(held.abandoned().is_some());
                if let crate::any_lock::Held::Mutex(mut guard) = held {
                    guard.update(|count| *count += 1);
                }
            });
        }
    });
    let told = *told.lock().expect("no panic");
    role.say(&told.to_string());
    role.hear();
}

#[test]
fn a_thousand_waiters_all_get_their_turn_after_their_holder_dies() {
    const PROCESSES: usize = 10;
    for way in [Way::Mutex, Way::Semaphore] {
        let name = name("thousand");
        let mut holder = start_user(way, &name);
        assert_held(&holder.ask("hold"), 0);
        let start = |_| Helper::start("come-by-the-hundred", &[way.as_str(), &name]);
        let mut crowds: Vec<_> = (0..PROCESSES).map(start).collect();
        // Not all are seen: the last quarter of the slots is for those who hold.
        eventually("they sleep", || waiters(&name) >= 700);
        let began = Instant::now();
        holder.kill();
        let told: u32 = crowds.iter_mut().map(|crowd| crowd.hear().parse::<u32>().unwrap()).sum();
        say(&format!("{way:?}: a thousand waiters took their turns in {:.1?}", began.elapsed()));
        assert_eq!(told, 1, "{way:?}: one of them is told that the holder died");
        if way == Way::Mutex {
            let count = Mutex::<u64>::attach(&name).unwrap().lock_timeout(LIMIT).unwrap().get();
            assert_eq!(count, (PROCESSES * CROWD) as u64);
        }
        assert_eq!(waiters(&name), 0);
        crowds.into_iter().for_each(Helper::finish);
        assert!(!file_of(&name).exists());
    }
}

const MANY: usize = 10_000;

/// Role: opens and holds ten thousand objects, as far as the system lets it. Argument: a name.
pub(crate) fn hold_ten_thousand(role: &mut Role) {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct may be written.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut now) }, 0);
    now.rlim_cur = now.rlim_max;
    // SAFETY: the struct is initialized and only read.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const now) }, 0);
    if now.rlim_cur < MANY as u64 + 100 {
        return role.say(&format!("a process may have {} descriptors only", now.rlim_cur));
    }
    let began = Instant::now();
    let open = |number| Mutex::<u64>::open(&format!("{}-{number}", role.argument(0)));
    let objects: Vec<_> = (0..MANY).map(|number| open(number).expect("it opens")).collect();
    objects.iter().for_each(|mutex| mutex.lock().expect("it is free").keep());
    let opened = began.elapsed();
    role.say("held");
    while let Some(line) = role.hear() {
        if line == "release" {
            objects.iter().for_each(|mutex| mutex.release().expect("it is ours"));
            role.say(&format!("{opened:.1?} to open and hold them"));
        }
    }
}

#[test]
fn ten_thousand_objects_are_no_trouble() {
    let base = crate::attacks_files::base_for_all();
    let list = |name: &str| {
        let mut looker = crate::attacks_files::start_in(base.path(), "count-held", &[name]);
        looker.hear()
    };
    for killed in [false, true] {
        let name = name(if killed { "many-killed" } else { "many" });
        let start = || crate::attacks_files::start_in(base.path(), "hold-ten-thousand", &[&name]);
        let mut holder = start();
        let answer = holder.hear();
        if answer != "held" {
            return skip("ten_thousand_objects_are_no_trouble", &answer);
        }
        assert_eq!(list(&name), format!("{MANY} held, 0 dead"));
        if killed {
            holder.kill();
            assert_eq!(list(&name), format!("{MANY} held, {MANY} dead"));
            // Leftovers, every one; they serve the next one as if they were new.
            holder = start();
            assert_eq!(holder.hear(), "held");
            assert_eq!(list(&name), format!("{MANY} held, 0 dead"));
        }
        say(&format!("ten thousand objects: {}", holder.ask("release")));
        holder.finish();
        let left = std::fs::read_dir(base.path()).unwrap().flatten();
        let left: usize =
            left.map(|own| std::fs::read_dir(own.path()).map_or(1, |files| files.count())).sum();
        assert_eq!(left, 0, "all of them went with their last user");
    }
}

/// Role: counts what is held. Argument: what the names begin with.
pub(crate) fn count_held(role: &mut Role) {
    let listed = procsync::inspect::list(Scope::User).expect("it can be listed");
    let holders =
        listed.iter().flatten().filter(|object| object.name.as_str().starts_with(role.argument(0)));
    let holders: Vec<_> = holders.flat_map(|object| &object.holders).collect();
    let dead = holders.iter().filter(|holder| holder.dead).count();
    role.say(&format!("{} held, {dead} dead", holders.len()));
}
