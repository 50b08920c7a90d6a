//! Processes and threads as /proc and the C library tell them.
#![allow(unsafe_code)] // system calls

use super::Glance;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::linux::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};

static NAMESPACE: AtomicU64 = AtomicU64::new(0);

/// What must not be done for the first time in a signal handler.
pub(super) fn prepare() {
    // Finds the vDSO.
    crate::sys::clock::monotonic();
}

/// Forgets in a forked child what is not true of it.
pub(super) fn forget() {
    NAMESPACE.store(0, Ordering::Relaxed);
}

/// The calling thread's id.
pub(super) fn thread_id() -> u32 {
    // SAFETY: gettid has no arguments and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

/// A random number: from the kernel, or where it refuses, from what is at hand.
pub(crate) fn random() -> u64 {
    let mut bytes = [0_u8; 8];
    // SAFETY: the buffer may be written and has the length given.
    let got =
        unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    if got == 8 {
        return u64::from_ne_bytes(bytes);
    }
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(super::super::clock::wall());
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// An environment variable, unless this program runs with more rights than its caller
/// (secure_getenv(3)).
pub(crate) fn environment(name: &std::ffi::CStr) -> Option<std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;
    // SAFETY: AT_SECURE is a number that the kernel gave this process at its start.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return None;
    }
    std::env::var_os(std::ffi::OsString::from_vec(name.to_bytes().to_vec()))
}

/// When another process of this pid namespace began, in clock ticks since boot (proc_pid_stat(5),
/// field 22).
pub(super) fn started_of(pid: u32) -> Option<u64> {
    glance(pid).map(|seen| seen.started)
}

/// Looks at a process.
pub(crate) fn glance(pid: u32) -> Option<Glance> {
    glance_at(&format!("/proc/{pid}"))
}

/// Looks at one thread of a process.
pub(crate) fn glance_at_thread(pid: u32, tid: u32) -> Option<Glance> {
    glance_at(&format!("/proc/{pid}/task/{tid}"))
}

/// When the process with this directory in /proc began.
pub(super) fn started_in(process: &str) -> Option<u64> {
    glance_at(process).map(|seen| seen.started)
}

fn glance_at(directory: &str) -> Option<Glance> {
    let directory = File::open(directory).ok()?;
    // By this detour, because qemu's user emulation answers for a process's own /proc/PID/stat itself,
    // with another start than everybody else reads there: who lives would look like one whose pid
    // is used again.
    // SAFETY: a descriptor that is open, and a string that ends in a zero byte.
    let stat = unsafe {
        libc::openat(directory.as_raw_fd(), c"stat".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC)
    };
    if stat < 0 {
        return None;
    }
    // SAFETY: just opened, and nobody else knows it.
    let mut file = unsafe { File::from_raw_fd(stat) };
    let mut stat = Vec::new();
    file.read_to_end(&mut stat).ok()?;
    // The name in brackets may hold anything, brackets too: count from the last one.
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let begin = stat.iter().position(|&byte| byte == b'(')? + 1;
    let name = String::from_utf8_lossy(stat.get(begin..end)?).into_owned();
    let mut fields = std::str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let threads = fields.nth(15)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    Some(Glance { name, state, parent, threads, started })
}

/// The effective user of a process of this pid namespace.
pub(crate) fn user_of(pid: u32) -> Option<u32> {
    let status = std::fs::read(format!("/proc/{pid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The number of this process's pid namespace; 0: not told.
pub(crate) fn namespace() -> u64 {
    match NAMESPACE.load(Ordering::Relaxed) {
        0 => {
            let number = std::fs::metadata("/proc/self/ns/pid").map_or(0, |file| file.st_ino());
            NAMESPACE.store(number, Ordering::Relaxed);
            number
        }
        number => number,
    }
}

/// The command line of a process of this pid namespace, arguments separated by blanks.
pub(crate) fn command_of(pid: u32) -> Option<String> {
    /// Enough to tell one from another; a command line may have megabytes.
    const ENOUGH: u64 = 512;
    let mut bytes = Vec::new();
    let file = File::open(format!("/proc/{pid}/cmdline")).ok()?;
    file.take(ENOUGH).read_to_end(&mut bytes).ok()?;
    let mut words: Vec<_> = bytes.split(|&byte| byte == 0).map(String::from_utf8_lossy).collect();
    if words.last().is_some_and(|word| word.is_empty()) {
        words.pop();
    }
    if words.is_empty() {
        // A zombie or a kernel thread has a name only.
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        return Some(name.trim_end().to_owned());
    }
    Some(words.join(" "))
}

/// The name of the calling thread's process, cut to what fits (prctl(2), 15 bytes).
pub(crate) fn short_name() -> [u8; 16] {
    let mut name = [0_u8; 16];
    // SAFETY: PR_GET_NAME writes at most 16 bytes to the buffer.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}
