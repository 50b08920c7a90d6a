//! Opening, creating, attaching, removing and leaving, all at once, with kills in between: there
//! are never two objects under one name with users on both, and nobody sees a half-made one.
//!
//! Each process compares the file that it has open with the one that the name leads to, when it
//! has come and again before it goes. A name that was taken away under a user never leads to that
//! user's file again, so whoever uses the wrong one of two sees it.

use crate::child::{Helper, Role, Silent};
use crate::kill_storm::{Random, storm_seconds};
use crate::support::{LIMIT, data_file_of, file_of, name, say};
use procsync::{Error, Mutex, Removal, SharedMemory};
use std::path::Path;
use std::sync::atomic::{Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

const PROCESSES: u64 = 8;
/// What data begins with; nothing else is ever the first number.
const WHOLE: u64 = 0x1234_5678_9abc_def0;
/// Where things are in the shared memory of the test (which is not the one that is raced for).
const STOP: usize = 0;
const OPENED: usize = 64;
const INSIDE: usize = 128;
const CREATED: usize = 192;
const DOOMED: usize = 4_096;

/// The number of the file behind the mapping at this address, as the kernel tells it. Windows does
/// not: what is left of the race there is that nobody meets another one inside, or half-made data.
#[cfg(windows)]
fn mapped_file(_address: *const u8) -> u64 {
    0
}

#[cfg(windows)]
fn named_file(path: &Path) -> u64 {
    u64::from(!path.exists())
}

/// The number of the file behind the mapping at this address, as the kernel tells it.
#[cfg(unix)]
fn mapped_file(address: *const u8) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("proc is there");
    let line = maps.lines().find(|line| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let (from, to) = range.expect("a range of addresses");
        let number = |text| usize::from_str_radix(text, 16).expect("a number");
        (number(from)..number(to)).contains(&address.addr())
    });
    let mut fields = line.expect("it is mapped").split_ascii_whitespace();
    fields.nth(4).expect("five fields").parse().expect("a number")
}

#[cfg(unix)]
fn named_file(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map_or(0, |found| found.ino())
}

/// Role: comes and goes. Arguments: the mutex's name, the memory's name, the process's number.
pub(crate) fn come_and_go(role: &mut Role) {
    let name = role.argument(0);
    let path = file_of(name);
    let memory = SharedMemory::attach(role.argument(1)).expect("it is there");
    let me: u64 = role.number(2);
    let mut random = Random(me * 104_729 + 1);
    let at = |offset| memory.atomic_u64(offset).expect("in bounds");
    while at(STOP).load(Relaxed) == 0 {
        let persistent = random.below(6) == 0;
        let options = Mutex::<[u64; 1_024]>::options().persistent(persistent);
        let mut data = [0; 1_024];
        (data[0], data[1_023]) = (WHOLE, WHOLE);
        let options = options.initial(data);
        let mutex = match random.below(4) {
            0 => options.create(name),
            1 => options.attach(name),
            _ => options.open(name),
        };
        let mutex = match mutex {
            Ok(mutex) => mutex,
            Err(Error::NotFound { .. } | Error::AlreadyExists { .. }) => {
                stay_away(&mut random);
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        at(OPENED).fetch_add(1, Relaxed);
        let mut guard = mutex.lock_timeout(LIMIT).expect("it is held for a moment only");
        let mine = mapped_file(guard.as_ptr().cast());
        assert_eq!(mine, named_file(&path), "the name leads to what was just opened");
        // All who have any object of this name inside meet here.
        let before = at(INSIDE).swap(me, SeqCst);
        let killed = || at(DOOMED + before as usize * 8).load(SeqCst) == 1;
        assert!(before == 0 || killed(), "{before} and {me} are both inside");
        if guard.grant() == 1 {
            at(CREATED).fetch_add(1, Relaxed);
        }
        let mut data = guard.get();
        assert_eq!((data[0], data[1_023]), (WHOLE, WHOLE), "half made");
        data[1] += 1;
        guard.set(data);
        assert_eq!(at(INSIDE).swap(0, SeqCst), me, "somebody else came in");
        drop(guard);
        match random.below(4) {
            0 => {
                let removal = mutex.remove().expect("it can be removed");
                assert_eq!(removal, Removal::WhenLastUserLeaves, "this process has it open");
            }
            1 => std::thread::yield_now(),
            _ => {}
        }
        assert_eq!(mine, named_file(&path), "the name was taken away under its user");
        drop(mutex);
        stay_away(&mut random);
    }
}

/// So that now and then nobody has it.
fn stay_away(random: &mut Random) {
    std::thread::sleep(Duration::from_micros(random.below(2_000)));
}

/// Starts the processes, kills one now and then, and stops them in the end.
fn race(role: &str, name: &str) {
    let memory_name = format!("{name}-test");
    let memory = SharedMemory::create(&memory_name, DOOMED as u64 + 8 * 100_000).unwrap();
    let at = |offset| memory.atomic_u64(offset).unwrap();
    let mut random = Random::new();
    let mut started = 0;
    let mut start = || {
        started += 1;
        (started, Helper::start_silent(role, &[name, &memory_name, &started.to_string()]))
    };
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| start()).collect();
    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < storm_seconds() / 2 {
        std::thread::sleep(Duration::from_micros(random.below(60_000)));
        for (number, process) in &mut processes {
            let ended = process.ended();
            assert!(ended.is_none(), "process {number} found something: {ended:?}");
        }
        let victim = random.below(PROCESSES) as usize;
        at(DOOMED + processes[victim].0 as usize * 8).store(1, SeqCst);
        processes[victim].1.kill();
        kills += 1;
        processes[victim] = start();
    }
    at(STOP).store(1, SeqCst);
    processes.into_iter().for_each(|(_, process)| Silent::finish(process));
    let opened = at(OPENED).load(SeqCst);
    say(&format!(
        "{role}: {opened} openings, {} creations, {kills} kills",
        at(CREATED).load(SeqCst)
    ));
    assert!(opened > 100);
}

#[test]
fn there_are_never_two_objects_under_one_name() {
    let name = name("race");
    race("come-and-go", &name);
    let _ = procsync::remove(&name, procsync::Scope::User).unwrap();
    assert!(!file_of(&name).exists());
}

#[test]
fn there_are_never_two_shared_memories_under_one_name() {
    let name = name("memory-race");
    race("come-and-go-memory", &name);
    let _ = procsync::remove(&name, procsync::Scope::User).unwrap();
    assert!(!file_of(&name).exists() && !data_file_of(&name).exists());
}

/// Role: comes and goes. Arguments: the name of the memory that is raced for, that of the test's,
/// the process's number.
pub(crate) fn come_and_go_memory(role: &mut Role) {
    let name = role.argument(0);
    let path = data_file_of(name);
    let test = SharedMemory::attach(role.argument(1)).expect("it is there");
    let at = |offset| test.atomic_u64(offset).expect("in bounds");
    let mut random = Random(role.number::<u64>(2) * 15_485_863 + 1);
    while at(STOP).load(Relaxed) == 0 {
        let memory = match random.below(4) {
            0 => SharedMemory::create(name, 8_192),
            1 => SharedMemory::attach(name),
            _ => SharedMemory::open(name, 8_192),
        };
        let memory = match memory {
            Ok(memory) => memory,
            Err(Error::NotFound { .. } | Error::AlreadyExists { .. }) => {
                stay_away(&mut random);
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        at(OPENED).fetch_add(1, Relaxed);
        assert_eq!(memory.size(), 8_192);
        let mine = mapped_file(memory.as_ptr());
        assert_eq!(mine, named_file(&path), "the name leads to what was just opened");
        // Both files: the name leads to the books of this memory, too.
        assert!(file_of(name).exists());
        if memory.created() {
            at(CREATED).fetch_add(1, Relaxed);
            let makers = memory.atomic_u64(8_184).expect("in bounds").fetch_add(1, SeqCst);
            assert_eq!(makers, 0, "it was made once");
        }
        let users = memory.attached_processes().expect("it is open");
        assert!((1..=PROCESSES as u32).contains(&users), "{users}");
        if random.below(3) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(mine, named_file(&path), "the name was taken away under its user");
        drop(memory);
        stay_away(&mut random);
    }
}
