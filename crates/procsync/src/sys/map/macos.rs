//! Files on the disk, made under a temporary name and linked to their own when they are complete.
#![allow(unsafe_code)] // confstr

use super::posix::{Mapping, Unnamed, create_temporary, free_space, link_as, write_zeros};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Makes a file of the given size and mode that nobody else looks for yet.
pub(crate) fn create_unnamed(directory: &Path, mode: u32, size: u64) -> io::Result<Unnamed> {
    create_temporary(directory, mode, size)
}

/// Gives the file its name; false if the name is taken. It becomes visible whole or not at all.
pub(crate) fn link(unnamed: &Unnamed, path: &Path) -> io::Result<bool> {
    match &unnamed.temporary {
        Some(temporary) => link_as(&temporary.0, path),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Whether a part of a file that others use can be given its space. `F_PREALLOCATE` only gives space
/// behind a file's end (fcntl(2)), and `SEEK_HOLE` does not tell reliably what was written through a
/// mapping; so files get all their space before others see them.
pub(crate) const CAN_RESERVE_LATER: bool = false;

/// Makes the file system set space aside for a part of a file that nobody else uses yet, by writing
/// to it: so that writing to its mapping cannot fail (it would fail by SIGBUS).
pub(crate) fn reserve(file: &File, offset: u64, length: u64) -> io::Result<()> {
    /// As much as may be written before asking whether the rest will fit.
    const PIECE: u64 = 16 << 20;
    // Trying would take all that is left away from everybody else until it fails.
    if length > PIECE && free_space(file).is_some_and(|free| free < length) {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    write_zeros(file, offset, length)
}

/// Makes a file of this size zeros, with space set aside for them. Its size never changes: others may
/// have it mapped.
pub(crate) fn zero(file: &File, size: u64) -> io::Result<()> {
    reserve(file, 0, size)
}

impl Mapping {
    /// Not needed: nobody here has a life word.
    pub(crate) fn beyond(&self, _page: usize, _length: usize) -> io::Result<Mapping> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Where objects lie if nothing else is said, best first.
///
/// A user's own: where the system keeps what belongs to this user on this machine (confstr(3)). Not
/// `TMPDIR`, which some programs change, and from which files are removed that were not read for
/// three days; two "same" objects would be the end of that. Nor is there a second choice that some
/// programs of a user would take and others not. For the same reason `/var/tmp` and not `/tmp` for
/// those of the machine (hier(7)). If the system does not tell, what it was asked for.
pub(crate) fn base_directories(machine_wide: bool) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let found = if machine_wide { Ok(FOR_ALL.into()) } else { user_directory() };
    found.map(|path| vec![path]).map_err(|error| ("DARWIN_USER_DIR".into(), error))
}

/// Without the link `/var`, because links are not followed.
const FOR_ALL: &str = "/private/var/tmp";

fn user_directory() -> io::Result<PathBuf> {
    let mut path = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: the buffer may be written and has the length given.
    let length =
        unsafe { libc::confstr(libc::_CS_DARWIN_USER_DIR, path.as_mut_ptr().cast(), path.len()) };
    // With the zero byte at its end.
    match length {
        0 => Err(io::Error::last_os_error()),
        1 => Err(io::ErrorKind::NotFound.into()),
        _ if length > path.len() => Err(io::ErrorKind::InvalidFilename.into()),
        _ => {
            path.truncate(length - 1);
            Ok(OsString::from_vec(path).into())
        }
    }
}

/// Where a shared memory's own file lies: beside its segment, under a name that no object has. What
/// `shm_open` makes has no directory here: it cannot be listed, nor made unseen, and its names have 31
/// characters at most. So only procsync finds these. Where everybody may make files, somebody may have
/// linked another file there; such a file has two names, and is refused.
pub(crate) fn memory_path(segment: &Path, _name: &str) -> PathBuf {
    let mut path = segment.as_os_str().to_owned();
    path.push("~memory");
    path.into()
}

/// Whether a file's device has the same number for as long as the file is there. Here volumes are
/// numbered as they are mounted, so it may be another one when the system was started anew. The file
/// lies beside the segment that names it, on the same volume, so its own number tells enough.
pub(crate) const DEVICES_STAY: bool = false;

/// Whether two paths lead to the same place, other than by links. Most file systems here take small
/// and capital letters for the same; for those that do not, the caller has compared the files.
pub(crate) fn same_path(one: &Path, other: &Path) -> bool {
    one.as_os_str().eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_user_has_a_directory() {
        let path = user_directory().unwrap();
        assert!(path.is_dir(), "{path:?}");
        let found = super::super::base_directory_fault(&path, crate::sys::process::user());
        assert_eq!(found.unwrap(), None);
    }
}
