//! Processes and threads as /proc and the C library tell them.
#![allow(unsafe_code)] // system calls and pthread_atfork

use crate::raw::host::Identity;
use std::cell::Cell;
use std::io::{self, Read};
use std::os::linux::fs::MetadataExt;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What the kernel calls this process; 0 until asked, and again 0 in a forked child.
static PID: AtomicU32 = AtomicU32::new(0);
/// How many forks led here from the first process that used this library.
static FORKS: AtomicU64 = AtomicU64::new(0);
static PROCESS_NUMBER: AtomicU32 = AtomicU32::new(0);
static STARTED: AtomicU64 = AtomicU64::new(0);
static NAMESPACE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static TID: Cell<u32> = const { Cell::new(0) };
    /// Waits until the affinity is asked again, and the last answer.
    static CPUS: Cell<(u32, bool)> = const { Cell::new((0, false)) };
}

/// The process id in its own pid namespace. No system call after the first.
#[inline]
pub(crate) fn pid() -> u32 {
    match PID.load(Ordering::Relaxed) {
        0 => pid_slow(),
        pid => pid,
    }
}

#[cold]
fn pid_slow() -> u32 {
    watch_forks();
    let pid = std::process::id();
    PID.store(pid, Ordering::Relaxed);
    pid
}

/// The thread id. No system call after a thread's first.
#[inline]
pub(crate) fn tid() -> u32 {
    TID.with(|tid| match tid.get() {
        0 => {
            watch_forks();
            // SAFETY: gettid has no arguments and cannot fail.
            let now = unsafe { libc::syscall(libc::SYS_gettid) } as u32;
            tid.set(now);
            now
        }
        tid => tid,
    })
}

/// How many forks, which the C library made, led to this process. Tells a child from its parent, and
/// unlike the pid also a grandchild that has got the same one.
pub(crate) fn forks() -> u64 {
    watch_forks();
    FORKS.load(Ordering::Relaxed)
}

/// Who asks. No system call after the first.
#[inline]
pub(crate) fn identity() -> Identity {
    Identity { process: process_number(), pid: pid(), thread: tid() }
}

#[inline]
fn process_number() -> u32 {
    match PROCESS_NUMBER.load(Ordering::Relaxed) {
        0 => draw_process_number(),
        number => number,
    }
}

#[cold]
fn draw_process_number() -> u32 {
    watch_forks();
    let drawn = (random() as u32 & crate::raw::owned_word::TAG).max(1);
    // Two threads may draw at once: the first one counts.
    match PROCESS_NUMBER.compare_exchange(0, drawn, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => drawn,
        Err(theirs) => theirs,
    }
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

/// The effective user.
pub(crate) fn user() -> u32 {
    // SAFETY: geteuid has no arguments and cannot fail.
    unsafe { libc::geteuid() }
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

/// When this process began, in clock ticks since boot (proc_pid_stat(5), field 22); 0: not told.
pub(crate) fn started() -> u64 {
    match STARTED.load(Ordering::Relaxed) {
        0 => {
            let ticks = started_of(pid()).unwrap_or(0);
            STARTED.store(ticks, Ordering::Relaxed);
            ticks
        }
        ticks => ticks,
    }
}

/// When another process of this pid namespace began.
pub(crate) fn started_of(pid: u32) -> Option<u64> {
    started_in(&format!("/proc/{pid}"))
}

/// When the process with this directory in /proc began.
pub(super) fn started_in(process: &str) -> Option<u64> {
    let stat = std::fs::read(format!("{process}/stat")).ok()?;
    // The command in brackets may hold anything, brackets too: count from the last one.
    let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let fields = std::str::from_utf8(&stat[after..]).ok()?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
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
    let file = std::fs::File::open(format!("/proc/{pid}/cmdline")).ok()?;
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

/// Whether a second CPU could change a word while this thread looks at it. Asked anew now and
/// then, because the affinity of a thread may change.
pub(crate) fn may_spin() -> bool {
    const ANSWER_SERVES: u32 = 256;
    CPUS.with(|cpus| {
        let (left, answer) = cpus.get();
        if left > 0 {
            cpus.set((left - 1, answer));
            return answer;
        }
        let answer = cpus_allowed() > 1;
        cpus.set((ANSWER_SERVES, answer));
        answer
    })
}

/// How many pauses of the processor (`spin_loop`) fill a microsecond; measured once.
pub(crate) fn pauses_per_microsecond() -> u32 {
    static MEASURED: AtomicU32 = AtomicU32::new(0);
    match MEASURED.load(Ordering::Relaxed) {
        0 => {
            const PAUSES: u64 = 64;
            // The shortest of three: an interruption makes a measurement longer, never shorter.
            let shortest = (0..3)
                .map(|_| {
                    let before = super::super::clock::monotonic();
                    (0..PAUSES).for_each(|_| std::hint::spin_loop());
                    super::super::clock::monotonic() - before
                })
                .min();
            let pauses = PAUSES * 1_000 / shortest.unwrap_or(0).max(1);
            let pauses = pauses.clamp(5, 1_000) as u32;
            MEASURED.store(pauses, Ordering::Relaxed);
            pauses
        }
        pauses => pauses,
    }
}

fn cpus_allowed() -> u32 {
    // SAFETY: cpu_set_t is a plain array of integers, for which all zeros is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set may be written and has the size given.
    let answer = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    if answer != 0 {
        // More CPUs than the set has bits.
        return u32::MAX;
    }
    // SAFETY: the set is initialized.
    let count = unsafe { libc::CPU_COUNT(&set) };
    u32::try_from(count).unwrap_or(1)
}

/// An open file, as a fork leaves it in the child.
pub(crate) type Descriptor = libc::c_int;

/// The descriptor of a file.
pub(crate) fn descriptor(file: &std::fs::File) -> Descriptor {
    std::os::fd::AsRawFd::as_raw_fd(file)
}

/// Closes a descriptor that the child inherited. Whoever calls this makes sure that no `File` of
/// the child closes it again.
pub(crate) fn close_in_child(file: Descriptor) {
    // SAFETY: by the caller's care the descriptor has no owner in this process any more. `close`
    // may be called in a forked child (signal-safety(7)).
    unsafe { libc::close(file) };
}

/// What the library does around a fork; set once.
pub(crate) struct ForkNotice {
    pub(crate) before: fn(),
    pub(crate) in_parent: fn(),
    /// Runs in a child that may have been a process of many threads: no allocation, no lock that
    /// `before` did not take.
    pub(crate) in_child: fn(),
}

static NOTICE: std::sync::OnceLock<ForkNotice> = std::sync::OnceLock::new();

/// Has the library told of every fork from now on.
pub(crate) fn notice_forks(notice: ForkNotice) {
    let _ = NOTICE.set(notice);
    watch_forks();
}

fn watch_forks() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        // SAFETY: the three handlers are functions of this library that do not unwind; the C
        // library forgets them if this library is unloaded.
        let answer = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
        if answer != 0 {
            let error = io::Error::from_raw_os_error(answer);
            tracing::warn!(%error, "pthread_atfork failed: forked children will not be noticed");
        }
    });
}

extern "C" fn before() {
    if let Some(notice) = NOTICE.get() {
        (notice.before)();
    }
}

extern "C" fn in_parent() {
    if let Some(notice) = NOTICE.get() {
        (notice.in_parent)();
    }
}

extern "C" fn in_child() {
    PID.store(0, Ordering::Relaxed);
    FORKS.fetch_add(1, Ordering::Relaxed);
    PROCESS_NUMBER.store(0, Ordering::Relaxed);
    STARTED.store(0, Ordering::Relaxed);
    NAMESPACE.store(0, Ordering::Relaxed);
    TID.with(|tid| tid.set(0));
    CPUS.with(|cpus| cpus.set((0, false)));
    if let Some(notice) = NOTICE.get() {
        (notice.in_child)();
    }
}
