//! What all Unix systems tell in the same way.
#![allow(unsafe_code)] // clock_gettime, getpwuid_r, geteuid, getrlimit, poll

use super::Input;
use std::ffi::CStr;
use std::io;
use std::path::Path;
use std::ptr;
use std::time::Duration;

/// The time of a clock that all processes share and nobody sets.
pub(crate) fn monotonic() -> io::Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Neither is negative, nor are there more nanoseconds than fit.
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// The name of a user, if it has one.
pub(crate) fn user_name(user: u32) -> Option<String> {
    let mut buffer = vec![0; 4_096];
    // SAFETY: passwd is a plain struct of integers and pointers, for which all zeros is a value.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = ptr::null_mut();
    // SAFETY: all may be written, and the buffer has the length given.
    let answer = unsafe {
        libc::getpwuid_r(user, &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found)
    };
    if answer != 0 || found.is_null() {
        return None;
    }
    // SAFETY: an entry that was found has a name, a string in the buffer.
    let name = unsafe { CStr::from_ptr(entry.pw_name) };
    Some(name.to_string_lossy().into_owned())
}

/// The effective user.
pub(crate) fn user() -> u32 {
    // SAFETY: geteuid has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

/// The permissions of a file, if it is there.
pub(crate) fn mode_of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    path.symlink_metadata().ok().map(|data| data.mode() & 0o7777)
}

/// How many files a process may open; none: not told.
pub(crate) fn file_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` may be written.
    let answer = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    (answer == 0).then_some(limit.rlim_cur)
}

/// Waits for input from the terminal, or for a signal, at most this long.
///
/// Nobody else is to wait for it: crossterm reads again and again from a terminal that was closed.
pub(crate) fn wait_for_input(patience: Duration) -> Input {
    let mut input = libc::pollfd { fd: libc::STDIN_FILENO, events: libc::POLLIN, revents: 0 };
    let milliseconds = patience.as_millis().min(60_000) as libc::c_int;
    // SAFETY: one entry, which may be written for the length of the call.
    let answer = unsafe { libc::poll(&raw mut input, 1, milliseconds) };
    let gone = libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
    if answer > 0 && input.revents & gone != 0 { Input::Gone } else { Input::Perhaps }
}
