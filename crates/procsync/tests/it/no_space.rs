//! A full file system: errors that say so, no signal, and what is there works on.

use crate::child::{Helper, Role};
use crate::support::{LIMIT, name, skip};
use procsync::{Error, Mutex, Result, Semaphore, SharedMemory};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A shell that puts a small file system in the place of /dev/shm, for what it runs alone.
const SMALL: [&str; 5] = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs -o size=40m,mode=1777 tmpfs /dev/shm && PROCSYNC_DIR=/dev/shm exec \"$0\" \"$@\"",
];

#[test]
fn a_full_file_system_is_an_error_and_no_signal() {
    let tried = Command::new(SMALL[0]).args(&SMALL[1..]).arg("true").output();
    let why = match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    };
    if let Some(why) = why {
        return skip("a_full_file_system_is_an_error_and_no_signal", &why);
    }
    let mut helper = Helper::start_by(&SMALL, "fill-up", &[&name("full")]);
    assert_eq!(helper.hear(), "full and well");
    helper.finish();
}

#[track_caller]
fn assert_full<T>(answer: Result<T>) {
    let Err(error) = answer else { panic!("there is no space for that") };
    let Error::System { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{error}");
    assert!(error.to_string().contains("free some space"), "{error}");
}

/// Role: uses all the space there is, and goes on.
pub(crate) fn fill_up(role: &mut Role) {
    let named = |kind: &str| format!("{}-{kind}", role.argument(0));
    let files = || std::fs::read_dir("/dev/shm").expect("it can be read").count();
    // What cannot be had is refused before all that is left is taken away from others.
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| {
            while !stop.load(Relaxed) {
                std::fs::write("/dev/shm/neighbour", [1; 100_000]).expect("there is space");
                std::fs::remove_file("/dev/shm/neighbour").expect("it is there");
            }
        });
        for size in [1 << 40, 1 << 30, 41 << 20].repeat(30) {
            assert_full(SharedMemory::create(&named("huge"), size));
        }
        // As much as there is in all, of which some is in use.
        let some = SharedMemory::create(&named("some"), 20 << 20).expect("there is space");
        for _ in 0..30 {
            assert_full(SharedMemory::create(&named("huge"), 39 << 20));
        }
        drop(some);
        stop.store(true, Relaxed);
        neighbour.join().expect("nobody took its space");
    });
    let mutex = Mutex::<u64>::create(&named("mutex")).expect("there is space");
    let semaphore = Semaphore::create(&named("semaphore"), 3).expect("there is space");
    drop(mutex.lock().expect("it is free"));
    let memory = SharedMemory::create(&named("memory"), 39 << 20).expect("there is space");
    let mut small = Vec::new();
    let refused = loop {
        match Mutex::<u64>::create(&named(&small.len().to_string())) {
            Ok(mutex) => small.push(mutex),
            Err(error) => break error,
        }
    };
    assert_full::<()>(Err(refused));
    assert!(small.len() > 10, "{}", small.len());
    assert_full(SharedMemory::create(&named("more"), 100_000));
    assert_full(Semaphore::create(&named("permits"), 100_000));

    // Fills the last page, too.
    let filler = Path::new("/dev/shm/filler");
    let _ = std::fs::write(filler, vec![1; 2 << 20]);
    // What is there can be used to the last byte, and read by a stranger.
    for offset in (0..39 << 20).step_by(4_096) {
        memory.write(offset, &[1]).expect("in bounds");
    }
    for mutex in &small {
        mutex.lock().expect("it is free").set(1);
    }
    drop(semaphore.acquire_many(3).expect("they are free"));
    assert_eq!(
        procsync::inspect::list(procsync::Scope::User).expect("no error").len(),
        small.len() + 3
    );
    // Threads that need a slot in a page that cannot be had are told so.
    let (mut served, mut told) = (0, 0);
    let stay = std::sync::Barrier::new(151);
    std::thread::scope(|scope| {
        let threads = [(); 150].map(|()| {
            scope.spawn(|| {
                let locked = mutex.lock_timeout(LIMIT).map(drop);
                stay.wait();
                locked
            })
        });
        stay.wait();
        for thread in threads {
            match thread.join().expect("it does not panic") {
                Ok(()) => served += 1,
                refused => {
                    assert_full(refused);
                    told += 1;
                }
            }
        }
    });
    assert!(served > 20 && told > 20, "{served} {told}");
    drop(mutex.lock().expect("it is free"));
    std::fs::remove_file(filler).expect("it is there");
    drop((small, memory, mutex, semaphore));
    // The user's own directory stays.
    assert_eq!(files(), 1);
    role.say("full and well");
}
