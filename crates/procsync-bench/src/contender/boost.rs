//! Boost.Interprocess, in a mapped file: its mutex, and its semaphore to signal with.
// Calls C++.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::io;

use super::{Lock, Object, OnDrop, Place, Tokens};
use crate::shared::{Mapped, Shareable};

/// As in `boost.cpp`, which checks that it is enough.
const ROOM: usize = 128;

#[repr(C, align(64))]
struct Cell(UnsafeCell<[u8; ROOM]>);

// SAFETY: bytes, in a cell that only Boost's functions, which synchronise, look into.
unsafe impl Shareable for Cell {}

// All answer whether it was done. The place must be that of a `Cell`; but for `init`, one that `init` has made.
unsafe extern "C" {
    fn bench_boost_mutex_init(place: *mut c_void) -> bool;
    fn bench_boost_mutex_lock(place: *mut c_void) -> bool;
    fn bench_boost_mutex_unlock(place: *mut c_void) -> bool;
    fn bench_boost_semaphore_init(place: *mut c_void) -> bool;
    fn bench_boost_semaphore_post(place: *mut c_void) -> bool;
    fn bench_boost_semaphore_wait(place: *mut c_void) -> bool;
}

impl Cell {
    fn place(&self) -> *mut c_void {
        self.0.get().cast()
    }
}

fn made(done: bool) -> io::Result<()> {
    if done { Ok(()) } else { Err(io::Error::other("Boost.Interprocess threw an exception")) }
}

pub(super) struct Mutex(Mapped<Cell>);

impl Object for Mutex {
    const NAME: &'static str = "boost";
    const ABOUT: &'static str = "Boost.Interprocess: interprocess_mutex in a mapped file";

    fn create(place: &Place) -> io::Result<Self> {
        let cell = Mapped::<Cell>::create(&place.path())?;
        // SAFETY: the memory is of the size and alignment that the C++ side checks, and nobody else knows it yet.
        made(unsafe { bench_boost_mutex_init(cell.place()) })?;
        Ok(Mutex(cell))
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Mutex)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Lock for Mutex {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        // SAFETY: initialised by `create`, and mapped while `self` lives.
        assert!(unsafe { bench_boost_mutex_lock(self.0.place()) }, "interprocess_mutex::lock");
        OnDrop(|| {
            // SAFETY: as above; this thread holds it, for its guard is being dropped.
            let done = unsafe { bench_boost_mutex_unlock(self.0.place()) };
            assert!(done, "interprocess_mutex::unlock");
        })
    }
}

pub(super) struct Semaphore(Mapped<Cell>);

impl Object for Semaphore {
    const NAME: &'static str = "boost";
    const ABOUT: &'static str = "Boost.Interprocess: interprocess_semaphore in a mapped file";

    fn create(place: &Place) -> io::Result<Self> {
        let cell = Mapped::<Cell>::create(&place.path())?;
        // SAFETY: the memory is of the size and alignment that the C++ side checks, and nobody else knows it yet.
        made(unsafe { bench_boost_semaphore_init(cell.place()) })?;
        Ok(Semaphore(cell))
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Semaphore)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Tokens for Semaphore {
    #[inline]
    fn post(&self) {
        // SAFETY: initialised by `create`, and mapped while `self` lives.
        assert!(unsafe { bench_boost_semaphore_post(self.0.place()) }, "post");
    }

    #[inline]
    fn wait(&self) {
        // SAFETY: initialised by `create`, and mapped while `self` lives.
        assert!(unsafe { bench_boost_semaphore_wait(self.0.place()) }, "wait");
    }
}
