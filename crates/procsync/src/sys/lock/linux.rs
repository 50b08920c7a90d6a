//! flock(2) on whole files. It belongs to the open file, as the byte locks do, and knows nothing of
//! them.
#![allow(unsafe_code)] // flock

use super::Whole;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

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
