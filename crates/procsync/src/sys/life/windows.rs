//! Deaths are told by handles of processes: a sleeper waits for them, too. (No word is marked, and of
//! a thread that ends without its process nobody is told.)
#![allow(unsafe_code)] // the same signature as elsewhere

use crate::raw::host::Slept;
use crate::sys::{process, wait, windows::Handle};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use windows_sys::Win32::Foundation::WAIT_OBJECT_0;
use windows_sys::Win32::System::Threading::{
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, WaitForSingleObject,
};

/// Objects have no pages for life words here.
pub(crate) const HAS_WORDS: bool = false;

pub(crate) const PAGE: usize = 4_096;
pub(crate) const WORD_AT: usize = PAGE - 24;

/// The most participants that can be watched: a thread can wait for 64 handles at once.
pub(crate) const MOST_WATCHED: usize = 48;

pub(crate) fn is_available() -> bool {
    false
}

#[derive(Debug)]
pub(crate) struct Node;

impl Node {
    /// # Safety
    /// None: it does nothing.
    pub(crate) unsafe fn link(_page: NonNull<u8>) -> Option<Node> {
        None
    }

    pub(crate) fn retire(&self) {}
}

/// Processes whose end a sleeper wants to be told of.
#[derive(Debug, Default)]
pub(crate) struct Processes(Vec<Handle>);

impl Processes {
    /// Also tells of the end of this process; true: it has ended already.
    ///
    /// Which process it is, a peer wrote down: a wrong one costs a look for nothing at worst.
    pub(crate) fn watch(&mut self, pid: u32, started: u64) -> bool {
        if pid == 0 || pid == process::pid() {
            return false;
        }
        let rights = PROCESS_SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION;
        // Refused, or nobody has this number any more: looking at the locks will tell.
        let Ok(handle) = process::open(pid, rights) else { return false };
        if process::began(&handle) != Some(started) {
            return false;
        }
        // SAFETY: the handle is open.
        if unsafe { WaitForSingleObject(handle.raw(), 0) } == WAIT_OBJECT_0 {
            return true;
        }
        self.0.push(handle);
        false
    }
}

/// Sleeps while `word` holds `expected` and none of the processes has ended, until the monotonic clock
/// shows `until`. True: one of them has ended.
pub(crate) fn sleep_watching(
    word: &AtomicU32,
    expected: u32,
    _watched: &[(&AtomicU32, u32)],
    processes: &Processes,
    until: u64,
) -> (Slept, bool) {
    let handles: Vec<_> = processes.0.iter().map(Handle::raw).collect();
    wait::sleep_watching(word, expected, &handles, until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn who_lives_is_watched_and_who_has_ended_is_told() {
        let mut child = Command::new("cmd").stdin(Stdio::piped()).spawn().unwrap();
        let started = process::glance(child.id()).unwrap().started;
        let mut processes = Processes::default();
        assert!(!processes.watch(child.id(), started) && processes.0.len() == 1);
        // This process itself, a pid that was used again, and none.
        assert!(!processes.watch(process::pid(), process::started()));
        assert!(!processes.watch(child.id(), started + 1) && !processes.watch(0, 0));
        assert_eq!(processes.0.len(), 1);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Processes::default().watch(child.id(), started), "its handle is still there");
    }
}
