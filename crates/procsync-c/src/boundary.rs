//! What every function does: check what it was given, run, and let nothing but a number out.
#![allow(unsafe_code)] // pointers that C gives

use crate::failure::Failure;
use crate::last_error;
use crate::status::procsync_status;
use std::any::Any;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::time::Duration;

/// What the body of a function comes to.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Runs the body of a function. No panic gets past it.
#[inline]
pub(crate) fn call(operation: &'static CStr, body: impl FnOnce() -> Outcome) -> procsync_status {
    // What a panic interrupts is this call's own; the library's objects stand in shared memory, and
    // are made for users that stop at any instruction.
    let caught = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        tests::panic_if_told_to();
        match body() {
            Ok(()) => procsync_status::PROCSYNC_OK,
            Err(failure) => last_error::set(operation, &failure),
        }
    }));
    match caught {
        Ok(status) => status,
        Err(payload) => broken(operation, payload),
    }
}

#[cold]
fn broken(operation: &'static CStr, payload: Box<dyn Any + Send>) -> procsync_status {
    let why = match payload.downcast_ref::<&str>() {
        Some(why) => why,
        None => payload.downcast_ref::<String>().map_or("it panicked", String::as_str),
    };
    // Writing it down formats two texts into arrays: no panic in there.
    let status = last_error::set_internal(operation, why);
    // A payload may panic when it is dropped.
    std::mem::forget(payload);
    status
}

/// Where an answer goes.
///
/// # Errors
/// A null or misaligned pointer.
pub(crate) fn required<T>(to: *mut T) -> Outcome<Answer<T>> {
    optional(to)?.ok_or(Failure::argument("a pointer that must not be null is null"))
}

/// Where an answer goes, if the caller wants it.
///
/// # Errors
/// A misaligned pointer.
pub(crate) fn optional<T>(to: *mut T) -> Outcome<Option<Answer<T>>> {
    match NonNull::new(to) {
        None => Ok(None),
        Some(to) if to.is_aligned() => Ok(Some(Answer(to))),
        Some(_) => Err(Failure::argument("a pointer is not aligned to what it points to")),
    }
}

/// A place of the caller's for an answer: neither null nor misaligned.
#[derive(Clone, Copy)]
pub(crate) struct Answer<T>(NonNull<T>);

impl<T> Answer<T> {
    /// Writes the answer.
    ///
    /// # Safety
    /// The place must be valid for writes.
    pub(crate) unsafe fn give(self, value: T) {
        // SAFETY: valid, by the caller's promise; aligned, or `optional` had refused it.
        unsafe { self.0.write(value) };
    }

    /// Reads what is there.
    ///
    /// # Safety
    /// The place must be valid for reads, and there must be a `T`.
    pub(crate) unsafe fn look(self) -> T
    where
        T: Copy,
    {
        // SAFETY: as for `give`.
        unsafe { self.0.read() }
    }
}

/// A text of the caller's.
///
/// # Safety
/// Null, or a pointer to a text that ends in a zero and stays as it is during `'a`.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Outcome<&'a str> {
    if text.is_null() {
        return Err(Failure::argument("the name is a null pointer"));
    }
    // SAFETY: by the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| {
        let name = text.to_string_lossy().into_owned();
        let reason = "it is not UTF-8".to_owned();
        Failure::Named(procsync::Error::InvalidName { name, reason })
    })
}

/// Bytes of the caller's, to be read.
///
/// # Safety
/// `length` bytes must be valid for reads at `bytes`, and stay as they are during `'a`; or `bytes`
/// is null, or `length` 0.
pub(crate) unsafe fn bytes<'a>(bytes: *const u8, length: usize) -> Outcome<&'a [u8]> {
    check_range(bytes, length)?;
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: by the caller's promise, and not null nor beyond the end of all memory.
    Ok(unsafe { std::slice::from_raw_parts(bytes, length) })
}

/// Bytes of the caller's, to be written.
///
/// # Safety
/// As for [`bytes`], also for writes, and nobody else reads or writes them during `'a`.
pub(crate) unsafe fn bytes_mut<'a>(bytes: *mut u8, length: usize) -> Outcome<&'a mut [u8]> {
    check_range(bytes, length)?;
    if length == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as in `bytes`.
    Ok(unsafe { std::slice::from_raw_parts_mut(bytes, length) })
}

fn check_range(bytes: *const u8, length: usize) -> Outcome {
    if bytes.is_null() && length > 0 {
        return Err(Failure::argument("a pointer that must not be null is null"));
    }
    // What a slice can be: its end must not be beyond the end of all memory.
    if isize::try_from(length).is_err() || (bytes as usize).checked_add(length).is_none() {
        return Err(Failure::argument("a length is beyond all memory"));
    }
    Ok(())
}

/// How long a call may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    None,
    Some(Duration),
    Endless,
}

/// What a timeout in nanoseconds stands for.
#[inline]
pub(crate) fn patience(timeout_ns: i64) -> Outcome<Patience> {
    match timeout_ns {
        0 => Ok(Patience::None),
        -1 => Ok(Patience::Endless),
        1.. => Ok(Patience::Some(Duration::from_nanos(timeout_ns.unsigned_abs()))),
        _ => Err(Failure::argument("a timeout is a number of nanoseconds, 0, or -1 for ever")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static PANIC: Cell<bool> = const { Cell::new(false) };
    }

    /// In this crate's own tests only: there is no such thing in the library that ships.
    pub(super) fn panic_if_told_to() {
        if PANIC.get() {
            std::panic::panic_any("told to".to_owned());
        }
    }

    /// Runs `body`, in which every function of this library panics.
    pub(crate) fn with_panics<T>(body: impl FnOnce() -> T) -> T {
        PANIC.set(true);
        let answer = body();
        PANIC.set(false);
        answer
    }

    #[test]
    fn timeouts_are_what_the_header_says() {
        assert_eq!(patience(0).ok(), Some(Patience::None));
        assert_eq!(patience(-1).ok(), Some(Patience::Endless));
        assert_eq!(patience(5).ok(), Some(Patience::Some(Duration::from_nanos(5))));
        assert!(patience(-2).is_err() && patience(i64::MIN).is_err());
        assert!(patience(i64::MAX).is_ok());
    }

    #[test]
    fn pointers_that_cannot_be_are_refused() {
        let mut numbers = [0_u32; 2];
        let place = numbers.as_mut_ptr();
        assert!(required(place).is_ok());
        assert!(required(std::ptr::null_mut::<u32>()).is_err());
        assert!(optional(std::ptr::null_mut::<u32>()).is_ok_and(|to| to.is_none()));
        let misaligned = place.cast::<u8>().wrapping_add(1).cast::<u32>();
        assert!(required(misaligned).is_err() && optional(misaligned).is_err());
        for (place, length) in [(std::ptr::null_mut(), 1), (place.cast(), usize::MAX)] {
            // SAFETY: refused before anything is read.
            assert!(unsafe { bytes(place, length) }.is_err());
            // SAFETY: as above.
            assert!(unsafe { bytes_mut(place, length) }.is_err());
        }
        // SAFETY: no bytes at all.
        assert!(unsafe { bytes(std::ptr::null(), 0) }.is_ok());
    }
}
