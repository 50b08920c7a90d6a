//! A lock in 64 bytes of the caller's.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Patience, call, optional, patience, required};
use crate::handle::{self, Opaque};
use crate::interrupt::waiting;
use crate::status::procsync_status;
use procsync::Spin;
use procsync::raw::{self, RawMutex};
use std::ffi::{c_int, c_void};

/// Mutual exclusion in 64 bytes of memory that the caller supplies, between threads or, if others
/// map the same memory, processes. It knows nothing of deaths: procsync_mutex does.
pub struct procsync_raw_mutex {
    _private: [u8; 0],
}

impl Opaque for procsync_raw_mutex {
    type Object = RawMutex<'static>;
    const TAG: u64 = u64::from_ne_bytes(*b"rawmtx.\x01");
}

/// Uses the first 64 of the `size` bytes at `memory`, which must be aligned to 4 and stay where they
/// are until the handle is closed. 64 zero bytes become a free mutex; one that is there is left as
/// it is. `shared`: not 0 if other processes map the memory; all users must say the same. The handle
/// is closed with procsync_raw_mutex_close(), which leaves the memory as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_mutex_at(
    memory: *mut c_void,
    size: usize,
    shared: c_int,
    mutex: *mut *mut procsync_raw_mutex,
) -> procsync_status {
    call(c"procsync_raw_mutex_at", || {
        let to = required(mutex)?;
        required(memory.cast::<u8>())?;
        // SAFETY: the C caller's promise.
        let mutex = unsafe { RawMutex::from_ptr(memory.cast(), size, shared != 0) }?;
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, "", mutex) };
        Ok(())
    })
}

/// Closes the handle and leaves the memory, and a lock that is held there, as it is. Null is
/// allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_mutex_close(
    mutex: *mut procsync_raw_mutex,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_raw_mutex_close", mutex) }
}

/// Waits until the mutex is free and takes it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for
/// not at all. PROCSYNC_ALREADY_OWNED if the calling thread has it already and would wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_mutex_acquire(
    mutex: *const procsync_raw_mutex,
    timeout_ns: i64,
) -> procsync_status {
    let acquire = |mutex: &RawMutex<'_>| match patience(timeout_ns)? {
        Patience::None if mutex.try_acquire() => Ok(()),
        Patience::None => Err(not_at_once("raw mutex", mutex.owner_pid()).into()),
        Patience::Some(timeout) => {
            waiting(|| Ok(mutex.acquire_timeout(Some(timeout), Spin::default())?))
        }
        Patience::Endless => waiting(|| Ok(mutex.acquire()?)),
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_raw_mutex_acquire", mutex, acquire) }
}

/// What a try answers that found it taken.
#[cold]
pub(crate) fn not_at_once(what: &'static str, pid: u32) -> raw::Error {
    raw::Error::TimedOut { what, waited: std::time::Duration::ZERO, pid }
}

/// Gives the mutex back; any thread of the process that has it may. Else PROCSYNC_NOT_OWNER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_mutex_release(
    mutex: *const procsync_raw_mutex,
) -> procsync_status {
    let release = |mutex: &RawMutex<'_>| Ok(mutex.release()?);
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_raw_mutex_release", mutex, release) }
}

/// Frees the mutex whoever has it; `held` (or null) is told whether anybody did. For the case that
/// the holder has died.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_mutex_force_release(
    mutex: *const procsync_raw_mutex,
    held: *mut bool,
) -> procsync_status {
    let force = |mutex: &RawMutex<'_>| {
        let to = optional(held)?;
        let held = mutex.force_release();
        if let Some(to) = to {
            // SAFETY: the C caller's promise.
            unsafe { to.give(held) };
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_raw_mutex_force_release", mutex, force) }
}

/// Whether anybody has it. The answer may be old when it comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_mutex_is_locked(
    mutex: *const procsync_raw_mutex,
    locked: *mut bool,
) -> procsync_status {
    let body = |mutex: &RawMutex<'_>| Ok(mutex.is_locked());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_raw_mutex_is_locked", mutex, locked, body) }
}

/// The process id of the holder, as it calls itself; 0: none, or not known yet. To be shown only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_mutex_owner_pid(
    mutex: *const procsync_raw_mutex,
    pid: *mut u32,
) -> procsync_status {
    let body = |mutex: &RawMutex<'_>| Ok(mutex.owner_pid());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_raw_mutex_owner_pid", mutex, pid, body) }
}

/// When it was last acquired, in nanoseconds since 1970; 0: never.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_mutex_last_acquired_ns(
    mutex: *const procsync_raw_mutex,
    ns: *mut u64,
) -> procsync_status {
    let body = |mutex: &RawMutex<'_>| Ok(mutex.last_acquired_ns());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_raw_mutex_last_acquired_ns", mutex, ns, body) }
}
