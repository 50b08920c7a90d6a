//! What depends on the system: how a command is run under a lock, and a clock that all processes
//! share. Only chooses.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod posix;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod running;
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) use posix::*;
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) use running::{Inherited, Running};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(target_os = "linux")]
mod tokens_linux;
#[cfg(target_os = "linux")]
pub(crate) use tokens_linux::*;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(target_os = "macos")]
pub(crate) use macos::*;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod other;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) use other::*;

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
