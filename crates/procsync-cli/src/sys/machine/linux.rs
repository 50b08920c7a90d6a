//! The machine as Linux tells of it.
#![allow(unsafe_code)] // prctl, statfs, futex_waitv

use super::FileSystem;
pub(crate) use super::unix::*;
use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;
use std::ptr;

/// Where objects lie if the environment does not say otherwise, and there is a place for all programs'
/// shared memory.
pub(crate) const USUAL_DIRECTORY: Option<&str> = Some("/dev/shm");

/// What the calling thread is called from now on (prctl(2), 15 bytes), and so by what name it is
/// known to others in the objects that it opens.
pub(crate) fn call_this(name: &CStr) {
    // SAFETY: PR_SET_NAME reads a string that ends in a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// The file system in which a directory lies.
pub(crate) fn file_system(path: &Path) -> io::Result<FileSystem> {
    /// NFS, SMB, CIFS, SMB2, Ceph, AFS (statfs(2)).
    const REMOTE: [i64; 6] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x5346_414f];
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    // SAFETY: statfs is a plain struct of integers, for which all zeros is a value.
    let mut facts: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a string that ends in a zero byte, and a struct that may be written.
    if unsafe { libc::statfs(path.as_ptr(), &raw mut facts) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let block = facts.f_bsize as u64;
    Ok(FileSystem {
        total: facts.f_blocks.saturating_mul(block),
        free: facts.f_bavail.saturating_mul(block),
        files: facts.f_files,
        files_free: facts.f_ffree,
        is_remote: REMOTE.contains(&(facts.f_type as i64)),
    })
}

/// Why the system tells of no death here, so that it has to be looked for; none if it does.
pub(crate) fn silent_about_deaths() -> Option<&'static str> {
    if !has_futex_waitv() {
        Some("this kernel cannot wait for two words at once (futex_waitv, Linux 5.16)")
    } else if !cfg!(target_env = "gnu") {
        Some("this program is not built for glibc")
    } else {
        None
    }
}

/// Whether the kernel can have a thread wait for several words at once.
fn has_futex_waitv() -> bool {
    let nothing = ptr::null::<libc::c_void>();
    // SAFETY: with no words to wait for, the call only says that this is invalid, or that there is
    // no such call.
    let answer = unsafe {
        libc::syscall(libc::SYS_futex_waitv, nothing, 0_u32, 0_u32, nothing, libc::CLOCK_MONOTONIC)
    };
    answer >= 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS)
}

/// The file in which the C library keeps one of the system's own semaphores (sem_overview(7)).
pub(crate) fn semaphore_file(name: &str) -> Option<String> {
    Some(format!("/dev/shm/sem.{name}"))
}
