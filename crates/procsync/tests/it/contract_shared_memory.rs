//! `SharedMemory`: bytes, their bounds, and its life beside programs that do not know procsync.
#![allow(unsafe_code)] // shm_open, as other programs call it

use crate::child::{Helper, Role};
use crate::support::{LIMIT, data_file_of, eventually, file_of, joined, name, read_at, write_at};
use procsync::raw::FutexWord;
use procsync::{Error, SharedMemory, align_to_cacheline_size};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

#[test]
fn it_begins_as_zeros_and_all_see_the_same_bytes() {
    let name = name("zeros");
    let memory = SharedMemory::create(&name, 10_000).unwrap();
    assert!(memory.created());
    let mut bytes = vec![1; 10_000];
    memory.read(0, &mut bytes).unwrap();
    assert!(bytes.iter().all(|byte| *byte == 0));
    let again = SharedMemory::open(&name, 100).unwrap();
    assert!(!again.created());
    assert_eq!((memory.size(), again.size()), (10_000, 10_000));
    for length in 0..40 {
        for offset in 0..10 {
            let written: Vec<u8> = (0..length).map(|i| (i + offset) as u8 + 1).collect();
            memory.write(offset, &written).unwrap();
            let mut read = vec![0; length];
            again.read(offset, &mut read).unwrap();
            assert_eq!(read, written);
        }
    }
    assert_eq!(memory.as_ptr().align_offset(4_096), 0);
    // SAFETY: inside the mapping.
    let last_written = unsafe { again.as_ptr().add(9 + 38) };
    // SAFETY: as above, and nobody else writes it here.
    assert_eq!(unsafe { last_written.read() }, 48);
    assert_eq!(align_to_cacheline_size(65), 128);
}

#[test]
fn nothing_beyond_the_end_is_touched() {
    let memory = SharedMemory::create(&name("bounds"), 100).unwrap();
    memory.write(99, &[7]).unwrap();
    memory.write(100, &[]).unwrap();
    for (offset, length) in
        [(100, 1), (99, 2), (0, 101), (101, 0), (usize::MAX, 1), (usize::MAX, 0), (1, usize::MAX)]
    {
        let mut bytes = vec![3; length.min(200)];
        if length <= 200 {
            let refused = memory.read(offset, &mut bytes);
            assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{offset} {length}");
            assert!(bytes.iter().all(|byte| *byte == 3));
            let refused = memory.write(offset, &bytes);
            assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{offset} {length}");
        }
        assert!(memory.atomic_u32(offset.saturating_add(length)).is_err());
    }
    let mut last = [0];
    memory.read(99, &mut last).unwrap();
    assert_eq!(last, [7]);
    assert!(memory.atomic_u32(96).is_ok() && memory.atomic_u32(97).is_err());
    assert!(memory.atomic_u64(88).is_ok() && memory.atomic_u64(92).is_err());
    assert!(memory.atomic_u64(96).is_err(), "half of it lies beyond the end");
    for offset in [usize::MAX, usize::MAX - 7, usize::MAX / 8 * 8] {
        assert!(memory.atomic_u64(offset).is_err());
    }
}

#[test]
fn sizes_that_are_not_possible_are_refused() {
    for impossible in [0, (1 << 40) + 1, u64::MAX] {
        let name = name("size");
        assert!(matches!(
            SharedMemory::create(&name, impossible),
            Err(Error::InvalidArgument { .. })
        ));
        assert!(!file_of(&name).exists() && !data_file_of(&name).exists());
    }
}

#[test]
fn what_is_too_small_is_refused_with_both_sizes() {
    let name = name("small");
    let memory = SharedMemory::create(&name, 100).unwrap();
    let Err(error) = SharedMemory::open(&name, 101) else { panic!("it has 100 bytes") };
    let Error::Mismatch { wanted, found, .. } = &error else { panic!("{error}") };
    assert_eq!((wanted.as_str(), found.as_str()), ("101 or more", "100"));
    assert_eq!(SharedMemory::attach(&name).unwrap().size(), 100);
    assert_eq!(memory.attached_processes().unwrap(), 1);
}

#[test]
fn attaching_finds_what_is_there_and_nothing_else() {
    let name = name("attach");
    assert!(matches!(SharedMemory::attach(&name), Err(Error::NotFound { .. })));
    assert!(!file_of(&name).exists() && !data_file_of(&name).exists());
    let memory = SharedMemory::create(&name, 32).unwrap();
    let attached = SharedMemory::attach(&name).unwrap();
    assert!(!attached.created());
    assert_eq!(attached.size(), 32);
    drop(memory);
    attached.write(0, b"still here").unwrap();
    assert!(data_file_of(&name).exists());
    drop(attached);
    assert!(!file_of(&name).exists() && !data_file_of(&name).exists());
    assert!(matches!(SharedMemory::attach(&name), Err(Error::NotFound { .. })));
}

#[test]
fn numbers_are_counted_exactly_by_all_processes() {
    let name = name("atomic");
    let memory = SharedMemory::create(&name, 64).unwrap();
    let helpers: Vec<_> =
        (0..3).map(|_| Helper::start_silent("count-atomically", &[&name])).collect();
    helpers.into_iter().for_each(crate::child::Silent::finish);
    assert_eq!(memory.atomic_u64(8).unwrap().load(SeqCst), 3 * 50_000);
    assert_eq!(memory.atomic_u32(4).unwrap().load(SeqCst), 3 * 50_000);
}

/// Role: counts in a shared memory.
pub(crate) fn count_atomically(role: &mut Role) {
    let memory = SharedMemory::attach(role.argument(0)).expect("it is there");
    for _ in 0..50_000 {
        memory.atomic_u64(8).expect("in bounds").fetch_add(1, Relaxed);
        memory.atomic_u32(4).expect("in bounds").fetch_add(1, Relaxed);
    }
}

/// What a program that does not know procsync does. With `create` it makes the memory anew.
#[cfg(unix)]
fn open_as_a_stranger(name: &str, create: bool) -> Option<File> {
    use std::os::fd::FromRawFd;
    let name = std::ffi::CString::new(format!("/{name}")).unwrap();
    let flags = if create { libc::O_RDWR | libc::O_CREAT | libc::O_EXCL } else { libc::O_RDWR };
    // SAFETY: a string that ends in a zero byte and lives for the length of the call.
    let fd = unsafe { libc::shm_open(name.as_ptr(), flags, 0o600) };
    // SAFETY: just opened, and nobody else knows it.
    (fd >= 0).then(|| unsafe { File::from_raw_fd(fd) })
}

/// What a program that knows where the file is does.
#[cfg(windows)]
fn open_as_a_stranger(name: &str, create: bool) -> Option<File> {
    File::options().read(true).write(true).create_new(create).open(data_file_of(name)).ok()
}

fn remove_as_a_stranger(name: &str) {
    #[cfg(unix)]
    {
        let name = std::ffi::CString::new(format!("/{name}")).unwrap();
        // SAFETY: a string that ends in a zero byte and lives for the length of the call.
        assert_eq!(unsafe { libc::shm_unlink(name.as_ptr()) }, 0);
    }
    #[cfg(windows)]
    std::fs::remove_file(data_file_of(name)).unwrap();
}

#[test]
fn programs_that_do_not_know_procsync_can_use_it() {
    let name = name("plain");
    let memory = SharedMemory::create(&name, 5_000).unwrap();
    let theirs = open_as_a_stranger(&name, false).expect("it is there under its plain name");
    assert_eq!(theirs.metadata().unwrap().len(), 5_000);
    memory.write(10, b"from here").unwrap();
    let mut bytes = [0; 9];
    assert_eq!(read_at(&theirs, &mut bytes, 10), bytes.len());
    assert_eq!(&bytes, b"from here");
    write_at(&theirs, b"from them", 20);
    memory.read(20, &mut bytes).unwrap();
    assert_eq!(&bytes, b"from them");
    drop(memory);
    assert!(open_as_a_stranger(&name, false).is_none(), "it went with its last user");
}

#[test]
fn what_another_program_made_is_used_and_left_alone() {
    let name = name("theirs");
    let theirs = open_as_a_stranger(&name, true).unwrap();
    theirs.set_len(300).unwrap();
    write_at(&theirs, b"theirs", 0);
    assert!(matches!(SharedMemory::create(&name, 300), Err(Error::AlreadyExists { .. })));
    let Err(Error::Mismatch { wanted, found, .. }) = SharedMemory::open(&name, 301) else {
        panic!("it has 300 bytes")
    };
    assert_eq!((wanted.as_str(), found.as_str()), ("301 or more", "300"));
    assert!(!file_of(&name).exists(), "nothing is left of what was refused");
    for open in [|name: &str| SharedMemory::open(name, 200), SharedMemory::attach] {
        let memory = open(&name).unwrap();
        assert!(!memory.created());
        assert_eq!(memory.size(), 300);
        let mut bytes = [0; 6];
        memory.read(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"theirs");
        memory.write(6, b"+ours").unwrap();
        assert_eq!(memory.attached_processes().unwrap(), 1);
        let mut helper = Helper::start("attach-memory", &[&name]);
        assert_eq!(helper.hear(), "attached");
        assert_eq!(memory.attached_processes().unwrap(), 2);
        helper.finish();
        drop(memory);
        assert!(!file_of(&name).exists());
        let mut all = [0; 11];
        assert_eq!(read_at(&theirs, &mut all, 0), all.len());
        assert_eq!(&all, b"theirs+ours");
        assert!(data_file_of(&name).exists(), "it is theirs to remove");
    }
    let _ = SharedMemory::attach(&name).unwrap().remove().unwrap();
    assert!(data_file_of(&name).exists());
    drop(theirs);
    remove_as_a_stranger(&name);
    assert!(matches!(SharedMemory::attach(&name), Err(Error::NotFound { .. })));
}

#[test]
fn an_empty_file_of_another_program_is_no_memory_yet() {
    let name = name("empty");
    let theirs = open_as_a_stranger(&name, true).unwrap();
    assert!(SharedMemory::attach(&name).is_err());
    assert!(matches!(SharedMemory::open(&name, 1), Err(Error::Mismatch { .. })));
    assert!(!file_of(&name).exists());
    drop(theirs);
    remove_as_a_stranger(&name);
}

/// Role: sleeps on a word in a shared memory until it is woken.
pub(crate) fn sleep_on_word(role: &mut Role) {
    let memory = SharedMemory::attach(role.argument(0)).expect("it is there");
    let word = FutexWord::over(memory.atomic_u32(64).expect("in bounds"), true);
    role.say("there");
    // It may also end for no reason.
    while word.load_acquire() == 0 {
        assert!(word.wait(0, Some(LIMIT)), "nobody woke it");
    }
    role.say("awake");
}

#[test]
fn who_sleeps_on_a_word_in_it_is_woken_and_counted_from_another_process() {
    let name = name("word");
    let memory = SharedMemory::create(&name, 128).unwrap();
    let number = memory.atomic_u32(64).unwrap();
    let word = FutexWord::over(number, true);
    assert_eq!(word.wake(u32::MAX), 0);
    let mut sleepers: Vec<_> = (0..3).map(|_| Helper::start("sleep-on-word", &[&name])).collect();
    sleepers.iter_mut().for_each(|sleeper| assert_eq!(sleeper.hear(), "there"));
    // Each is woken in vain as often as it takes to have them all asleep at once.
    eventually("all three sleep", || word.wake(u32::MAX) == 3);
    number.store(1, SeqCst);
    sleepers.pop().unwrap().kill();
    for sleeper in &mut sleepers {
        eventually("each that lives is woken", || {
            word.wake(u32::MAX);
            sleeper.hear_within(Duration::from_millis(20)).is_some_and(|said| said == "awake")
        });
    }
}

#[test]
fn a_persistent_one_keeps_its_bytes() {
    let name = name("stays");
    let memory = SharedMemory::options(50).persistent(true).create(&name).unwrap();
    memory.write(3, b"kept").unwrap();
    drop(memory);
    let memory = SharedMemory::attach(&name).unwrap();
    let mut bytes = [0; 4];
    memory.read(3, &mut bytes).unwrap();
    assert_eq!((&bytes, memory.created()), (b"kept", false));
    let _ = memory.remove().unwrap();
    drop(memory);
    assert!(!file_of(&name).exists() && !data_file_of(&name).exists());
}

#[test]
fn killed_users_leave_nothing_that_the_next_one_sees() {
    let name = name("killed");
    drop(SharedMemory::create(&name, 64).unwrap());
    for _ in 0..5 {
        let memory = SharedMemory::options(64).open(&name).unwrap();
        assert!(memory.created());
        memory.write(0, b"old").unwrap();
        let mut helper = Helper::start("attach-memory", &[&name]);
        assert_eq!(helper.hear(), "attached");
        drop(memory);
        helper.kill();
        assert!(matches!(SharedMemory::attach(&name), Err(Error::NotFound { .. })));
        let memory = SharedMemory::create(&name, 64).unwrap();
        let mut bytes = [1; 3];
        memory.read(0, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 3]);
    }
    assert!(!data_file_of(&name).exists());
}

#[test]
fn threads_of_a_process_share_a_handle() {
    let memory = Arc::new(SharedMemory::create(&name("threads"), 8).unwrap());
    let work = |_| {
        let memory = memory.clone();
        std::thread::spawn(move || {
            for _ in 0..10_000 {
                memory.atomic_u64(0).unwrap().fetch_add(1, Relaxed);
            }
        })
    };
    (0..4).map(work).collect::<Vec<_>>().into_iter().for_each(joined);
    assert_eq!(memory.atomic_u64(0).unwrap().load(SeqCst), 40_000);
}
