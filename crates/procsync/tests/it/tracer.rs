//! Watching a helper instruction by instruction, or system call by system call (ptrace(2)).
#![allow(unsafe_code)] // ptrace

use crate::child::{Helper, Role};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// Arguments by which a mark is told from a system call that is meant.
const BEGIN: libc::c_long = 0x5ca1_ab1e;
const END: libc::c_long = 0x0dd_ba11;

/// In a helper: says which thread it is, and waits until it is traced.
pub(crate) fn be_traced(role: &Role) {
    // Only a tracer is to see it; see `marked`.
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
    // SAFETY: gettid has no arguments and cannot fail.
    role.say(&unsafe { libc::gettid() }.to_string());
    role.hear();
}

/// In a helper: does something between two marks.
pub(crate) fn marked(what: impl FnOnce()) {
    mark(BEGIN);
    what();
    mark(END);
    // For a tracer that goes instruction by instruction and is not told of system calls.
    // SAFETY: plain system call.
    unsafe { libc::raise(libc::SIGUSR1) };
}

/// A system call that nothing else makes so.
fn mark(which: libc::c_long) {
    // SAFETY: getppid has no arguments and cannot fail; what else is in the registers is ignored.
    unsafe { libc::syscall(libc::SYS_getppid, which) };
}

/// A traced thread of a helper.
pub(crate) struct Traced {
    tid: libc::pid_t,
}

/// Where a traced thread stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// What comes now is between the marks.
    Begin,
    /// It was.
    End,
    /// It is about to make the system call with this number.
    Enters(u64),
    /// It has made one.
    Leaves,
    /// Something else: an instruction further, or a signal.
    Other,
}

/// Answers the system's refusal as text.
fn request(request: libc::c_uint, tid: libc::pid_t, data: usize) -> Result<(), String> {
    // SAFETY: none of the requests made here refers to memory of this process.
    let answer = unsafe { libc::ptrace(request, tid, null_mut::<u8>(), data) };
    if answer == 0 { Ok(()) } else { Err(format!("ptrace: {}", std::io::Error::last_os_error())) }
}

impl Traced {
    /// Begins to trace a helper that is about to `be_traced`, or tells why that cannot be.
    pub(crate) fn begin(helper: &mut Helper) -> Result<Traced, String> {
        let tid: libc::pid_t = helper.hear().parse().expect("a thread's number");
        request(libc::PTRACE_SEIZE, tid, libc::PTRACE_O_TRACESYSGOOD as usize)?;
        let traced = Traced { tid };
        request(libc::PTRACE_INTERRUPT, tid, 0)?;
        traced.stopped();
        stay_together(tid);
        helper.tell("go");
        Ok(traced)
    }

    /// Lets it run to where it next enters or leaves a system call.
    #[track_caller]
    pub(crate) fn next_call(&self) -> Stop {
        request(libc::PTRACE_SYSCALL, self.tid, 0).unwrap();
        self.stop()
    }

    /// Lets it execute one instruction.
    #[track_caller]
    pub(crate) fn step(&self) -> Stop {
        request(libc::PTRACE_SINGLESTEP, self.tid, 0).unwrap();
        self.stop()
    }

    /// Lets it run to the first mark.
    #[track_caller]
    pub(crate) fn run_to_begin(&self) {
        while self.next_call() != Stop::Begin {}
    }

    /// Lets it run until it is about to make the system call with this number, of those that `count`;
    /// false: it makes fewer before the second mark.
    #[track_caller]
    pub(crate) fn run_to_call(&self, number: u64, count: impl Fn(u64) -> bool) -> bool {
        let mut left = number;
        loop {
            match self.next_call() {
                Stop::End => return false,
                Stop::Enters(call) if count(call) && left == 0 => return true,
                Stop::Enters(call) if count(call) => left -= 1,
                _ => {}
            }
        }
    }

    /// Lets it run as if it had never been traced.
    pub(crate) fn let_go(self) {
        request(libc::PTRACE_DETACH, self.tid, 0).unwrap();
    }

    /// Kills the process, here and now.
    pub(crate) fn kill(self, helper: &mut Helper) {
        helper.signal(libc::SIGKILL);
        // As long as this thread is not reaped, the process is not either.
        while self.wait().is_some() {}
        helper.kill();
    }

    fn stop(&self) -> Stop {
        match self.stopped() {
            libc::SIGUSR1 => return Stop::End,
            signal if signal != libc::SIGTRAP | 0x80 => return Stop::Other,
            _ => {}
        }
        match self.entered() {
            None => Stop::Leaves,
            Some((number, BEGIN)) if number == libc::SYS_getppid as u64 => Stop::Begin,
            Some((number, END)) if number == libc::SYS_getppid as u64 => Stop::End,
            Some((number, _)) => Stop::Enters(number),
        }
    }

    /// Which system call it enters, with its first argument; none: it leaves one.
    fn entered(&self) -> Option<(u64, libc::c_long)> {
        let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
        let size = size_of::<libc::ptrace_syscall_info>();
        let request = libc::PTRACE_GET_SYSCALL_INFO;
        // SAFETY: the kernel writes at most `size` bytes to `info`.
        let answer = unsafe { libc::ptrace(request, self.tid, size, info.as_mut_ptr()) };
        assert!(answer > 0, "PTRACE_GET_SYSCALL_INFO: {}", std::io::Error::last_os_error());
        // SAFETY: all zeros is a value of it, and the kernel has filled in what it knows.
        let info = unsafe { info.assume_init() };
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return None;
        }
        // SAFETY: `op` says that this is the variant.
        let entry = unsafe { info.u.entry };
        Some((entry.nr, entry.args[0] as libc::c_long))
    }

    /// The signal by which it stopped.
    #[track_caller]
    fn stopped(&self) -> libc::c_int {
        let status = self.wait().expect("the helper lives");
        assert!(libc::WIFSTOPPED(status), "the helper ended: {status:x}");
        libc::WSTOPSIG(status)
    }

    /// What it does next; none: it is gone.
    fn wait(&self) -> Option<libc::c_int> {
        let mut status = 0;
        // SAFETY: the status may be written. (A helper that hangs is ended by its own alarm.)
        let answer = unsafe { libc::waitpid(self.tid, &raw mut status, libc::__WALL) };
        (answer == self.tid).then_some(status)
    }
}

/// Keeps tracer and traced on one CPU: they take turns, and to wake another CPU each time takes
/// many times as long.
fn stay_together(tid: libc::pid_t) {
    // SAFETY: sched_getcpu has no arguments.
    let Ok(cpu) = usize::try_from(unsafe { libc::sched_getcpu() }) else { return };
    // SAFETY: cpu_set_t is a plain array of integers, for which all zeros is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is initialized, and its size bounds the number.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    for thread in [0, tid] {
        // SAFETY: the set has the size given. If it fails, it is only slower.
        unsafe { libc::sched_setaffinity(thread, size_of_val(&set), &raw const set) };
    }
}
