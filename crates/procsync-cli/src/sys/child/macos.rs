//! A command under a lock on macOS: as on Linux, except that a signal that was taken does not tell who
//! sent it (sigwait(2)).
#![allow(unsafe_code)] // signal masks, sigwait, kill

pub(crate) use super::unix::*;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::ptr;

/// Those that make sense for a command. SIGWINCH is not among them: while it has no handler the
/// system throws it away, blocked or not; and the command gets the terminal's own.
const PASSED_ON: [libc::c_int; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// Those that a terminal sends to all processes in its foreground.
const TYPED: [libc::c_int; 2] = [libc::SIGINT, libc::SIGQUIT];

/// A command that was started.
pub(crate) struct Running {
    child: Child,
    signals: libc::sigset_t,
}

/// Only there so that SIGCHLD is not thrown away while it is blocked.
extern "C" fn nothing(_signal: libc::c_int) {}

impl Running {
    /// Starts the command. What it inherits is open in this process only until then.
    pub(crate) fn start(mut command: Command, inherited: Inherited) -> io::Result<Running> {
        let handler: extern "C" fn(libc::c_int) = nothing;
        // SAFETY: the handler does nothing, which any thread may do at any time.
        unsafe { libc::signal(libc::SIGCHLD, handler as libc::sighandler_t) };
        let mut signals = empty_set();
        for signal in PASSED_ON.into_iter().chain([libc::SIGCHLD]) {
            // SAFETY: the set is initialized and may be written.
            unsafe { libc::sigaddset(&raw mut signals, signal) };
        }
        let mut before = empty_set();
        // SAFETY: both are initialized sets that live for the length of the call.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, &raw mut before) };
        let unblock = move || {
            set_mask(&before);
            Ok(())
        };
        // SAFETY: `unblock` makes one system call that is allowed between fork and exec, and touches
        // nothing but its own copy of the mask.
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
            let mut signal = 0;
            // SAFETY: an initialized set and a number that may be written.
            let answer = unsafe { libc::sigwait(&raw const self.signals, &raw mut signal) };
            // What a terminal sends, the command has got itself, unless it left our group.
            let has_it = TYPED.contains(&signal) && self.is_in_our_group();
            if answer == 0 && signal != libc::SIGCHLD && !has_it {
                // SAFETY: plain system call. The command was not reaped, so its id is its own.
                unsafe { libc::kill(self.pid(), signal) };
            }
        }
    }

    fn pid(&self) -> libc::pid_t {
        // The kernel's own number, which the standard library shows as unsigned.
        self.child.id() as libc::pid_t
    }

    fn is_in_our_group(&self) -> bool {
        // SAFETY: plain system call.
        let its_group = unsafe { libc::getpgid(self.pid()) };
        // SAFETY: plain system call.
        its_group == unsafe { libc::getpgrp() }
    }
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: an initialized set; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: sigset_t is an integer, for which zero is a value.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set may be written.
    unsafe { libc::sigemptyset(&raw mut set) };
    set
}
