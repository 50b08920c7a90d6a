//! CreateSemaphoreW and what belongs to it.
//!
//! A semaphore goes with its last handle, so there is nothing to unlink and no incarnation to tell:
//! who creates it knows that nobody had it before.
#![allow(unsafe_code)] // kernel32

use super::{Incarnation, Origin, Presence, Refused, SystemName, Waited, Whose};
use crate::sys::clock;
use crate::sys::windows::wide;
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND,
    ERROR_INVALID_HANDLE, ERROR_INVALID_NAME, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY,
    ERROR_PATH_NOT_FOUND, ERROR_TOO_MANY_POSTS, GetLastError, HANDLE, SetLastError, WAIT_ABANDONED,
    WAIT_FAILED, WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::Threading::{
    CreateSemaphoreW, OpenSemaphoreW, ReleaseSemaphore, SEMAPHORE_MODIFY_STATE,
    SYNCHRONIZATION_SYNCHRONIZE, WaitForSingleObject,
};

/// The most characters with the prefix (MAX_PATH).
const LONGEST: usize = 260;
/// The most without one, whatever the prefix.
#[allow(dead_code)] // the other systems' limit does not depend on the prefix
pub(crate) const LONGEST_NAME: usize = LONGEST;

/// The highest count.
pub(crate) const MOST: u32 = i32::MAX as u32;

/// The semaphore of this name, for all sessions of the machine or for this one only.
pub(crate) fn system_name(bare: &str, local: bool) -> SystemName {
    SystemName(format!("{}{bare}", prefix(local)))
}

fn prefix(local: bool) -> &'static str {
    if local { "Local\\" } else { "Global\\" }
}

/// What is too long about a name, if it is: counted as the system does, in UTF-16 and with the prefix
/// that it really gets.
pub(crate) fn length_fault(bare: &str, local: bool) -> Option<String> {
    let length = bare.encode_utf16().count() + prefix(local).len();
    (length > LONGEST).then(|| {
        format!("it has {length} characters with {}, and Windows takes {LONGEST}", prefix(local))
    })
}

/// An open semaphore; closed when this goes.
#[derive(Debug)]
pub(crate) struct Semaphore {
    handle: HANDLE,
}

// SAFETY: a handle of the kernel may be used by all threads at once.
unsafe impl Send for Semaphore {}
// SAFETY: as above.
unsafe impl Sync for Semaphore {}

fn refused(call: &'static str) -> Refused {
    // SAFETY: no arguments; reads a value of the calling thread.
    let code = unsafe { GetLastError() };
    Refused { call, code: code as i32 }
}

/// Attaches to the semaphore or makes it. Windows has no mode: who may open it is told by the default
/// security descriptor of the maker.
pub(crate) fn open(
    name: &SystemName,
    _mode: u32,
    initial: u32,
) -> Result<(Semaphore, Origin, Option<Incarnation>), Refused> {
    let wide = wide(&name.0);
    let initial = i32::try_from(initial).unwrap_or(i32::MAX);
    // So that what is read afterwards was said by this call.
    // SAFETY: writes a value of the calling thread.
    unsafe { SetLastError(0) };
    // SAFETY: no security attributes, and a string that ends in a zero.
    let handle = unsafe { CreateSemaphoreW(std::ptr::null(), initial, MOST as i32, wide.as_ptr()) };
    let said = refused("CreateSemaphoreW");
    if !handle.is_null() {
        let found = said.code == ERROR_ALREADY_EXISTS as i32;
        let origin = if found { Origin::Found } else { Origin::Created };
        return Ok((Semaphore { handle }, origin, None));
    }
    // It wants all rights to an existing one; another user's may give fewer, and these are enough.
    if said.code == ERROR_ACCESS_DENIED as i32
        && let Ok((semaphore, incarnation)) = open_existing(name)
    {
        return Ok((semaphore, Origin::Found, incarnation));
    }
    Err(said)
}

/// Opens a semaphore that is there.
pub(crate) fn open_existing(
    name: &SystemName,
) -> Result<(Semaphore, Option<Incarnation>), Refused> {
    let wide = wide(&name.0);
    let rights = SEMAPHORE_MODIFY_STATE | SYNCHRONIZATION_SYNCHRONIZE;
    // SAFETY: a string that ends in a zero. The handle is not inherited.
    let handle = unsafe { OpenSemaphoreW(rights, 0, wide.as_ptr()) };
    if handle.is_null() {
        return Err(refused("OpenSemaphoreW"));
    }
    Ok((Semaphore { handle }, None))
}

/// Nothing to do: a semaphore goes with its last handle.
pub(crate) fn unlink(_name: &SystemName) -> Result<(), Refused> {
    Ok(())
}

pub(crate) fn not_there(error: &Refused) -> bool {
    error.code == ERROR_FILE_NOT_FOUND as i32 || error.code == ERROR_PATH_NOT_FOUND as i32
}

pub(crate) fn owner(_name: &SystemName) -> Option<String> {
    None
}

pub(crate) fn presence(name: &SystemName) -> Presence {
    match open_existing(name) {
        Err(error) if not_there(&error) => Presence::Gone,
        _ => Presence::There(None),
    }
}

/// Nothing tells one from another.
pub(crate) fn device() -> Option<u64> {
    None
}

/// A semaphore goes with its last user.
pub(crate) fn is_open_somewhere(_this: &Incarnation, _whose: Whose) -> bool {
    false
}

impl Semaphore {
    /// The handle, to be shown.
    pub(crate) fn address(&self) -> usize {
        self.handle as usize
    }

    fn wait(&self, milliseconds: u32) -> Result<Waited, Refused> {
        // SAFETY: open for as long as `self`.
        match unsafe { WaitForSingleObject(self.handle, milliseconds) } {
            // A semaphore is never abandoned, only a mutex is. If the system says so all the same, the
            // unit was taken.
            WAIT_OBJECT_0 | WAIT_ABANDONED => Ok(Waited::Granted),
            WAIT_TIMEOUT => Ok(Waited::TimedOut),
            WAIT_FAILED => Err(refused("WaitForSingleObject")),
            other => Err(Refused { call: "WaitForSingleObject", code: other as i32 }),
        }
    }

    /// Takes a unit if there is one.
    pub(crate) fn try_take(&self) -> Result<bool, Refused> {
        Ok(self.wait(0)? == Waited::Granted)
    }

    /// Gives a unit back.
    pub(crate) fn give(&self) -> Result<(), Refused> {
        // SAFETY: open for as long as `self`; the count before is not asked for.
        let given = unsafe { ReleaseSemaphore(self.handle, 1, std::ptr::null_mut()) };
        if given != 0 { Ok(()) } else { Err(refused("ReleaseSemaphore")) }
    }

    /// Windows does not tell (without undocumented calls).
    pub(crate) fn value(&self) -> Option<u32> {
        None
    }

    /// Waits for a unit until the monotonic clock shows `until`.
    pub(crate) fn take_until(&self, until: u64) -> Result<Waited, Refused> {
        loop {
            let left = until.saturating_sub(clock::monotonic());
            // Rounded up, so that no wait ends before its time; below INFINITE.
            let milliseconds = left.div_ceil(1_000_000).min(0x7fff_ffff) as u32;
            let waited = self.wait(milliseconds)?;
            if waited != Waited::TimedOut || clock::monotonic() >= until {
                return Ok(waited);
            }
        }
    }

    /// Closes it. With its last handle the semaphore goes.
    pub(crate) fn close(self) -> Result<(), Refused> {
        let handle = self.handle;
        std::mem::forget(self);
        // SAFETY: open, and not used after this: `self` is gone.
        if unsafe { CloseHandle(handle) } != 0 { Ok(()) } else { Err(refused("CloseHandle")) }
    }
}

impl Drop for Semaphore {
    fn drop(&mut self) {
        // SAFETY: open, and not used after this.
        if unsafe { CloseHandle(self.handle) } == 0 {
            tracing::warn!(error = %refused("CloseHandle"), "a semaphore could not be closed");
        }
    }
}

pub(crate) fn name_of_code(code: i32) -> &'static str {
    match code as u32 {
        ERROR_ACCESS_DENIED => "ERROR_ACCESS_DENIED",
        ERROR_ALREADY_EXISTS => "ERROR_ALREADY_EXISTS",
        ERROR_FILE_NOT_FOUND => "ERROR_FILE_NOT_FOUND",
        ERROR_INVALID_HANDLE => "ERROR_INVALID_HANDLE",
        ERROR_INVALID_NAME => "ERROR_INVALID_NAME",
        ERROR_INVALID_PARAMETER => "ERROR_INVALID_PARAMETER",
        ERROR_NOT_ENOUGH_MEMORY => "ERROR_NOT_ENOUGH_MEMORY",
        ERROR_PATH_NOT_FOUND => "ERROR_PATH_NOT_FOUND",
        ERROR_TOO_MANY_POSTS => "ERROR_TOO_MANY_POSTS",
        _ => "an error",
    }
}

/// What to do about an answer of the system.
pub(crate) fn advice(error: &Refused) -> &'static str {
    match error.code as u32 {
        ERROR_ACCESS_DENIED => {
            "another user made it, or names in Global\\ need a right that this one lacks: use Local\\"
        }
        ERROR_INVALID_HANDLE => "the name stands for an object of another kind",
        ERROR_PATH_NOT_FOUND | ERROR_INVALID_NAME => "the name has a backslash beyond its prefix",
        ERROR_TOO_MANY_POSTS => "somebody posts without having taken: the count is at its limit",
        _ => "",
    }
}
