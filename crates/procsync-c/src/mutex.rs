//! A lock by name, which may guard data.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{
    Answer, Outcome, Patience, bytes, bytes_mut, call, optional, patience, required,
};
use crate::deceased::tell;
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::interrupt::waiting;
use crate::options::{How, Settings, obtain, procsync_options};
use crate::participants::{self, procsync_participants};
use crate::removal;
use crate::status::{procsync_kind, procsync_status};
use procsync::{Mutex, MutexGuard};
use std::ffi::{CStr, c_char, c_void};

/// Only one at a time, over all processes that know the name.
///
/// By default a thread owns it, and locking it twice in one thread is an error at once. When the
/// holder dies, the next one gets it, usually within milliseconds, and is told.
pub struct procsync_mutex {
    _private: [u8; 0],
}

impl Opaque for procsync_mutex {
    type Object = Mutex<()>;
    const TAG: u64 = u64::from_ne_bytes(*b"mutex..\x01");
}

/// # Safety
/// As for the C functions that call it.
unsafe fn make(
    operation: &'static CStr,
    how: How,
    name: *const c_char,
    options: *const procsync_options,
    mutex: *mut *mut procsync_mutex,
) -> procsync_status {
    call(operation, || {
        let to = required(mutex)?;
        // SAFETY: the C caller's promise.
        let settings = unsafe { Settings::of(options) }?;
        let options = settings.common(Mutex::<()>::options());
        let options = options.ownership(settings.ownership).on_abandoned(settings.on_abandoned);
        let options = match &settings.data {
            Some(data) => options.untyped(data.size, data.align, &data.initial),
            None => options,
        };
        // SAFETY: the C caller's promise.
        let mutex = unsafe { obtain(&options, how, name) }?;
        let name = mutex.name().to_owned();
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, &name, mutex) };
        Ok(())
    })
}

/// Attaches to the mutex of this name, or creates it if there is none. Null options are the
/// defaults. Close the handle with procsync_mutex_close().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_open(
    name: *const c_char,
    options: *const procsync_options,
    mutex: *mut *mut procsync_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { make(c"procsync_mutex_open", How::Open, name, options, mutex) }
}

/// Creates the mutex; PROCSYNC_ALREADY_EXISTS if it is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_create(
    name: *const c_char,
    options: *const procsync_options,
    mutex: *mut *mut procsync_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { make(c"procsync_mutex_create", How::Create, name, options, mutex) }
}

/// Attaches to the mutex; PROCSYNC_NOT_FOUND if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_attach(
    name: *const c_char,
    options: *const procsync_options,
    mutex: *mut *mut procsync_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { make(c"procsync_mutex_attach", How::Attach, name, options, mutex) }
}

/// Closes the handle. Null is allowed. If it was the last one of this process, a hold of this
/// process ends as if its holder had died (PROCSYNC_CAUSE_CLOSED).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_close(mutex: *mut procsync_mutex) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_mutex_close", mutex) }
}

/// Keeps the mutex for the caller, who releases it by its handle.
///
/// # Safety
/// The place must be valid for writes.
#[inline]
unsafe fn keep(guard: MutexGuard<'_, ()>, abandoned: Option<Answer<bool>>) {
    // SAFETY: the caller's promise.
    unsafe { tell(abandoned, guard.abandoned()) };
    guard.keep();
}

/// Waits until the mutex is free and takes it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for
/// not at all. `abandoned` (or null) is told whether the previous holder died; then what the mutex
/// guards may be half changed, and procsync_last_deceased() says who it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_lock(
    mutex: *const procsync_mutex,
    timeout_ns: i64,
    abandoned: *mut bool,
) -> procsync_status {
    let lock = |mutex: &Mutex| {
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
    unsafe { handle::on(c"procsync_mutex_lock", mutex, lock) }
}

#[cold]
fn not_at_once(mutex: &Mutex) -> Failure {
    Failure::NotAtOnce(procsync_kind::PROCSYNC_KIND_MUTEX, mutex.name().to_owned())
}

/// Waits for the mutex and takes it even if its holder died and the options say to refuse then: to
/// set right what it guards. Once it is unlocked, the mutex is as good as new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_repair(
    mutex: *const procsync_mutex,
    abandoned: *mut bool,
) -> procsync_status {
    let repair = |mutex: &Mutex| {
        let abandoned = optional(abandoned)?;
        let guard = waiting(|| Ok(mutex.repair()?))?;
        // SAFETY: the C caller's promise.
        unsafe { keep(guard, abandoned) };
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_mutex_repair", mutex, repair) }
}

/// Gives the mutex back. Only for who has it: the thread or, if the options say so, the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_unlock(mutex: *const procsync_mutex) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_mutex_unlock", mutex, |mutex| Ok(mutex.release()?)) }
}

/// Takes the mutex away from whoever holds it, as if that one had died; `held` (or null) is told
/// whether anybody did. What the holder does meanwhile is no longer excluded: a last resort.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_force_release(
    mutex: *const procsync_mutex,
    held: *mut bool,
) -> procsync_status {
    let force = |mutex: &Mutex| {
        let to = optional(held)?;
        let held = mutex.force_release()?;
        if let Some(to) = to {
            // SAFETY: the C caller's promise.
            unsafe { to.give(held) };
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_mutex_force_release", mutex, force) }
}

/// Whether anybody holds it. The answer may be old when it comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_is_locked(
    mutex: *const procsync_mutex,
    locked: *mut bool,
) -> procsync_status {
    let is_locked = |mutex: &Mutex| Ok(mutex.is_locked());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_mutex_is_locked", mutex, locked, is_locked) }
}

/// Who holds it: a list of one or none. Free it with procsync_participants_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_owner(
    mutex: *const procsync_mutex,
    owner: *mut *mut procsync_participants,
) -> procsync_status {
    let body = |mutex: &Mutex| Ok(mutex.owner().into_iter().collect());
    // SAFETY: the C caller's promise.
    unsafe { participants::give(c"procsync_mutex_owner", mutex, owner, body) }
}

/// The number of the caller's acquisition. It grows with each acquisition of the mutex, whoever
/// makes it, so that what is protected can refuse who comes late (a fencing token). Only for who
/// has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_grant(
    mutex: *const procsync_mutex,
    grant: *mut u64,
) -> procsync_status {
    let body = |mutex: &Mutex| with_guard(mutex, |guard| Ok(guard.grant()));
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_mutex_grant", mutex, grant, body) }
}

/// Runs something with the guard of a mutex that the caller has, which is kept then.
fn with_guard<T>(
    mutex: &Mutex,
    body: impl FnOnce(&mut MutexGuard<'_, ()>) -> Outcome<T>,
) -> Outcome<T> {
    let mut guard = mutex.held()?;
    let answer = body(&mut guard);
    guard.keep();
    answer
}

/// How many bytes of data the mutex guards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_data_size(
    mutex: *const procsync_mutex,
    size: *mut u64,
) -> procsync_status {
    let body = |mutex: &Mutex| Ok(mutex.data_size());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_mutex_data_size", mutex, size, body) }
}

/// Copies the data that the mutex guards, or its first `size` bytes, to `to`. Only for who has the
/// mutex.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_read(
    mutex: *const procsync_mutex,
    to: *mut c_void,
    size: usize,
) -> procsync_status {
    let read = |mutex: &Mutex| {
        with_guard(mutex, |guard| {
            // SAFETY: the C caller's promise.
            let to = unsafe { bytes_mut(to.cast(), size) }?;
            Ok(guard.read_bytes(to)?)
        })
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_mutex_read", mutex, read) }
}

/// Overwrites the data that the mutex guards, or its first `size` bytes, with those at `from`. Only
/// for who has the mutex. A holder that is killed in the middle leaves a mixture of old and new, and
/// the next one is told that it died.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_write(
    mutex: *const procsync_mutex,
    from: *const c_void,
    size: usize,
) -> procsync_status {
    let write = |mutex: &Mutex| {
        with_guard(mutex, |guard| {
            // SAFETY: the C caller's promise.
            let from = unsafe { bytes(from.cast(), size) }?;
            Ok(guard.write_bytes(from)?)
        })
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_mutex_write", mutex, write) }
}

/// The name without prefix, for as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_name(
    mutex: *const procsync_mutex,
    name: *mut *const c_char,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::name(c"procsync_mutex_name", mutex, name) }
}

/// Ends the mutex's existence; `removal` (or null) is told how: a procsync_removal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_mutex_remove(
    mutex: *const procsync_mutex,
    removal: *mut i32,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { removal::of(c"procsync_mutex_remove", mutex, removal, Mutex::remove) }
}
