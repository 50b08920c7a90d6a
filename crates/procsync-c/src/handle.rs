//! What C's opaque pointers point to.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Answer, Outcome, call, required};
use crate::failure::Failure;
use crate::status::procsync_status;
use std::ffi::{CStr, CString, c_char};
use std::sync::atomic::{AtomicU64, Ordering};

/// A type that is only named in C, and what stands behind it.
pub(crate) trait Opaque: 'static {
    /// What stands behind it.
    type Object: Send + Sync + 'static;
    /// What is at the beginning of each, so that one is not taken for another.
    const TAG: u64;
}

/// In place of the tag once it is closed, for as long as nothing else uses the memory.
const CLOSED: u64 = u64::from_ne_bytes(*b"closed..");

/// What an opaque pointer points to. The tag comes first in all of them, so that it can be read
/// before it is known which one it is.
#[repr(C)]
struct Boxed<O: Opaque> {
    tag: AtomicU64,
    name: CString,
    object: O::Object,
}

const NULL: Failure = Failure::Handle("the handle is a null pointer");
const WRONG: Failure = Failure::Handle("this is not a handle of that kind, or it was closed");

/// The tag behind a pointer.
///
/// # Safety
/// Null, misaligned, or a pointer to eight readable bytes.
#[inline]
unsafe fn tag<'a, O: Opaque>(handle: *const O) -> Outcome<&'a AtomicU64> {
    let tag = handle.cast::<AtomicU64>();
    if tag.is_null() {
        return Err(NULL);
    }
    if !tag.is_aligned() {
        return Err(WRONG);
    }
    // SAFETY: readable by the caller's promise, not null, aligned; all bytes are a value of an
    // atomic.
    Ok(unsafe { &*tag })
}

#[inline]
unsafe fn boxed<'a, O: Opaque>(handle: *const O) -> Outcome<&'a Boxed<O>> {
    // SAFETY: the caller's promise is that of `object`.
    let tag = unsafe { tag(handle) }?;
    // Relaxed: who got the handle from another thread got it after it was made.
    if tag.load(Ordering::Relaxed) != O::TAG {
        return Err(WRONG);
    }
    // SAFETY: the tag says that `make` made it, for this type; it is not freed before the caller
    // says so, by `close`.
    Ok(unsafe { &*handle.cast::<Boxed<O>>() })
}

/// What stands behind a pointer.
///
/// # Safety
/// Null, or a pointer that `make` gave, for whatever type, and that is not closed during `'a`.
#[inline]
pub(crate) unsafe fn object<'a, O: Opaque>(handle: *const O) -> Outcome<&'a O::Object> {
    // SAFETY: the caller's promise.
    Ok(&unsafe { boxed(handle) }?.object)
}

/// A function on one object.
///
/// # Safety
/// As for [`object`], during the call.
#[inline]
pub(crate) unsafe fn on<O: Opaque>(
    operation: &'static CStr,
    handle: *const O,
    body: impl FnOnce(&O::Object) -> Outcome,
) -> procsync_status {
    call(operation, || {
        // SAFETY: the caller's promise.
        body(unsafe { object(handle) }?)
    })
}

/// A function on one object that answers something.
///
/// # Safety
/// As for [`object`], during the call; `to` must be null, misaligned, or valid for writes.
#[inline]
pub(crate) unsafe fn ask<O: Opaque, T>(
    operation: &'static CStr,
    handle: *const O,
    to: *mut T,
    body: impl FnOnce(&O::Object) -> Outcome<T>,
) -> procsync_status {
    let body = |object: &O::Object| {
        let to = required(to)?;
        let answer = body(object)?;
        // SAFETY: the caller's promise.
        unsafe { to.give(answer) };
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { on(operation, handle, body) }
}

/// The name of the object, without prefix, for as long as the handle.
///
/// # Safety
/// As for [`ask`].
pub(crate) unsafe fn name<O: Opaque>(
    operation: &'static CStr,
    handle: *const O,
    to: *mut *const c_char,
) -> procsync_status {
    call(operation, || {
        let to = required(to)?;
        // SAFETY: the caller's promise.
        let name = unsafe { boxed(handle) }?.name.as_ptr();
        // SAFETY: the caller's promise.
        unsafe { to.give(name) };
        Ok(())
    })
}

/// Makes a handle and gives it to the caller, who is to close it.
///
/// # Safety
/// The place must be valid for writes.
pub(crate) unsafe fn give<O: Opaque>(to: Answer<*mut O>, name: &str, object: O::Object) {
    // Names that the library has accepted have no zeros.
    let name = CString::new(name).unwrap_or_default();
    let boxed = Box::new(Boxed::<O> { tag: AtomicU64::new(O::TAG), name, object });
    // SAFETY: the caller's promise.
    unsafe { to.give(Box::into_raw(boxed).cast::<O>()) };
}

/// Frees a handle. Null is nothing to free, and so a success.
///
/// # Safety
/// As for [`object`]; nobody else uses the handle during the call or after it.
pub(crate) unsafe fn close<O: Opaque>(operation: &'static CStr, handle: *mut O) -> procsync_status {
    call(operation, || {
        if handle.is_null() {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        let tag = unsafe { tag(handle) }?;
        // One exchange, so that of two who close it one is told, if it notices at all.
        if tag.compare_exchange(O::TAG, CLOSED, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return Err(WRONG);
        }
        // SAFETY: the tag says that `give` made it from a box of this type; nobody has closed it
        // before, and nobody uses it any more, by the caller's promise.
        drop(unsafe { Box::from_raw(handle.cast::<Boxed<O>>()) });
        Ok(())
    })
}
