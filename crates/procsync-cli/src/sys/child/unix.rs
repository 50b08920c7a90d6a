//! What all Unix systems do in the same way.

use procsync::{MutexGuard, Permit, Result};
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

/// What a command inherits to keep the object held: an open file, whose locks it shares. None: nothing
/// can, so the command must not outlive this process.
pub(crate) type Inherited = Option<OwnedFd>;

/// What keeps a mutex held for as long as the command has it open.
pub(crate) fn inherited_of_mutex(guard: &MutexGuard<'_, ()>) -> Result<Inherited> {
    guard.inheritable().map(Some)
}

/// What keeps a permit held for as long as the command has it open.
pub(crate) fn inherited_of_permit(permit: &Permit<'_>) -> Result<Inherited> {
    permit.inheritable().map(Some)
}

/// What keeps a thread's hold for the command: nothing.
pub(crate) const INHERITED_OF_THREAD: Inherited = None;

/// The signals by which a process is asked to end.
pub(crate) const ENDS: &[i32] = &[
    signal_hook::consts::SIGHUP,
    signal_hook::consts::SIGINT,
    signal_hook::consts::SIGQUIT,
    signal_hook::consts::SIGTERM,
];

/// By what a process is killed that nobody asks.
pub(crate) const KILL: &str = "SIGKILL";

/// Which signal ended a process, if one did.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// The user's shell, about to run this.
pub(crate) fn shell(line: &OsStr) -> Command {
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let mut command = Command::new(shell.unwrap_or_else(|| OsString::from("/bin/sh")));
    command.arg("-c").arg(line);
    command
}
