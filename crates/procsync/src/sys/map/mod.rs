//! Files that are mapped: where they lie, how they are made, named, found and removed.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod posix;
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) use posix::{
    FileFacts, FileId, Mapping, Unnamed, base_directory_fault, facts, facts_at,
    make_private_directory, open, private_directory_fault, read_at, unlink, write_at,
};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub(crate) use macos::*;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod other;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) use other::*;
