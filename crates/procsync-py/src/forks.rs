//! Noticing that this process is a forked child.
#![allow(unsafe_code)] // pthread_atfork

use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// Another number in a forked child than in its parent. What a process notes of what it holds is
/// good for as long as this stays the same.
#[inline(always)]
pub(crate) fn generation() -> u32 {
    // Relaxed: changed by the only thread of a new child, before it runs anything else.
    FORKS.load(Ordering::Relaxed)
}

/// To be called once, before the first use of [`generation`].
pub(crate) fn watch() {
    #[cfg(unix)]
    {
        extern "C" fn in_child() {
            FORKS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the handler only touches an atomic, which is allowed in a forked child. This
        // module is never unloaded, for Python keeps extension modules until the process ends.
        let refused = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        // It fails only without memory for a few words.
        assert_eq!(refused, 0, "no memory to watch for forks");
    }
}
