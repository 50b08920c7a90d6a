//! No system here marks a word when a thread dies: deaths are noticed by looking.
#![allow(unsafe_code)] // the same signature as elsewhere

use crate::raw::host::Slept;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

/// Whether objects have pages for life words: on Linux, where those with another C library use them,
/// for all must agree on the layout.
pub(crate) const HAS_WORDS: bool = cfg!(target_os = "linux");

pub(crate) const PAGE: usize = 4_096;
pub(crate) const WORD_AT: usize = PAGE - 24;

pub(crate) const MOST_WATCHED: usize = 0;

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

/// Processes whose end a sleeper wants to be told of: here no system call waits for those as well.
#[derive(Debug, Default)]
pub(crate) struct Processes(());

impl Processes {
    pub(crate) fn watch(&mut self, _pid: u32, _started: u64) -> bool {
        false
    }
}

pub(crate) fn sleep_watching(
    word: &AtomicU32,
    expected: u32,
    _watched: &[(&AtomicU32, u32)],
    _processes: &Processes,
    until: u64,
) -> (Slept, bool) {
    (crate::sys::wait::sleep(word, expected, true, Some(until)), false)
}
