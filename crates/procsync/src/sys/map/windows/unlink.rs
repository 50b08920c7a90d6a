//! Removing the name of a file that is open and mapped.
//!
//! This system removes a name when the last one who has the file open closes it, and until then
//! nobody can use the name; and it does not let go of a file that is mapped at all. So the name is
//! freed in three steps, of which the first that works is enough:
//!
//! 1. to delete as POSIX does, which frees the name at once (NTFS since Windows 10 1607; not Wine 8);
//! 2. to give the file another name, that of a temporary file, and delete that: the wanted
//!    name is free at once, and the file goes when it is closed;
//! 3. if it is mapped still, to delete the temporary name once this process has unmapped it.
//!
//! A process that is killed after the second step leaves a temporary file behind; the next one
//! that makes an object in this directory removes it.
#![allow(unsafe_code)] // SetFileInformationByHandle, MoveFileExW

use super::{IS_IN_USE, TEMPORARY, open_existing, patiently};
use crate::sys::process;
use crate::sys::windows::wide_path;
use std::fs::File;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use windows_sys::Win32::Foundation::ERROR_ACCESS_DENIED;
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_DISPOSITION_FLAG_DELETE, FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE,
    FILE_DISPOSITION_FLAG_POSIX_SEMANTICS, FILE_DISPOSITION_INFO, FILE_DISPOSITION_INFO_EX,
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_INFO_BY_HANDLE_CLASS, FileDispositionInfo,
    FileDispositionInfoEx, MoveFileExW, SetFileInformationByHandle,
};

/// Removes a name; it is free when this returns.
pub(crate) fn unlink(path: &Path) -> io::Result<()> {
    let file = open_existing(path, DELETE)?;
    if delete_as_posix(&file).is_ok() {
        return Ok(());
    }
    drop(file);
    let away = temporary_beside(path);
    rename(path, &away)?;
    if delete(&away).is_err() {
        later().push(away);
    }
    Ok(())
}

/// A name for a temporary file in the same directory.
pub(super) fn temporary_beside(path: &Path) -> PathBuf {
    path.with_file_name(format!("{TEMPORARY}{:016x}", process::random()))
}

/// Gives a file another name, which must be free; waits for a while if somebody has it open who does
/// not share that.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    patiently(|| rename_at_once(from, to))
}

fn rename_at_once(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide_path(from)?, wide_path(to)?);
    // SAFETY: both are strings that end in a zero and live for the length of the call. Without a flag
    // nothing is replaced.
    if unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) } != 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    // Who comes here made the file, or has just opened it to delete it. So it is not permission that is
    // lacking: the file is used in a way that does not go with another name, or what has that is
    // being deleted.
    Err(match error.raw_os_error().map(|code| code as u32) {
        Some(ERROR_ACCESS_DENIED) => io::Error::from_raw_os_error(IS_IN_USE),
        _ => error,
    })
}

fn set<T>(file: &File, class: FILE_INFO_BY_HANDLE_CLASS, what: &T) -> io::Result<()> {
    // SAFETY: the handle is open as long as `file`; both callers give the structure of the class.
    let answer = unsafe {
        SetFileInformationByHandle(
            file.as_raw_handle(),
            class,
            std::ptr::from_ref(what).cast(),
            size_of::<T>() as u32,
        )
    };
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The name goes when `file`, which was opened to delete, is closed, whoever else has it open.
fn delete_as_posix(file: &File) -> io::Result<()> {
    let flags = FILE_DISPOSITION_FLAG_DELETE
        | FILE_DISPOSITION_FLAG_POSIX_SEMANTICS
        | FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE;
    set(file, FileDispositionInfoEx, &FILE_DISPOSITION_INFO_EX { Flags: flags })
}

/// The name goes when nobody has the file open any more. Fails if it is mapped.
pub(super) fn delete(path: &Path) -> io::Result<()> {
    let file = open_existing(path, DELETE)?;
    if delete_as_posix(&file).is_ok() {
        return Ok(());
    }
    set(&file, FileDispositionInfo, &FILE_DISPOSITION_INFO { DeleteFile: true })
}

/// Temporary names that wait until this process has unmapped their files.
fn later() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    static LATER: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    LATER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deletes what could not be deleted before. To be called after something was unmapped.
pub(super) fn delete_what_waits() {
    // What cannot be deleted now either is tried again the next time; what is not there was deleted by
    // another process, as the leftover that it looks like.
    later().retain(
        |path| matches!(delete(path), Err(error) if error.kind() != io::ErrorKind::NotFound),
    );
}

/// Deletes temporary files in a directory that nobody has open: those who made them were killed.
pub(super) fn delete_leftovers(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            continue;
        }
        // Shared with nobody: this fails while anybody has it open, as its maker does from the moment
        // that it is there.
        let unused = File::options()
            .access_mode(DELETE)
            .share_mode(0)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
            .open(entry.path());
        if let Ok(file) = unused {
            let _ = set(&file, FileDispositionInfo, &FILE_DISPOSITION_INFO { DeleteFile: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FILE_SHARE_READ, FILE_SHARE_WRITE, Mapping, create_unnamed, link, open};
    use super::*;

    #[test]
    fn a_name_is_free_at_once_while_the_file_is_open_and_mapped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("object");
        let make = || {
            let new = create_unnamed(directory.path(), 0o600, 8_192).unwrap();
            assert!(link(&new, &path).unwrap());
            let file = new.into_file();
            let map = Mapping::new(&open(&path, true).unwrap(), 8_192).unwrap();
            (file, map)
        };
        let (first, map) = make();
        unlink(&path).unwrap();
        assert!(!path.exists());
        let second = make();
        drop((first, map));
        unlink(&path).unwrap();
        drop(second);
        let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn who_does_not_share_a_file_is_waited_for_and_told_of() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (directory.path().join("one"), directory.path().join("other"));
        std::fs::write(&one, "").unwrap();
        let keep = || {
            // As what looks for viruses does: nobody may rename or delete it meanwhile.
            File::options().read(true).share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE).open(&one)
        };
        let (mut kept, mut tries) = (Some(keep().unwrap()), 0);
        patiently(|| {
            tries += 1;
            if tries == 3 {
                kept = None;
            }
            rename_at_once(&one, &other)
        })
        .unwrap();
        assert!(tries == 3 && other.exists() && !one.exists());
        rename(&other, &one).unwrap();
        let kept = keep().unwrap();
        assert_eq!(rename(&one, &other).unwrap_err().raw_os_error(), Some(IS_IN_USE));
        assert_eq!(unlink(&one).unwrap_err().raw_os_error(), Some(IS_IN_USE));
        drop(kept);
        unlink(&one).unwrap();
    }

    #[test]
    fn leftovers_go_and_what_is_being_made_stays() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(format!("{TEMPORARY}1")), "left").unwrap();
        std::fs::write(directory.path().join("other"), "not ours").unwrap();
        let new = create_unnamed(directory.path(), 0o600, 10).unwrap();
        delete_leftovers(directory.path());
        let count = || std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(count(), 2);
        drop(new);
        assert_eq!(count(), 1);
    }
}
