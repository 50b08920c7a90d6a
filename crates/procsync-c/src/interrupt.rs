//! Whether a signal ends a wait.
#![allow(unsafe_code)] // a function of the caller's

use crate::boundary::{Outcome, call};
use crate::status::procsync_status;
use procsync::interruptible;
use std::cell::Cell;
use std::ffi::{c_int, c_void};

/// Asked in a waiting thread whether it is to give up: not 0 for yes. It must return: no exception
/// and no longjmp may leave it.
pub type procsync_interrupt = Option<unsafe extern "C" fn(context: *mut c_void) -> c_int>;

#[derive(Clone, Copy)]
struct Asked {
    interrupt: procsync_interrupt,
    context: *mut c_void,
    /// It is being asked now: what it calls itself is not interrupted by it.
    running: bool,
    /// It said that this wait is to end.
    stopped: bool,
}

thread_local! {
    static ASKED: Cell<Asked> = const {
        Cell::new(Asked { interrupt: None, context: std::ptr::null_mut(), running: false, stopped: false })
    };
}

/// Sets what the calling thread is asked while it waits, in any function of this library: after each
/// signal that a handler of this thread has handled, and every 25 ms besides. If it answers
/// anything but 0, the wait ends with PROCSYNC_INTERRUPTED, and nothing was acquired. Null, which
/// is the default: no signal ends a wait.
///
/// It is not asked when there is nothing to wait for. It may use this library itself, but not close
/// what its thread is waiting for.
#[unsafe(no_mangle)]
pub extern "C" fn procsync_set_interrupt(
    interrupt: procsync_interrupt,
    context: *mut c_void,
) -> procsync_status {
    call(c"procsync_set_interrupt", || {
        ASKED.set(Asked { interrupt, context, ..ASKED.get() });
        Ok(())
    })
}

fn ask() -> bool {
    let asked = ASKED.get();
    let Some(interrupt) = asked.interrupt else { return false };
    ASKED.set(Asked { running: true, ..asked });
    // SAFETY: whoever set it promised a function that may be called with this context, and that it
    // returns.
    let answer = unsafe { interrupt(asked.context) };
    // It may have set another one meanwhile.
    ASKED.set(Asked { running: false, stopped: answer != 0, ..ASKED.get() });
    answer != 0
}

/// Runs something that may wait.
#[inline]
pub(crate) fn waiting<T>(body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let asked = ASKED.get();
    if asked.interrupt.is_none() || asked.running {
        return body();
    }
    ASKED.set(Asked { stopped: false, ..asked });
    interruptible(ask, body)
}

/// Whether the wait of this thread that ended last was ended so: for waits that do not tell.
pub(crate) fn was_interrupted() -> bool {
    let asked = ASKED.get();
    asked.interrupt.is_some() && !asked.running && asked.stopped
}
