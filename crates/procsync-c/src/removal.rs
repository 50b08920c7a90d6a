//! Removing objects.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Answer, call, optional, text};
use crate::handle::{self, Opaque};
use crate::options::scope;
use crate::status::{procsync_removal, procsync_status};
use procsync::{Removal, Result};
use std::ffi::{CStr, c_char};

fn number(removal: Option<Removal>) -> i32 {
    (match removal {
        None => procsync_removal::PROCSYNC_REMOVAL_NONE,
        Some(Removal::Done) => procsync_removal::PROCSYNC_REMOVAL_DONE,
        Some(Removal::WhenLastUserLeaves) => {
            procsync_removal::PROCSYNC_REMOVAL_WHEN_LAST_USER_LEAVES
        }
    }) as i32
}

/// # Safety
/// The place must be valid for writes.
unsafe fn tell(to: Option<Answer<i32>>, removal: Option<Removal>) {
    if let Some(to) = to {
        // SAFETY: the caller's promise.
        unsafe { to.give(number(removal)) };
    }
}

/// Removes the object of a handle.
///
/// # Safety
/// As for [`handle::ask`].
pub(crate) unsafe fn of<O: Opaque>(
    operation: &'static CStr,
    handle: *const O,
    to: *mut i32,
    remove: impl FnOnce(&O::Object) -> Result<Removal>,
) -> procsync_status {
    let body = |object: &O::Object| {
        let to = optional(to)?;
        let removal = remove(object)?;
        // SAFETY: the caller's promise.
        unsafe { tell(to, Some(removal)) };
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { handle::on(operation, handle, body) }
}

/// Removes an object by name, whatever its kind, in a procsync_scope; `removal` (or null) is told
/// what became of it: a procsync_removal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_remove(
    name: *const c_char,
    scope: i32,
    removal: *mut i32,
) -> procsync_status {
    call(c"procsync_remove", || {
        let to = optional(removal)?;
        // SAFETY: the C caller's promise.
        let name = unsafe { text(name) }?;
        let removal = procsync::remove(name, self::scope(scope, 0)?)?;
        // SAFETY: the C caller's promise.
        unsafe { tell(to, removal) };
        Ok(())
    })
}
