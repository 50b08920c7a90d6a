//! A command under a lock: what it inherits, and which signals it is passed.
//!
//! From just before the command starts, this process takes its signals one by one, in the thread
//! that waits for the command (sigwaitinfo(2)): so a signal is never passed to a process id that
//! has been reaped and given to somebody else, none that comes early is lost, and each tells who
//! sent it.
#![allow(unsafe_code)] // signal masks, sigwaitinfo, kill

pub(crate) use super::unix::*;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::ptr;

/// Those that make sense for a command. What stops and continues a job is left alone: this process
/// stops and continues with it, and that it holds meanwhile is meant.
const PASSED_ON: [libc::c_int; 7] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGWINCH,
];

/// Those that a terminal sends to all processes in its foreground.
const TYPED: [libc::c_int; 3] = [libc::SIGINT, libc::SIGQUIT, libc::SIGWINCH];

/// A command that was started.
pub(crate) struct Running {
    child: Child,
    signals: Blocked,
}

impl Running {
    /// Starts the command. What it inherits is open in this process only until then.
    pub(crate) fn start(mut command: Command, inherited: Inherited) -> io::Result<Running> {
        // Whoever started this process may have chosen to ignore it; then the command would leave
        // no status and no notice.
        // SAFETY: sets a signal's disposition to the default; no handler is involved.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        let signals = Blocked::new();
        let before = signals.before;
        let parent = inherited.is_none().then(std::process::id);
        let prepare = move || {
            set_mask(&before);
            parent.map_or(Ok(()), end_with)
        };
        // SAFETY: `prepare` makes system calls that are allowed between fork and exec
        // (signal-safety(7)), and touches nothing but its own copies.
        unsafe { command.pre_exec(prepare) };
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

    /// Looks whether the command has ended, and passes on what signals have come. Does not wait.
    pub(crate) fn look(&mut self) -> io::Result<Option<ExitStatus>> {
        while let Some(signal) = self.signals.take_if_there() {
            self.pass_on(&signal);
        }
        self.child.try_wait()
    }

    /// The command's process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What can be read as soon as a signal has come, the command's end among them.
    pub(crate) fn notices(&self) -> io::Result<OwnedFd> {
        let flags = libc::SFD_NONBLOCK | libc::SFD_CLOEXEC;
        // SAFETY: an initialized set; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &raw const self.signals.set, flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn pass_on(&self, signal: &Signal) {
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

/// Kills the calling process, which is about to become the command, as soon as the one that started it
/// dies.
fn end_with(parent: u32) -> io::Result<()> {
    // SAFETY: plain system call.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: plain system call.
    if unsafe { libc::getppid() } as u32 == parent {
        return Ok(());
    }
    // It died before. A number, for an error with a text would take memory.
    Err(io::Error::from_raw_os_error(libc::ESRCH))
}

/// A signal that came.
struct Signal {
    number: libc::c_int,
    sender: Sender,
}

enum Sender {
    /// The kernel: somebody typed at the terminal, the terminal went, a child ended.
    Kernel,
    Process(libc::pid_t),
}

/// The signals that wait to be taken.
///
/// They are blocked in the calling thread, which has to be the only one: they would otherwise come
/// to another one, in the usual way. Blocking leaves the dispositions alone, which handlers would
/// not: what nohup(1), say, had this process ignore, the command ignores too.
struct Blocked {
    set: libc::sigset_t,
    before: libc::sigset_t,
}

impl Blocked {
    fn new() -> Blocked {
        let mut set = empty_set();
        for signal in PASSED_ON {
            add(&mut set, signal);
        }
        add(&mut set, libc::SIGCHLD);
        let mut before = empty_set();
        // SAFETY: both are initialized sets that live for the length of the call.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
        Blocked { set, before }
    }

    /// Waits for the next one; none if something else interrupted the wait.
    fn take(&self) -> Option<Signal> {
        // SAFETY: siginfo_t is a plain struct of integers and pointers, for which all zeros is a
        // value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: an initialized set and a siginfo_t that may be written.
        let number = unsafe { libc::sigwaitinfo(&raw const self.set, &raw mut info) };
        Signal::of(number, &info)
    }

    /// The next one, if one has come.
    fn take_if_there(&self) -> Option<Signal> {
        // SAFETY: as in `take`.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let set = &raw const self.set;
        // SAFETY: an initialized set, a siginfo_t that may be written, and a valid time.
        let number = unsafe { libc::sigtimedwait(set, &raw mut info, &raw const at_once) };
        Signal::of(number, &info)
    }
}

impl Signal {
    /// What a wait for signals answered.
    fn of(number: libc::c_int, info: &libc::siginfo_t) -> Option<Signal> {
        if number < 0 {
            return None;
        }
        // Codes above zero are the kernel's own (sigaction(2)).
        let sender = if info.si_code > 0 {
            Sender::Kernel
        } else {
            // SAFETY: signals that processes send carry the sender's id.
            Sender::Process(unsafe { info.si_pid() })
        };
        Some(Signal { number, sender })
    }
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: an initialized set; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: sigset_t is a plain array of integers, for which all zeros is a value.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set may be written.
    unsafe { libc::sigemptyset(&raw mut set) };
    set
}

fn add(set: &mut libc::sigset_t, signal: libc::c_int) {
    // SAFETY: the set is initialized and may be written.
    unsafe { libc::sigaddset(set, signal) };
}
