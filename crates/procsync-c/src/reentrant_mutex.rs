//! A lock by name that its owner may lock again.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Answer, Patience, call, optional, patience, required};
use crate::deceased::tell;
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::interrupt::waiting;
use crate::options::{How, Settings, obtain, procsync_options};
use crate::participants::{self, procsync_participants};
use crate::removal;
use crate::status::{procsync_kind, procsync_status};
use procsync::{ReentrantMutex, ReentrantMutexGuard};
use std::ffi::{CStr, c_char};

/// Only one thread at a time, over all processes that know the name; the one that has it may lock it
/// again, and it is free when it has been unlocked as often.
pub struct procsync_reentrant_mutex {
    _private: [u8; 0],
}

impl Opaque for procsync_reentrant_mutex {
    type Object = ReentrantMutex;
    const TAG: u64 = u64::from_ne_bytes(*b"layers.\x01");
}

/// # Safety
/// As for the C functions that call it.
unsafe fn make(
    operation: &'static CStr,
    how: How,
    name: *const c_char,
    options: *const procsync_options,
    mutex: *mut *mut procsync_reentrant_mutex,
) -> procsync_status {
    call(operation, || {
        let to = required(mutex)?;
        // SAFETY: the C caller's promise.
        let settings = unsafe { Settings::of(options) }?;
        let options = settings.common(ReentrantMutex::options());
        // SAFETY: the C caller's promise.
        let mutex = unsafe { obtain(&options, how, name) }?;
        let name = mutex.name().to_owned();
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, &name, mutex) };
        Ok(())
    })
}

/// Attaches to the mutex of this name, or creates it if there is none. Null options are the
/// defaults. Close the handle with procsync_reentrant_mutex_close().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_open(
    name: *const c_char,
    options: *const procsync_options,
    mutex: *mut *mut procsync_reentrant_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { make(c"procsync_reentrant_mutex_open", How::Open, name, options, mutex) }
}

/// Creates the mutex; PROCSYNC_ALREADY_EXISTS if it is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_create(
    name: *const c_char,
    options: *const procsync_options,
    mutex: *mut *mut procsync_reentrant_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { make(c"procsync_reentrant_mutex_create", How::Create, name, options, mutex) }
}

/// Attaches to the mutex; PROCSYNC_NOT_FOUND if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_attach(
    name: *const c_char,
    options: *const procsync_options,
    mutex: *mut *mut procsync_reentrant_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { make(c"procsync_reentrant_mutex_attach", How::Attach, name, options, mutex) }
}

/// Closes the handle. Null is allowed. If it was the last one of this process, a hold of this
/// process ends as if its holder had died (PROCSYNC_CAUSE_CLOSED).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_close(
    mutex: *mut procsync_reentrant_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_reentrant_mutex_close", mutex) }
}

/// Keeps the mutex for the caller, who releases it by its handle.
///
/// # Safety
/// The place must be valid for writes.
#[inline]
unsafe fn keep(guard: ReentrantMutexGuard<'_>, abandoned: Option<Answer<bool>>) {
    // SAFETY: the caller's promise.
    unsafe { tell(abandoned, guard.abandoned()) };
    guard.keep();
}

/// Waits until no other thread has the mutex and takes it, or one layer more of it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for
/// not at all. `abandoned` (or null) is told whether the previous holder died; then what the mutex
/// guards may be half changed, and procsync_last_deceased() says who it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_lock(
    mutex: *const procsync_reentrant_mutex,
    timeout_ns: i64,
    abandoned: *mut bool,
) -> procsync_status {
    let lock = |mutex: &ReentrantMutex| {
        let abandoned = optional(abandoned)?;
        let guard = match patience(timeout_ns)? {
            Patience::None => mutex.try_lock()?.ok_or_else(|| not_at_once(mutex))?,
            Patience::Some(timeout) => waiting(|| Ok(mutex.lock_timeout(timeout)?))?,
            Patience::Endless => waiting(|| Ok(mutex.lock()?))?,
        };
        // SAFETY: the C caller's promise.
        unsafe { keep(guard, abandoned) };
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_reentrant_mutex_lock", mutex, lock) }
}

#[cold]
fn not_at_once(mutex: &ReentrantMutex) -> Failure {
    Failure::NotAtOnce(procsync_kind::PROCSYNC_KIND_REENTRANT_MUTEX, mutex.name().to_owned())
}

/// Gives one layer of the mutex back. Only for the thread that has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_unlock(
    mutex: *const procsync_reentrant_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_reentrant_mutex_unlock", mutex, |mutex| Ok(mutex.release()?)) }
}

/// Takes the mutex, all layers of it, away from whoever holds it, as if that one had died; `held` (or null) is told
/// whether anybody did. What the holder does meanwhile is no longer excluded: a last resort.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_force_release(
    mutex: *const procsync_reentrant_mutex,
    held: *mut bool,
) -> procsync_status {
    let force = |mutex: &ReentrantMutex| {
        let to = optional(held)?;
        let held = mutex.force_release()?;
        if let Some(to) = to {
            // SAFETY: the C caller's promise.
            unsafe { to.give(held) };
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_reentrant_mutex_force_release", mutex, force) }
}

/// Whether anybody holds it. The answer may be old when it comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_is_locked(
    mutex: *const procsync_reentrant_mutex,
    locked: *mut bool,
) -> procsync_status {
    let is_locked = |mutex: &ReentrantMutex| Ok(mutex.is_locked());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_reentrant_mutex_is_locked", mutex, locked, is_locked) }
}

/// Who holds it: a list of one or none. Free it with procsync_participants_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_owner(
    mutex: *const procsync_reentrant_mutex,
    owner: *mut *mut procsync_participants,
) -> procsync_status {
    let body = |mutex: &ReentrantMutex| Ok(mutex.owner().into_iter().collect());
    // SAFETY: the C caller's promise.
    unsafe { participants::give(c"procsync_reentrant_mutex_owner", mutex, owner, body) }
}

/// How many layers of it the calling thread has; 0 for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_depth(
    mutex: *const procsync_reentrant_mutex,
    depth: *mut u32,
) -> procsync_status {
    let body = |mutex: &ReentrantMutex| Ok(mutex.depth());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_reentrant_mutex_depth", mutex, depth, body) }
}

/// The name without prefix, for as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_name(
    mutex: *const procsync_reentrant_mutex,
    name: *mut *const c_char,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::name(c"procsync_reentrant_mutex_name", mutex, name) }
}

/// Ends the mutex's existence; `removal` (or null) is told how: a procsync_removal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_reentrant_mutex_remove(
    mutex: *const procsync_reentrant_mutex,
    removal: *mut i32,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe {
        removal::of(c"procsync_reentrant_mutex_remove", mutex, removal, ReentrantMutex::remove)
    }
}
