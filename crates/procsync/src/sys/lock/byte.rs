//! fcntl(2) open-file-description locks on single bytes. They belong to the open file: the kernel
//! drops them when its last descriptor is closed, however the process ends.
//!
//! macOS has them since 10.14 or so by the same names and with the same meaning (`sys/fcntl.h`, and
//! `bsd/kern/kern_lockf.c` of its published kernel); its manual page does not tell of them.
#![allow(unsafe_code)] // fcntl

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

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

/// Locks one byte without waiting, as `F_WRLCK` or `F_RDLCK` says, or lets it go (`F_UNLCK`); false
/// if another open file has it.
pub(super) fn set(file: &File, kind: libc::c_int, offset: u64) -> io::Result<bool> {
    let lock = request(kind, offset);
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

/// Locks one byte without waiting; false if another open file has it.
pub(crate) fn lock_byte(file: &File, offset: u64) -> io::Result<bool> {
    set(file, F_WRLCK, offset)
}

/// Locks one byte together with others, without waiting; false if another open file has it alone.
pub(crate) fn share_byte(file: &File, offset: u64) -> io::Result<bool> {
    set(file, F_RDLCK, offset)
}

/// Lets one byte go.
pub(crate) fn unlock_byte(file: &File, offset: u64) -> io::Result<()> {
    set(file, F_UNLCK, offset).map(|_| ())
}

/// Whether another open file has the byte. Takes nothing, so it disturbs nobody, and a descriptor
/// that may only read is enough.
pub(crate) fn byte_is_locked(file: &File, offset: u64) -> io::Result<bool> {
    let mut lock = request(F_WRLCK, offset);
    // SAFETY: the descriptor is open, and `lock` may be written for the length of the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(libc::c_int::from(lock.l_type) != F_UNLCK)
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

// Their types differ between systems.
const F_RDLCK: libc::c_int = libc::F_RDLCK as libc::c_int;
const F_WRLCK: libc::c_int = libc::F_WRLCK as libc::c_int;
const F_UNLCK: libc::c_int = libc::F_UNLCK as libc::c_int;
