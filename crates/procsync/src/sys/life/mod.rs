//! Words that the system marks when a thread dies, and sleeping on several words at once.

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod linux;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub(crate) use linux::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

#[cfg(not(any(
    all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"),
    windows
)))]
mod other;
#[cfg(not(any(
    all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"),
    windows
)))]
pub(crate) use other::*;
