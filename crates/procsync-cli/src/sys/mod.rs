//! What depends on the system: how a command is run under a lock, and a clock that all processes
//! share. Only chooses.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(target_os = "linux")]
mod tokens_linux;
#[cfg(target_os = "linux")]
pub(crate) use tokens_linux::*;

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;
