//! The C library's errno, left as it was.
#![allow(unsafe_code)] // errno is a place in memory

/// Runs `body` and puts errno back.
#[inline]
pub(crate) fn kept<T>(body: impl FnOnce() -> T) -> T {
    let before = get();
    let answer = body();
    set(before);
    answer
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn place() -> *mut libc::c_int {
    #[cfg(target_os = "linux")]
    // SAFETY: has no conditions; answers the calling thread's own errno.
    let place = unsafe { libc::__errno_location() };
    #[cfg(target_os = "macos")]
    // SAFETY: as above.
    let place = unsafe { libc::__error() };
    place
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn get() -> i32 {
    // SAFETY: the thread's own.
    unsafe { *place() }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn set(errno: i32) {
    // SAFETY: the thread's own.
    unsafe { *place() = errno };
}

// Elsewhere there are no signal handlers that could find it changed.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn get() -> i32 {
    0
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn set(_errno: i32) {}
