//! How many things there are, for whoever comes first.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Patience, call, patience, required};
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::interrupt::waiting;
use crate::options::{How, Settings, obtain, procsync_options};
use crate::removal;
use crate::status::{procsync_kind, procsync_status};
use procsync::TokenSemaphore;
use std::ffi::{CStr, c_char};

/// Counts things, over all processes that know the name: who makes one posts, who takes one waits
/// until there is one. Nobody owns a token, so none comes back when a process dies.
pub struct procsync_token_semaphore {
    _private: [u8; 0],
}

impl Opaque for procsync_token_semaphore {
    type Object = TokenSemaphore;
    const TAG: u64 = u64::from_ne_bytes(*b"tokens.\x01");
}

/// # Safety
/// As for the C functions that call it.
unsafe fn make(
    operation: &'static CStr,
    how: How,
    name: *const c_char,
    initial: u32,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_token_semaphore,
) -> procsync_status {
    call(operation, || {
        let to = required(semaphore)?;
        // SAFETY: the C caller's promise.
        let settings = unsafe { Settings::of(options) }?;
        let options = settings.common(TokenSemaphore::options(initial));
        // SAFETY: the C caller's promise.
        let semaphore = unsafe { obtain(&options, how, name) }?;
        let name = semaphore.name().to_owned();
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, &name, semaphore) };
        Ok(())
    })
}

/// Attaches to the semaphore, whatever its count, or creates it with the count `initial`. Null
/// options are the defaults. Close the handle with procsync_token_semaphore_close().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_open(
    name: *const c_char,
    initial: u32,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_token_semaphore,
) -> procsync_status {
    let operation = c"procsync_token_semaphore_open";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Open, name, initial, options, semaphore) }
}

/// Creates the semaphore; PROCSYNC_ALREADY_EXISTS if it is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_create(
    name: *const c_char,
    initial: u32,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_token_semaphore,
) -> procsync_status {
    let operation = c"procsync_token_semaphore_create";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Create, name, initial, options, semaphore) }
}

/// Attaches to the semaphore; PROCSYNC_NOT_FOUND if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_attach(
    name: *const c_char,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_token_semaphore,
) -> procsync_status {
    let operation = c"procsync_token_semaphore_attach";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Attach, name, 0, options, semaphore) }
}

/// Closes the handle. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_close(
    semaphore: *mut procsync_token_semaphore,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_token_semaphore_close", semaphore) }
}

/// Adds tokens and wakes as many waiters. PROCSYNC_OVERFLOW if there would be more than 2^32 - 1; the
/// count is unchanged then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_post(
    semaphore: *const procsync_token_semaphore,
    tokens: u32,
) -> procsync_status {
    let post = |semaphore: &TokenSemaphore| Ok(semaphore.post(tokens)?);
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_token_semaphore_post", semaphore, post) }
}

/// Waits until there is a token and takes it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for
/// not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_wait(
    semaphore: *const procsync_token_semaphore,
    timeout_ns: i64,
) -> procsync_status {
    let wait = |semaphore: &TokenSemaphore| match patience(timeout_ns)? {
        Patience::None if semaphore.try_wait()? => Ok(()),
        Patience::None => Err(not_at_once(semaphore)),
        Patience::Some(timeout) => waiting(|| Ok(semaphore.wait_timeout(timeout)?)),
        Patience::Endless => waiting(|| Ok(semaphore.wait()?)),
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_token_semaphore_wait", semaphore, wait) }
}

#[cold]
fn not_at_once(semaphore: &TokenSemaphore) -> Failure {
    let kind = procsync_kind::PROCSYNC_KIND_TOKEN_SEMAPHORE;
    Failure::NotAtOnce(kind, semaphore.name().to_owned())
}

/// How many tokens there are. The answer may be old when it comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_value(
    semaphore: *const procsync_token_semaphore,
    value: *mut u32,
) -> procsync_status {
    let body = |semaphore: &TokenSemaphore| Ok(semaphore.value());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_token_semaphore_value", semaphore, value, body) }
}

/// The name without prefix, for as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_name(
    semaphore: *const procsync_token_semaphore,
    name: *mut *const c_char,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::name(c"procsync_token_semaphore_name", semaphore, name) }
}

/// Ends the semaphore's existence; `removal` (or null) is told how: a procsync_removal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_token_semaphore_remove(
    semaphore: *const procsync_token_semaphore,
    removal: *mut i32,
) -> procsync_status {
    let operation = c"procsync_token_semaphore_remove";
    // SAFETY: the C caller's promise.
    unsafe { removal::of(operation, semaphore, removal, TokenSemaphore::remove) }
}
