//! `os_sync_wait_on_address_with_timeout`, which macOS has since 14.4; before, `__ulock_wait`, the system
//! call below it, which is not documented but used by the system's own C++ library.
//!
//! Which there are is asked when the program runs, so that one program serves all versions. Where
//! there is neither (before 10.12), waits look again after a short pause.
#![allow(unsafe_code)] // dlsym and the functions that it finds

use crate::raw::host::Slept;
use crate::sys::clock;
use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

/// How long to pause before looking again, where nothing better is known.
const PAUSE: u64 = 1_000_000;

/// Up to so many are woken one by one, which tells how many there were.
const FEW: u32 = 16;

// os/os_sync_wait_on_address.h, os/clock.h
type WaitWithTimeout = unsafe extern "C" fn(*mut c_void, u64, usize, u32, u32, u64) -> c_int;
type WakeByAddress = unsafe extern "C" fn(*mut c_void, usize, u32) -> c_int;
const OS_SYNC_SHARED: u32 = 1;
const OS_CLOCK_MACH_ABSOLUTE_TIME: u32 = 32;

// bsd/sys/ulock.h of the published kernel; __ulock_wait takes microseconds, 0 for ever.
type UlockWait = unsafe extern "C" fn(u32, *mut c_void, u64, u32) -> c_int;
type UlockWake = unsafe extern "C" fn(u32, *mut c_void, u64) -> c_int;
const UL_COMPARE_AND_WAIT: u32 = 1;
const UL_COMPARE_AND_WAIT_SHARED: u32 = 3;
const ULF_WAKE_ALL: u32 = 0x100;

/// A function of the C library, looked up when it is wanted first.
struct Function {
    name: &'static CStr,
    /// Null: not looked up yet; its own address: there is none.
    found: AtomicPtr<c_void>,
}

impl Function {
    const fn new(name: &'static CStr) -> Function {
        Function { name, found: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// Its address.
    fn get(&self) -> Option<*mut c_void> {
        let none = (&raw const self.found).cast_mut().cast::<c_void>();
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            // SAFETY: a string that ends in a zero byte.
            found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, self.name.as_ptr()) };
            if found.is_null() {
                found = none;
            }
            // Relaxed: a pointer to code that is always there.
            self.found.store(found, Ordering::Relaxed);
        }
        (found != none).then_some(found)
    }
}

static WAIT: Function = Function::new(c"os_sync_wait_on_address_with_timeout");
static WAKE_ANY: Function = Function::new(c"os_sync_wake_by_address_any");
static WAKE_ALL: Function = Function::new(c"os_sync_wake_by_address_all");
static ULOCK_WAIT: Function = Function::new(c"__ulock_wait");
static ULOCK_WAKE: Function = Function::new(c"__ulock_wake");

/// Looks the functions up, which may not be done in a signal handler.
pub(crate) fn prepare() {
    for function in [&WAIT, &WAKE_ANY, &WAKE_ALL, &ULOCK_WAIT, &ULOCK_WAKE] {
        function.get();
    }
}

/// Sleeps while `word` holds `expected`, until the monotonic clock shows `until` (none: for ever).
pub(crate) fn sleep(word: &AtomicU32, expected: u32, shared: bool, until: Option<u64>) -> Slept {
    if word.load(Ordering::Relaxed) != expected {
        return Slept::Changed;
    }
    let now = clock::monotonic();
    if until.is_some_and(|until| until <= now) {
        return Slept::TimedOut;
    }
    let answer = if let Some(wait) = WAIT.get() {
        // SAFETY: os_sync_wait_on_address.h gives this symbol this signature.
        let wait = unsafe { std::mem::transmute::<*mut c_void, WaitWithTimeout>(wait) };
        wait_with_timeout(wait, word, expected, shared, until.map(|until| until - now))
    } else if let Some(wait) = ULOCK_WAIT.get() {
        // SAFETY: the kernel's ulock.h gives this symbol this signature.
        let wait = unsafe { std::mem::transmute::<*mut c_void, UlockWait>(wait) };
        wait_with_ulock(wait, word, expected, shared, until.map(|until| until - now))
    } else {
        return pause(until.map(|until| until - now));
    };
    if answer >= 0 {
        // Also if it held something else.
        return Slept::Woken;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        // Not if a single call was not to sleep that long.
        Some(libc::ETIMEDOUT) if until.is_some_and(|until| until <= clock::monotonic()) => {
            Slept::TimedOut
        }
        // EFAULT: the page was taken away just then; it comes back by looking at it.
        Some(libc::EINTR | libc::EFAULT | libc::ETIMEDOUT) => Slept::Interrupted,
        // ENOMEM: there is no room for one more sleeper just now. EINVAL: the kernel does not know the
        // operation.
        _ => pause(until.map(|until| until.saturating_sub(clock::monotonic()))),
    }
}

/// The longest that one call sleeps, in nanoseconds: an hour. Whoever wakes early looks at the clock and
/// sleeps again.
const LONGEST: u64 = 3_600_000_000_000;

fn wait_with_timeout(
    wait: WaitWithTimeout,
    word: &AtomicU32,
    expected: u32,
    shared: bool,
    left: Option<u64>,
) -> c_int {
    let flags = if shared { OS_SYNC_SHARED } else { 0 };
    // Nanoseconds, whatever the clock counts; 0 is refused.
    let timeout = left.unwrap_or(LONGEST).clamp(1, LONGEST);
    let clock = OS_CLOCK_MACH_ABSOLUTE_TIME;
    // SAFETY: `word` is a live, aligned u32 for the length of the call, and its size is given.
    unsafe { wait(word.as_ptr().cast(), expected.into(), size_of::<u32>(), flags, clock, timeout) }
}

fn wait_with_ulock(
    wait: UlockWait,
    word: &AtomicU32,
    expected: u32,
    shared: bool,
    left: Option<u64>,
) -> c_int {
    let left = left.unwrap_or(LONGEST).clamp(1, LONGEST);
    let microseconds = left.div_ceil(1_000) as u32;
    // SAFETY: `word` is a live, aligned u32 for the length of the call.
    unsafe { wait(ulock(shared), word.as_ptr().cast(), expected.into(), microseconds) }
}

fn ulock(shared: bool) -> u32 {
    if shared { UL_COMPARE_AND_WAIT_SHARED } else { UL_COMPARE_AND_WAIT }
}

fn pause(left: Option<u64>) -> Slept {
    std::thread::sleep(Duration::from_nanos(left.map_or(PAUSE, |left| left.min(PAUSE))));
    Slept::Interrupted
}

/// Wakes at most `sleepers` of those who sleep on `word`; answers how many it woke. The system only
/// tells whether it woke any: of many at once, the answer is 1. Less than was asked for always means
/// that nobody is left asleep.
pub(crate) fn wake(word: &AtomicU32, sleepers: u32, shared: bool) -> u32 {
    if sleepers > FEW {
        return match wake_once(word, true, shared) {
            Woke::Some => 1,
            Woke::Nobody => 0,
            Woke::Unknown => sleepers,
        };
    }
    for woken in 0..sleepers {
        match wake_once(word, false, shared) {
            Woke::Some => {}
            Woke::Nobody => return woken,
            Woke::Unknown => return sleepers,
        }
    }
    sleepers
}

enum Woke {
    Some,
    Nobody,
    /// It failed, so somebody may be asleep still.
    Unknown,
}

fn wake_once(word: &AtomicU32, all: bool, shared: bool) -> Woke {
    let address = word.as_ptr().cast();
    loop {
        let answer = if let Some(wake) = if all { &WAKE_ALL } else { &WAKE_ANY }.get() {
            let flags = if shared { OS_SYNC_SHARED } else { 0 };
            // SAFETY: os_sync_wait_on_address.h gives both symbols this signature.
            let wake = unsafe { std::mem::transmute::<*mut c_void, WakeByAddress>(wake) };
            // SAFETY: only the address of `word` is used, which is live for the length of the call.
            unsafe { wake(address, size_of::<u32>(), flags) }
        } else if let Some(wake) = ULOCK_WAKE.get() {
            let operation = ulock(shared) | if all { ULF_WAKE_ALL } else { 0 };
            // SAFETY: the kernel's ulock.h gives this symbol this signature.
            let wake = unsafe { std::mem::transmute::<*mut c_void, UlockWake>(wake) };
            // SAFETY: only the address of `word` is used, which is live for the length of the call.
            unsafe { wake(operation, address, 0) }
        } else {
            return Woke::Nobody; // those who pause wake by themselves
        };
        if answer >= 0 {
            return Woke::Some;
        }
        match std::io::Error::last_os_error().raw_os_error() {
            Some(libc::ENOENT) => return Woke::Nobody,
            Some(libc::EINTR) => {}
            _ => return Woke::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_ends_by_the_clock_by_a_wake_and_by_a_change() {
        let word = AtomicU32::new(1);
        assert_eq!(sleep(&word, 2, true, None), Slept::Changed);
        let until = clock::monotonic() + 2_000_000;
        while sleep(&word, 1, true, Some(until)) != Slept::TimedOut {}
        assert!(clock::monotonic() >= until);
        assert_eq!(wake(&word, 1, true), 0);
        std::thread::scope(|scope| {
            scope.spawn(|| while sleep(&word, 1, true, None) != Slept::Woken {});
            while wake(&word, 1, true) == 0 {
                std::thread::yield_now();
            }
        });
    }
}
