//! Processes and threads as libproc and sysctl tell them.
#![allow(unsafe_code)] // libproc, sysctl and other functions of the C library

use super::Glance;
use super::posix::is_there;
use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;

/// What must not be done for the first time in a signal handler.
pub(super) fn prepare() {
    crate::sys::wait::prepare();
}

/// Forgets in a forked child what is not true of it: nothing.
pub(super) fn forget() {}

/// The calling thread's id: unique on the machine until it is booted, as long as 32 bits last.
pub(super) fn thread_id() -> u32 {
    let mut id = 0_u64;
    // SAFETY: 0 means the calling thread, and `id` may be written.
    unsafe { libc::pthread_threadid_np(0, &raw mut id) };
    // 0 would mean that it was not asked for yet.
    (id as u32).max(1)
}

/// A random number of the kernel's.
pub(crate) fn random() -> u64 {
    let mut bytes = [0_u8; 8];
    // SAFETY: the buffer may be written and has the length given; this cannot fail.
    unsafe { libc::arc4random_buf(bytes.as_mut_ptr().cast(), bytes.len()) };
    u64::from_ne_bytes(bytes)
}

/// An environment variable, unless this program runs with more rights than its caller
/// (issetugid(2)).
pub(crate) fn environment(name: &CStr) -> Option<std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;
    // SAFETY: no arguments; cannot fail.
    if unsafe { libc::issetugid() } != 0 {
        return None;
    }
    std::env::var_os(std::ffi::OsString::from_vec(name.to_bytes().to_vec()))
}

/// Structures that `proc_pidinfo` fills in: plain integers, so that any bytes are a value.
trait Plain {}
impl Plain for libc::proc_bsdinfo {}
impl Plain for libc::proc_taskinfo {}
impl Plain for libc::proc_threadinfo {}

/// Asks for one of the structures in sys/proc_info.h; none: no such process, or not allowed.
fn ask<T: Plain>(pid: u32, what: c_int, argument: u64) -> Option<T> {
    let mut answer = MaybeUninit::<T>::zeroed();
    let size = size_of::<T>() as c_int;
    let pid = c_int::try_from(pid).ok()?;
    let buffer = answer.as_mut_ptr().cast::<c_void>();
    // SAFETY: the buffer may be written and has the size given.
    let got = unsafe { libc::proc_pidinfo(pid, what, argument, buffer, size) };
    // SAFETY: all of it was zeroed, and is a value whatever was written over that.
    (got == size).then(|| unsafe { answer.assume_init() })
}

/// Anybody may ask this of any process.
fn facts(pid: u32) -> Option<libc::proc_bsdinfo> {
    const ZOMBIES_TOO: u64 = 1;
    ask(pid, libc::PROC_PIDTBSDINFO, ZOMBIES_TOO)
}

/// When another process began, in microseconds since 1970.
pub(super) fn started_of(pid: u32) -> Option<u64> {
    facts(pid).map(|facts| began(&facts))
}

fn began(facts: &libc::proc_bsdinfo) -> u64 {
    facts.pbi_start_tvsec.wrapping_mul(1_000_000).wrapping_add(facts.pbi_start_tvusec)
}

/// Whether no thread of this process will ever run its program again, although its files may not be
/// closed yet. False if that cannot be told.
pub(crate) fn is_over(pid: u32, started: u64) -> bool {
    if pid == 0 || started == 0 {
        return false; // it did not tell
    }
    if !is_there(pid) {
        return true;
    }
    facts(pid).is_some_and(|facts| began(&facts) != started || facts.pbi_status == libc::SZOMB)
}

fn text(characters: &[libc::c_char]) -> String {
    let bytes: Vec<u8> =
        characters.iter().map(|&one| one as u8).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn name(facts: &libc::proc_bsdinfo) -> String {
    let name = text(&facts.pbi_name);
    if name.is_empty() { text(&facts.pbi_comm) } else { name }
}

/// Looks at a process. How many threads it has is told only of one's own user's (and to root): 0
/// means that it was not.
pub(crate) fn glance(pid: u32) -> Option<Glance> {
    let facts = facts(pid)?;
    let task = ask::<libc::proc_taskinfo>(pid, libc::PROC_PIDTASKINFO, 0);
    let running = task.is_some_and(|task| task.pti_numrunning > 0);
    Some(Glance {
        name: name(&facts),
        state: match facts.pbi_status {
            libc::SZOMB => 'Z',
            libc::SSTOP => 'T',
            _ if running => 'R',
            _ => 'S',
        },
        parent: facts.pbi_ppid,
        threads: task.map_or(0, |task| u32::try_from(task.pti_threadnum).unwrap_or(0)),
        started: began(&facts),
    })
}

/// Looks at one thread of a process of one's own user.
pub(crate) fn glance_at_thread(pid: u32, tid: u32) -> Option<Glance> {
    /// sys/proc_info.h: by the number that `pthread_threadid_np` tells.
    const PROC_PIDTHREADID64INFO: c_int = 15;
    let thread = ask::<libc::proc_threadinfo>(pid, PROC_PIDTHREADID64INFO, tid.into())?;
    let name = text(&thread.pth_name);
    let state = match thread.pth_run_state {
        libc::TH_STATE_RUNNING => 'R',
        libc::TH_STATE_STOPPED => 'T',
        libc::TH_STATE_UNINTERRUPTIBLE => 'D',
        libc::TH_STATE_HALTED => 'X',
        _ => 'S',
    };
    let process = glance(pid)?;
    Some(Glance {
        name: if name.is_empty() { process.name.clone() } else { name },
        state,
        ..process
    })
}

/// The effective user of a process.
pub(crate) fn user_of(pid: u32) -> Option<u32> {
    facts(pid).map(|facts| facts.pbi_uid)
}

/// There is only one space of pids.
pub(crate) fn namespace() -> u64 {
    0
}

/// The command line of a process, arguments separated by blanks; of another user's, its name.
pub(crate) fn command_of(pid: u32) -> Option<String> {
    arguments_of(pid).or_else(|| facts(pid).map(|facts| name(&facts)))
}

fn arguments_of(pid: u32) -> Option<String> {
    /// Enough to tell one from another.
    const ENOUGH: usize = 512;
    let bytes = arguments_and_environment(pid)?;
    let mut line = arguments(&bytes)?.join(" ");
    if let Some((end, _)) = line.char_indices().find(|(at, _)| *at >= ENOUGH) {
        line.truncate(end);
    }
    (!line.is_empty()).then_some(line)
}

/// What a process was started with (sysctl(3), `KERN_PROCARGS2`). Only of one's own user's.
fn arguments_and_environment(pid: u32) -> Option<Vec<u8>> {
    /// The most that a program can be started with (`ARG_MAX`): a smaller buffer would get its end,
    /// not its beginning.
    const MOST: usize = 1 << 20;
    let mut bytes = vec![0_u8; MOST];
    let mut length = bytes.len();
    let mut what = [libc::CTL_KERN, libc::KERN_PROCARGS2, c_int::try_from(pid).ok()?];
    // SAFETY: three numbers, a buffer that may be written with its length, and nothing to be set.
    let answer = unsafe {
        libc::sysctl(
            what.as_mut_ptr(),
            what.len() as u32,
            bytes.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    if answer != 0 {
        return None;
    }
    bytes.truncate(length);
    Some(bytes)
}

/// The arguments in what `KERN_PROCARGS2` tells: their number, the program's path, zeros, then each
/// with a zero behind it, and the environment, which is nobody's business.
fn arguments(bytes: &[u8]) -> Option<Vec<String>> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_ne_bytes(*count)).ok()?;
    let path_end = rest.iter().position(|&byte| byte == 0)?;
    let rest = &rest[path_end..];
    let begin = rest.iter().position(|&byte| byte != 0)?;
    let words = rest[begin..].split(|&byte| byte == 0).take(count);
    Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}

/// The name of the program (getprogname(3)), cut to what fits.
pub(crate) fn short_name() -> [u8; 16] {
    let mut short = [0_u8; 16];
    // SAFETY: no arguments.
    let name = unsafe { libc::getprogname() };
    if name.is_null() {
        return short;
    }
    // SAFETY: a string that ends in a zero byte; a program that changes its name gives another one
    // and leaves this where it is.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let length = name.len().min(15);
    short[..length].copy_from_slice(&name[..length]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn arguments_are_found_among_the_rest() {
        let mut bytes = 2_i32.to_ne_bytes().to_vec();
        bytes.extend(b"/bin/sh\0\0\0\0sh\0-c\0HOME=/\0");
        assert_eq!(arguments(&bytes).unwrap(), ["sh", "-c"]);
        assert!(arguments(b"").is_none() && arguments(&bytes[..6]).is_none());
    }

    #[test]
    fn this_process_is_seen() {
        let me = std::process::id();
        let seen = glance(me).unwrap();
        assert!(seen.threads >= 1 && seen.started > 0, "{seen:?}");
        assert!(command_of(me).unwrap().contains("procsync"));
        assert!(glance_at_thread(me, thread_id()).is_some());
        assert_eq!(user_of(me), Some(super::super::user()));
        assert_ne!(short_name(), [0; 16]);
    }

    #[test]
    fn who_runs_is_not_over_and_a_zombie_is() {
        let me = std::process::id();
        let started = started_of(me).unwrap();
        assert!(!is_over(me, started) && is_over(me, started + 1) && !is_over(me, 0));
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let started = started_of(child.id()).unwrap();
        assert!(!is_over(child.id(), started));
        drop(child.stdin.take());
        let began = std::time::Instant::now();
        while !is_over(child.id(), started) {
            assert!(began.elapsed().as_secs() < 30, "it never ends");
        }
        child.wait().unwrap();
    }
}
