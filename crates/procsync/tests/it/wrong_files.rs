//! What lies under our names and is not ours: an error that says so, and it is not touched.
#![allow(unsafe_code)] // mkfifo, flock

#[cfg(unix)]
use crate::support::directory;
use crate::support::{file_of, name, read_at, write_at};
use procsync::{
    Error, Event, Mutex, ReentrantMutex, Reset, Scope, Semaphore, SharedMemory, TokenSemaphore,
};
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

/// Every way to open every kind.
fn openings(name: &str) -> Vec<procsync::Result<()>> {
    vec![
        Mutex::<u64>::open(name).map(drop),
        Mutex::<u64>::create(name).map(drop),
        Mutex::<u64>::attach(name).map(drop),
        ReentrantMutex::open(name).map(drop),
        ReentrantMutex::create(name).map(drop),
        Semaphore::open(name, 2).map(drop),
        Semaphore::attach(name).map(drop),
        TokenSemaphore::open(name, 2).map(drop),
        TokenSemaphore::attach(name).map(drop),
        Event::open(name, Reset::Auto).map(drop),
        Event::attach(name).map(drop),
        SharedMemory::create(name, 10).map(drop),
        SharedMemory::open(name, 10).map(drop),
    ]
}

/// What must stay as it is: which file it is, how big, when written, and how it begins.
fn fingerprint(path: &Path) -> (u64, u64, SystemTime, Vec<u8>) {
    let data = path.symlink_metadata().unwrap();
    let mut begins = vec![0; 20_000];
    if data.is_file() {
        let length = read_at(&File::open(path).unwrap(), &mut begins, 0);
        begins.truncate(length);
    }
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&data);
    #[cfg(windows)]
    let number = std::os::windows::fs::MetadataExt::creation_time(&data);
    (number, data.len(), data.modified().unwrap(), begins)
}

#[track_caller]
fn refused_untouched(name: &str, expected: &str) {
    let path = file_of(name);
    let before = fingerprint(&path);
    for (index, opened) in openings(name).into_iter().enumerate() {
        let Err(error) = opened else { panic!("{name}: opening {index} took it") };
        let text = error.to_string();
        assert!(text.contains(expected), "{name}: {text}");
        assert!(
            matches!(
                error,
                Error::Damaged { .. } | Error::System { .. } | Error::LayoutVersion { .. }
            ),
            "{text}"
        );
    }
    let Err(error) = procsync::inspect::show(name, Scope::User) else { panic!("{name} is shown") };
    assert!(error.to_string().contains(name), "{error}");
    let listed = procsync::inspect::list(Scope::User).unwrap();
    assert!(listed.iter().any(|row| matches!(row, Err(error) if error.to_string().contains(name))));
    assert_eq!(fingerprint(&path), before, "{name} was touched");
}

/// A file with these bytes under a name.
fn planted(label: &str, bytes: &[u8]) -> String {
    let name = name(label);
    drop(Mutex::<u64>::open(&name).unwrap()); // the directory is made
    fs::write(file_of(&name), bytes).unwrap();
    name
}

/// The bytes of a sound object.
fn sound() -> Vec<u8> {
    let name = name("sound");
    let _semaphore = Semaphore::options(2).participants(5).create(&name).unwrap();
    fs::read(file_of(&name)).unwrap()
}

#[test]
fn files_that_are_no_objects_are_refused_and_left_alone() {
    refused_untouched(&planted("empty", b""), "0 bytes only");
    refused_untouched(&planted("short", b"procsync\x01\0\0\0"), "12 bytes only");
    refused_untouched(&planted("text", &b"lorem ipsum ".repeat(1_000)), "does not begin with");
    refused_untouched(&planted("zeros", &[0; 66_000]), "does not begin with");
    refused_untouched(&planted("ones", &[255; 66_000]), "does not begin with");
}

#[test]
fn objects_of_other_makes_are_refused_and_left_alone() {
    let sound = sound();
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = sound.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    let name = planted("version", &changed(8, &7_u32.to_ne_bytes()));
    refused_untouched(&name, "layout version 7");
    let mut other_order = sound.clone();
    other_order[..8].reverse();
    refused_untouched(&planted("byte-order", &other_order), "byte order");
    refused_untouched(&planted("cut", &sound[..sound.len() - 1]), "the file has");
    refused_untouched(&planted("header-only", &sound[..64]), "the file has");
    refused_untouched(&planted("grown", &[&sound[..], &[0]].concat()), "the file has");
    for (label, at, to) in [
        ("kind", 12, 0_u32),
        ("kind", 12, 77),
        ("flags", 16, 1 << 31),
        ("slots", 20, 0),
        ("slots", 20, 6),
        ("slots", 20, u32::MAX),
        ("permits", 24, 0),
        ("permits", 24, u32::MAX),
        ("alignment", 28, 3),
        ("alignment", 28, 1 << 31),
    ] {
        refused_untouched(&planted(label, &changed(at, &to.to_ne_bytes())), "damaged");
    }
    let name = planted("data-size", &changed(32, &u64::MAX.to_ne_bytes()));
    refused_untouched(&name, "damaged");
}

/// Its users know nothing of how ours tell each other that they are there.
#[test]
#[cfg(unix)]
fn an_object_of_another_version_is_refused_at_once_also_if_it_is_in_use() {
    use std::os::fd::AsRawFd;
    let mut bytes = sound();
    bytes[8..12].copy_from_slice(&7_u32.to_ne_bytes());
    let name = planted("version-in-use", &bytes);
    let user = File::open(file_of(&name)).unwrap();
    // SAFETY: plain system call on a descriptor that is open.
    assert_eq!(unsafe { libc::flock(user.as_raw_fd(), libc::LOCK_SH) }, 0);
    for error in [
        Mutex::<()>::open(&name).unwrap_err(),
        Mutex::<()>::attach(&name).unwrap_err(),
        Mutex::<()>::create(&name).unwrap_err(),
    ] {
        assert!(matches!(error, Error::LayoutVersion { found: 7, .. }), "{error}");
    }
    assert!(file_of(&name).exists());
    fs::remove_file(file_of(&name)).unwrap();
}

#[test]
#[cfg(unix)]
fn a_huge_file_with_holes_is_refused_at_once() {
    for begins in [vec![], sound()[..64].to_vec()] {
        let name = planted("huge", &begins);
        let file = File::options().write(true).open(file_of(&name)).unwrap();
        file.set_len(1 << 40).unwrap();
        refused_untouched(&name, "damaged");
        fs::remove_file(file_of(&name)).unwrap();
    }
}

#[test]
#[cfg(unix)]
fn a_huge_object_that_says_so_is_refused_by_who_wants_a_small_one() {
    // All fields agree with each other: a mutex that guards 2^40 bytes, all of them holes.
    let name = name("huge-data");
    let small = Mutex::<u64>::options().participants(5).create(&name).unwrap();
    let mut bytes = fs::read(file_of(&name)).unwrap();
    drop(small);
    let huge = 1_u64 << 40;
    let size = 4_096 + huge + 5 * 4_096;
    bytes[32..40].copy_from_slice(&huge.to_ne_bytes());
    bytes[48..56].copy_from_slice(&size.to_ne_bytes());
    // Persistent, else it is a leftover.
    bytes[128] = 1;
    fs::write(file_of(&name), &bytes).unwrap();
    File::options().write(true).open(file_of(&name)).unwrap().set_len(size).unwrap();
    assert!(matches!(Mutex::<u64>::open(&name), Err(Error::Mismatch { .. })));
    assert!(matches!(ReentrantMutex::open(&name), Err(Error::WrongKind { .. })));
    assert!(procsync::inspect::show(&name, Scope::User).is_ok());
    fs::remove_file(file_of(&name)).unwrap();
}

#[test]
#[cfg(unix)]
fn things_that_are_no_files_are_refused_and_left_alone() {
    let directory_name = name("directory");
    drop(Mutex::<u64>::open(&directory_name).unwrap());
    fs::create_dir(file_of(&directory_name)).unwrap();
    refused_untouched(&directory_name, "it is a directory");

    let fifo = name("fifo");
    let path = file_of(&fifo);
    let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a string that ends in a zero byte and lives for the length of the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    refused_untouched(&fifo, "not a regular file");

    let socket = name("socket");
    let _listener = std::os::unix::net::UnixListener::bind(file_of(&socket)).unwrap();
    refused_untouched(&socket, &socket);
}

#[test]
#[cfg(unix)]
fn links_are_never_followed() {
    let target = name("target");
    let mutex = Mutex::<u64>::create(&target).unwrap();
    for (label, leads_to) in [
        ("link", file_of(&target)),
        ("dangling", directory().join("not-there")),
        ("outside", "/dev/zero".into()),
    ] {
        let name = name(label);
        std::os::unix::fs::symlink(&leads_to, file_of(&name)).unwrap();
        refused_untouched(&name, "symbolic link");
        assert!(procsync::remove(&name, Scope::User).is_err());
        assert!(file_of(&name).symlink_metadata().is_ok());
    }
    assert!(!directory().join("not-there").exists());
    // The same file under a second name would be two objects in one.
    let second = name("hard-link");
    fs::hard_link(file_of(&target), file_of(&second)).unwrap();
    assert!(matches!(Mutex::<u64>::open(&second), Err(Error::Damaged { .. })));
    drop(mutex.lock().unwrap());
}

#[test]
fn what_is_no_object_can_be_removed_on_demand() {
    let name = planted("remove", b"not an object");
    assert!(Mutex::<u64>::open(&name).is_err());
    let removed = procsync::remove(&name, Scope::User).unwrap();
    assert_eq!(removed, Some(procsync::Removal::Done));
    drop(Mutex::<u64>::create(&name).unwrap());
}

#[test]
fn no_byte_of_a_segment_makes_its_user_panic() {
    // Every byte, one by one and in the middle of use: errors are right, panics and hangs are not.
    let name = name("any-byte");
    let time = std::time::Duration::from_millis(1);
    // Opening files takes long under Wine. Nine is no divisor of any field's size.
    let step = if cfg!(windows) { 9 } else { 1 };
    for at in (0..64 * 8 + 2 * 32).step_by(step).chain([64 * 5 + 190]) {
        for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            let semaphore = Semaphore::options(2).participants(5).open(&name).unwrap();
            let file = File::options().write(true).open(file_of(&name)).unwrap();
            let permit = semaphore.acquire().unwrap();
            write_at(&file, &[value], at);
            let _ = semaphore.try_acquire();
            let _ = semaphore.acquire_timeout(time);
            let _ = semaphore.acquire_many_timeout(2, time);
            let _ = semaphore.available();
            let _ = semaphore.holders();
            let _ = procsync::inspect::show(&name, Scope::User).map(|seen| format!("{seen:?}"));
            drop(permit);
            drop(semaphore);
            let _ = fs::remove_file(file_of(&name));
        }
    }
}
