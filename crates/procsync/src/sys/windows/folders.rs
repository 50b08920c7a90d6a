//! Where the system keeps what belongs to a user on this machine, and what belongs to the machine.
//!
//! Asked of the system and not of the environment, which any program may change: who finds another
//! directory finds other objects.
//!
//! `shell32.dll` is loaded when it is asked and not along with this library, because a console
//! program that has it loaded is not told of logoffs and shutdowns any more (SetConsoleCtrlHandler).
#![allow(unsafe_code)] // functions that are looked up, and a string of the system's

use super::{units, wide};
use std::ffi::{CStr, OsString, c_void};
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr::{self, NonNull};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};
use windows_sys::core::{GUID, HRESULT, PWSTR};

// KnownFolders.h
/// Of a user, on this machine only.
pub(crate) const LOCAL_APP_DATA: Folder = Folder {
    name: "FOLDERID_LocalAppData",
    id: GUID::from_u128(0xf1b3_2785_6fba_4fcf_9d55_7b8e_7f15_7091),
};
/// Of all users.
pub(crate) const PROGRAM_DATA: Folder = Folder {
    name: "FOLDERID_ProgramData",
    id: GUID::from_u128(0x62ab_5d82_fdc1_4dc3_a9dd_070d_1d49_5d97),
};

/// A folder that has its place on every system.
pub(crate) struct Folder {
    /// What the system calls it.
    pub(crate) name: &'static str,
    id: GUID,
}

// ShlObj_core.h and combaseapi.h
type GetKnownFolderPath =
    unsafe extern "system" fn(*const GUID, u32, HANDLE, *mut PWSTR) -> HRESULT;
type TaskMemFree = unsafe extern "system" fn(*const c_void);
/// Where it would be is wanted; whether it is there shows when it is used.
const KF_FLAG_DONT_VERIFY: u32 = 0x4000;

/// A string that the system allocated, freed when this goes.
struct Told(NonNull<u16>, TaskMemFree);

impl Drop for Told {
    fn drop(&mut self) {
        // SAFETY: allocated by SHGetKnownFolderPath for its caller to free, and freed only here.
        unsafe { (self.1)(self.0.as_ptr().cast()) };
    }
}

impl Folder {
    /// Where it is for the user as whom this process runs.
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        let get = function("shell32.dll", c"SHGetKnownFolderPath")?;
        // SAFETY: ShlObj_core.h gives this function this signature.
        let get = unsafe { std::mem::transmute::<Function, GetKnownFolderPath>(get) };
        let free = function("ole32.dll", c"CoTaskMemFree")?;
        // SAFETY: combaseapi.h gives this function this signature.
        let free = unsafe { std::mem::transmute::<Function, TaskMemFree>(free) };
        let mut told = ptr::null_mut();
        // SAFETY: the number lives as long as the call, no token is the process's own user, and the
        // pointer may be written.
        let answer =
            unsafe { get(&raw const self.id, KF_FLAG_DONT_VERIFY, ptr::null_mut(), &raw mut told) };
        if answer < 0 {
            return Err(io::Error::from_raw_os_error(answer));
        }
        let told = NonNull::new(told).ok_or(io::ErrorKind::NotFound)?;
        let told = Told(told, free);
        // SAFETY: a string that ends in a zero, alive as long as `told`.
        Ok(OsString::from_wide(&unsafe { units(told.0) }).into())
    }
}

type Function = unsafe extern "system" fn() -> isize;

/// A function of one of the system's own libraries, which stays loaded.
fn function(library: &str, name: &CStr) -> io::Result<Function> {
    let library = wide(library);
    // SAFETY: a string that ends in a zero and lives as long as the call. What the system's own
    // libraries do when they are loaded is what every program relies on.
    let loaded =
        unsafe { LoadLibraryExW(library.as_ptr(), ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if loaded.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the library was just loaded and is never given back; the name ends in a zero.
    unsafe { GetProcAddress(loaded, name.as_ptr().cast()) }.ok_or_else(io::Error::last_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_where_its_folders_are_and_that_there_is_no_other() {
        let (own, for_all) = (LOCAL_APP_DATA.path().unwrap(), PROGRAM_DATA.path().unwrap());
        assert!(own.is_absolute() && own.is_dir(), "{own:?}");
        assert!(for_all.is_absolute() && for_all.is_dir() && for_all != own, "{for_all:?}");
        let nowhere = Folder { name: "nowhere", id: GUID::from_u128(1) };
        assert!(nowhere.path().is_err());
        assert!(function("kernel32.dll", c"NoSuchFunction").is_err());
        assert!(function("no-such-library.dll", c"Sleep").is_err());
    }
}
