//! Words in the caller's memory.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Answer, Outcome, Patience, call, optional, patience, required};
use crate::failure::Failure;
use crate::interrupt::{waiting, was_interrupted};
use crate::status::{of_number, procsync_status};
use procsync::raw::{self, AtomicU32, AtomicU64, FutexWord};
use std::ffi::c_int;
use std::time::{Duration, Instant};

/// What procsync_atomic_u32_fetch() and procsync_atomic_u64_fetch() do to a number.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_atomic {
    /// Replace it.
    PROCSYNC_ATOMIC_SWAP = 0,
    /// Add, beginning again at 0 after the largest number.
    PROCSYNC_ATOMIC_ADD = 1,
    /// Subtract, going on with the largest number below 0.
    PROCSYNC_ATOMIC_SUBTRACT = 2,
    /// Keep those bits that the operand has too.
    PROCSYNC_ATOMIC_AND = 3,
    /// Add the bits that the operand has.
    PROCSYNC_ATOMIC_OR = 4,
    /// Make it the larger one of itself and the operand.
    PROCSYNC_ATOMIC_MAX = 5,
    /// Make it the smaller one of itself and the operand.
    PROCSYNC_ATOMIC_MIN = 6,
}

of_number!(procsync_atomic: PROCSYNC_ATOMIC_SWAP, PROCSYNC_ATOMIC_ADD, PROCSYNC_ATOMIC_SUBTRACT, PROCSYNC_ATOMIC_AND, PROCSYNC_ATOMIC_OR, PROCSYNC_ATOMIC_MAX, PROCSYNC_ATOMIC_MIN);

/// # Safety
/// The place must be valid for writes.
unsafe fn tell<T>(to: Option<Answer<T>>, value: T) {
    if let Some(to) = to {
        // SAFETY: the caller's promise.
        unsafe { to.give(value) };
    }
}

/// Sleeps while the word holds `expected`, at most `timeout_ns` nanoseconds, -1 for ever. OK: it was
/// woken, or the word holds something else, or for no reason: look again. PROCSYNC_TIMED_OUT else.
/// `shared`: not 0 if other processes map the word; all users must say the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_futex_wait(
    word: *mut u32,
    expected: u32,
    timeout_ns: i64,
    shared: c_int,
) -> procsync_status {
    call(c"procsync_futex_wait", || {
        required(word)?;
        // SAFETY: the C caller's promise.
        let word = unsafe { FutexWord::from_ptr(word.cast(), 4, shared != 0) }?;
        let timeout = match patience(timeout_ns)? {
            Patience::None => Some(Duration::ZERO),
            Patience::Some(timeout) => Some(timeout),
            Patience::Endless => None,
        };
        let began = Instant::now();
        let woken = waiting(|| Ok(word.wait(expected, timeout)))?;
        let (what, waited) = ("futex word", began.elapsed());
        if was_interrupted() {
            return Err(raw::Error::Interrupted { what, waited }.into());
        }
        if woken { Ok(()) } else { Err(raw::Error::TimedOut { what, waited, pid: 0 }.into()) }
    })
}

/// Wakes at most `count` of those who sleep on the word; `woken` (or null) is told how many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_futex_wake(
    word: *mut u32,
    count: u32,
    shared: c_int,
    woken: *mut u32,
) -> procsync_status {
    call(c"procsync_futex_wake", || {
        required(word)?;
        let to = optional(woken)?;
        // SAFETY: the C caller's promise.
        let word = unsafe { FutexWord::from_ptr(word.cast(), 4, shared != 0) }?;
        // SAFETY: the C caller's promise.
        unsafe { tell(to, word.wake(count)) };
        Ok(())
    })
}

/// # Safety
/// The place must be valid for reads and writes, and others use it by atomics only.
unsafe fn word_32(number: *mut u32) -> Outcome<AtomicU32<'static>> {
    required(number)?;
    // SAFETY: the caller's promise.
    Ok(unsafe { AtomicU32::from_ptr(number.cast(), size_of::<u32>()) }?)
}

/// Reads a number that others change, with acquire ordering.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_atomic_u32_load(
    number: *const u32,
    value: *mut u32,
) -> procsync_status {
    call(c"procsync_atomic_u32_load", || {
        let to = required(value)?;
        // SAFETY: the C caller's promise.
        let number = unsafe { word_32(number.cast_mut()) }?;
        // SAFETY: the C caller's promise.
        unsafe { to.give(number.load()) };
        Ok(())
    })
}

/// Writes a number that others read, with release ordering.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_atomic_u32_store(
    number: *mut u32,
    value: u32,
) -> procsync_status {
    call(c"procsync_atomic_u32_store", || {
        // SAFETY: the C caller's promise.
        unsafe { word_32(number) }?.store(value);
        Ok(())
    })
}

/// Writes `desired` if the number is what `expected` points to; `exchanged` (or null) is told whether
/// it was. If it was not, `expected` is told what it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_atomic_u32_compare_exchange(
    number: *mut u32,
    expected: *mut u32,
    desired: u32,
    exchanged: *mut bool,
) -> procsync_status {
    call(c"procsync_atomic_u32_compare_exchange", || {
        let (place, to) = (required(expected)?, optional(exchanged)?);
        // SAFETY: the C caller's promise.
        let number = unsafe { word_32(number) }?;
        // SAFETY: the C caller's promise.
        let expected = unsafe { place.look() };
        let result = number.compare_exchange(expected, desired);
        if let Err(found) = result {
            // SAFETY: the C caller's promise.
            unsafe { place.give(found) };
        }
        // SAFETY: the C caller's promise.
        unsafe { tell(to, result.is_ok()) };
        Ok(())
    })
}

/// Changes the number in one step, as a procsync_atomic says; `before` (or null) is told what it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_atomic_u32_fetch(
    number: *mut u32,
    operation: i32,
    operand: u32,
    before: *mut u32,
) -> procsync_status {
    call(c"procsync_atomic_u32_fetch", || {
        let to = optional(before)?;
        // SAFETY: the C caller's promise.
        let number = unsafe { word_32(number) }?;
        let before = match procsync_atomic::of(operation) {
            Some(procsync_atomic::PROCSYNC_ATOMIC_SWAP) => number.swap(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_ADD) => number.fetch_add(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_SUBTRACT) => number.fetch_sub(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_AND) => number.fetch_and(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_OR) => number.fetch_or(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_MAX) => number.fetch_max(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_MIN) => number.fetch_min(operand),
            None => return Err(Failure::argument("an operation is one of procsync_atomic")),
        };
        // SAFETY: the C caller's promise.
        unsafe { tell(to, before) };
        Ok(())
    })
}

/// # Safety
/// The place must be valid for reads and writes, and others use it by atomics only.
unsafe fn word_64(number: *mut u64) -> Outcome<AtomicU64<'static>> {
    required(number)?;
    // SAFETY: the caller's promise.
    Ok(unsafe { AtomicU64::from_ptr(number.cast(), size_of::<u64>()) }?)
}

/// Reads a number that others change, with acquire ordering.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_atomic_u64_load(
    number: *const u64,
    value: *mut u64,
) -> procsync_status {
    call(c"procsync_atomic_u64_load", || {
        let to = required(value)?;
        // SAFETY: the C caller's promise.
        let number = unsafe { word_64(number.cast_mut()) }?;
        // SAFETY: the C caller's promise.
        unsafe { to.give(number.load()) };
        Ok(())
    })
}

/// Writes a number that others read, with release ordering.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_atomic_u64_store(
    number: *mut u64,
    value: u64,
) -> procsync_status {
    call(c"procsync_atomic_u64_store", || {
        // SAFETY: the C caller's promise.
        unsafe { word_64(number) }?.store(value);
        Ok(())
    })
}

/// Writes `desired` if the number is what `expected` points to; `exchanged` (or null) is told whether
/// it was. If it was not, `expected` is told what it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_atomic_u64_compare_exchange(
    number: *mut u64,
    expected: *mut u64,
    desired: u64,
    exchanged: *mut bool,
) -> procsync_status {
    call(c"procsync_atomic_u64_compare_exchange", || {
        let (place, to) = (required(expected)?, optional(exchanged)?);
        // SAFETY: the C caller's promise.
        let number = unsafe { word_64(number) }?;
        // SAFETY: the C caller's promise.
        let expected = unsafe { place.look() };
        let result = number.compare_exchange(expected, desired);
        if let Err(found) = result {
            // SAFETY: the C caller's promise.
            unsafe { place.give(found) };
        }
        // SAFETY: the C caller's promise.
        unsafe { tell(to, result.is_ok()) };
        Ok(())
    })
}

/// Changes the number in one step, as a procsync_atomic says; `before` (or null) is told what it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_atomic_u64_fetch(
    number: *mut u64,
    operation: i32,
    operand: u64,
    before: *mut u64,
) -> procsync_status {
    call(c"procsync_atomic_u64_fetch", || {
        let to = optional(before)?;
        // SAFETY: the C caller's promise.
        let number = unsafe { word_64(number) }?;
        let before = match procsync_atomic::of(operation) {
            Some(procsync_atomic::PROCSYNC_ATOMIC_SWAP) => number.swap(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_ADD) => number.fetch_add(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_SUBTRACT) => number.fetch_sub(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_AND) => number.fetch_and(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_OR) => number.fetch_or(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_MAX) => number.fetch_max(operand),
            Some(procsync_atomic::PROCSYNC_ATOMIC_MIN) => number.fetch_min(operand),
            None => return Err(Failure::argument("an operation is one of procsync_atomic")),
        };
        // SAFETY: the C caller's promise.
        unsafe { tell(to, before) };
        Ok(())
    })
}
