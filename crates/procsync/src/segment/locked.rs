//! Who uses a file, and giving up one that was opened and locked, and is not used after all.

use super::layout::RECORDS_AT;
use super::object_file::{is_persistent, is_ready, read_header};
use super::removal::remove_files;
use crate::name::Name;
use crate::sys::lock::{Whole, byte_is_locked, lock_file, share_byte, unlock_byte, unlock_file};
use crate::sys::map::{self, FileFacts};
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// The byte that all users of an object have locked together.
const USED: u64 = RECORDS_AT as u64;

/// Whether anybody else uses the object.
///
/// That its file is locked does not say so: others look at a leftover, too, and may end as soon as they
/// have seen what it is. Once this process has the shared lock, nobody who uses it can remove it.
pub(super) fn is_used(file: &File) -> io::Result<bool> {
    byte_is_locked(file, USED)
}

/// Becomes a user; false: to be tried again. Only for who has a lock on the file, and knows that it is
/// no leftover.
pub(super) fn begin_use(file: &File) -> io::Result<bool> {
    share_byte(file, USED)
}

/// Is no user any more. Before the file itself is let go, so that who gets that sees no user who is none.
pub(super) fn end_use(file: &File) -> io::Result<()> {
    unlock_byte(file, USED)
}

/// A file that this process has open and locked, and does not use yet.
///
/// When it goes unused, it is unlocked before it is closed: a process that is just being started
/// has a copy of every descriptor, and would keep the lock by it until it runs its program. And if
/// the last user has left meanwhile, and could not take the name along because of this lock, that
/// is made up for.
pub(super) struct Locked<'a> {
    file: Option<File>,
    facts: FileFacts,
    path: &'a Path,
    name: &'a Name,
}

impl<'a> Locked<'a> {
    pub(super) fn new(file: File, facts: FileFacts, path: &'a Path, name: &'a Name) -> Self {
        Locked { file: Some(file), facts, path, name }
    }

    /// The file, to be used.
    pub(super) fn keep(mut self) -> (File, FileFacts) {
        (self.file.take().expect("only this and drop take it"), self.facts)
    }

    fn give_up(&self, file: &File) -> io::Result<()> {
        end_use(file)?;
        unlock_file(file)?;
        // Read after unlocking: who makes it transient looks afterwards whether it is in use.
        let stays = || Ok::<_, io::Error>(is_persistent(file)? && is_ready(file)?);
        if stays()? {
            return Ok(());
        }
        // What is not an object of this library is left alone.
        let Ok(header) = read_header(file, self.facts) else { return Ok(()) };
        if !lock_file(file, Whole::Exclusive)? {
            return Ok(());
        }
        let removed = match map::facts_at(self.path) {
            // Another user, who could not remove it, may have made it anew meanwhile.
            _ if stays()? => Ok(()),
            Ok(now) if now.id == self.facts.id => {
                remove_files(file, header.kind, self.path, self.name)
            }
            _ => Ok(()),
        };
        unlock_file(file).and(removed)
    }
}

impl Deref for Locked<'_> {
    type Target = File;

    fn deref(&self) -> &File {
        self.file.as_ref().expect("only `keep` and drop take it")
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // What fails here leaves at worst a leftover. No event: the registry is locked, and who
            // listens to events may want it.
            let _ = self.give_up(&file);
        }
    }
}
