//! The performance counter, and the system's time.
#![allow(unsafe_code)] // system calls

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
use windows_sys::Win32::System::SystemInformation::GetSystemTimeAsFileTime;

const SECOND: u64 = 1_000_000_000;

/// Ticks of the performance counter in a second; never changes while the system runs.
fn frequency() -> u64 {
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    // Relaxed: whoever asks gets the same number.
    match KNOWN.load(Ordering::Relaxed) {
        0 => {
            let mut frequency = 0;
            // SAFETY: the number may be written.
            unsafe { QueryPerformanceFrequency(&raw mut frequency) };
            // The documentation promises success; a division by zero would be a poor answer if not.
            let frequency = u64::try_from(frequency).unwrap_or(0).max(1);
            KNOWN.store(frequency, Ordering::Relaxed);
            frequency
        }
        frequency => frequency,
    }
}

/// Nanoseconds of a clock that nobody sets. (It goes on while the machine is suspended.)
#[inline]
pub(crate) fn monotonic() -> u64 {
    let mut ticks = 0;
    // SAFETY: the number may be written.
    unsafe { QueryPerformanceCounter(&raw mut ticks) };
    let (ticks, frequency) = (ticks as u64, frequency());
    // In two steps: ticks times a second would overflow after a few days.
    ticks / frequency * SECOND + ticks % frequency * SECOND / frequency
}

/// Nanoseconds since 1970.
pub(crate) fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// Nanoseconds since 1970, as of the last timer tick (up to 16 ms ago): a few plain loads.
#[inline]
pub(crate) fn wall_coarse() -> u64 {
    /// From 1601, where the system begins to count, to 1970.
    const TO_1970: u64 = 11_644_473_600 * SECOND / 100;
    let mut time = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    // SAFETY: the time may be written.
    unsafe { GetSystemTimeAsFileTime(&raw mut time) };
    let hundreds = u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    hundreds.saturating_sub(TO_1970).saturating_mul(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_tell_the_time_agree() {
        let (wall, coarse) = (wall(), wall_coarse());
        assert!(wall.abs_diff(coarse) < 60 * SECOND, "{wall} and {coarse}");
    }

    #[test]
    fn the_monotonic_clock_runs_as_fast_as_the_standard_librarys() {
        let (began, standard) = (monotonic(), std::time::Instant::now());
        while standard.elapsed().as_millis() < 20 {
            std::thread::yield_now();
        }
        let took = monotonic() - began;
        assert!((20 * SECOND / 1_000..60 * SECOND).contains(&took), "{took}");
    }
}
