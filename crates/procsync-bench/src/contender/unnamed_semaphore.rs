//! The C library's semaphore in a mapped file: as a lock, with one permit, and to signal with.
// Calls the C library.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;

use libc::c_uint;

use super::{Gate, Lock, Object, OnDrop, Place, Tokens};
use crate::shared::{Mapped, Shareable};

struct Cell(UnsafeCell<libc::sem_t>);

// SAFETY: to Rust the type is an array of bytes, in a cell that only the C library's functions, which synchronise, look
// into.
unsafe impl Shareable for Cell {}

struct Semaphore(Mapped<Cell>);

impl Semaphore {
    fn create(place: &Place, value: c_uint) -> io::Result<Self> {
        let cell = Mapped::<Cell>::create(&place.path())?;
        // SAFETY: the file is new and its name known to nobody else yet, so nobody uses the semaphore; the memory is of
        // its size.
        if unsafe { libc::sem_init(cell.0.get(), 1, value) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Semaphore(cell))
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Semaphore)
    }

    #[inline]
    fn post(&self) {
        // SAFETY: the semaphore was initialised by `create` and stays mapped while `self` lives.
        if unsafe { libc::sem_post(self.0.0.get()) } != 0 {
            panic!("sem_post: {}", io::Error::last_os_error());
        }
    }

    #[inline]
    fn wait(&self) {
        // SAFETY: the semaphore was initialised by `create` and stays mapped while `self` lives.
        while unsafe { libc::sem_wait(self.0.0.get()) } != 0 {
            let error = io::Error::last_os_error();
            assert!(error.kind() == io::ErrorKind::Interrupted, "sem_wait: {error}");
        }
    }
}

pub(super) struct SemaphoreLock(Semaphore);

impl Object for SemaphoreLock {
    const NAME: &'static str = "sem-shared";
    const ABOUT: &'static str = "POSIX semaphore without a name, in a mapped file, with one permit";

    fn create(place: &Place) -> io::Result<Self> {
        Semaphore::create(place, 1).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Semaphore::attach(place).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
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
    const NAME: &'static str = "sem-shared";
    const ABOUT: &'static str = "POSIX semaphore without a name, in a mapped file";

    fn create(place: &Place) -> io::Result<Self> {
        Semaphore::create(place, 0).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Semaphore::attach(place).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
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
