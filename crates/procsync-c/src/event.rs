//! Something that has happened or not.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Patience, call, patience, required};
use crate::errno;
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::interrupt::waiting;
use crate::options::{How, Settings, obtain, procsync_options};
use crate::removal;
use crate::status::{procsync_kind, procsync_reset, procsync_status};
use procsync::{Event, Reset};
use std::ffi::{CStr, c_char};

/// Tells all processes that know the name that something has happened.
pub struct procsync_event {
    _private: [u8; 0],
}

impl Opaque for procsync_event {
    type Object = Event;
    const TAG: u64 = u64::from_ne_bytes(*b"event..\x01");
}

/// # Safety
/// As for the C functions that call it.
unsafe fn make(
    operation: &'static CStr,
    how: How,
    name: *const c_char,
    reset: i32,
    options: *const procsync_options,
    event: *mut *mut procsync_event,
) -> procsync_status {
    call(operation, || {
        let to = required(event)?;
        // SAFETY: the C caller's promise.
        let settings = unsafe { Settings::of(options) }?;
        let reset = match procsync_reset::of(reset) {
            Some(procsync_reset::PROCSYNC_RESET_MANUAL) => Reset::Manual,
            Some(procsync_reset::PROCSYNC_RESET_AUTO) => Reset::Auto,
            None => return Err(Failure::argument("a way to reset is one of procsync_reset")),
        };
        let options = settings.common(Event::options(reset)).initially_set(settings.initially_set);
        // SAFETY: the C caller's promise.
        let event = unsafe { obtain(&options, how, name) }?;
        let name = event.name().to_owned();
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, &name, event) };
        Ok(())
    })
}

/// Attaches to the event, or creates it. `reset` says what a wait that succeeded does to it, a
/// procsync_reset; an existing event must have the same. Null options are the defaults. Close the
/// handle with procsync_event_close().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_open(
    name: *const c_char,
    reset: i32,
    options: *const procsync_options,
    event: *mut *mut procsync_event,
) -> procsync_status {
    let operation = c"procsync_event_open";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Open, name, reset, options, event) }
}

/// Creates the event; PROCSYNC_ALREADY_EXISTS if it is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_create(
    name: *const c_char,
    reset: i32,
    options: *const procsync_options,
    event: *mut *mut procsync_event,
) -> procsync_status {
    let operation = c"procsync_event_create";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Create, name, reset, options, event) }
}

/// Attaches to the event; PROCSYNC_NOT_FOUND if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_attach(
    name: *const c_char,
    options: *const procsync_options,
    event: *mut *mut procsync_event,
) -> procsync_status {
    let operation = c"procsync_event_attach";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Attach, name, 0, options, event) }
}

/// Closes the handle. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_close(event: *mut procsync_event) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_event_close", event) }
}

/// Sets the event and lets those go on who wait: all (manual reset) or one (auto reset).
///
/// May be called in a signal handler, with a good handle: it takes no lock and no memory, and leaves
/// errno as it is. But not with one that a forked child has not used yet otherwise, for that one is
/// opened anew first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_set(event: *const procsync_event) -> procsync_status {
    let set = |event: &Event| Ok(event.set()?);
    // SAFETY: the C caller's promise.
    errno::kept(|| unsafe { handle::on(c"procsync_event_set", event, set) })
}

/// Unsets the event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_clear(event: *const procsync_event) -> procsync_status {
    let clear = |event: &Event| Ok(event.clear()?);
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_event_clear", event, clear) }
}

/// Waits until the event is set, and unsets it if it resets itself: at most `timeout_ns`
/// nanoseconds, -1 for ever, 0 for not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_wait(
    event: *const procsync_event,
    timeout_ns: i64,
) -> procsync_status {
    let wait = |event: &Event| match patience(timeout_ns)? {
        Patience::None if event.try_wait()? => Ok(()),
        Patience::None => Err(not_at_once(event)),
        Patience::Some(timeout) => waiting(|| Ok(event.wait_timeout(timeout)?)),
        Patience::Endless => waiting(|| Ok(event.wait()?)),
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_event_wait", event, wait) }
}

#[cold]
fn not_at_once(event: &Event) -> Failure {
    let kind = procsync_kind::PROCSYNC_KIND_EVENT;
    Failure::NotAtOnce(kind, event.name().to_owned())
}

/// Whether it is set. The answer may be old when it comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_is_set(
    event: *const procsync_event,
    set: *mut bool,
) -> procsync_status {
    let body = |event: &Event| Ok(event.is_set());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_event_is_set", event, set, body) }
}

/// What a wait that succeeded does to it: a procsync_reset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_reset(
    event: *const procsync_event,
    reset: *mut i32,
) -> procsync_status {
    let body = |event: &Event| {
        Ok(match event.reset() {
            Reset::Auto => procsync_reset::PROCSYNC_RESET_AUTO,
            _ => procsync_reset::PROCSYNC_RESET_MANUAL,
        } as i32)
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_event_reset", event, reset, body) }
}

/// The name without prefix, for as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_name(
    event: *const procsync_event,
    name: *mut *const c_char,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::name(c"procsync_event_name", event, name) }
}

/// Ends the event's existence; `removal` (or null) is told how: a procsync_removal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_event_remove(
    event: *const procsync_event,
    removal: *mut i32,
) -> procsync_status {
    let operation = c"procsync_event_remove";
    // SAFETY: the C caller's promise.
    unsafe { removal::of(operation, event, removal, Event::remove) }
}
