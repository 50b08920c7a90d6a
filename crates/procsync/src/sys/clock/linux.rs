//! clock_gettime(2), answered by the vDSO without entering the kernel.
#![allow(unsafe_code)] // clock_gettime

use std::mem::MaybeUninit;

#[inline]
fn read(clock: libc::clockid_t) -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `time` has room for a timespec.
    unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
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
