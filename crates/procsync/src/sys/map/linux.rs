//! Files in a tmpfs, made without a name (`O_TMPFILE`) and linked to it when they are complete.
#![allow(unsafe_code)] // linkat, fallocate, mremap

use super::posix::{
    Mapping, Unnamed, above_standard, create_temporary, free_space, link_as, link_at, write_zeros,
};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Makes a file of the given size and mode that has no name yet.
pub(crate) fn create_unnamed(directory: &Path, mode: u32, size: u64) -> io::Result<Unnamed> {
    let unnamed = OpenOptions::new()
        .read(true)
        .write(true)
        .mode(mode)
        .custom_flags(libc::O_TMPFILE | libc::O_CLOEXEC)
        .open(directory)
        .and_then(above_standard);
    match unnamed {
        Ok(file) => Unnamed::new(file, None, mode, size),
        // EISDIR: the kernel, EOPNOTSUPP: the file system does not know O_TMPFILE.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EISDIR | libc::EOPNOTSUPP)) => {
            create_temporary(directory, mode, size)
        }
        Err(error) => Err(error),
    }
}

/// Gives the file its name; false if the name is taken. It becomes visible whole or not at all.
pub(crate) fn link(unnamed: &Unnamed, path: &Path) -> io::Result<bool> {
    if let Some(temporary) = &unnamed.temporary {
        return link_as(&temporary.0, path);
    }
    // Half the price of the way through /proc, but older kernels than Linux 6.10 let only privileged
    // processes do it (linkat(2)).
    let descriptor = unnamed.file.as_raw_fd();
    let to = CString::new(path.as_os_str().as_bytes())?;
    match link_at(descriptor, c"", &to, libc::AT_EMPTY_PATH) {
        Err(_) => link_as(format!("/proc/self/fd/{descriptor}").as_ref(), path),
        answer => answer,
    }
}

/// Whether a part of a file that others use can be given its space.
pub(crate) const CAN_RESERVE_LATER: bool = true;

/// Makes the file system set space aside for a part of the file, so that writing to its mapping
/// cannot fail (it would fail by SIGBUS).
pub(crate) fn reserve(file: &File, mut offset: u64, length: u64) -> io::Result<()> {
    /// Older kernels undo and give up when a signal comes; a piece is done before the next one.
    const PIECE: u64 = 16 << 20;
    // Trying would take all that is left away from everybody else until it fails.
    if length > PIECE && free_space(file).is_some_and(|free| free < length) {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    let end = offset + length;
    while offset < end {
        let piece = PIECE.min(end - offset);
        // SAFETY: plain system call on a descriptor that `file` keeps open.
        let answer = unsafe {
            libc::fallocate(file.as_raw_fd(), 0, offset as libc::off_t, piece as libc::off_t)
        };
        if answer == 0 {
            offset += piece;
            continue;
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            // A file system without the call (PROCSYNC_DIR may lie anywhere) promises nothing.
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => return Ok(()),
            _ => return Err(error),
        }
    }
    Ok(())
}

/// Makes a file of this size zeros, with space set aside for them. Its size never changes: others may
/// have it mapped.
pub(crate) fn zero(file: &File, size: u64) -> io::Result<()> {
    let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // SAFETY: plain system call on a descriptor that `file` keeps open.
    if unsafe { libc::fallocate(file.as_raw_fd(), how, 0, size as libc::off_t) } != 0 {
        write_zeros(file, 0, size)?;
    }
    reserve(file, 0, size)
}

impl Mapping {
    /// Maps `length` bytes of the file from the mapping's last page on, most of which are never used:
    /// they take no memory before they are, even in a program that keeps all its memory locked
    /// (mlockall(2)).
    pub(crate) fn beyond(&self, page: usize, length: usize) -> io::Result<Mapping> {
        // SAFETY: a mapping has a page at least, and its length is a multiple of it.
        let last = unsafe { self.start().add(self.length() - page) }.as_ptr().cast();
        // What is locked is filled at once.
        // SAFETY: inside the mapping; this only unlocks.
        unsafe { libc::munlock(last, page) };
        // An old length of 0 makes a second mapping of the same pages, which may go on beyond the
        // first one's end (mremap(2)).
        // SAFETY: `last` lies in a shared mapping, which stays as it is; the new one lies where the
        // kernel chooses.
        let start = unsafe { libc::mremap(last, 0, length, libc::MREMAP_MAYMOVE) };
        Mapping::made(start, length)
    }
}

/// Where objects lie if nothing else is said, best first. The same for a user's own and for those of
/// the machine.
pub(crate) fn base_directories(_machine_wide: bool) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    Ok(vec!["/dev/shm".into(), "/tmp".into()])
}

/// Where a shared memory's own file lies: where other programs' `shm_open` finds it
/// (shm_overview(7)), wherever its segment is.
pub(crate) fn memory_path(_segment: &Path, name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

/// Whether a file's device has the same number for as long as the file is there. Those of
/// `memory_path` are gone when the system is started anew.
pub(crate) const DEVICES_STAY: bool = true;

/// Whether two paths lead to the same place, other than by links.
pub(crate) fn same_path(one: &Path, other: &Path) -> bool {
    one == other
}
