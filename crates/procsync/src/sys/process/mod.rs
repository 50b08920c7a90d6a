//! Who am I, who are the others, and was there a fork.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod posix;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub(crate) use posix::forks;
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) use posix::{
    Descriptor, ForkNotice, close_in_child, descriptor, identity, notice_forks, pid, started, tid,
    user,
};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod over;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(target_os = "linux")]
pub(crate) use over::is_over;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(target_os = "macos")]
pub(crate) use macos::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod other;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
pub(crate) use other::*;

/// What one look at a process of this pid namespace tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glance {
    /// Changes when it runs another program.
    pub(crate) name: String,
    /// `R` runs, `S` sleeps, `T` stopped, `Z` a zombie, and so on.
    pub(crate) state: char,
    pub(crate) parent: u32,
    pub(crate) threads: u32,
    /// When it began, in units of the system's.
    pub(crate) started: u64,
}
