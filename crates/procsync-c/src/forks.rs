//! Telling a forked child from its parent.
#![allow(unsafe_code)] // pthread_atfork

use std::sync::atomic::{AtomicU16, Ordering};

static FORKS: AtomicU16 = AtomicU16::new(0);

/// How many forks lie between this process and the one that noticed forks first. A system call like
/// getpid would tell processes apart too, but costs more than a lock.
#[inline]
pub(crate) fn count() -> u16 {
    // Relaxed: changed by the only thread of a new child, before it runs anything else.
    FORKS.load(Ordering::Relaxed)
}

#[cfg(unix)]
extern "C" fn in_child() {
    // A load and a store: there is no other thread.
    FORKS.store(count().wrapping_add(1), Ordering::Relaxed);
}

/// To be called before what the count is asked for.
pub(crate) fn notice() {
    #[cfg(unix)]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            // SAFETY: the function makes a load and a store, which a child of many threads may do.
            // It fails for want of memory only; then, as elsewhere, forks go unnoticed.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
    }
}
