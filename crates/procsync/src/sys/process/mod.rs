//! Who am I, who are the others, and was there a fork.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod over;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(target_os = "linux")]
pub(crate) use over::is_over;

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;
