//! What Linux and macOS have in common: identity without system calls, and notice of forks.
#![allow(unsafe_code)] // system calls and pthread_atfork

use super::system;
use crate::raw::host::Identity;
use std::cell::Cell;
use std::io;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What the kernel calls this process; 0 until asked, and again 0 in a forked child.
static PID: AtomicU32 = AtomicU32::new(0);
/// How many forks led here from the first process that used this library.
static FORKS: AtomicU64 = AtomicU64::new(0);
static PROCESS_NUMBER: AtomicU32 = AtomicU32::new(0);
static STARTED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static TID: Cell<u32> = const { Cell::new(0) };
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
            let now = system::thread_id();
            tid.set(now);
            now
        }
        tid => tid,
    })
}

/// How many forks, which the C library made, led to this process. Tells a child from its parent, and
/// unlike the pid also a grandchild that has got the same one.
#[allow(dead_code, reason = "only life words ask, which not every system has")]
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
    let drawn = (system::random() as u32 & crate::raw::owned_word::TAG).max(1);
    // Two threads may draw at once: the first one counts.
    match PROCESS_NUMBER.compare_exchange(0, drawn, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => drawn,
        Err(theirs) => theirs,
    }
}

/// The effective user.
pub(crate) fn user() -> u32 {
    // SAFETY: geteuid has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

/// When this process began, in units of the system's; 0: not told.
pub(crate) fn started() -> u64 {
    match STARTED.load(Ordering::Relaxed) {
        0 => {
            let began = system::started_of(pid()).unwrap_or(0);
            STARTED.store(began, Ordering::Relaxed);
            began
        }
        began => began,
    }
}

/// Whether there is a process with this pid (in our namespace), be it a zombie.
pub(super) fn is_there(pid: u32) -> bool {
    // SAFETY: plain system call; the signal 0 is none.
    let answer = unsafe { libc::kill(pid as libc::pid_t, 0) };
    // Not told by /proc, which may hide the processes of others.
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
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
        system::prepare();
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
    system::forget();
    TID.with(|tid| tid.set(0));
    if let Some(notice) = NOTICE.get() {
        (notice.in_child)();
    }
}
