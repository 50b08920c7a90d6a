//! Names, limits and the directory in which the tests' objects lie.
#![allow(unsafe_code)] // the environment of this process, and atexit

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Only a true failure lasts so long.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Where this run's objects lie. Helpers get it through the environment.
pub(crate) const DIRECTORY: &str = "PROCSYNC_DIR";

unsafe extern "C" {
    /// The C library's, on every system.
    fn atexit(function: extern "C" fn()) -> std::ffi::c_int;
}

static BASE: OnceLock<(PathBuf, u32)> = OnceLock::new();

/// The directory of this run, made at the first call. Every test gets here before it opens
/// anything, because it needs a name.
pub(crate) fn base() -> &'static Path {
    let (path, _) = BASE.get_or_init(|| {
        if std::env::var_os(super::child::ROLE).is_some() {
            let path = std::env::var_os(DIRECTORY).expect("a helper is told the directory");
            return (path.into(), 0);
        }
        // Where the library would put its objects, if that is possible here.
        let above = ["/dev/shm", "/tmp"].map(PathBuf::from).into_iter().find(|path| path.is_dir());
        let path = tempfile::Builder::new()
            .prefix("procsync-test-")
            .tempdir_in(above.filter(|_| cfg!(unix)).unwrap_or_else(std::env::temp_dir))
            .expect("a directory of our own")
            .keep();
        // SAFETY: the environment of this process is read by the standard library only, which
        // takes a lock for it; no test calls a function of the C library that reads it.
        unsafe { std::env::set_var(DIRECTORY, &path) };
        // SAFETY: a function that does not unwind.
        unsafe { atexit(remove_base) };
        std::thread::spawn(end_all_if_a_test_hangs);
        (path, std::process::id())
    });
    path
}

/// What a test waits for has a limit of its own; this is for what nobody thought of.
fn end_all_if_a_test_hangs() {
    std::thread::sleep(Duration::from_secs(900));
    say("the tests take longer than 15 minutes: one of them hangs");
    std::process::abort();
}

extern "C" fn remove_base() {
    if let Some((path, owner)) = BASE.get()
        && *owner == std::process::id()
    {
        let _ = std::fs::remove_dir_all(path);
    }
}

/// The directory of this user's objects.
#[cfg(unix)]
pub(crate) fn directory() -> PathBuf {
    // SAFETY: geteuid has no arguments and cannot fail.
    base().join(format!("procsync-{}", unsafe { libc::geteuid() }))
}

/// The directory of this user's objects: the only one here, for there is only one user.
#[cfg(windows)]
pub(crate) fn directory() -> PathBuf {
    let found = || {
        let mut entries = std::fs::read_dir(base()).expect("it is there").flatten();
        // Tests make other directories there.
        let own = entries.find(|one| one.file_name().to_string_lossy().starts_with("procsync-"))?;
        Some(own.path())
    };
    found().unwrap_or_else(|| {
        drop(procsync::Event::open("test-makes-the-directory", procsync::Reset::Auto));
        found().expect("the first object made it")
    })
}

/// A name that nobody else has.
pub(crate) fn name(label: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    base();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test-{label}-{}-{number}", std::process::id())
}

/// The file of a user's own object.
pub(crate) fn file_of(name: &str) -> PathBuf {
    directory().join(name)
}

/// The file of a shared memory's bytes.
pub(crate) fn data_file_of(name: &str) -> PathBuf {
    if cfg!(target_os = "linux") {
        Path::new("/dev/shm").join(name)
    } else {
        directory().join(format!("{name}~memory"))
    }
}

/// Writes all of these bytes at an offset.
pub(crate) fn write_at(file: &File, bytes: &[u8], at: u64) {
    #[cfg(unix)]
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at).expect("it can be written");
    #[cfg(windows)]
    {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at);
        assert_eq!(written.expect("it can be written"), bytes.len());
    }
}

/// Reads what is at an offset; answers how much there was.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], at: u64) -> usize {
    #[cfg(unix)]
    let read = std::os::unix::fs::FileExt::read_at(file, bytes, at);
    #[cfg(windows)]
    let read = std::os::windows::fs::FileExt::seek_read(file, bytes, at);
    read.expect("it can be read")
}

/// Asks again and again until the answer is yes.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "this did not come about in {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a thread answers, unless it hangs.
#[track_caller]
pub(crate) fn joined<T>(thread: JoinHandle<T>) -> T {
    eventually("a thread ends", || thread.is_finished());
    thread.join().expect("the thread did not panic")
}

/// How many sleep because of an object.
pub(crate) fn waiters(name: &str) -> usize {
    procsync::inspect::show(name, procsync::Scope::User).map_or(0, |object| object.waiters.len())
}

/// To standard error, past the test harness, which shows nothing of a test that passed.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says that this machine cannot run a test, and why.
#[cfg(unix)]
pub(crate) fn skip(test: &str, why: &str) {
    say(&format!("SKIPPED: {test}: {why}"));
    if let Some(log) = std::env::var_os("PROCSYNC_SKIP_LOG") {
        let log = std::fs::OpenOptions::new().append(true).create(true).open(log);
        writeln!(log.expect("the list of skipped tests"), "{test}: {why}").expect("it is written");
    }
}

/// What a process has used of the processors so far.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    // Of what follows the name, the 12th and the 13th: in user mode, and in the kernel.
    let ticks: u64 = after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    // SAFETY: sysconf only reads.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}
