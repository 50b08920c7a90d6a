//! Processes and threads as the system tells of them. There is no fork.
#![allow(unsafe_code)] // system calls

use super::Glance;
use crate::raw::host::Identity;
use crate::sys::windows::{Handle, security};
use std::cell::Cell;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use windows_sys::Wdk::System::Threading::{NtQueryInformationProcess, ProcessBasicInformation};
use windows_sys::Win32::Foundation::{CloseHandle, FILETIME, STILL_ACTIVE};
use windows_sys::Win32::Security::TOKEN_QUERY;
use windows_sys::Win32::System::Threading::{
    GetCurrentThreadId, GetExitCodeProcess, GetExitCodeThread, GetProcessIdOfThread,
    GetProcessTimes, OpenProcess, OpenProcessToken, OpenThread, PROCESS_BASIC_INFORMATION,
    PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
    THREAD_QUERY_LIMITED_INFORMATION,
};

thread_local! {
    static TID: Cell<u32> = const { Cell::new(0) };
}

/// The process id.
#[inline]
pub(crate) fn pid() -> u32 {
    std::process::id()
}

/// The thread id.
#[inline]
pub(crate) fn tid() -> u32 {
    TID.with(|tid| match tid.get() {
        0 => {
            // SAFETY: no arguments, and it cannot fail.
            let now = unsafe { GetCurrentThreadId() };
            tid.set(now);
            now
        }
        tid => tid,
    })
}

/// Who asks.
pub(crate) fn identity() -> Identity {
    static NUMBER: OnceLock<u32> = OnceLock::new();
    let process = *NUMBER.get_or_init(|| (random() as u32 & crate::raw::owned_word::TAG).max(1));
    Identity { process, pid: pid(), thread: tid() }
}

/// A random number.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    // The hasher's keys are the system's random numbers, drawn once for each thread.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(DRAWN.fetch_add(1, Ordering::Relaxed));
    hasher.write_u64(super::super::clock::monotonic());
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// A number that stands for the user as whom this process runs.
pub(crate) fn user() -> u32 {
    security::user().map_or(0, security::Sid::number)
}

/// An environment variable. (No program here runs with more rights than its caller.)
pub(crate) fn environment(name: &std::ffi::CStr) -> Option<std::ffi::OsString> {
    std::env::var_os(name.to_str().ok()?)
}

/// A process that there is, or that ended and which somebody still has a handle of.
pub(in crate::sys) fn open(pid: u32, rights: u32) -> io::Result<Handle> {
    // SAFETY: plain system call.
    let handle = unsafe { OpenProcess(rights, 0, pid) };
    // SAFETY: null, or just opened and nobody else's.
    unsafe { Handle::own(handle) }
}

/// When an open process began, in 100 ns since 1601.
pub(in crate::sys) fn began(process: &Handle) -> Option<u64> {
    let none = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    let (mut began, mut ended, mut kernel, mut user) = (none, none, none, none);
    // SAFETY: the handle is open, and the times may be written.
    let answer = unsafe {
        GetProcessTimes(
            process.raw(),
            &raw mut began,
            &raw mut ended,
            &raw mut kernel,
            &raw mut user,
        )
    };
    let began = u64::from(began.dwHighDateTime) << 32 | u64::from(began.dwLowDateTime);
    (answer != 0 && began != 0).then_some(began)
}

/// When this process began, in 100 ns since 1601; 0: not told.
pub(crate) fn started() -> u64 {
    static STARTED: OnceLock<u64> = OnceLock::new();
    *STARTED.get_or_init(|| {
        open(pid(), PROCESS_QUERY_LIMITED_INFORMATION)
            .ok()
            .and_then(|process| began(&process))
            .unwrap_or(0)
    })
}

/// No life words here that would make anybody ask.
pub(crate) fn is_over(_pid: u32, _started: u64) -> bool {
    false
}

/// Looks at a process. None if it has ended, although somebody may have a handle of it.
pub(crate) fn glance(pid: u32) -> Option<Glance> {
    let process = open(pid, PROCESS_QUERY_LIMITED_INFORMATION).ok()?;
    let mut code = 0;
    // SAFETY: the handle is open, and the number may be written.
    if unsafe { GetExitCodeProcess(process.raw(), &raw mut code) } != 0
        && code != STILL_ACTIVE as u32
    {
        return None;
    }
    let started = began(&process)?;
    let name = short(&image(&process).unwrap_or_default());
    Some(Glance { name, state: 'R', parent: parent(&process), threads: 0, started })
}

/// Looks at one thread of a process.
pub(crate) fn glance_at_thread(pid: u32, tid: u32) -> Option<Glance> {
    // SAFETY: plain system call.
    let thread = unsafe { OpenThread(THREAD_QUERY_LIMITED_INFORMATION, 0, tid) };
    // SAFETY: null, or just opened and nobody else's.
    let thread = unsafe { Handle::own(thread) }.ok()?;
    // SAFETY: the handle is open.
    if unsafe { GetProcessIdOfThread(thread.raw()) } != pid {
        return None;
    }
    let mut code = 0;
    // SAFETY: the handle is open, and the number may be written.
    let answer = unsafe { GetExitCodeThread(thread.raw(), &raw mut code) };
    if answer != 0 && code != STILL_ACTIVE as u32 {
        return None;
    }
    glance(pid)
}

/// Which process started it; 0: not told.
fn parent(process: &Handle) -> u32 {
    let mut facts = PROCESS_BASIC_INFORMATION::default();
    let mut length = 0;
    // SAFETY: the handle is open, and the structure is what this question is answered with.
    let status = unsafe {
        NtQueryInformationProcess(
            process.raw(),
            ProcessBasicInformation,
            (&raw mut facts).cast(),
            size_of::<PROCESS_BASIC_INFORMATION>() as u32,
            &raw mut length,
        )
    };
    if status >= 0 { facts.InheritedFromUniqueProcessId as u32 } else { 0 }
}

/// The path of a process's program.
fn image(process: &Handle) -> Option<String> {
    let mut path = [0_u16; 1_024];
    let mut length = path.len() as u32;
    // SAFETY: the handle is open, and the buffer may be written and has the size given.
    let answer = unsafe {
        QueryFullProcessImageNameW(
            process.raw(),
            PROCESS_NAME_WIN32,
            path.as_mut_ptr(),
            &raw mut length,
        )
    };
    (answer != 0).then(|| String::from_utf16_lossy(&path[..length as usize]))
}

/// The user of a process, if this one may know.
pub(crate) fn user_of(pid: u32) -> Option<u32> {
    let process = open(pid, PROCESS_QUERY_LIMITED_INFORMATION).ok()?;
    let mut token = std::ptr::null_mut();
    // SAFETY: the handle is open, and the pointer may be written.
    if unsafe { OpenProcessToken(process.raw(), TOKEN_QUERY, &raw mut token) } == 0 {
        return None;
    }
    // SAFETY: just opened, and nobody else knows it.
    let token = unsafe { Handle::own(token) }.ok()?;
    security::user_of(&token).ok().map(|user| user.number())
}

/// There are no namespaces of pids.
pub(crate) fn namespace() -> u64 {
    0
}

/// The path of a process's program. (Its arguments are not told to others.)
pub(crate) fn command_of(pid: u32) -> Option<String> {
    image(&open(pid, PROCESS_QUERY_LIMITED_INFORMATION).ok()?)
}

/// From the path of a program, what people call it.
fn short(path: &str) -> String {
    let file = path.rsplit(['\\', '/']).next().unwrap_or(path);
    file.strip_suffix(".exe").unwrap_or(file).to_owned()
}

/// The name of this process's program, cut to what fits (15 bytes).
pub(crate) fn short_name() -> [u8; 16] {
    static NAME: OnceLock<[u8; 16]> = OnceLock::new();
    *NAME.get_or_init(|| {
        let path = std::env::current_exe().unwrap_or_default();
        let name = short(&path.to_string_lossy());
        let mut end = name.len().min(15);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let mut cut = [0; 16];
        cut[..end].copy_from_slice(&name.as_bytes()[..end]);
        cut
    })
}

/// What the library does around a fork; here there is none.
pub(crate) struct ForkNotice {
    #[expect(dead_code, reason = "there is no fork to tell of")]
    pub(crate) before: fn(),
    #[expect(dead_code, reason = "there is no fork to tell of")]
    pub(crate) in_parent: fn(),
    #[expect(dead_code, reason = "there is no fork to tell of")]
    pub(crate) in_child: fn(),
}

pub(crate) fn notice_forks(_notice: ForkNotice) {}

/// An open file, by the number of its handle.
pub(crate) type Descriptor = usize;

/// The handle of a file.
pub(crate) fn descriptor(file: &std::fs::File) -> Descriptor {
    file.as_raw_handle() as usize
}

/// Closes a file that has no `File` any more. Whoever calls this makes sure that none closes it again.
pub(crate) fn close_in_child(file: Descriptor) {
    // SAFETY: by the caller's care the handle is open and has no other owner.
    unsafe { CloseHandle(file as *mut std::ffi::c_void) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_told_of() {
        let seen = glance(pid()).unwrap();
        assert_eq!(seen.started, started());
        assert!(started() != 0);
        assert!(seen.name.contains("procsync"), "{seen:?}");
        assert_eq!(user_of(pid()), Some(user()));
        assert!(command_of(pid()).unwrap().ends_with(".exe"));
        assert!(short_name().starts_with(b"procsync"));
        assert!(glance_at_thread(pid(), tid()).is_some());
        assert!(glance_at_thread(1, tid()).is_none());
    }

    #[test]
    fn who_has_ended_is_not_seen_although_a_handle_is_left() {
        let mut command = std::process::Command::new("cmd");
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        let seen = glance(pid).unwrap();
        assert!(seen.name == "cmd" && seen.parent == super::pid(), "{seen:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(glance(pid), None);
    }

    #[test]
    fn random_numbers_differ() {
        assert_ne!(random(), random());
    }
}
