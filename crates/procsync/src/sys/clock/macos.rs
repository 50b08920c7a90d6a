//! clock_gettime(2), which reads a page that the kernel shares with every process.
#![allow(unsafe_code)] // clock_gettime

use std::mem::MaybeUninit;

#[inline]
fn read(clock: libc::clockid_t) -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the time may be written.
    unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    // SAFETY: written just now: the call fails only for clocks that do not exist, and those used
    // here exist since macOS 10.12.
    let time = unsafe { time.assume_init() };
    // Not negative.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Nanoseconds of a clock that nobody sets and that stands still while the machine is suspended.
/// Not `CLOCK_MONOTONIC`, which goes on here while the machine sleeps; and this one is
/// `mach_absolute_time` in other units, by which the kernel can be told when to wake a thread.
#[inline]
pub(crate) fn monotonic() -> u64 {
    read(libc::CLOCK_UPTIME_RAW)
}

/// Nanoseconds since 1970.
#[inline]
pub(crate) fn wall() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// The same: there is no coarser clock of the day here.
#[inline]
pub(crate) fn wall_coarse() -> u64 {
    wall()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn clocks_go_and_tell_the_time_of_day() {
        let before = monotonic();
        while monotonic() == before {}
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!((wall() / 1_000_000_000).abs_diff(now) <= 60);
    }
}
