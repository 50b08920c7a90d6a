//! LockFileEx on bytes far beyond any data: what is locked here can be neither read nor written
//! by others. A lock belongs to the open file in this process, and the system drops it when the
//! process ends, however it ends.
#![allow(unsafe_code)] // LockFileEx

use super::Whole;
use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use windows_sys::Win32::Foundation::{ERROR_IO_PENDING, ERROR_LOCK_VIOLATION, ERROR_NOT_LOCKED};
use windows_sys::Win32::Storage::FileSystem::{
    LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, UnlockFileEx,
};
use windows_sys::Win32::System::IO::{OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0};

/// Where the locks of bytes begin. No file is so long, and the numbers stay positive.
const BYTES_AT: u64 = 1 << 62;
/// The byte that stands for the whole file.
const WHOLE_AT: u64 = BYTES_AT - 1;

fn place(offset: u64) -> OVERLAPPED {
    let at = OVERLAPPED_0_0 { Offset: offset as u32, OffsetHigh: (offset >> 32) as u32 };
    OVERLAPPED { Anonymous: OVERLAPPED_0 { Anonymous: at }, ..Default::default() }
}

/// Whether there was nobody in the way.
fn lock(file: &File, offset: u64, how: u32) -> io::Result<bool> {
    let mut place = place(offset);
    // SAFETY: the handle is open as long as `file`; it was not opened for overlapped work, so the
    // call is over when it returns, and `place` lives as long.
    let answer = unsafe {
        LockFileEx(file.as_raw_handle(), how | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &raw mut place)
    };
    if answer != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(|code| code as u32) {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
        _ => Err(error),
    }
}

/// Answers whether it was locked.
fn unlock(file: &File, offset: u64) -> io::Result<bool> {
    let mut place = place(offset);
    // SAFETY: as in `lock`.
    if unsafe { UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &raw mut place) } != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(|code| code as u32) {
        // The second one is Wine's answer.
        Some(ERROR_NOT_LOCKED | ERROR_LOCK_VIOLATION) => Ok(false),
        _ => Err(error),
    }
}

/// Locks the whole file without waiting, and drops the lock that this open file had before. False
/// if others stand in the way; then this open file has no lock at all any more.
///
/// The two are two steps, as they are with flock(2): between them others may lock it.
pub(crate) fn lock_file(file: &File, how: Whole) -> io::Result<bool> {
    // One lock at a time: this system would keep both, and want both unlocked.
    unlock(file, WHOLE_AT)?;
    match how {
        Whole::Shared => lock(file, WHOLE_AT, 0),
        Whole::Exclusive => lock(file, WHOLE_AT, LOCKFILE_EXCLUSIVE_LOCK),
    }
}

/// Lets the whole file go, for every handle of this open file.
pub(crate) fn unlock_file(file: &File) -> io::Result<()> {
    unlock(file, WHOLE_AT).map(drop)
}

/// Locks one byte without waiting; false if it is locked, be it by this open file.
pub(crate) fn lock_byte(file: &File, offset: u64) -> io::Result<bool> {
    lock(file, BYTES_AT + offset, LOCKFILE_EXCLUSIVE_LOCK)
}

/// Locks one byte together with others, without waiting; false if somebody has it alone, and be it to
/// see whether it is locked.
pub(crate) fn share_byte(file: &File, offset: u64) -> io::Result<bool> {
    lock(file, BYTES_AT + offset, 0)
}

/// Lets one byte go.
pub(crate) fn unlock_byte(file: &File, offset: u64) -> io::Result<()> {
    unlock(file, BYTES_AT + offset).map(drop)
}

/// Whether anybody has the byte. A handle that may only read is enough.
///
/// This system cannot be asked, only tried: so the byte is locked for a moment. Who wants it in just
/// this moment finds it taken, which costs a slice, or another slot. It has to be an exclusive lock: a
/// shared one is granted over this open file's own exclusive lock, and unlocking it would
/// unlock that.
pub(crate) fn byte_is_locked(file: &File, offset: u64) -> io::Result<bool> {
    let free = lock_byte(file, offset)?;
    if free {
        unlock_byte(file, offset)?;
    }
    Ok(!free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_exclude_each_other_and_closing_one_lets_go() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "").unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let (one, other) = (open(), open());
        assert!(lock_byte(&one, 7).unwrap() && lock_byte(&one, 8).unwrap());
        assert!(!lock_byte(&one, 7).unwrap(), "the same open file");
        assert!(!lock_byte(&other, 7).unwrap() && byte_is_locked(&other, 7).unwrap());
        assert!(byte_is_locked(&one, 7).unwrap(), "asking does not unlock");
        assert!(byte_is_locked(&other, 7).unwrap());
        unlock_byte(&one, 7).unwrap();
        assert!(!byte_is_locked(&other, 7).unwrap() && lock_byte(&other, 7).unwrap());
        drop(one);
        assert!(lock_byte(&other, 8).unwrap());
    }

    #[test]
    fn a_whole_file_is_shared_or_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "").unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let (one, other) = (open(), open());
        assert!(lock_file(&one, Whole::Shared).unwrap());
        assert!(lock_file(&one, Whole::Shared).unwrap());
        assert!(lock_file(&other, Whole::Shared).unwrap());
        assert!(!lock_file(&one, Whole::Exclusive).unwrap());
        assert!(lock_file(&other, Whole::Exclusive).unwrap(), "who failed has no lock any more");
        assert!(!lock_file(&one, Whole::Shared).unwrap());
        unlock_file(&other).unwrap();
        unlock_file(&other).unwrap();
        assert!(lock_file(&one, Whole::Exclusive).unwrap());
    }
}
