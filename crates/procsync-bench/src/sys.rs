//! The few system calls that the harness itself needs.
// The standard library offers none of them.
#![allow(unsafe_code)]

#[cfg(target_env = "gnu")]
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::AtomicU32;

/// Nanoseconds on the monotonic clock, which all processes of the machine share: `Instant` cannot be handed to another.
#[inline]
pub(crate) fn now_ns() -> u64 {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is to a local of the type that the call fills in.
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr()) };
    assert_eq!(answer, 0, "every Linux has CLOCK_MONOTONIC");
    // SAFETY: the call succeeded, so it has written the whole value.
    nanoseconds(unsafe { now.assume_init() })
}

fn nanoseconds(time: libc::timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Sleeps if `word` still holds `expected`. May wake without cause. Works between processes that share the word.
#[inline]
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32) {
    let forever = ptr::null::<libc::timespec>();
    // SAFETY: the word is borrowed, so it stays mapped during the call; a null timeout means none. An answer of "changed
    // already" or "interrupted" is a wake without cause, which callers expect.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, forever) };
}

/// Wakes up to `count` sleepers on `word`.
#[inline]
pub(crate) fn futex_wake(word: &AtomicU32, count: i32) {
    // SAFETY: waking touches no memory; the address only names the queue.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
}

/// The processors on which this process may run.
pub(crate) fn allowed_cpus() -> io::Result<Vec<usize>> {
    let mut set = empty_cpu_set();
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: the pointer is to a local of the size given.
    if unsafe { libc::sched_getaffinity(0, size, &mut set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let known = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: every index asked for is below the set's size.
    Ok(known.filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

/// Lets the calling thread run on this processor only.
pub(crate) fn pin_to(cpu: usize) -> io::Result<()> {
    assert!(cpu < libc::CPU_SETSIZE as usize, "no processor {cpu} in a set of this size");
    let mut set = empty_cpu_set();
    // SAFETY: the index is below the set's size, as asserted.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the pointer is to a local of the size given.
    if unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn empty_cpu_set() -> libc::cpu_set_t {
    // SAFETY: the set is an array of integers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// Asks the kernel to kill this process when `parent` dies, however it dies.
pub(crate) fn die_with_parent(parent: u32) -> io::Result<()> {
    // SAFETY: this option takes one integer and touches no memory.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // It may have died before the request, which then never fires.
    if std::os::unix::process::parent_id() != parent {
        return Err(io::Error::other("the parent is gone"));
    }
    Ok(())
}

/// The processor time that a process, a child not yet reaped, has used so far, in nanoseconds.
pub(crate) fn cpu_time_ns(pid: u32) -> io::Result<u64> {
    let mut clock = 0;
    // SAFETY: the pointer is to a local of the type that the call fills in.
    let answer = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) };
    if answer != 0 {
        return Err(io::Error::from_raw_os_error(answer));
    }
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is to a local of the type that the call fills in.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it has written the whole value.
    Ok(nanoseconds(unsafe { time.assume_init() }))
}

/// The C library, in whose implementation of most peers the figures were made.
#[cfg(target_env = "gnu")]
pub(crate) fn c_library() -> String {
    // SAFETY: the function takes nothing and returns a string that lives as long as the program.
    let version = unsafe { libc::gnu_get_libc_version() };
    // SAFETY: it is the C library's own, null-terminated and constant.
    let version = unsafe { CStr::from_ptr(version) };
    format!("glibc {}", version.to_string_lossy())
}

/// The C library, in whose implementation of most peers the figures were made.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn c_library() -> String {
    "not glibc".to_owned()
}

/// Lets this process open as many files as it may at all; how many that is.
pub(crate) fn raise_file_limit() -> io::Result<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local of the type that the call fills in.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the pointer is to a local of the type that the call reads.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX))
}
