//! Signals taken one by one (sigwaitinfo(2)), each of which tells who sent it; and what is asked of
//! Linux.
#![allow(unsafe_code)] // signal masks, sigwaitinfo, prctl, statfs

use super::FileSystem;
use super::running::{PASSED_ON, Running, Sender, Signal};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;
use std::process::ExitStatus;
use std::ptr;

/// What only a job server needs.
impl Running {
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
}

/// The signals that wait to be taken.
///
/// They are blocked in the calling thread, which has to be the only one: they would otherwise come
/// to another one, in the usual way. Blocking leaves the dispositions alone, which handlers would
/// not: what nohup(1), say, had this process ignore, the command ignores too.
pub(super) struct Signals {
    set: libc::sigset_t,
    pub(super) before: libc::sigset_t,
}

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        let mut set = empty_set();
        for signal in PASSED_ON {
            add(&mut set, signal);
        }
        add(&mut set, libc::SIGCHLD);
        let mut before = empty_set();
        // SAFETY: both are initialized sets that live for the length of the call.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
        Ok(Signals { set, before })
    }

    /// Waits for the next one; none if something else interrupted the wait.
    pub(super) fn take(&self) -> Option<Signal> {
        // SAFETY: siginfo_t is a plain struct of integers and pointers, for which all zeros is a
        // value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: an initialized set and a siginfo_t that may be written.
        let number = unsafe { libc::sigwaitinfo(&raw const self.set, &raw mut info) };
        Signal::of(number, &info)
    }

    /// The next one, if one has come.
    pub(super) fn take_if_there(&self) -> Option<Signal> {
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

pub(super) fn set_mask(mask: &libc::sigset_t) {
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

/// What the calling thread is called from now on (prctl(2), 15 bytes), and so by what name it is
/// known to others in the objects that it opens.
pub(crate) fn call_this(name: &CStr) {
    // SAFETY: PR_SET_NAME reads a string that ends in a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// The file system in which a directory lies.
pub(crate) fn file_system(path: &Path) -> io::Result<FileSystem> {
    /// NFS, SMB, CIFS, SMB2, Ceph, AFS (statfs(2)).
    const REMOTE: [i64; 6] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x5346_414f];
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    // SAFETY: statfs is a plain struct of integers, for which all zeros is a value.
    let mut facts: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a string that ends in a zero byte, and a struct that may be written.
    if unsafe { libc::statfs(path.as_ptr(), &raw mut facts) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let block = facts.f_bsize as u64;
    Ok(FileSystem {
        total: facts.f_blocks.saturating_mul(block),
        free: facts.f_bavail.saturating_mul(block),
        files: facts.f_files,
        files_free: facts.f_ffree,
        is_remote: REMOTE.contains(&(facts.f_type as i64)),
    })
}

/// Where objects lie, if nothing else is said.
pub(crate) const DIRECTORY: &str = "/dev/shm";

/// Why the system tells nobody of a thread's death, if that is so.
pub(crate) fn why_no_life_words() -> Option<&'static str> {
    if !has_futex_waitv() {
        Some("this kernel cannot wait for two words at once (futex_waitv, Linux 5.16)")
    } else if !cfg!(target_env = "gnu") {
        Some("this program is not built for glibc")
    } else {
        None
    }
}

/// Whether the kernel can have a thread wait for several words at once.
fn has_futex_waitv() -> bool {
    let nothing = ptr::null::<libc::c_void>();
    // SAFETY: with no words to wait for, the call only says that this is invalid, or that there is
    // no such call.
    let answer = unsafe {
        libc::syscall(libc::SYS_futex_waitv, nothing, 0_u32, 0_u32, nothing, libc::CLOCK_MONOTONIC)
    };
    answer >= 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS)
}
