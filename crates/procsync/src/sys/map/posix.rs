//! What Linux and macOS have in common: files, mappings of them, and who may change a directory.
#![allow(unsafe_code)] // mmap, linkat, fcntl

use super::DEVICES_STAY;
use std::ffi::{CStr, CString};
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

/// What tells one file from another for as long as either is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    /// To be written into another file and kept there; not all zeros.
    pub(crate) fn to_record(self) -> [u64; 2] {
        [self.device, self.number]
    }

    /// Whether this is the file of which that was written.
    pub(crate) fn is_recorded(self, [device, number]: [u64; 2]) -> bool {
        number == self.number && (device == self.device || !DEVICES_STAY)
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
    pub(crate) owner: u32,
    pub(crate) mode: u32,
}

impl From<Metadata> for FileFacts {
    fn from(data: Metadata) -> Self {
        FileFacts {
            id: FileId { device: data.dev(), number: data.ino() },
            regular: data.is_file(),
            links: data.nlink(),
            size: data.size(),
            owner: data.uid(),
            mode: data.mode() & 0o7777,
        }
    }
}

/// Whether the facts of a directory show who may do what in it.
pub(crate) const FACTS_SHOW_ACCESS: bool = true;

/// What `file` is.
pub(crate) fn facts(file: &File) -> io::Result<FileFacts> {
    file.metadata().map(FileFacts::from)
}

/// What `path` itself is, without following it if it is a link.
pub(crate) fn facts_at(path: &Path) -> io::Result<FileFacts> {
    path.symlink_metadata().map(FileFacts::from)
}

/// Opens what is there, never through a link, never waiting for a fifo's other end.
pub(crate) fn open(path: &Path, write: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(write)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC)
        .open(path)
        .and_then(above_standard)
}

/// A program may have been started without standard input, output or error. A file of ours in
/// their place would be written to by whoever prints.
pub(super) fn above_standard(file: File) -> io::Result<File> {
    if file.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(file);
    }
    // SAFETY: plain system call on a descriptor that `file` keeps open.
    let fd =
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else knows it.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// A file that nobody can see yet. Dropped without being linked, it vanishes.
#[derive(Debug)]
pub(crate) struct Unnamed {
    pub(crate) file: File,
    pub(crate) facts: FileFacts,
    /// Where the file system has no unnamed files: the name that it has for the time being.
    pub(super) temporary: Option<TemporaryName>,
}

impl Unnamed {
    /// The file, after it was linked.
    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// A new file, which gets this mode and size.
    pub(super) fn new(
        file: File,
        temporary: Option<TemporaryName>,
        mode: u32,
        size: u64,
    ) -> io::Result<Unnamed> {
        let facts = facts(&file)?;
        // Not left to the umask: the mode is what was asked for, no less and no more.
        if facts.mode != mode {
            file.set_permissions(PermissionsExt::from_mode(mode))?;
        }
        // Beyond this limit (RLIMIT_FSIZE) the system sends a signal that ends the program.
        if size > most_file_size() {
            return Err(io::Error::from_raw_os_error(libc::EFBIG));
        }
        file.set_len(size)?;
        let facts = FileFacts { size, mode, ..facts };
        Ok(Unnamed { file, facts, temporary })
    }
}

#[derive(Debug)]
pub(super) struct TemporaryName(pub(super) PathBuf);

impl Drop for TemporaryName {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Names of temporary files begin so; no object's name can.
const TEMPORARY: &str = ".procsync-";

fn most_file_size() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit may be written.
    let answer = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    if answer == 0 { limit.rlim_cur } else { u64::MAX }
}

/// Makes a file with a name that nobody else will have.
pub(super) fn create_temporary(directory: &Path, mode: u32, size: u64) -> io::Result<Unnamed> {
    let name = format!("{TEMPORARY}{:016x}", super::super::process::random());
    let path = directory.join(name);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(&path)
        .and_then(above_standard)?;
    Unnamed::new(file, Some(TemporaryName(path)), mode, size)
}

/// Reads what is at an offset; answers how much there was. Never touches a mapping, so a file that
/// is shorter than it should be is an error and not a signal, and a hole costs no space.
pub(crate) fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < bytes.len() {
        match file.read_at(&mut bytes[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// Writes bytes at an offset.
pub(crate) fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Gives a file another name; false if that is taken.
pub(super) fn link_as(from: &Path, to: &Path) -> io::Result<bool> {
    let from = CString::new(from.as_os_str().as_bytes())?;
    let to = CString::new(to.as_os_str().as_bytes())?;
    // Linux's magic link in /proc is to be followed; a temporary file is not a link.
    link_at(libc::AT_FDCWD, &from, &to, libc::AT_SYMLINK_FOLLOW)
}

pub(super) fn link_at(
    directory: RawFd,
    from: &CStr,
    to: &CStr,
    how: libc::c_int,
) -> io::Result<bool> {
    // SAFETY: both are strings that end in a zero byte and live for the length of the call.
    let answer =
        unsafe { libc::linkat(directory, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), how) };
    if answer == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::AlreadyExists { Ok(false) } else { Err(error) }
}

/// Removes a name.
pub(crate) fn unlink(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// Writes zeros to a part of the file.
pub(super) fn write_zeros(file: &File, mut offset: u64, length: u64) -> io::Result<()> {
    static ZEROS: [u8; 65_536] = [0; 65_536];
    let end = offset + length;
    while offset < end {
        let piece = (end - offset).min(ZEROS.len() as u64);
        write_at(file, offset, &ZEROS[..piece as usize])?;
        offset += piece;
    }
    Ok(())
}

/// How many bytes the file system has left; none: it has no limit of its own, or does not tell.
pub(super) fn free_space(file: &File) -> Option<u64> {
    // SAFETY: statvfs is a plain struct of integers, for which all zeros is a value.
    let mut facts: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open, and `facts` may be written.
    let answer = unsafe { libc::fstatvfs(file.as_raw_fd(), &raw mut facts) };
    #[allow(clippy::useless_conversion, reason = "blocks are counted in 32 bits on macOS")]
    let (blocks, free) = (u64::from(facts.f_blocks), u64::from(facts.f_bfree));
    (answer == 0 && blocks > 0).then(|| free.saturating_mul(facts.f_frsize))
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
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory; the
        // descriptor is open; a length of 0 is refused by the kernel.
        let start = unsafe {
            libc::mmap(std::ptr::null_mut(), length, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        Mapping::made(start, length)
    }

    pub(super) fn made(start: *mut libc::c_void, length: usize) -> io::Result<Mapping> {
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Mapping { start, length })
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
        // SAFETY: exactly what `new` mapped; whoever holds references into it keeps `self` alive.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// Makes a directory for this user alone, if it is not there.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Not left to the umask, which may lock the user out of it for good. Nobody else can have put
        // something in its place: the directory above is sticky, or only this user's to write.
        made => {
            made.and_then(|()| std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)))
        }
    }
}

/// Why `path` may not be used as the directory of a user's own objects; none: it may.
pub(crate) fn private_directory_fault(path: &Path, user: u32) -> io::Result<Option<String>> {
    let data = path.symlink_metadata()?;
    Ok(if !data.is_dir() {
        Some("it is not a directory".to_owned())
    } else if data.uid() != user {
        Some(format!("it belongs to user {}, not to user {user}", data.uid()))
    } else if data.mode() & 0o077 != 0 {
        Some(format!("its mode {:o} lets others in; it must be 700", data.mode() & 0o7777))
    } else {
        None
    })
}

/// The bit of a mode that lets only the owners of files rename and remove them.
const STICKY: u32 = 0o1000;

/// Why names in `path` could be taken away by others; none: they cannot.
pub(crate) fn base_directory_fault(path: &Path, user: u32) -> io::Result<Option<String>> {
    let data = path.symlink_metadata()?;
    Ok(if !data.is_dir() {
        Some("it is not a directory".to_owned())
    } else if data.uid() != 0 && data.uid() != user {
        Some(format!("it belongs to user {}, neither to root nor to user {user}", data.uid()))
    } else if data.mode() & 0o022 != 0 && data.mode() & STICKY == 0 {
        Some(format!(
            "its mode {:o} lets others remove files and has no sticky bit",
            data.mode() & 0o7777
        ))
    } else if !is_writable(path)? {
        Some("this user may not write to it".to_owned())
    } else {
        None
    })
}

fn is_writable(path: &Path) -> io::Result<bool> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a string that ends in a zero byte and lives for the length of the call.
    let answer =
        unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::W_OK, libc::AT_EACCESS) };
    Ok(answer == 0)
}

/// What the file of an object of this name is called.
pub(crate) fn file_name(name: &str) -> String {
    name.to_owned()
}

/// Of which object this could be the file's name.
pub(crate) fn name_in(file_name: &str) -> Option<String> {
    Some(file_name.to_owned())
}
