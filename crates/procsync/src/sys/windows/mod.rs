//! What several seams need on Windows: handles, strings and who may do what.
#![allow(unsafe_code)] // system calls

pub(super) mod folders;
pub(super) mod security;

use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};

/// A handle of this process's own, closed when this goes.
#[derive(Debug)]
pub(super) struct Handle(HANDLE);

// SAFETY: a handle belongs to the process, not to a thread.
unsafe impl Send for Handle {}
// SAFETY: as above; the system keeps threads that use one at once apart.
unsafe impl Sync for Handle {}

impl Handle {
    /// Owns what a call answered that says null when it fails.
    ///
    /// # Safety
    /// The handle is null, or open and nobody else's to close.
    pub(super) unsafe fn own(handle: HANDLE) -> io::Result<Handle> {
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Handle(handle)) }
    }

    pub(super) fn raw(&self) -> HANDLE {
        self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: open and this one's own, by the promise of `own`.
        unsafe { CloseHandle(self.0) };
    }
}

/// A string as the system wants it.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// A string of the system's, without the zero at its end.
///
/// # Safety
/// There is a zero at its end.
unsafe fn units(text: NonNull<u16>) -> Vec<u16> {
    let mut units = Vec::new();
    loop {
        // SAFETY: not beyond the string's zero, for the loop ends there.
        let at = unsafe { text.add(units.len()) };
        // SAFETY: as above.
        match unsafe { at.read() } {
            0 => return units,
            unit => units.push(unit),
        }
    }
}

/// A path as the system wants it, in the form that may be longer than 260 characters.
pub(super) fn wide_path(path: &Path) -> io::Result<Vec<u16>> {
    let path = std::path::absolute(path)?;
    let mut units: Vec<u16> = path.as_os_str().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a path with a zero in it"));
    }
    let begins = |with: &str| units.starts_with(&with.encode_utf16().collect::<Vec<_>>());
    let prefix = if begins(r"\\?\") || begins(r"\\.\") {
        ""
    } else if begins(r"\\") {
        units.remove(0);
        r"\\?\UNC"
    } else {
        r"\\?\"
    };
    Ok(prefix.encode_utf16().chain(units).chain([0]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_so_that_they_may_be_long() {
        let told = |path: &str| {
            let units = wide_path(Path::new(path)).unwrap();
            String::from_utf16(&units[..units.len() - 1]).unwrap()
        };
        assert_eq!(told(r"C:\a\.\b"), r"\\?\C:\a\b");
        assert_eq!(told(r"\\server\share\x"), r"\\?\UNC\server\share\x");
        assert_eq!(told(r"\\?\C:\x"), r"\\?\C:\x");
    }
}
