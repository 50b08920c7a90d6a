//! The system's named semaphore: as a lock, with one permit, and to signal with.
// Calls the C library.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;

use libc::{c_int, c_uint};

use super::{Gate, Lock, Object, OnDrop, Place, Tokens};

struct Semaphore(*mut libc::sem_t);

impl Semaphore {
    fn create(place: &Place, value: c_uint) -> io::Result<Self> {
        let name = name_of(place);
        let (flags, mode): (c_int, c_uint) = (libc::O_CREAT | libc::O_EXCL, 0o600);
        // SAFETY: the name is null-terminated, and these flags call for a mode and a value.
        Self::opened(unsafe { libc::sem_open(name.as_ptr(), flags, mode, value) })
    }

    fn attach(place: &Place) -> io::Result<Self> {
        let name = name_of(place);
        // SAFETY: the name is null-terminated, and without flags nothing more is called for.
        Self::opened(unsafe { libc::sem_open(name.as_ptr(), 0) })
    }

    fn opened(semaphore: *mut libc::sem_t) -> io::Result<Self> {
        if semaphore == libc::SEM_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Semaphore(semaphore))
    }

    fn remove(place: &Place) -> io::Result<()> {
        let name = name_of(place);
        // SAFETY: the name is null-terminated.
        if unsafe { libc::sem_unlink(name.as_ptr()) } != 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) };
        }
        Ok(())
    }

    #[inline]
    fn post(&self) {
        // SAFETY: the semaphore stays open while `self` lives.
        if unsafe { libc::sem_post(self.0) } != 0 {
            panic!("sem_post: {}", io::Error::last_os_error());
        }
    }

    #[inline]
    fn wait(&self) {
        // SAFETY: the semaphore stays open while `self` lives.
        while unsafe { libc::sem_wait(self.0) } != 0 {
            let error = io::Error::last_os_error();
            assert!(error.kind() == io::ErrorKind::Interrupted, "sem_wait: {error}");
        }
    }
}

impl Drop for Semaphore {
    fn drop(&mut self) {
        // SAFETY: opened by `create` or `attach`, closed here only; the C library counts how often one was opened.
        unsafe { libc::sem_close(self.0) };
    }
}

fn name_of(place: &Place) -> CString {
    CString::new(format!("/{}", place.name)).expect("names are letters, digits and hyphens")
}

pub(super) struct SemaphoreLock(Semaphore);

impl Object for SemaphoreLock {
    const NAME: &'static str = "sem-open";
    const ABOUT: &'static str = "POSIX named semaphore with one permit";

    fn create(place: &Place) -> io::Result<Self> {
        Semaphore::create(place, 1).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Semaphore::attach(place).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        Semaphore::remove(place)
    }
}

impl Lock for SemaphoreLock {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.wait();
        OnDrop(|| self.0.post())
    }
}

pub(super) struct SemaphoreTokens(Semaphore);

impl Object for SemaphoreTokens {
    const NAME: &'static str = "sem-open";
    const ABOUT: &'static str = "POSIX named semaphore";

    fn create(place: &Place) -> io::Result<Self> {
        Semaphore::create(place, 0).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Semaphore::attach(place).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        Semaphore::remove(place)
    }
}

impl Tokens for SemaphoreTokens {
    #[inline]
    fn post(&self) {
        self.0.post();
    }

    #[inline]
    fn wait(&self) {
        self.0.wait();
    }
}

impl Gate for SemaphoreTokens {
    fn open(&self, waiters: u32) {
        for _ in 0..waiters {
            self.0.post();
        }
    }

    /// Nothing is left of what let everybody pass.
    fn shut(&self) {}

    fn pass(&self) {
        self.0.wait();
    }
}
