//! A value in a file that several processes map.
// Mapping is what this file is for.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::ptr::{self, NonNull};

/// A type that may live in memory which other processes write at the same time.
///
/// # Safety
///
/// Every pattern of bits is a value of it, among them all zeros, which is how it begins; it holds no pointer; and
/// whatever may change is atomic or in an `UnsafeCell` whose users synchronise.
pub(crate) unsafe trait Shareable {}

/// A `T` in a mapped file, unmapped when dropped. The file stays.
pub(crate) struct Mapped<T: Shareable> {
    value: NonNull<T>,
}

// SAFETY: a mapping belongs to the process, not to a thread, and `Shareable` promises that `T` bears use from several.
unsafe impl<T: Shareable> Send for Mapped<T> {}
// SAFETY: as above.
unsafe impl<T: Shareable> Sync for Mapped<T> {}

impl<T: Shareable> Mapped<T> {
    /// Makes the file, which must not exist, and maps it. It begins with zeros.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(path)?;
        file.set_len(size_of::<T>() as u64)?;
        Self::map(&file)
    }

    /// Maps a file that `create` made.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        // Without this a shorter file would end the process by SIGBUS at first use.
        if file.metadata()?.len() < size_of::<T>() as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too short"));
        }
        Self::map(&file)
    }

    fn map(file: &File) -> io::Result<Self> {
        const { assert!(align_of::<T>() <= 4096, "a mapping is aligned to a page") };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let (size, descriptor) = (size_of::<T>(), file.as_raw_fd());
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let address =
            unsafe { libc::mmap(ptr::null_mut(), size, access, libc::MAP_SHARED, descriptor, 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let value = NonNull::new(address.cast()).expect("the kernel maps nothing at address 0");
        Ok(Mapped { value })
    }
}

impl<T: Shareable> Deref for Mapped<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the mapping is as large as `T`, aligned to a page, readable, writable, and stays until drop; every
        // pattern of bits is a `T`, and what others change meanwhile is atomic or in a cell.
        unsafe { self.value.as_ref() }
    }
}

impl<T: Shareable> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: address and size are those of the mapping that `map` made, and no borrow of the value outlives `self`.
        unsafe { libc::munmap(self.value.as_ptr().cast(), size_of::<T>()) };
    }
}
