//! The details of a thread's last failure.
#![allow(unsafe_code)] // a thread's own memory, which C may read

use crate::failure::Failure;
use crate::status::{procsync_kind, procsync_status};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char};
use std::fmt::{self, Write};
use std::ptr;

/// What a function of the calling thread failed of last. Read it by pointer only, never copy it
/// whole: later versions may add fields at its end.
#[repr(C)]
pub struct procsync_error {
    /// What the function answered: a procsync_status.
    pub code: i32,
    /// What the system said, if the code is PROCSYNC_SYSTEM; else 0.
    pub system_errno: i32,
    /// What kind of object it is about: a procsync_kind.
    pub kind: i32,
    /// Which function failed.
    pub operation: *const c_char,
    /// The name of the object; empty if it is about none.
    pub object: *const c_char,
    /// What was tried, what the system answered, and what to do. At most 1,023 bytes of UTF-8.
    pub message: *const c_char,
}

const OBJECT_SIZE: usize = 192;
const MESSAGE_SIZE: usize = 1_024;

/// Fixed arrays: writing down an error takes no memory, so it cannot fail.
struct Memory {
    error: procsync_error,
    object: [u8; OBJECT_SIZE],
    message: [u8; MESSAGE_SIZE],
}

thread_local! {
    // Without a destructor, so that it can be read and written until the thread's very end.
    static LAST: UnsafeCell<Memory> = const {
        UnsafeCell::new(Memory {
            error: procsync_error {
                code: 0,
                system_errno: 0,
                kind: 0,
                operation: ptr::null(),
                object: ptr::null(),
                message: ptr::null(),
            },
            object: [0; OBJECT_SIZE],
            message: [0; MESSAGE_SIZE],
        })
    };
}

/// Writes a failure down; answers its status.
#[cold]
pub(crate) fn set(operation: &'static CStr, failure: &Failure) -> procsync_status {
    let (status, (kind, object)) = (failure.status(), failure.object());
    write_down(operation, status, failure.errno(), kind, object, format_args!("{failure}"));
    status
}

/// Writes down that this library broke down.
#[cold]
pub(crate) fn set_internal(operation: &'static CStr, why: &str) -> procsync_status {
    let status = procsync_status::PROCSYNC_INTERNAL;
    let none = procsync_kind::PROCSYNC_KIND_NONE;
    write_down(operation, status, 0, none, "", format_args!("a defect of procsync: {why}"));
    status
}

fn write_down(
    operation: &'static CStr,
    status: procsync_status,
    system_errno: i32,
    kind: procsync_kind,
    object: &str,
    message: fmt::Arguments<'_>,
) {
    LAST.with(|last| {
        let last = last.get();
        // The texts first, in arrays of their own: what writes them is code of others, and no
        // reference to the thread's memory lives while it runs.
        let mut object_text = Text { bytes: [0; OBJECT_SIZE], used: 0 };
        let mut message_text = Text { bytes: [0; MESSAGE_SIZE], used: 0 };
        // What does not fit is cut off, which is no failure.
        let _ = object_text.write_str(object);
        let _ = message_text.write_fmt(message);
        // SAFETY: the thread's own memory, to which no reference exists: this function makes the
        // only one, and calls nothing that comes back here while it lives.
        let last = unsafe { &mut *last };
        last.object = object_text.bytes;
        last.message = message_text.bytes;
        last.error = procsync_error {
            code: status as i32,
            system_errno,
            kind: kind as i32,
            operation: operation.as_ptr(),
            object: last.object.as_ptr().cast(),
            message: last.message.as_ptr().cast(),
        };
    });
}

/// Text that always ends in a zero and is cut off between characters.
struct Text<const SIZE: usize> {
    bytes: [u8; SIZE],
    used: usize,
}

impl<const SIZE: usize> Write for Text<SIZE> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            // A zero would end the text for C.
            let character = if character == '\0' { '\u{fffd}' } else { character };
            let length = character.len_utf8();
            if self.used + length >= SIZE {
                return Err(fmt::Error);
            }
            character.encode_utf8(&mut self.bytes[self.used..]);
            self.used += length;
        }
        Ok(())
    }
}

/// The details of what a function failed of last in the calling thread. Never null; with the code
/// 0 if none has failed yet. Valid until the next failure in this thread, or its end. A function
/// that succeeds leaves it as it is.
#[unsafe(no_mangle)]
pub extern "C" fn procsync_last_error() -> *const procsync_error {
    LAST.with(|last| {
        let last = last.get();
        // SAFETY: the thread's own memory; the pointer is not used to write before it is checked.
        let error = unsafe { &raw mut (*last).error };
        // SAFETY: as above; a plain pointer is read.
        let fresh = unsafe { (*error).message }.is_null();
        if fresh {
            // SAFETY: the thread's own memory, to which no reference exists.
            unsafe { (*error).operation = c"".as_ptr() };
            // SAFETY: as above.
            unsafe { (*error).object = c"".as_ptr() };
            // SAFETY: as above.
            unsafe { (*error).message = c"".as_ptr() };
        }
        error.cast_const()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_off_between_characters() {
        let long = "ä".repeat(2_000);
        set_internal(c"test", &long);
        // SAFETY: never null, and nothing fails here meanwhile.
        let error = unsafe { &*procsync_last_error() };
        // SAFETY: it points to a text that ends in a zero.
        let message = unsafe { CStr::from_ptr(error.message) };
        let text = message.to_str().expect("whole characters");
        assert!(text.ends_with('ä') && text.len() >= MESSAGE_SIZE - 3, "{}", text.len());
    }

    #[test]
    fn before_a_failure_there_are_empty_texts() {
        std::thread::spawn(|| {
            // SAFETY: never null.
            let error = unsafe { &*procsync_last_error() };
            assert_eq!(error.code, 0);
            for text in [error.operation, error.object, error.message] {
                // SAFETY: an empty text.
                assert!(unsafe { CStr::from_ptr(text) }.is_empty());
            }
        })
        .join()
        .expect("no panic");
    }
}
