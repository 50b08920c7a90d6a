//! Attacks on life words, found by one whose task was to break them.
#![allow(unsafe_code)] // seccomp, pthread mutexes, bare system calls

use crate::child::{Helper, Role};
use crate::life_words::Robust;
use crate::support::{LIMIT, file_of, name, say};
use procsync::{Error, Mutex, SharedMemory};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// From here on fallocate(2) is refused to this thread and its children, as a sandbox may do.
fn refuse_fallocate() {
    let statement =
        |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let filter = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_fallocate as u32, 0, 1),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_ptr().cast_mut() };
    // SAFETY: plain numbers.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: the program lives for the length of the call.
    let answer =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(answer, 0);
}

/// Role: uses a mutex and stays. Argument: the name.
pub(crate) fn use_and_stay(role: &mut Role) {
    let mutex = Mutex::<()>::attach(role.argument(0)).expect("it is there");
    drop(mutex.lock().expect("it is free"));
    role.say("used");
    role.hear();
}

/// Role: holds it in a sandbox. Argument: the name.
pub(crate) fn hold_in_a_sandbox(role: &mut Role) {
    let mutex = Mutex::<()>::attach(role.argument(0)).expect("it is there");
    refuse_fallocate();
    let guard = mutex.lock().expect("it is free");
    role.say("held");
    role.hear();
    drop(guard);
}

#[test]
fn where_no_space_can_be_set_aside_a_predecessors_death_is_not_ones_own() {
    let name = name("sandbox");
    let here = Mutex::<()>::options().participants(4).open(&name).unwrap();
    drop(here.lock().unwrap());
    let mut first = Helper::start("use-and-stay", &[&name]);
    assert_eq!(first.hear(), "used");
    first.kill();
    let mut second = Helper::start("hold-in-a-sandbox", &[&name]);
    assert_eq!(second.hear(), "held");
    let got = here.try_lock().unwrap();
    assert!(got.is_none(), "two holders: {got:?}");
}

/// Role: holds one of glibc's, then uses many of ours. Arguments: the names' beginning, how many,
/// the memory's name.
pub(crate) fn crowd_out(role: &mut Role) {
    let memory = SharedMemory::attach(role.argument(2)).expect("it is there");
    assert_eq!(Robust::at(&memory, 0).lock(), 0);
    let _mutexes: Vec<_> = (0..role.number::<u32>(1))
        .map(|index| {
            let mutex = Mutex::<()>::options()
                .participants(4)
                .open(&format!("{}-{index}", role.argument(0)))
                .expect("it opens");
            drop(mutex.lock().expect("it is free"));
            mutex
        })
        .collect();
    role.say("used");
    role.hear();
}

#[test]
fn glibcs_robust_mutexes_are_not_crowded_out_of_the_list() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit may be written.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max.min(16_384);
    // SAFETY: a valid limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    let name = name("crowd-out");
    let memory_name = format!("{name}-memory");
    let memory = SharedMemory::create(&memory_name, 4096).unwrap();
    let theirs = Robust::at(&memory, 0);
    theirs.initialize();
    let mut helper = Helper::start("crowd-out", &[&name, "2100", &memory_name]);
    assert_eq!(helper.hear(), "used");
    helper.kill();
    assert_eq!(theirs.try_lock(), libc::EOWNERDEAD);
}

#[test]
fn release_by_force_in_the_wrong_moment_leaves_it_usable() {
    let name = name("forced");
    let mutex = Mutex::<()>::open(&name).unwrap();
    let (stop, bad) = (AtomicBool::new(false), AtomicU32::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    match mutex.lock_timeout(Duration::from_secs(5)) {
                        Ok(guard) => drop(guard),
                        Err(error) => {
                            bad.fetch_add(1, SeqCst);
                            say(&format!("{error}"));
                            stop.store(true, SeqCst);
                        }
                    }
                }
            });
        }
        while !stop.load(SeqCst) && began.elapsed() < Duration::from_secs(5) {
            mutex.force_release().unwrap();
        }
        stop.store(true, SeqCst);
    });
    assert_eq!(bad.load(SeqCst), 0);
}

/// Role: opens a mutex with all its memory locked. Argument: the name.
pub(crate) fn lock_all_memory(role: &mut Role) {
    // SAFETY: plain numbers.
    let answer = unsafe { libc::mlockall(libc::MCL_FUTURE) };
    assert_eq!(answer, 0);
    let _mutex = Mutex::<()>::open(role.argument(0)).expect("it opens");
    role.say("open");
    role.hear();
}

#[test]
fn with_memory_locked_an_object_takes_little() {
    use std::os::unix::fs::MetadataExt;
    let name = name("mlockall");
    let mut helper = Helper::start("lock-all-memory", &[&name]);
    assert_eq!(helper.hear(), "open");
    let bytes = std::fs::metadata(file_of(&name)).unwrap().blocks() * 512;
    helper.finish();
    assert!(bytes <= 256 << 10, "{bytes}");
}

/// Role: opens a mutex where files may have 1 MiB. Argument: the name.
pub(crate) fn open_small(role: &mut Role) {
    let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
    // SAFETY: a valid limit.
    unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
    let mutex = Mutex::<()>::open(role.argument(0));
    role.say(&mutex.err().map_or("open".to_owned(), |error| error.to_string()));
    let mutex = Mutex::<()>::options().participants(100).open(role.argument(0));
    role.say(&mutex.err().map_or("open".to_owned(), |error| error.to_string()));
}

#[test]
fn where_files_must_be_small_a_larger_object_is_an_error_and_no_signal() {
    let name = name("fsize");
    let mut helper = Helper::start("open-small", &[&name]);
    let refused = helper.hear();
    assert!(refused.contains("ulimit -f") && refused.contains("fewer participants"), "{refused}");
    assert_eq!(helper.hear(), "open");
    helper.finish();
}

fn word(memory: &SharedMemory, index: usize) -> &AtomicU32 {
    // SAFETY: inside the memory, aligned, used as an atomic only.
    let place = unsafe { memory.as_ptr().add(index * 4) };
    // SAFETY: as above.
    unsafe { &*place.cast::<AtomicU32>() }
}

/// Role: threads lock; some end bluntly inside; the mutex is closed just then, and opened again.
/// Arguments: the name, the memory's name, a number of its own.
pub(crate) fn rage(role: &mut Role) {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let memory: &'static SharedMemory =
        Box::leak(Box::new(SharedMemory::attach(role.argument(1)).expect("it is there")));
    let base: u32 = role.number::<u32>(2) << 20;
    let mut seed: u64 = u64::from(std::process::id());
    loop {
        let mutex = match Mutex::<()>::options().participants(24).open(role.argument(0)) {
            Ok(mutex) => mutex,
            Err(Error::NoSlots { .. }) => {
                word(memory, 3).fetch_add(1, SeqCst);
                continue;
            }
            Err(error) => {
                say(&format!("open: {error}"));
                continue;
            }
        };
        let address = &raw const mutex as usize;
        let left = std::sync::Arc::new(AtomicU32::new(3));
        for _ in 0..3 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let mut seed = seed;
            let left = left.clone();
            std::thread::spawn(move || {
                // SAFETY: kept until `left` is 0.
                let mutex = unsafe { &*(address as *const Mutex<()>) };
                for _ in 0..(seed >> 33) % 20 {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    let id = base | (NEXT.fetch_add(1, SeqCst) & 0xF_FFFF);
                    match mutex.lock_timeout(Duration::from_millis((seed >> 40) % 30 + 1)) {
                        Ok(guard) => {
                            word(memory, 0).store(id, SeqCst);
                            for _ in 0..(seed >> 50) % 2000 {
                                std::hint::spin_loop();
                            }
                            if word(memory, 0).load(SeqCst) != id {
                                word(memory, 1).fetch_add(1, SeqCst);
                            }
                            word(memory, 2).fetch_add(1, SeqCst);
                            if (seed >> 35).is_multiple_of(16) {
                                std::mem::forget(guard);
                                left.fetch_sub(1, SeqCst);
                                // SAFETY: the stack is leaked.
                                unsafe { libc::syscall(libc::SYS_exit, 0) };
                            }
                        }
                        Err(Error::TimedOut { .. }) => {}
                        Err(Error::NoSlots { .. }) => {
                            word(memory, 3).fetch_add(1, SeqCst);
                        }
                        Err(error) => {
                            word(memory, 4).fetch_add(1, SeqCst);
                            say(&format!("lock: {error}"));
                        }
                    }
                }
                left.fetch_sub(1, SeqCst);
            });
        }
        while left.load(SeqCst) > 0 {
            std::thread::yield_now();
        }
        drop(mutex);
    }
}

#[test]
fn threads_that_end_bluntly_and_closing_and_killing_at_once_leave_it_usable() {
    let name = name("rage");
    let memory_name = format!("{name}-memory");
    let memory = SharedMemory::create(&memory_name, 4096).unwrap();
    let keep = Mutex::<()>::options().participants(24).open(&name).unwrap();
    let began = Instant::now();
    let mut number = 1;
    let mut start = || {
        number += 1;
        Helper::start("rage", &[&name, &memory_name, &number.to_string()])
    };
    let mut helpers: Vec<_> = (0..4).map(|_| start()).collect();
    let mut kills = 0_usize;
    let mut worst = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(6) {
        std::thread::sleep(Duration::from_millis((kills as u64 * 37) % 60));
        let index = kills % 4;
        helpers[index].kill();
        helpers[index] = start();
        kills += 1;
        let before = Instant::now();
        drop(keep.lock_timeout(LIMIT).unwrap());
        worst = worst.max(before.elapsed());
    }
    drop(helpers);
    drop(keep.lock_timeout(LIMIT).unwrap());
    let value = |index| word(&memory, index).load(SeqCst);
    say(&format!("blunt ends: {kills} kills, {} holds, longest wait {worst:?}", value(2)));
    assert_eq!((value(1), value(4)), (0, 0), "violations, errors");
    assert!(value(2) > 0);
}

/// Role: PI robust mutexes of glibc among ours. Arguments: the names' beginning, the memory's name.
pub(crate) fn mix_with_inheritance(role: &mut Role) {
    let memory = SharedMemory::attach(role.argument(1)).expect("it is there");
    let lock = |index| assert_eq!(Robust::at(&memory, index).lock(), 0);
    let ours: Vec<_> =
        (0..4).map(|i| Mutex::<()>::open(&format!("{}-{i}", role.argument(0))).unwrap()).collect();
    let mut guards = Vec::new();
    for (i, mutex) in ours.iter().enumerate() {
        lock(2 * i);
        guards.push(mutex.lock().unwrap());
        lock(2 * i + 1);
    }
    Robust::at(&memory, 3).unlock();
    Robust::at(&memory, 2).unlock();
    drop(guards.remove(1));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            lock(2);
            drop(ours[1].lock().unwrap());
            lock(3);
            role.say("mixed");
            role.hear();
        });
    });
}

#[test]
fn glibcs_mutexes_with_priority_inheritance_in_the_same_list() {
    let name = name("pi");
    let memory_name = format!("{name}-memory");
    let memory = SharedMemory::create(&memory_name, 4096).unwrap();
    for i in 0..8 {
        Robust::at(&memory, i).initialize_as(i % 4 != 0);
    }
    let ours: Vec<_> = (0..4).map(|i| Mutex::<()>::open(&format!("{name}-{i}")).unwrap()).collect();
    let mut helper = Helper::start("mix-with-inheritance", &[&name, &memory_name]);
    assert_eq!(helper.hear(), "mixed");
    helper.kill();
    for i in 0..8 {
        assert_eq!(Robust::at(&memory, i).lock(), libc::EOWNERDEAD, "{i}");
    }
    for (i, mutex) in ours.iter().enumerate() {
        assert_eq!(mutex.lock().unwrap().abandoned().is_some(), i != 1, "{i}");
    }
}

#[test]
fn those_who_are_killed_do_not_use_up_the_slots() {
    const KILLED: u32 = 120;
    let name = name("used-up");
    let here = Mutex::<()>::open(&name).unwrap();
    for _ in 0..KILLED {
        let mut helper = Helper::start("use-and-stay", &[&name]);
        assert_eq!(helper.hear(), "used");
        helper.kill();
    }
    let mut bytes = [0; 4];
    let file = std::fs::File::open(file_of(&name)).unwrap();
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 132).unwrap();
    let used = u32::from_ne_bytes(bytes);
    // Each had two, and by far most were claimed again.
    assert!(used < KILLED, "{used} slots for {KILLED} that were killed");
    drop(here);
}
