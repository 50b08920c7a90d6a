//! fcntl(2) open-file-description locks on bytes, flock(2) on whole files. Both belong to the open
//! file: the kernel drops them when its last descriptor is closed, however the process ends.
#![allow(unsafe_code)] // fcntl and flock

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// How a whole file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// Together with others.
    Shared,
    /// Alone.
    Exclusive,
}

/// Locks the whole file without waiting, and drops the lock that this open file had before. False
/// if others stand in the way; then this open file has no lock at all any more.
pub(crate) fn lock_file(file: &File, how: Whole) -> io::Result<bool> {
    let operation = match how {
        Whole::Shared => libc::LOCK_SH,
        Whole::Exclusive => libc::LOCK_EX,
    };
    // SAFETY: plain system call on a descriptor that `file` keeps open.
    if unsafe { libc::flock(file.as_raw_fd(), operation | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::WouldBlock { Ok(false) } else { Err(error) }
}

/// Lets the whole file go, for every descriptor of this open file.
pub(crate) fn unlock_file(file: &File) -> io::Result<()> {
    // SAFETY: plain system call on a descriptor that `file` keeps open.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn request(kind: libc::c_int, offset: u64) -> libc::flock {
    // SAFETY: flock is a plain struct of integers, for which all zeros is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = offset as libc::off_t;
    lock.l_len = 1;
    // l_pid stays 0: open-file-description locks demand it.
    lock
}

/// Locks one byte without waiting; false if another open file has it.
pub(crate) fn lock_byte(file: &File, offset: u64) -> io::Result<bool> {
    let lock = request(libc::F_WRLCK, offset);
    // SAFETY: the descriptor is open, and `lock` is a valid flock for the length of the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(error),
    }
}

/// Lets one byte go.
pub(crate) fn unlock_byte(file: &File, offset: u64) -> io::Result<()> {
    let lock = request(libc::F_UNLCK, offset);
    // SAFETY: as in `lock_byte`.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whether another open file has the byte. Takes nothing, so it disturbs nobody, and a descriptor
/// that may only read is enough.
pub(crate) fn byte_is_locked(file: &File, offset: u64) -> io::Result<bool> {
    let mut lock = request(libc::F_WRLCK, offset);
    // SAFETY: the descriptor is open, and `lock` may be written for the length of the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(libc::c_int::from(lock.l_type) != libc::F_UNLCK)
}

/// A second descriptor of the same open file, and so of its locks, that children inherit.
pub(crate) fn inheritable(file: &File) -> io::Result<OwnedFd> {
    // SAFETY: plain system call on a descriptor that `file` keeps open. Descriptors 0 to 2 are not
    // used, because a child gives those a meaning.
    let fd = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD, 3) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
