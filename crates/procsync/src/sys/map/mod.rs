//! Files that are mapped: where they lie, how they are made, named, found and removed.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod posix;
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) use posix::{
    FACTS_SHOW_ACCESS, FileFacts, FileId, Mapping, Unnamed, base_directory_fault, facts, facts_at,
    file_name, make_private_directory, name_in, open, private_directory_fault, read_at, unlink,
    write_at,
};

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
