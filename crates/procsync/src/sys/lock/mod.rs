//! Locks that the kernel keeps and releases when their holder dies.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod byte;
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) use byte::{byte_is_locked, inheritable, lock_byte, share_byte, unlock_byte};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(target_os = "macos")]
mod macos;
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

/// How a whole file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// Together with others.
    Shared,
    /// Alone.
    Exclusive,
}
