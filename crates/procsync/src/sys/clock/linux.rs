//! clock_gettime(2), answered by the vDSO without entering the kernel.
//!
//! The C library's own function calls the same code after a detour that costs as much as a third
//! of it. That would not matter if the coarse clock were not read between two atomic instructions
//! by every acquisition.
#![allow(unsafe_code)] // clock_gettime, by the C library and by the vDSO

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, Ordering};

type ClockGettime = extern "C" fn(libc::clockid_t, *mut libc::timespec) -> libc::c_int;

/// A [`ClockGettime`]: at first the one that looks for the best.
static CLOCK_GETTIME: AtomicPtr<libc::c_void> =
    AtomicPtr::new(find_then_read as ClockGettime as *mut libc::c_void);

extern "C" fn find_then_read(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    let found = find();
    // Relaxed: a pointer to code that is always there.
    CLOCK_GETTIME.store(found as *mut libc::c_void, Ordering::Relaxed);
    found(clock, time)
}

extern "C" fn ask_the_c_library(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: `time` is valid to write to by the caller's care, as for this function's own callers.
    unsafe { libc::clock_gettime(clock, time) }
}

/// The vDSO's function, if the C library lets itself be asked for it; else the C library's.
fn find() -> ClockGettime {
    let symbol = if cfg!(any(target_arch = "aarch64", target_arch = "riscv64")) {
        c"__kernel_clock_gettime"
    } else {
        c"__vdso_clock_gettime"
    };
    // SAFETY: a string that ends in a zero byte. Nothing is loaded: the kernel has mapped it.
    let vdso =
        unsafe { libc::dlopen(c"linux-vdso.so.1".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if vdso.is_null() {
        return ask_the_c_library;
    }
    // SAFETY: the handle is good, and never closed.
    let found = unsafe { libc::dlsym(vdso, symbol.as_ptr()) };
    if found.is_null() {
        return ask_the_c_library;
    }
    // SAFETY: vdso(7) gives this symbol this signature, and it stays mapped.
    unsafe { std::mem::transmute::<*mut libc::c_void, ClockGettime>(found) }
}

#[inline]
fn read(clock: libc::clockid_t) -> u64 {
    let read = CLOCK_GETTIME.load(Ordering::Relaxed);
    // SAFETY: only pointers to functions of this type are ever stored there.
    let read = unsafe { std::mem::transmute::<*mut libc::c_void, ClockGettime>(read) };
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    read(clock, time.as_mut_ptr());
    // SAFETY: written just now: the call fails only for clocks that do not exist, and those used
    // here exist on every Linux since 2.6.32.
    let time = unsafe { time.assume_init() };
    // Not negative.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Nanoseconds of a clock that nobody sets and that stands still while the machine is suspended.
#[inline]
pub(crate) fn monotonic() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds since 1970.
#[inline]
pub(crate) fn wall() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// Nanoseconds since 1970, as of the last timer tick (1 to 10 ms ago): a quarter of the cost.
#[inline]
pub(crate) fn wall_coarse() -> u64 {
    read(libc::CLOCK_REALTIME_COARSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn every_way_to_read_a_clock_tells_the_same() {
        let of = |read: ClockGettime, clock| {
            let mut time = MaybeUninit::<libc::timespec>::uninit();
            assert_eq!(read(clock, time.as_mut_ptr()), 0);
            // SAFETY: written, for the call succeeded.
            unsafe { time.assume_init() }.tv_sec
        };
        for clock in [libc::CLOCK_MONOTONIC, libc::CLOCK_REALTIME, libc::CLOCK_REALTIME_COARSE] {
            let (one, other) = (of(find(), clock), of(ask_the_c_library, clock));
            assert!((one - other).abs() <= 60, "{clock}: {one} and {other}");
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!((wall() / 1_000_000_000).abs_diff(now) <= 60);
        assert!((wall_coarse() / 1_000_000_000).abs_diff(now) <= 60);
    }
}
