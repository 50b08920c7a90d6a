//! How many may be inside at once.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Patience, call, optional, patience, required};
use crate::deceased::tell;
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::interrupt::waiting;
use crate::options::{How, Settings, obtain, procsync_options};
use crate::participants::{self, procsync_participants};
use crate::permits::{Permits, procsync_permit};
use crate::removal;
use crate::status::{procsync_kind, procsync_status};
use procsync::Semaphore;
use std::ffi::{CStr, c_char};

/// Limits how many are inside at once, over all processes that know the name. Each permit has a
/// known holder, a process; when that dies, its permits come back, and who gets one is told.
pub struct procsync_semaphore {
    _private: [u8; 0],
}

impl Opaque for procsync_semaphore {
    type Object = Permits;
    const TAG: u64 = u64::from_ne_bytes(*b"permits\x01");
}

/// # Safety
/// As for the C functions that call it.
unsafe fn make(
    operation: &'static CStr,
    how: How,
    name: *const c_char,
    capacity: u32,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_semaphore,
) -> procsync_status {
    call(operation, || {
        let to = required(semaphore)?;
        // SAFETY: the C caller's promise.
        let settings = unsafe { Settings::of(options) }?;
        let options = settings.common(Semaphore::options(capacity));
        // SAFETY: the C caller's promise.
        let semaphore = unsafe { obtain(&options, how, name) }?;
        let name = semaphore.name().to_owned();
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, &name, Permits::new(semaphore)) };
        Ok(())
    })
}

/// Attaches to the semaphore of this name, which must have this many permits (1 to 1,048,576), or
/// creates it. Null options are the defaults. Close the handle with procsync_semaphore_close(). A
/// handle takes 16 bytes for each permit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_open(
    name: *const c_char,
    capacity: u32,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_semaphore,
) -> procsync_status {
    let operation = c"procsync_semaphore_open";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Open, name, capacity, options, semaphore) }
}

/// Creates the semaphore; PROCSYNC_ALREADY_EXISTS if it is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_create(
    name: *const c_char,
    capacity: u32,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_semaphore,
) -> procsync_status {
    let operation = c"procsync_semaphore_create";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Create, name, capacity, options, semaphore) }
}

/// Attaches to the semaphore, whatever its capacity; PROCSYNC_NOT_FOUND if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_attach(
    name: *const c_char,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_semaphore,
) -> procsync_status {
    let operation = c"procsync_semaphore_attach";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Attach, name, 0, options, semaphore) }
}

/// Closes the handle and gives back the permits that were acquired through it. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_close(
    semaphore: *mut procsync_semaphore,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_semaphore_close", semaphore) }
}

/// Waits until `count` permits can be had together and takes them: at most `timeout_ns` nanoseconds,
/// -1 for ever, 0 for not at all. `permit` is what procsync_semaphore_release() wants to see again.
/// `abandoned` (or null) is told whether the previous holder of one of them died;
/// procsync_last_deceased() says who it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_acquire(
    semaphore: *const procsync_semaphore,
    count: u32,
    timeout_ns: i64,
    permit: *mut procsync_permit,
    abandoned: *mut bool,
) -> procsync_status {
    let acquire = |permits: &Permits| {
        let (to, abandoned) = (required(permit)?, optional(abandoned)?);
        let semaphore = &permits.semaphore;
        let permit = match patience(timeout_ns)? {
            Patience::None => {
                semaphore.try_acquire_many(count)?.ok_or_else(|| not_at_once(semaphore))?
            }
            Patience::Some(timeout) => {
                waiting(|| Ok(semaphore.acquire_many_timeout(count, timeout)?))?
            }
            Patience::Endless => waiting(|| Ok(semaphore.acquire_many(count)?))?,
        };
        let by = permit.abandoned();
        let handed_out = permits.hand_out(permit)?;
        // SAFETY: the C caller's promise.
        unsafe { tell(abandoned, by) };
        // SAFETY: the C caller's promise.
        unsafe { to.give(handed_out) };
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_semaphore_acquire", semaphore, acquire) }
}

#[cold]
fn not_at_once(semaphore: &Semaphore) -> Failure {
    Failure::NotAtOnce(procsync_kind::PROCSYNC_KIND_SEMAPHORE, semaphore.name().to_owned())
}

/// Gives back all permits of one acquisition, in any thread of the process, through the handle that
/// acquired them, and sets `permit` to zeros. PROCSYNC_NOT_OWNER, and nothing is changed, if they
/// were given back already, or a fork made this a copy of the parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_release(
    semaphore: *const procsync_semaphore,
    permit: *mut procsync_permit,
) -> procsync_status {
    let release = |permits: &Permits| {
        let place = required(permit)?;
        // SAFETY: the C caller's promise; any bytes are a permit.
        let permit = unsafe { place.look() };
        permits.take_back(permit)?;
        // SAFETY: the C caller's promise.
        unsafe { place.give(procsync_permit { serial: 0, index: 0, count: 0 }) };
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_semaphore_release", semaphore, release) }
}

/// Which permits these are, counted from 0: with as many permits as there are devices, say, each
/// holder has a device to itself. Writes as many as there is room for to `indexes`, and to `count`
/// (or null) how many there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_indexes(
    semaphore: *const procsync_semaphore,
    permit: *const procsync_permit,
    indexes: *mut u32,
    room: usize,
    count: *mut usize,
) -> procsync_status {
    let body = |permits: &Permits| {
        let place = required(permit.cast_mut())?;
        let (to, count) = (optional(indexes)?, optional(count)?);
        if to.is_none() && room > 0 {
            return Err(Failure::argument("a pointer that must not be null is null"));
        }
        // SAFETY: the C caller's promise; any bytes are a permit.
        let found = permits.indexes(unsafe { place.look() })?;
        for (at, index) in found.iter().take(room).enumerate() {
            // SAFETY: below `room`, which the C caller vouches for.
            let place = unsafe { indexes.add(at) };
            // SAFETY: as above; aligned, as the first one is.
            unsafe { place.write(*index) };
        }
        if let Some(to) = count {
            // SAFETY: the C caller's promise.
            unsafe { to.give(found.len()) };
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_semaphore_indexes", semaphore, body) }
}

/// How many permits there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_capacity(
    semaphore: *const procsync_semaphore,
    capacity: *mut u32,
) -> procsync_status {
    let body = |permits: &Permits| Ok(permits.semaphore.capacity());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_semaphore_capacity", semaphore, capacity, body) }
}

/// How many permits are free, after those of dead holders have come back. May be old when the
/// answer comes. Costs a system call for each holder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_available(
    semaphore: *const procsync_semaphore,
    available: *mut u32,
) -> procsync_status {
    let body = |permits: &Permits| Ok(permits.semaphore.available()?);
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_semaphore_available", semaphore, available, body) }
}

/// Who holds permits: a row for each permit that is held. Free the list with
/// procsync_participants_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_holders(
    semaphore: *const procsync_semaphore,
    holders: *mut *mut procsync_participants,
) -> procsync_status {
    let body = |permits: &Permits| Ok(permits.semaphore.holders()?);
    // SAFETY: the C caller's promise.
    unsafe { participants::give(c"procsync_semaphore_holders", semaphore, holders, body) }
}

/// The name without prefix, for as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_name(
    semaphore: *const procsync_semaphore,
    name: *mut *const c_char,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::name(c"procsync_semaphore_name", semaphore, name) }
}

/// Ends the semaphore's existence; `removal` (or null) is told how: a procsync_removal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_semaphore_remove(
    semaphore: *const procsync_semaphore,
    removal: *mut i32,
) -> procsync_status {
    let remove = |permits: &Permits| permits.semaphore.remove();
    // SAFETY: the C caller's promise.
    unsafe { removal::of(c"procsync_semaphore_remove", semaphore, removal, remove) }
}
