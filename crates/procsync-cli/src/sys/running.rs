//! A command under a lock: what it inherits, and which signals it is passed.
//!
//! From just before the command starts, this process takes its signals one by one, in the thread
//! that waits for the command: so a signal is never passed to a process id that has been reaped and
//! given to somebody else, and none that comes early is lost.
#![allow(unsafe_code)] // signal masks, kill

use super::system::{Signals, set_mask};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

/// What a command inherits to keep the object held.
pub(crate) type Inherited = OwnedFd;

/// Those that make sense for a command. What stops and continues a job is left alone: this process
/// stops and continues with it, and that it holds meanwhile is meant.
pub(super) const PASSED_ON: [libc::c_int; 7] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGWINCH,
];

/// Those that a terminal sends to all processes in its foreground.
pub(super) const TYPED: [libc::c_int; 3] = [libc::SIGINT, libc::SIGQUIT, libc::SIGWINCH];

/// A command that was started.
pub(crate) struct Running {
    pub(super) child: Child,
    pub(super) signals: Signals,
}

impl Running {
    /// Starts the command. What it inherits is open in this process only until then.
    pub(crate) fn start(mut command: Command, inherited: Inherited) -> io::Result<Running> {
        // Whoever started this process may have chosen to ignore it; then the command would leave
        // no status and no notice.
        // SAFETY: sets a signal's disposition to the default; no handler is involved.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        let signals = Signals::new()?;
        let before = signals.before;
        let unblock = move || {
            set_mask(&before);
            Ok(())
        };
        // SAFETY: `unblock` makes one system call that is allowed between fork and exec
        // (signal-safety(7)), and touches nothing but its own copy of the mask.
        unsafe { command.pre_exec(unblock) };
        let child = command.spawn();
        drop(inherited);
        match child {
            Ok(child) => Ok(Running { child, signals }),
            Err(error) => {
                set_mask(&before);
                Err(error)
            }
        }
    }

    /// Waits for the command's end and passes signals on to it.
    pub(crate) fn wait(mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            // The command's end sends SIGCHLD, which waits like the others until it is taken.
            let Some(signal) = self.signals.take() else { continue };
            self.pass_on(&signal);
        }
    }

    pub(super) fn pass_on(&self, signal: &Signal) {
        if signal.number != libc::SIGCHLD && !self.has_got(signal) {
            // SAFETY: plain system call. The command was not reaped, so its id is its own.
            unsafe { libc::kill(self.pid(), signal.number) };
        }
    }

    fn pid(&self) -> libc::pid_t {
        // The kernel's own number, which the standard library shows as unsigned.
        self.child.id() as libc::pid_t
    }

    /// Whether the command has got the signal already, or sent it itself: as when it ends all of
    /// its process group, to which this process belongs.
    fn has_got(&self, signal: &Signal) -> bool {
        match signal.sender {
            Sender::Process(pid) => pid == self.pid(),
            // Once per key press, not twice; unless the command has left for a group of its own.
            Sender::Kernel => TYPED.contains(&signal.number) && self.is_in_our_group(),
        }
    }

    fn is_in_our_group(&self) -> bool {
        // SAFETY: plain system call.
        let its_group = unsafe { libc::getpgid(self.pid()) };
        // SAFETY: plain system call.
        its_group == unsafe { libc::getpgrp() }
    }
}

/// A signal that came.
pub(super) struct Signal {
    pub(super) number: libc::c_int,
    pub(super) sender: Sender,
}

pub(super) enum Sender {
    /// The kernel: somebody typed at the terminal, the terminal went, a child ended.
    Kernel,
    Process(libc::pid_t),
}
