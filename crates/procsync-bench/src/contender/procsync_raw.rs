//! This project's locks in memory that the caller supplies: here, a mapped file.
// Lends them the mapping.
#![allow(unsafe_code)]

use std::io;
use std::ptr;
use std::sync::atomic::AtomicU32;

use procsync::raw::{HEADER_SIZE, RawMutex, RawSemaphore};

use super::{Lock, Object, OnDrop, Place, Tokens};
use crate::shared::{Mapped, Shareable};

#[repr(C, align(64))]
struct Header([AtomicU32; HEADER_SIZE / 4]);

// SAFETY: atomic integers, for which every pattern of bits is a value.
unsafe impl Shareable for Header {}

fn error(error: procsync::raw::Error) -> io::Error {
    io::Error::other(error)
}

pub(super) struct Mutex {
    // Before the memory in which it lies, so that it goes first.
    mutex: RawMutex<'static>,
    _memory: Mapped<Header>,
}

impl Mutex {
    fn over(memory: Mapped<Header>) -> io::Result<Self> {
        let start = ptr::from_ref::<Header>(&memory).cast_mut().cast();
        // SAFETY: the mapping is of that size and stays as long as the mutex, which never leaves this struct; all who
        // map it access it by this project's own atomics only.
        let mutex = unsafe { RawMutex::from_ptr(start, HEADER_SIZE, true) }.map_err(error)?;
        Ok(Mutex { mutex, _memory: memory })
    }
}

impl Object for Mutex {
    const NAME: &'static str = "procsync-raw";
    const ABOUT: &'static str =
        "procsync raw mutex in a mapped file: owner and time recorded, does not recover";

    fn create(place: &Place) -> io::Result<Self> {
        Self::over(Mapped::create(&place.path())?)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Self::over(Mapped::open(&place.path())?)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Lock for Mutex {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.mutex.acquire().expect("never acquired twice by one thread");
        OnDrop(|| self.mutex.release().expect("acquired by this thread above"))
    }
}

pub(super) struct RawTokens {
    // Before the memory in which it lies, so that it goes first.
    semaphore: RawSemaphore<'static>,
    _memory: Mapped<Header>,
}

impl RawTokens {
    fn over(memory: Mapped<Header>, initial: Option<u32>) -> io::Result<Self> {
        let start = ptr::from_ref::<Header>(&memory).cast_mut().cast();
        // SAFETY: as for the mutex above.
        let semaphore = unsafe { RawSemaphore::from_ptr(start, HEADER_SIZE, initial, true) };
        Ok(RawTokens { semaphore: semaphore.map_err(error)?, _memory: memory })
    }
}

impl Object for RawTokens {
    const NAME: &'static str = "procsync-raw";
    const ABOUT: &'static str = "procsync raw semaphore in a mapped file";

    fn create(place: &Place) -> io::Result<Self> {
        Self::over(Mapped::create(&place.path())?, Some(0))
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Self::over(Mapped::open(&place.path())?, None)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Tokens for RawTokens {
    #[inline]
    fn post(&self) {
        self.semaphore.post1().expect("the count is far from its limit");
    }

    #[inline]
    fn wait(&self) {
        self.semaphore.wait();
    }
}
