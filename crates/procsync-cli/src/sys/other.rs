//! Systems on which the library has no objects yet: nothing here is ever reached there.

use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// What a command inherits to keep the object held.
#[cfg(unix)]
pub(crate) type Inherited = std::os::fd::OwnedFd;
#[cfg(not(unix))]
pub(crate) type Inherited = ();

/// A command that was started.
pub(crate) struct Running(std::convert::Infallible);

impl Running {
    pub(crate) fn start(_command: Command, _inherited: Inherited) -> io::Result<Running> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn wait(self) -> io::Result<ExitStatus> {
        match self.0 {}
    }
}

pub(crate) fn monotonic() -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn call_this(_name: &std::ffi::CStr) {}

pub(crate) fn user_name(_user: u32) -> Option<String> {
    None
}

pub(crate) fn user() -> u32 {
    0
}

pub(crate) fn mode_of(_path: &Path) -> Option<u32> {
    None
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FileSystem {
    pub(crate) total: u64,
    pub(crate) free: u64,
    pub(crate) files: u64,
    pub(crate) files_free: u64,
    pub(crate) is_remote: bool,
}

pub(crate) fn file_system(_path: &Path) -> io::Result<FileSystem> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn file_limit() -> Option<u64> {
    None
}

pub(crate) fn has_futex_waitv() -> bool {
    false
}
