//! A count in 64 bytes of the caller's.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Patience, call, optional, patience, required};
use crate::handle::{self, Opaque};
use crate::interrupt::waiting;
use crate::raw_mutex::not_at_once;
use crate::status::procsync_status;
use procsync::Spin;
use procsync::raw::RawSemaphore;
use std::ffi::{c_int, c_void};

/// A count of things in 64 bytes of memory that the caller supplies: some post them, others wait for
/// them and take them.
pub struct procsync_raw_semaphore {
    _private: [u8; 0],
}

impl Opaque for procsync_raw_semaphore {
    type Object = RawSemaphore<'static>;
    const TAG: u64 = u64::from_ne_bytes(*b"rawsem.\x01");
}

/// Uses the first 64 of the `size` bytes at `memory`, which must be aligned to 4 and stay where they
/// are until the handle is closed. `initial` null: attaches to the semaphore that is there. Else 64
/// zero bytes become a semaphore with this count; one that is there is left as it is. `shared`: not
/// 0 if other processes map the memory; all users must say the same. The handle is closed with
/// procsync_raw_semaphore_close(), which leaves the memory as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_semaphore_at(
    memory: *mut c_void,
    size: usize,
    initial: *const u32,
    shared: c_int,
    semaphore: *mut *mut procsync_raw_semaphore,
) -> procsync_status {
    call(c"procsync_raw_semaphore_at", || {
        let to = required(semaphore)?;
        required(memory.cast::<u8>())?;
        // SAFETY: the C caller's promise.
        let initial = optional(initial.cast_mut())?.map(|initial| unsafe { initial.look() });
        // SAFETY: the C caller's promise.
        let semaphore =
            unsafe { RawSemaphore::from_ptr(memory.cast(), size, initial, shared != 0) }?;
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, "", semaphore) };
        Ok(())
    })
}

/// Closes the handle and leaves the memory as it is. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_semaphore_close(
    semaphore: *mut procsync_raw_semaphore,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_raw_semaphore_close", semaphore) }
}

/// Adds `count` and wakes as many that wait. PROCSYNC_OVERFLOW if there would be more than 2^32 - 1;
/// the count is unchanged then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_semaphore_post(
    semaphore: *const procsync_raw_semaphore,
    count: u32,
) -> procsync_status {
    let post = |semaphore: &RawSemaphore<'_>| Ok(semaphore.post(count)?);
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_raw_semaphore_post", semaphore, post) }
}

/// Takes one, waiting for it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_semaphore_wait(
    semaphore: *const procsync_raw_semaphore,
    timeout_ns: i64,
) -> procsync_status {
    let wait = |semaphore: &RawSemaphore<'_>| match patience(timeout_ns)? {
        Patience::None if semaphore.try_wait() => Ok(()),
        Patience::None => Err(not_at_once("raw semaphore", semaphore.last_pid()).into()),
        Patience::Some(timeout) => {
            waiting(|| Ok(semaphore.wait_timeout(Some(timeout), Spin::default())?))
        }
        Patience::Endless => waiting(|| Ok(semaphore.wait_timeout(None, Spin::default())?)),
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_raw_semaphore_wait", semaphore, wait) }
}

/// Sets the count and wakes as many that wait: for the start of a program that uses the memory of an
/// earlier run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_semaphore_reset(
    semaphore: *const procsync_raw_semaphore,
    count: u32,
) -> procsync_status {
    let reset = |semaphore: &RawSemaphore<'_>| {
        semaphore.reset(count);
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_raw_semaphore_reset", semaphore, reset) }
}

/// How many there are. The answer may be old when it comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_semaphore_value(
    semaphore: *const procsync_raw_semaphore,
    value: *mut u32,
) -> procsync_status {
    let body = |semaphore: &RawSemaphore<'_>| Ok(semaphore.value());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_raw_semaphore_value", semaphore, value, body) }
}

/// The process id of the process that took one last, as it calls itself; 0: none. To be shown only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_semaphore_last_pid(
    semaphore: *const procsync_raw_semaphore,
    pid: *mut u32,
) -> procsync_status {
    let body = |semaphore: &RawSemaphore<'_>| Ok(semaphore.last_pid());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_raw_semaphore_last_pid", semaphore, pid, body) }
}

/// When one was last taken, in nanoseconds since 1970; 0: never.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_raw_semaphore_last_acquired_ns(
    semaphore: *const procsync_raw_semaphore,
    ns: *mut u64,
) -> procsync_status {
    let body = |semaphore: &RawSemaphore<'_>| Ok(semaphore.last_acquired_ns());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_raw_semaphore_last_acquired_ns", semaphore, ns, body) }
}
