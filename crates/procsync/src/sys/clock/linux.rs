//! clock_gettime(2), answered by the vDSO without entering the kernel.
#![allow(unsafe_code)] // clock_gettime

#[inline]
fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    // The clocks used here exist on every Linux and are not negative.
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
