//! Files made under a temporary name and renamed when they are complete, and mapped.
#![allow(unsafe_code)] // CreateFileW, MapViewOfFile

mod names;
mod unlink;

pub(crate) use names::{file_name, name_in};
pub(crate) use unlink::unlink;

use super::super::windows::folders::{LOCAL_APP_DATA, PROGRAM_DATA};
use super::super::windows::security::{self, Access, Permissions};
use super::super::windows::wide_path;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::{AsRawHandle, FromRawHandle};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_CANT_ACCESS_FILE, ERROR_INVALID_FUNCTION,
    ERROR_INVALID_LEVEL, ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED, ERROR_SHARING_VIOLATION,
    GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, CREATE_NEW, CreateDirectoryW, CreateFileW, DELETE,
    FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_REPARSE_POINT,
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_ID_INFO, FILE_READ_ATTRIBUTES,
    FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_TYPE_DISK, FileIdInfo,
    GetFileInformationByHandle, GetFileInformationByHandleEx, GetFileType, READ_CONTROL,
};
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile,
    PAGE_READWRITE, UnmapViewOfFile,
};

/// What tells one file from another for as long as either is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    volume: u32,
    /// Of 64 bits on NTFS, of 128 on ReFS.
    number: u128,
}

impl FileId {
    /// To be written into another file in the same directory and kept there; not all zeros. So the
    /// volume need not be told.
    pub(crate) fn to_record(self) -> [u64; 2] {
        [(self.number >> 64) as u64, self.number as u64]
    }

    /// Whether this is the file of which that was written.
    pub(crate) fn is_recorded(self, record: [u64; 2]) -> bool {
        record == self.to_record()
    }
}

/// What a file is, whoever it belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileFacts {
    pub(crate) id: FileId,
    pub(crate) regular: bool,
    /// How many names it has.
    pub(crate) links: u64,
    pub(crate) size: u64,
    /// A number that stands for the owner.
    pub(crate) owner: u32,
    /// 666: others may write to it; else 600.
    pub(crate) mode: u32,
}

/// Whether the facts of a directory show who may do what in it. They say less than its permissions.
pub(crate) const FACTS_SHOW_ACCESS: bool = false;

/// What `file` is.
pub(crate) fn facts(file: &File) -> io::Result<FileFacts> {
    let (data, regular) = information(file)?;
    let access = Access::to(file)?;
    Ok(FileFacts {
        id: FileId { volume: data.dwVolumeSerialNumber, number: number(file, &data)? },
        regular,
        links: data.nNumberOfLinks.into(),
        size: u64::from(data.nFileSizeHigh) << 32 | u64::from(data.nFileSizeLow),
        owner: access.owner.number(),
        mode: if access.lets_others_write()? { 0o666 } else { 0o600 },
    })
}

/// The number of an open file on its volume.
fn number(file: &File, data: &BY_HANDLE_FILE_INFORMATION) -> io::Result<u128> {
    let mut info = FILE_ID_INFO::default();
    // SAFETY: the handle is open as long as `file`; the structure is the one of this class, and may be
    // written.
    let answer = unsafe {
        GetFileInformationByHandleEx(
            file.as_raw_handle(),
            FileIdInfo,
            (&raw mut info).cast(),
            size_of::<FILE_ID_INFO>() as u32,
        )
    };
    if answer != 0 {
        return Ok(u128::from_le_bytes(info.FileId.Identifier));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(|code| code as u32) {
        // Windows 7, and file systems without such numbers. Where there are any, they are told always:
        // a file must not have one number now and another one later.
        Some(
            ERROR_INVALID_PARAMETER
            | ERROR_NOT_SUPPORTED
            | ERROR_INVALID_FUNCTION
            | ERROR_INVALID_LEVEL
            | ERROR_CALL_NOT_IMPLEMENTED,
        ) => Ok(u128::from(data.nFileIndexHigh) << 32 | u128::from(data.nFileIndexLow)),
        _ => Err(error),
    }
}

/// What the system says about an open file, and whether it is a regular one.
fn information(file: &File) -> io::Result<(BY_HANDLE_FILE_INFORMATION, bool)> {
    let mut data = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open as long as `file`, and the structure may be written.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut data) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is open as long as `file`.
    let on_disk = unsafe { GetFileType(file.as_raw_handle()) } == FILE_TYPE_DISK;
    let special = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
    Ok((data, on_disk && data.dwFileAttributes & special == 0))
}

/// What `path` itself is, without following it if it is a link.
pub(crate) fn facts_at(path: &Path) -> io::Result<FileFacts> {
    facts(&open_existing(path, FILE_READ_ATTRIBUTES | READ_CONTROL)?)
}

/// Opens what is there, itself if it is a link, be it a directory.
fn open_existing(path: &Path, access: u32) -> io::Result<File> {
    patiently(|| {
        OpenOptions::new()
            .access_mode(access)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)
    })
}

/// The system's code for what `open` answers if it finds a link.
pub(crate) const IS_A_LINK: i32 = ERROR_CANT_ACCESS_FILE as i32;

/// Opens what is there, never through a link.
pub(crate) fn open(path: &Path, write: bool) -> io::Result<File> {
    let file = patiently(|| {
        OpenOptions::new()
            .read(true)
            .write(write)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
            .open(path)
    })?;
    if information(&file)?.0.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        return Err(io::Error::from_raw_os_error(IS_A_LINK));
    }
    Ok(file)
}

/// The system's code for what is refused because somebody has the file open and does not share it.
pub(crate) const IS_IN_USE: i32 = ERROR_SHARING_VIOLATION as i32;

/// Tries again for a while if somebody has the file open and does not share it: what looks for viruses,
/// makes an index or copies does that, for moments.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const TRIES: u32 = 100;
    const PAUSE: Duration = Duration::from_millis(5);
    for _ in 1..TRIES {
        match attempt() {
            Err(error) if error.raw_os_error() == Some(IS_IN_USE) => std::thread::sleep(PAUSE),
            answer => return answer,
        }
    }
    attempt()
}

/// A file that nobody looks for yet. Dropped without being linked, it vanishes.
#[derive(Debug)]
pub(crate) struct Unnamed {
    pub(crate) file: File,
    /// As they were before it was linked: Wine cannot tell the volume of a file that was renamed since
    /// it was opened.
    pub(crate) facts: FileFacts,
    temporary: TemporaryName,
}

impl Unnamed {
    /// The file, after it was linked.
    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

#[derive(Debug)]
struct TemporaryName(PathBuf);

impl Drop for TemporaryName {
    fn drop(&mut self) {
        // After it was linked there is none.
        let _ = unlink::delete(&self.0);
    }
}

/// Names of temporary files begin so; no object's name can.
const TEMPORARY: &str = ".procsync-";

/// Makes a file of the given size that nobody looks for yet. Of the mode only whether others may write
/// counts: then all users of the machine may. Its space is set aside by that: the file system
/// allocates what is not sparse.
pub(crate) fn create_unnamed(directory: &Path, mode: u32, size: u64) -> io::Result<Unnamed> {
    tidy_up_once(directory);
    let others = (mode & 0o006 != 0).then_some("FRFW");
    let permissions = Permissions::of_this_user(others)?;
    let attributes = permissions.attributes();
    let path = unlink::temporary_beside(&directory.join("x"));
    let wide = wide_path(&path)?;
    // SAFETY: the path ends in a zero, and the attributes point to a descriptor; all of them live
    // for the length of the call.
    let handle = unsafe {
        CreateFileW(
            wide.as_ptr(),
            GENERIC_READ | GENERIC_WRITE | DELETE | READ_CONTROL,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            &raw const attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            std::ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else knows it.
    let file = unsafe { File::from_raw_handle(handle) };
    let temporary = TemporaryName(path);
    let made = file.set_len(size).and_then(|()| facts(&file));
    // Closed before its name is removed, if it is of no use.
    let facts = match made {
        Ok(facts) => facts,
        Err(error) => {
            drop(file);
            return Err(error);
        }
    };
    Ok(Unnamed { file, facts, temporary })
}

/// Removes what the killed left in this directory, the first time that this process makes a file there.
fn tidy_up_once(directory: &Path) {
    static TIDY: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut tidy = TIDY.lock().unwrap_or_else(PoisonError::into_inner);
    if tidy.get_or_insert_default().insert(directory.to_owned()) {
        drop(tidy);
        unlink::delete_leftovers(directory);
    }
}

/// Reads what is at an offset; answers how much there was. Never touches a mapping.
pub(crate) fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < bytes.len() {
        match file.seek_read(&mut bytes[got..], offset + got as u64)? {
            0 => break,
            more => got += more,
        }
    }
    Ok(got)
}

/// Writes bytes at an offset.
pub(crate) fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        match file.seek_write(&bytes[written..], offset + written as u64)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            more => written += more,
        }
    }
    Ok(())
}

/// Gives the file its name; false if the name is taken. It becomes visible whole or not at all.
pub(crate) fn link(unnamed: &Unnamed, path: &Path) -> io::Result<bool> {
    match unlink::rename(&unnamed.temporary.0, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // What has the name is a directory, or being deleted.
        Err(error) if error.raw_os_error() == Some(IS_IN_USE) && path.exists() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a part of a file that others use can be given its space: it has it already.
pub(crate) const CAN_RESERVE_LATER: bool = true;

/// Space was set aside when the file was made, and a mapped file can be shortened by nobody.
pub(crate) fn reserve(_file: &File, _offset: u64, _length: u64) -> io::Result<()> {
    Ok(())
}

/// Makes a file of this size zeros.
pub(crate) fn zero(file: &File, size: u64) -> io::Result<()> {
    static ZEROS: [u8; 65_536] = [0; 65_536];
    let mut at = 0;
    while at < size {
        let piece = (size - at).min(ZEROS.len() as u64);
        write_at(file, at, &ZEROS[..piece as usize])?;
        at += piece;
    }
    Ok(())
}

/// A file's bytes in this process, shared with everybody who maps it.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread; what lies in it is only accessed
// through atomics or raw pointers.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes, at least 1.
    pub(crate) fn new(file: &File, length: usize) -> io::Result<Mapping> {
        // SAFETY: the handle is open as long as `file`; the section has no name, no attributes and the
        // file's size.
        let section = unsafe {
            CreateFileMappingW(
                file.as_raw_handle(),
                std::ptr::null(),
                PAGE_READWRITE,
                0,
                0,
                std::ptr::null(),
            )
        };
        // SAFETY: null, or just opened and nobody else's.
        let section = unsafe { super::super::windows::Handle::own(section) }?;
        // SAFETY: a new view at an address of the system's choice touches no other memory; one that is
        // longer than the file is refused.
        let view =
            unsafe { MapViewOfFile(section.raw(), FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, length) };
        let start = NonNull::new(view.Value.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Mapping { start, length })
    }

    /// Not needed: nobody here has a life word.
    pub(crate) fn beyond(&self, _page: usize, _length: usize) -> io::Result<Mapping> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let view = MEMORY_MAPPED_VIEW_ADDRESS { Value: self.start.as_ptr().cast() };
        // SAFETY: exactly what `new` mapped; whoever holds references into it keeps `self` alive.
        unsafe { UnmapViewOfFile(view) };
        unlink::delete_what_waits();
    }
}

/// Makes a directory for this user alone, if it is not there.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    let permissions = Permissions::of_this_user(None)?;
    let attributes = permissions.attributes();
    let wide = wide_path(path)?;
    // SAFETY: as in `create_unnamed`.
    if unsafe { CreateDirectoryW(wide.as_ptr(), &raw const attributes) } != 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// The permissions of a directory, or what it is instead of one.
fn directory(path: &Path) -> io::Result<Result<Access, String>> {
    let file = open_existing(path, FILE_READ_ATTRIBUTES | READ_CONTROL)?;
    let attributes = information(&file)?.0.dwFileAttributes;
    Ok(if attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        Err("it is a link".to_owned())
    } else if attributes & FILE_ATTRIBUTE_DIRECTORY == 0 {
        Err("it is not a directory".to_owned())
    } else {
        Ok(Access::to(&file)?)
    })
}

/// Why `path` may not be used as the directory of a user's own objects; none: it may.
pub(crate) fn private_directory_fault(path: &Path, _user: u32) -> io::Result<Option<String>> {
    let access = match directory(path)? {
        Ok(access) => access,
        Err(fault) => return Ok(Some(fault)),
    };
    Ok(if !access.is_in_good_hands()? {
        Some(whose(&access)?)
    } else if access.lets_others_in()? {
        Some("its permissions let others in; only this user and administrators may have any".into())
    } else {
        None
    })
}

fn whose(access: &Access) -> io::Result<String> {
    let (owner, user) = (access.owner.text()?, security::user()?.text()?);
    Ok(format!("it belongs to user {owner}, not to user {user}"))
}

/// Why names in `path` could be taken away by others; none: they cannot.
pub(crate) fn base_directory_fault(path: &Path, _user: u32) -> io::Result<Option<String>> {
    let access = match directory(path)? {
        Ok(access) => access,
        Err(fault) => return Ok(Some(fault)),
    };
    Ok(if !access.is_in_good_hands()? {
        Some(whose(&access)?)
    } else if access.lets_others_remove()? {
        Some("its permissions let others remove files".into())
    } else {
        None
    })
}

/// Where objects lie if nothing else is said: the user's own folder for what belongs to this machine,
/// for everybody's the one that the system has for data of programs. There is no second choice, which
/// some programs would take and others not; if the system does not tell, what it was asked for.
pub(crate) fn base_directories(machine_wide: bool) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    static OWN: OnceLock<PathBuf> = OnceLock::new();
    static FOR_ALL: OnceLock<PathBuf> = OnceLock::new();
    let (known, folder) =
        if machine_wide { (&FOR_ALL, PROGRAM_DATA) } else { (&OWN, LOCAL_APP_DATA) };
    if known.get().is_none() {
        let path = folder.path().map_err(|error| (folder.name.into(), error))?;
        // Another thread's answer is the same.
        let _ = known.set(path);
    }
    Ok(known.get().into_iter().cloned().collect())
}

/// Whether two paths lead to the same place, other than by links.
pub(crate) fn same_path(one: &Path, other: &Path) -> bool {
    one == other
}

/// Where a shared memory's own file lies: beside its segment, under a name that no object has.
pub(crate) fn memory_path(segment: &Path, _name: &str) -> PathBuf {
    let mut path = segment.as_os_str().to_owned();
    path.push("~memory");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_when_it_has_its_name_and_has_it_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("object");
        let new = create_unnamed(directory.path(), 0o600, 100).unwrap();
        write_at(&new.file, 90, b"end").unwrap();
        let by_file = facts(&new.file).unwrap();
        assert!(!path.exists());
        assert!(link(&new, &path).unwrap());
        let second = create_unnamed(directory.path(), 0o600, 100).unwrap();
        assert!(!link(&second, &path).unwrap());
        drop(second);
        let file = new.into_file();
        let by_name = facts_at(&path).unwrap();
        assert_eq!(by_file.id, by_name.id);
        assert!(by_name.regular && by_name.size == 100 && by_name.mode == 0o600);
        assert_eq!(by_name.owner, security::user().unwrap().number());
        let mut bytes = [0; 20];
        assert_eq!(read_at(&file, 90, &mut bytes).unwrap(), 10);
        assert_eq!(&bytes[..3], b"end");
        let names = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 1);
    }

    #[test]
    fn a_private_directory_is_private_and_a_file_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().join("own");
        make_private_directory(&own).unwrap();
        make_private_directory(&own).unwrap();
        assert_eq!(private_directory_fault(&own, 0).unwrap(), None);
        std::fs::write(directory.path().join("file"), "").unwrap();
        let fault = private_directory_fault(&directory.path().join("file"), 0).unwrap();
        assert!(fault.unwrap().contains("not a directory"));
        assert!(base_directory_fault(&directory.path().join("none"), 0).is_err());
    }

    #[test]
    fn what_is_mapped_and_what_is_read_are_the_same_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let new = create_unnamed(directory.path(), 0o600, 8_192).unwrap();
        let map = Mapping::new(&new.file, 8_192).unwrap();
        // SAFETY: inside the mapping.
        let byte = unsafe { map.start().add(5_000) };
        // SAFETY: as above; nobody else uses it.
        unsafe { byte.write_volatile(7) };
        let mut bytes = [0];
        read_at(&new.file, 5_000, &mut bytes).unwrap();
        assert_eq!(bytes, [7]);
        assert!(Mapping::new(&new.file, 1 << 20).is_err(), "longer than the file");
    }
}
