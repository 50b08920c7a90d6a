//! What the tests of several types here need.
#![allow(unsafe_code)] // memory, signals and processes
#![allow(clippy::disallowed_types)] // nothing here is modelled

#[cfg(unix)]
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// More than anything takes on the busiest machine.
pub(super) fn patience() -> Duration {
    Duration::from_secs(30)
}

#[repr(align(64))]
pub(super) struct AlignedBytes(pub(super) [u8; 128]);

pub(super) fn aligned_bytes() -> AlignedBytes {
    AlignedBytes([0; 128])
}

#[cfg(unix)]
static HANDLED: AtomicU32 = AtomicU32::new(0);

/// A signal each millisecond for the thread that made this, with a handler that does not restart
/// system calls.
#[cfg(unix)]
pub(super) struct Storm {
    over: std::sync::Arc<AtomicBool>,
    sender: Option<std::thread::JoinHandle<()>>,
    before: u32,
}

#[cfg(unix)]
impl Storm {
    pub(super) fn over_this_thread() -> Storm {
        extern "C" fn count(_signal: libc::c_int) {
            HANDLED.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: a sigaction of zeros is one without flags, mask and handler.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = count as *const () as usize;
        // SAFETY: the handler does one atomic addition.
        assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) }, 0);
        // SAFETY: no arguments, no failure.
        let thread = unsafe { libc::pthread_self() } as usize; // a pointer, in some C libraries
        let over = std::sync::Arc::new(AtomicBool::new(false));
        let sender = std::thread::spawn({
            let over = over.clone();
            move || {
                while !over.load(Ordering::Relaxed) {
                    // SAFETY: that thread lives: it joins this one before it goes on.
                    unsafe { libc::pthread_kill(thread as libc::pthread_t, libc::SIGUSR1) };
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Storm { over, sender: Some(sender), before: HANDLED.load(Ordering::Relaxed) }
    }

    pub(super) fn handled(&self) -> u32 {
        HANDLED.load(Ordering::Relaxed).wrapping_sub(self.before)
    }
}

#[cfg(unix)]
impl Drop for Storm {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.sender.take().map(std::thread::JoinHandle::join);
    }
}

/// A page that forked children share with their parent.
#[cfg(unix)]
pub(super) struct SharedPage(*mut u8);

#[cfg(unix)]
impl SharedPage {
    pub(super) const SIZE: usize = 4096;

    pub(super) fn new() -> SharedPage {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping where the kernel likes it.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), Self::SIZE, protection, kind, -1, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        SharedPage(page.cast())
    }

    pub(super) fn at(&self, offset: usize) -> *mut u8 {
        assert!(offset < Self::SIZE);
        // SAFETY: inside the page.
        unsafe { self.0.add(offset) }
    }
}

#[cfg(unix)]
impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`; those who look at it borrow `self`'s scope in tests.
        unsafe { libc::munmap(self.0.cast(), Self::SIZE) };
    }
}

/// A forked child that runs `work` and exits with 0 if that answers true.
#[cfg(unix)]
pub(super) struct Child(libc::pid_t);

#[cfg(unix)]
impl Child {
    /// `work` must not panic, allocate or take a lock of the standard library: other threads of the
    /// parent may have held one at the fork.
    pub(super) fn run(work: impl FnOnce() -> bool) -> Child {
        // What would take locks when it is first asked, is asked before.
        let _ = (crate::sys::process::identity(), crate::pacing::spin_of_environment());
        let _ = crate::pacing::pauses_per_microsecond();
        // SAFETY: the child only does what `work` may do, and ends without running destructors.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0);
        if pid == 0 {
            let code = if work() { 0 } else { 1 };
            // SAFETY: ends the child.
            unsafe { libc::_exit(code) };
        }
        Child(pid)
    }

    pub(super) fn succeeded(self) -> bool {
        let mut status = 0;
        loop {
            // SAFETY: `status` may be written.
            let got = unsafe { libc::waitpid(self.0, &mut status, 0) };
            if got == self.0 {
                return libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
            }
            assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EINTR));
        }
    }
}
