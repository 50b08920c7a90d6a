//! The machine: its clock, its users, its file systems, its limits. Only chooses.

/// A file system's size in bytes and files. 0: it has no limit of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileSystem {
    pub(crate) total: u64,
    pub(crate) free: u64,
    pub(crate) files: u64,
    pub(crate) files_free: u64,
    /// It is another machine's.
    pub(crate) is_remote: bool,
}

/// What came of waiting for somebody to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Look what it is; it may be nothing.
    Perhaps,
    /// The terminal was closed.
    Gone,
}

#[cfg(unix)]
mod unix;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub(crate) use macos::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod other;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
pub(crate) use other::*;
