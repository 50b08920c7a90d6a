//! What a build's job slots lie in: Linux only, as is the job server. Only chooses.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
