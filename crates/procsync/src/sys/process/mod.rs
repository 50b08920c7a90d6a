//! Who am I, who are the others, and was there a fork.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod over;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(target_os = "linux")]
pub(crate) use over::is_over;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

#[cfg(not(any(target_os = "linux", windows)))]
mod other;
#[cfg(not(any(target_os = "linux", windows)))]
pub(crate) use other::*;
