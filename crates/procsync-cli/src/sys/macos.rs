//! Signals taken one by one (kqueue(2)), and what is asked of macOS.
#![allow(unsafe_code)] // kqueue, signal masks, setprogname, statfs

use super::FileSystem;
use super::running::{PASSED_ON, Sender, Signal, TYPED};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

/// The signals that wait to be taken.
///
/// They are blocked in the calling thread, which has to be the only one, and stay so: the queue tells
/// of every attempt to send one, also of those that are ignored (kqueue(2), `EVFILT_SIGNAL`), but not
/// of the sender.
pub(super) struct Signals {
    queue: OwnedFd,
    pub(super) before: libc::sigset_t,
}

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        // SAFETY: no arguments. Nobody inherits a queue.
        let queue = unsafe { libc::kqueue() };
        if queue < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, and nobody else knows it.
        let queue = unsafe { OwnedFd::from_raw_fd(queue) };
        let all = PASSED_ON.into_iter().chain([libc::SIGCHLD]);
        let wanted: Vec<_> = all.clone().map(|signal| event(signal, libc::EV_ADD)).collect();
        let count = wanted.len() as libc::c_int;
        // SAFETY: as many events as are said, none to be read, and no time limit.
        let answer = unsafe {
            libc::kevent(queue.as_raw_fd(), wanted.as_ptr(), count, ptr::null_mut(), 0, ptr::null())
        };
        if answer < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut set: libc::sigset_t = 0;
        for signal in all {
            // SAFETY: the set is initialized and may be written.
            unsafe { libc::sigaddset(&raw mut set, signal) };
        }
        let mut before: libc::sigset_t = 0;
        // SAFETY: both are initialized sets that live for the length of the call.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
        Ok(Signals { queue, before })
    }

    /// Waits for the next one; none if something else interrupted the wait.
    pub(super) fn take(&self) -> Option<Signal> {
        let mut came = event(0, 0);
        let queue = self.queue.as_raw_fd();
        // SAFETY: no event is added, one may be written, and there is no time limit.
        let count = unsafe { libc::kevent(queue, ptr::null(), 0, &raw mut came, 1, ptr::null()) };
        if count < 1 {
            return None;
        }
        let number = came.ident as libc::c_int;
        Some(Signal { number, sender: probable_sender(number) })
    }
}

fn event(signal: libc::c_int, flags: u16) -> libc::kevent {
    libc::kevent {
        ident: signal as usize,
        filter: libc::EVFILT_SIGNAL,
        flags,
        fflags: 0,
        data: 0,
        udata: ptr::null_mut(),
    }
}

/// Who probably sent it: what can be typed comes from the terminal while this process is in its
/// foreground, and everything else from some other process.
fn probable_sender(signal: libc::c_int) -> Sender {
    if TYPED.contains(&signal) && is_in_foreground() { Sender::Kernel } else { Sender::Process(0) }
}

fn is_in_foreground() -> bool {
    // The terminal of this process, whatever its standard input is.
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return false };
    // SAFETY: plain system call on a descriptor that `terminal` keeps open.
    let foreground = unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) };
    // SAFETY: no arguments; cannot fail.
    foreground == unsafe { libc::getpgrp() }
}

pub(super) fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: an initialized set; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

/// What this program is called from now on, and so by what name it is known to others in the objects
/// that it opens.
pub(crate) fn call_this(name: &'static CStr) {
    // SAFETY: a string that ends in a zero byte; the C library keeps its address, which is good for
    // ever.
    unsafe { libc::setprogname(name.as_ptr()) };
}

/// The file system in which a directory lies.
pub(crate) fn file_system(path: &Path) -> io::Result<FileSystem> {
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    // SAFETY: statfs is a plain struct of integers, for which all zeros is a value.
    let mut facts: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a string that ends in a zero byte, and a struct that may be written.
    if unsafe { libc::statfs(path.as_ptr(), &raw mut facts) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let block = u64::from(facts.f_bsize);
    Ok(FileSystem {
        total: facts.f_blocks.saturating_mul(block),
        free: facts.f_bavail.saturating_mul(block),
        files: facts.f_files,
        files_free: facts.f_ffree,
        is_remote: facts.f_flags & libc::MNT_LOCAL as u32 == 0,
    })
}

/// The file system in which objects lie, if nothing else is said.
pub(crate) const DIRECTORY: &str = "/private/var/tmp";

/// No such thing is to be expected here.
pub(crate) fn why_no_life_words() -> Option<&'static str> {
    None
}
