//! The machine as macOS tells of it.
#![allow(unsafe_code)] // pthread_setname_np, statfs

use super::FileSystem;
pub(crate) use super::unix::*;
use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

/// There is no directory for all programs' shared memory.
pub(crate) const USUAL_DIRECTORY: Option<&str> = None;

/// What the calling thread is called from now on, and so by what name it is known to others in the
/// objects that it opens.
pub(crate) fn call_this(name: &CStr) {
    // SAFETY: reads a string that ends in a zero byte.
    unsafe { libc::pthread_setname_np(name.as_ptr()) };
}

/// The file system in which a directory lies.
pub(crate) fn file_system(path: &Path) -> io::Result<FileSystem> {
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    // SAFETY: statfs is a plain struct of integers, for which all zeros is a value.
    let mut facts: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a string that ends in a zero byte, and a struct that may be written.
    if unsafe { libc::statfs(path.as_ptr(), &raw mut facts) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let block = u64::from(facts.f_bsize);
    Ok(FileSystem {
        total: facts.f_blocks.saturating_mul(block),
        free: facts.f_bavail.saturating_mul(block),
        files: facts.f_files,
        files_free: facts.f_ffree,
        is_remote: facts.f_flags & libc::MNT_LOCAL as u32 == 0,
    })
}

/// Why the system tells of no death here; that it does not is how it is on this system.
pub(crate) fn silent_about_deaths() -> Option<&'static str> {
    None
}

/// The file in which the system keeps a semaphore: none.
pub(crate) fn semaphore_file(_name: &str) -> Option<String> {
    None
}
