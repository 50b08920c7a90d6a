//! The file of a shared memory: plain bytes under a plain POSIX name, so that programs which know
//! nothing of procsync can open it. (On macOS and Windows, where such names lead to no files, a
//! file beside the segment.) The segment keeps the books.
//!
//! Which file is ours to remove is told by its identity, written into the segment before the file
//! gets its name: a file that another program made under the same name is used, never removed. And
//! the two files must have one owner, else a forged segment could have others' files removed.
//!
//! As long as the segment says that it is not ready, nobody uses it: not before the file has its name.
//! Who removes both and dies in between leaves a segment whose file is gone, which is a leftover.

use super::layout::{RECORDS_AT, Records};
use super::lifetime::{How, Spec};
use super::object_file::{set_ready, system};
use super::place::Scope;
use crate::error::{Error, Result};
use crate::kind::Object;
use crate::name::Name;
use crate::sys::map::{self, FileFacts, Unnamed};
use crate::sys::process;
use std::fs::File;
use std::io;
use std::mem::offset_of;
use std::path::{Path, PathBuf};

const DEVICE_AT: u64 = (RECORDS_AT + offset_of!(Records, data_device)) as u64;
const NUMBER_AT: u64 = (RECORDS_AT + offset_of!(Records, data_number)) as u64;

/// A data file that has no name yet.
#[derive(Debug)]
pub(super) struct DataFile {
    path: PathBuf,
    unnamed: Unnamed,
    wanted: u64,
    scope: Scope,
}

/// Where a shared memory's own file lies, whose segment is that file.
pub(crate) fn path(segment: &Path, name: &Name) -> PathBuf {
    map::memory_path(segment, name.as_str())
}

/// How big a shared memory's own file is, if there is one.
pub(crate) fn size(segment: &Path, name: &Name) -> Option<u64> {
    map::facts_at(&path(segment, name)).ok().filter(|found| found.regular).map(|found| found.size)
}

/// Whether a shared memory's own file is not there (any more).
pub(super) fn is_gone(segment: &Path, name: &Name) -> io::Result<bool> {
    match map::facts_at(&path(segment, name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        answer => answer.map(|_| false),
    }
}

impl DataFile {
    /// Makes the file with all its space, so that no access can fail later.
    pub(super) fn make(spec: &Spec) -> Result<DataFile> {
        let path = path(&spec.place.path(&spec.name), &spec.name);
        let size = spec.facts.data_size;
        let object = spec.object();
        let directory = path.parent().unwrap_or(&spec.place.directory);
        let unnamed = map::create_unnamed(directory, spec.scope.file_mode(), size)
            .map_err(system(&object, directory, "make a file in"))?;
        map::reserve(&unnamed.file, 0, size).map_err(system(
            &object,
            &path,
            "set space aside for",
        ))?;
        Ok(DataFile { path, unnamed, wanted: size, scope: spec.scope })
    }

    /// Gives the file its name, or takes what another program made under it; false: that has gone
    /// meanwhile. Only for the holder of the segment's exclusive lock.
    pub(super) fn link(self, segment: &File, how: How, object: &Object) -> Result<bool> {
        let DataFile { path, unnamed, wanted, scope } = self;
        let system = |operation| system(object, &path, operation);
        write_identity(segment, unnamed.facts.id.to_record()).map_err(system("register"))?;
        let linked = map::link(&unnamed, &path).map_err(system("make"))?;
        // With the name that it had until now, if it had one: nobody is to find it with two.
        drop(unnamed);
        if !linked {
            write_identity(segment, NOBODYS).map_err(system("register"))?;
            if how == How::Create {
                return Err(Error::AlreadyExists { object: object.clone() });
            }
            let found = match map::facts_at(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                answer => answer.map_err(system("look at"))?,
            };
            if let Some(reason) = fault(&found, scope) {
                return Err(Error::Damaged { object: object.clone(), path, reason });
            }
            if found.size < wanted {
                return Err(Error::Mismatch {
                    object: object.clone(),
                    property: "size in bytes",
                    wanted: format!("{wanted} or more"),
                    found: found.size.to_string(),
                });
            }
        }
        set_ready(segment, true).map_err(system("register"))?;
        Ok(true)
    }
}

/// What a segment says if procsync made no file for it.
const NOBODYS: [u64; 2] = [0, 0];

fn write_identity(segment: &File, [device, number]: [u64; 2]) -> io::Result<()> {
    map::write_at(segment, DEVICE_AT, &device.to_ne_bytes())?;
    map::write_at(segment, NUMBER_AT, &number.to_ne_bytes())
}

/// Why another program's file may not be used; none: it may.
pub(crate) fn fault(found: &FileFacts, scope: Scope) -> Option<String> {
    let user = process::user();
    if !found.regular {
        Some("it is not a regular file".to_owned())
    } else if scope == Scope::User && found.owner != user {
        Some(format!("it belongs to user {}, not to user {user}", found.owner))
    } else if scope == Scope::User && found.mode & 0o022 != 0 {
        Some(format!("its mode {:o} lets others write to it", found.mode))
    } else {
        links_fault(found)
    }
}

/// Why a file may not be used of which a segment says that procsync made it; none: it may. Others may
/// have written that into a machine-wide segment.
pub(crate) fn fault_of_own(found: &FileFacts, scope: Scope) -> Option<String> {
    if scope == Scope::User { None } else { links_fault(found) }
}

/// Where everybody may make files, somebody may have given a file of this user's this name: its
/// other name is what it is used by.
fn links_fault(found: &FileFacts) -> Option<String> {
    (found.links > 1).then(|| format!("it has {} names, and may be something else", found.links))
}

/// Which names shared memory cannot have, because their files in the same directory would be
/// something else's.
pub(crate) fn name_fault(name: &Name) -> Option<String> {
    ["procsync.", "procsync-", "sem."]
        .into_iter()
        .find(|prefix| name.as_str().starts_with(prefix))
        .map(|prefix| {
            format!("files of shared memory that begin with {prefix:?} are something else's")
        })
}

/// Which file a segment says that procsync made for it, if any.
pub(crate) fn registered(segment: &File) -> io::Result<Option<[u64; 2]>> {
    let (mut device, mut number) = ([0; 8], [0; 8]);
    map::read_at(segment, DEVICE_AT, &mut device)?;
    map::read_at(segment, NUMBER_AT, &mut number)?;
    let record = [u64::from_ne_bytes(device), u64::from_ne_bytes(number)];
    Ok((record != NOBODYS).then_some(record))
}

/// The data file of a leftover that another user made, to be used again by one who cannot remove it:
/// if it is the one that procsync made, and has the right size.
pub(super) fn reusable(segment: &File, path: &Path, size: u64) -> io::Result<Option<File>> {
    let Some(made) = registered(segment)? else { return Ok(None) };
    let Ok(file) = map::open(path, true) else { return Ok(None) };
    let (found, owner) = (map::facts(&file)?, map::facts(segment)?.owner);
    let is_it = found.regular && found.id.is_recorded(made);
    Ok((is_it && found.size == size && found.owner == owner).then_some(file))
}

/// Where in a segment it says which file procsync made.
pub(super) const IDENTITY: std::ops::Range<usize> = DEVICE_AT as usize..NUMBER_AT as usize + 8;

/// Removes the data file of a segment, if it has one that procsync made. Only for the holder of the
/// exclusive lock.
pub(super) fn remove(segment: &File, path: &Path) -> io::Result<()> {
    let Some(made) = registered(segment)? else { return Ok(()) };
    let Ok(found) = map::facts_at(path) else { return Ok(()) };
    if !found.id.is_recorded(made) || found.owner != map::facts(segment)?.owner {
        return Ok(());
    }
    // Nothing is written first, for that is undone by nobody if this is refused and this process killed:
    // half removed shows by the file being gone.
    map::unlink(path)
}
