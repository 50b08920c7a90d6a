//! What an object's file says, read and written without mapping it.

use super::layout::{BadHeader, Facts, HEADER_SIZE, READY_AT, RECORDS_AT};
use crate::error::Error;
use crate::kind::Object;
use crate::sys::map::{self, FileFacts};
use std::fs::File;
use std::io;
use std::path::Path;

/// An error of the system, about an object and a path.
pub(crate) fn system(
    object: &Object,
    path: &Path,
    operation: &'static str,
) -> impl FnOnce(io::Error) -> Error + use<> {
    let (object, path) = (object.clone(), path.to_owned());
    move |source| Error::System { object, operation, path, source }
}

/// Reads and checks the header of a file of this library.
pub(crate) fn read_header(file: &File, facts: FileFacts) -> Result<Facts, BadHeader> {
    let damaged = |reason: String| Err(BadHeader::Damaged(reason));
    if !facts.regular {
        return damaged("it is not a regular file".to_owned());
    }
    let mut bytes = [0; HEADER_SIZE];
    match map::read_at(file, 0, &mut bytes) {
        Ok(HEADER_SIZE) => Facts::from_bytes(&bytes, facts.size),
        Ok(short) => damaged(format!("it has {short} bytes only")),
        Err(error) => damaged(format!("it cannot be read: {error}")),
    }
}

fn says(file: &File, at: usize) -> io::Result<bool> {
    let mut bytes = [0; 4];
    map::read_at(file, at as u64, &mut bytes)?;
    Ok(u32::from_ne_bytes(bytes) == 1)
}

fn say(file: &File, at: usize, what: bool) -> io::Result<()> {
    write_at(file, at, &u32::from(what).to_ne_bytes())
}

/// Whether it stays when its last user leaves.
pub(super) fn is_persistent(file: &File) -> io::Result<bool> {
    says(file, RECORDS_AT)
}

pub(super) fn set_persistent(file: &File, persistent: bool) -> io::Result<()> {
    say(file, RECORDS_AT, persistent)
}

/// Whether the object may be used: all of it was made, and nobody is about to make it anew. For who has a
/// lock on the file.
///
/// The lock alone does not tell: who found another one's exclusive lock in its way, and then gets a
/// shared one, does not know whether the other one is done or died in the middle.
pub(super) fn is_ready(file: &File) -> io::Result<bool> {
    says(file, READY_AT)
}

/// Says whether it may be used. Only for the holder of the exclusive lock.
pub(super) fn set_ready(file: &File, ready: bool) -> io::Result<()> {
    say(file, READY_AT, ready)
}

pub(super) fn write_at(file: &File, at: usize, bytes: &[u8]) -> io::Result<()> {
    map::write_at(file, at as u64, bytes)
}
