//! No lock that the kernel drops with its holder is known here.

use super::Whole;
use std::fs::File;
use std::io;

pub(crate) fn lock_file(_file: &File, _how: Whole) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn unlock_file(_file: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn lock_byte(_file: &File, _offset: u64) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn share_byte(_file: &File, _offset: u64) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn unlock_byte(_file: &File, _offset: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn byte_is_locked(_file: &File, _offset: u64) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
pub(crate) fn inheritable(_file: &File) -> io::Result<std::os::fd::OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}
