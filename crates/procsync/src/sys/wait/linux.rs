//! futex(2): `FUTEX_WAIT_BITSET`, because its timeout is absolute on the monotonic clock.
#![allow(unsafe_code)] // the futex system call

use crate::raw::host::Slept;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

fn operation(operation: libc::c_int, shared: bool) -> libc::c_int {
    if shared { operation } else { operation | libc::FUTEX_PRIVATE_FLAG }
}

/// Sleeps while `word` holds `expected`, until the monotonic clock shows `until` (none: for ever).
pub(crate) fn sleep(word: &AtomicU32, expected: u32, shared: bool, until: Option<u64>) -> Slept {
    let time = until.map(|ns| libc::timespec {
        // Beyond the year 2262 is for ever, and the division fits every time_t of 64 bits.
        tv_sec: (ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `word` is a live, aligned u32 for the length of the call, and `time` is null or
    // points to a timespec that lives as long.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            operation(libc::FUTEX_WAIT_BITSET, shared),
            expected,
            time,
            std::ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        )
    };
    if answer == 0 {
        return Slept::Woken;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN) => Slept::Changed,
        Some(libc::ETIMEDOUT) => Slept::TimedOut,
        // EINTR. Anything else (ENOSYS under a sandbox, say) ends in looking again, which is
        // right, if not cheap; give the CPU away so that it does not starve the others.
        Some(libc::EINTR) => Slept::Interrupted,
        _ => {
            std::thread::yield_now();
            Slept::Interrupted
        }
    }
}

/// Wakes at most `sleepers` of those who sleep on `word`; answers how many it woke.
pub(crate) fn wake(word: &AtomicU32, sleepers: u32, shared: bool) -> u32 {
    // The kernel takes a signed number.
    let most = sleepers.min(i32::MAX as u32);
    // SAFETY: the kernel only uses the address of `word`, which is live for the length of the call.
    let woken = unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), operation(libc::FUTEX_WAKE, shared), most)
    };
    u32::try_from(woken).unwrap_or(0)
}

/// How many bytes of an object's file the system needs to know who sleeps: the kernel knows it.
pub(crate) const TABLE: usize = 0;

/// Who sleeps on words in a piece of memory need not be written down.
#[derive(Debug)]
pub(crate) struct Sleepers;

impl Sleepers {
    /// # Safety
    /// None: it does nothing.
    pub(crate) unsafe fn register(
        _start: NonNull<u8>,
        _length: usize,
        _first: u64,
        _table: NonNull<u8>,
    ) -> Sleepers {
        Sleepers
    }
}
