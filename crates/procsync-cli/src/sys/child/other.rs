//! Systems on which the library has no objects: nothing here is ever reached there.

use procsync::{MutexGuard, Permit, Result};
use std::ffi::OsStr;
use std::io;
use std::process::{Command, ExitStatus};

/// What a command inherits to keep the object held.
pub(crate) type Inherited = ();

pub(crate) fn inherited_of_mutex(_guard: &MutexGuard<'_, ()>) -> Result<Inherited> {
    Ok(())
}

pub(crate) fn inherited_of_permit(_permit: &Permit<'_>) -> Result<Inherited> {
    Ok(())
}

/// What keeps a thread's hold for the command: this process.
pub(crate) const INHERITED_OF_THREAD: Inherited = ();

/// The signals by which a process is asked to end.
pub(crate) const ENDS: &[i32] = signal_hook::consts::TERM_SIGNALS;

/// By what a process is killed that nobody asks.
pub(crate) const KILL: &str = "killed";

pub(crate) fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

pub(crate) fn shell(line: &OsStr) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

/// A command that was started.
pub(crate) struct Running(std::convert::Infallible);

impl Running {
    pub(crate) fn start(_command: Command, (): Inherited) -> io::Result<Running> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn wait(self) -> io::Result<ExitStatus> {
        match self.0 {}
    }
}
