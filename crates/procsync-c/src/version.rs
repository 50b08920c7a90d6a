//! What this library is, in functions that cannot fail.
#![allow(unsafe_code)] // names for C

use crate::status::procsync_status;
use std::ffi::{CStr, c_char};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no zero in it"),
    };

/// The version of the library that is in use, which may be newer than that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn procsync_version() -> *const c_char {
    VERSION.as_ptr()
}

/// A procsync_status as the header calls it: "PROCSYNC_TIMED_OUT"; "unknown" for another number.
#[unsafe(no_mangle)]
pub extern "C" fn procsync_status_name(status: i32) -> *const c_char {
    let known = procsync_status::ALL.iter().find(|(known, _)| *known as i32 == status);
    known.map_or(c"unknown", |(_, name)| name).as_ptr()
}

/// The next multiple of the cache line's size (64 bytes), for laying out shared memory so that what
/// one process writes often shares no line with what another one uses.
#[unsafe(no_mangle)]
pub extern "C" fn procsync_align_to_cacheline_size(bytes: usize) -> usize {
    procsync::align_to_cacheline_size(bytes)
}
