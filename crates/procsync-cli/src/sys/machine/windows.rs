//! The machine as Windows tells of it.
#![allow(unsafe_code)] // performance counter, file systems

use super::FileSystem;
use std::ffi::CStr;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;
use windows_sys::Win32::Storage::FileSystem::{GetDiskFreeSpaceExW, GetDriveTypeW};
use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};

/// There is no directory for all programs' shared memory.
pub(crate) const USUAL_DIRECTORY: Option<&str> = None;

/// The time of a clock that all processes share and nobody sets.
pub(crate) fn monotonic() -> io::Result<Duration> {
    let (mut count, mut per_second) = (0, 0);
    // SAFETY: the number may be written.
    if unsafe { QueryPerformanceFrequency(&raw mut per_second) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    if unsafe { QueryPerformanceCounter(&raw mut count) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // Neither is negative; 128 bits hold the product, and the quotient is a machine's time since boot.
    let ns = i128::from(count) * 1_000_000_000 / i128::from(per_second.max(1));
    Ok(Duration::from_nanos(u64::try_from(ns).unwrap_or(0)))
}

/// Threads leave no names in objects here.
pub(crate) fn call_this(_name: &CStr) {}

/// Users are no numbers here.
pub(crate) fn user_name(_user: u32) -> Option<String> {
    None
}

/// Users are no numbers here.
pub(crate) fn user() -> u32 {
    0
}

/// Permissions are no numbers here.
pub(crate) fn mode_of(_path: &Path) -> Option<u32> {
    None
}

/// The volume in which a directory lies.
pub(crate) fn file_system(path: &Path) -> io::Result<FileSystem> {
    /// DRIVE_REMOTE of GetDriveTypeW.
    const REMOTE: u32 = 4;
    let path = std::path::absolute(path)?;
    let wide = |path: &Path| path.as_os_str().encode_wide().chain([0]).collect::<Vec<u16>>();
    let (mut free, mut total) = (0, 0);
    let here = wide(&path);
    // SAFETY: a path that ends in a zero, and two numbers that may be written; the third is not asked
    // for.
    let done = unsafe {
        GetDiskFreeSpaceExW(here.as_ptr(), &raw mut free, &raw mut total, std::ptr::null_mut())
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let root = wide(path.ancestors().last().unwrap_or(&path));
    // SAFETY: a path that ends in a zero.
    let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
    // A volume has no limit of files worth mentioning.
    Ok(FileSystem { total, free, files: 0, files_free: 0, is_remote: kind == REMOTE })
}

/// Handles are limited by memory only.
pub(crate) fn file_limit() -> Option<u64> {
    None
}

/// Why the system tells of no death here; it does, by the process's handle.
pub(crate) fn silent_about_deaths() -> Option<&'static str> {
    None
}

/// The file in which the system keeps a semaphore: none.
pub(crate) fn semaphore_file(_name: &str) -> Option<String> {
    None
}

/// Waits for input from the terminal, at most this long.
pub(crate) fn wait_for_input(patience: std::time::Duration) -> super::Input {
    match ratatui::crossterm::event::poll(patience) {
        Ok(_) => super::Input::Perhaps,
        Err(_) => super::Input::Gone,
    }
}
