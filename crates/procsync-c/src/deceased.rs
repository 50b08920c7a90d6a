//! Who died holding what the calling thread acquired.
#![allow(unsafe_code)] // a thread's own memory, which C may read

use crate::boundary::Answer;
use crate::status::procsync_cause;
use procsync::{Cause, Deceased};
use std::cell::UnsafeCell;
use std::time::{SystemTime, UNIX_EPOCH};

/// A holder that died while it held. Read it by pointer only, never copy it whole: later versions
/// may add fields at its end.
#[repr(C)]
pub struct procsync_deceased {
    /// Its process id, in its own pid namespace.
    pub pid: u32,
    /// Its thread id; 0 if it held as a process.
    pub tid: u32,
    /// How it came to let go: a procsync_cause.
    pub cause: i32,
    /// Not used.
    pub reserved: i32,
    /// When that was noticed, in nanoseconds since 1970; 0: not known.
    pub noticed_ns: u64,
}

thread_local! {
    // Without a destructor, so that it can be read until the thread's very end.
    static LAST: UnsafeCell<procsync_deceased> = const {
        UnsafeCell::new(procsync_deceased { pid: 0, tid: 0, cause: procsync_cause::PROCSYNC_CAUSE_NONE as i32, reserved: 0, noticed_ns: 0 })
    };
}

/// Nanoseconds since 1970; 0 for a time that is not known.
pub(crate) fn nanoseconds(time: Option<SystemTime>) -> u64 {
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}

/// Answers whether the previous holder died; if it did, writes down who that was.
///
/// # Safety
/// The place must be valid for writes.
pub(crate) unsafe fn tell(abandoned: Option<Answer<bool>>, by: Option<Deceased>) {
    if let Some(by) = &by {
        write_down(by);
    }
    if let Some(to) = abandoned {
        // SAFETY: the caller's promise.
        unsafe { to.give(by.is_some()) };
    }
}

fn number(cause: Cause) -> procsync_cause {
    match cause {
        Cause::ThreadExited => procsync_cause::PROCSYNC_CAUSE_THREAD_EXITED,
        Cause::Closed => procsync_cause::PROCSYNC_CAUSE_CLOSED,
        Cause::Forced => procsync_cause::PROCSYNC_CAUSE_FORCED,
        _ => procsync_cause::PROCSYNC_CAUSE_DIED,
    }
}

#[cold]
fn write_down(by: &Deceased) {
    let now = procsync_deceased {
        pid: by.pid,
        tid: by.tid,
        cause: number(by.cause) as i32,
        reserved: 0,
        noticed_ns: nanoseconds(by.noticed),
    };
    LAST.with(|last| {
        // SAFETY: the thread's own memory, to which no reference exists.
        unsafe { *last.get() = now };
    });
}

/// Who died holding what the calling thread acquired last with the answer `abandoned`. Never
/// null; all zeros before that. Valid until the next such acquisition of this thread, or its end.
#[unsafe(no_mangle)]
pub extern "C" fn procsync_last_deceased() -> *const procsync_deceased {
    LAST.with(|last| last.get().cast_const())
}
