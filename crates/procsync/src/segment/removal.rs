//! Taking names away.

use super::data_file;
use super::layout::{self, Facts};
use super::object_file::{read_header, set_persistent, system};
use super::patience::repeat;
use super::place::Place;
use super::registry;
use crate::error::Result;
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::sys::lock::{Whole, lock_file};
use crate::sys::map;
use std::fs::File;
use std::io;
use std::path::Path;

/// What became of an object that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Removal {
    /// Nobody had it open; its name is free.
    Done,
    /// It is in use. It is not persistent any more and goes when its last user leaves. (Taking the
    /// name away at once would let a newcomer make a second object beside the one in use.)
    WhenLastUserLeaves,
}

/// Removes an object by name; none if there is no such object.
pub(crate) fn remove(name: &Name, place: &Place) -> Result<Option<Removal>> {
    remove_ledger(name, place, &|| false)
}

/// Takes away a name, whoever uses what bears it: they go on with that.
pub(crate) fn take_name_away(name: &Name, place: &Place) -> Result<()> {
    let _registry = registry::lock();
    let path = place.path(name);
    match map::unlink(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let object = Object { kind: Kind::Native, name: name.as_str().to_owned() };
            Err(system(&object, &path, "remove")(error))
        }
        _ => Ok(()),
    }
}

/// Whether nothing is written in a ledger's lines.
fn says_nothing(file: &File, header: &Facts) -> io::Result<bool> {
    let (from, to) = (header.places().permits_at, header.places().data_at);
    let mut lines = vec![0; to - from];
    map::read_at(file, from as u64, &mut lines)?;
    let mut words = lines.chunks_exact(layout::PERMIT_SIZE).take(header.words() as usize);
    Ok(words.all(|line| line[..4] == [0; 4]))
}

/// The same as `remove`, but a ledger that says something stays if it `is_needed`.
pub(crate) fn remove_ledger(
    name: &Name,
    place: &Place,
    is_needed: &dyn Fn() -> bool,
) -> Result<Option<Removal>> {
    // Of which kind it is shows when it is there, and does not matter.
    let object = Object { kind: Kind::Unknown, name: name.as_str().to_owned() };
    let path = place.path(name);
    let system = |operation| system(&object, &path, operation);
    repeat(&object, || {
        let _registry = registry::lock();
        let file = match map::open(&path, true) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(None)),
            Err(error) => return Err(system("open")(error)),
        };
        let facts = map::facts(&file).map_err(system("look at"))?;
        let still_named = || map::facts_at(&path).is_ok_and(|now| now.id == facts.id);
        // Twice: the last user may leave just before it is told to take the name along.
        for _ in 0..2 {
            if lock_file(&file, Whole::Exclusive).map_err(system("lock"))? {
                if !still_named() {
                    return Ok(None);
                }
                if let Ok(header) = read_header(&file, facts) {
                    let is_ledger = header.kind == Kind::Native;
                    if is_ledger
                        && !says_nothing(&file, &header).map_err(system("read"))?
                        && is_needed()
                    {
                        // It goes with its last user, if that leaves it empty.
                        set_persistent(&file, false).map_err(system("write"))?;
                        return Ok(Some(Some(Removal::WhenLastUserLeaves)));
                    }
                    remove_files(&file, header.kind, &path, name).map_err(system("remove"))?;
                } else {
                    // Damaged, or not of this library: only the name itself.
                    map::unlink(&path).map_err(system("remove"))?;
                }
                return Ok(Some(Some(Removal::Done)));
            }
            if read_header(&file, facts).is_err() {
                // Somebody uses it, and not as an object of this library.
                return Err(system("remove")(io::ErrorKind::ResourceBusy.into()));
            }
            set_persistent(&file, false).map_err(system("write"))?;
        }
        Ok(Some(Some(Removal::WhenLastUserLeaves)))
    })
}

/// Removes an object that nobody has open. Only for the holder of the exclusive lock.
pub(super) fn remove_files(file: &File, kind: Kind, path: &Path, name: &Name) -> io::Result<()> {
    if kind == Kind::SharedMemory {
        data_file::remove(file, &data_file::path(path, name))?;
    }
    match map::unlink(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
