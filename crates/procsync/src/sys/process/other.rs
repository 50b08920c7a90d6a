//! What the standard library tells.

use super::Glance;
use crate::raw::host::Identity;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) fn pid() -> u32 {
    std::process::id()
}

pub(crate) fn tid() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local! {
        static TID: u32 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    TID.with(|tid| *tid)
}

pub(crate) fn identity() -> Identity {
    static NUMBER: OnceLock<u32> = OnceLock::new();
    let process = *NUMBER.get_or_init(|| (random() as u32 & crate::raw::owned_word::TAG).max(1));
    Identity { process, pid: pid(), thread: tid() }
}

pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

pub(crate) fn user() -> u32 {
    0
}

pub(crate) fn started() -> u64 {
    0
}

pub(crate) fn is_over(_pid: u32, _started: u64) -> bool {
    false
}

pub(crate) fn glance(_pid: u32) -> Option<Glance> {
    None
}

pub(crate) fn glance_at_thread(_pid: u32, _tid: u32) -> Option<Glance> {
    None
}

pub(crate) fn user_of(_pid: u32) -> Option<u32> {
    None
}

pub(crate) fn namespace() -> u64 {
    0
}

pub(crate) fn command_of(_pid: u32) -> Option<String> {
    None
}

pub(crate) fn short_name() -> [u8; 16] {
    [0; 16]
}

#[expect(dead_code, reason = "nobody tells of forks here")]
pub(crate) struct ForkNotice {
    pub(crate) before: fn(),
    pub(crate) in_parent: fn(),
    pub(crate) in_child: fn(),
}

pub(crate) fn notice_forks(_notice: ForkNotice) {}

pub(crate) type Descriptor = i32;

pub(crate) fn descriptor(_file: &std::fs::File) -> Descriptor {
    -1
}

pub(crate) fn close_in_child(_file: Descriptor) {}

pub(crate) fn environment(name: &std::ffi::CStr) -> Option<std::ffi::OsString> {
    std::env::var_os(name.to_str().ok()?)
}
