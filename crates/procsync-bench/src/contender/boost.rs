//! Boost.Interprocess, in a mapped file: its mutex, its semaphore to signal with, and its condition variable; and its
//! mutex by name.
// Calls C++.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_void};
use std::io;
use std::ptr::NonNull;

use super::{Gate, Lock, Object, OnDrop, Place, Tokens};
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
    fn bench_boost_gate_init(place: *mut c_void) -> bool;
    fn bench_boost_gate_set(place: *mut c_void, open: bool) -> bool;
    fn bench_boost_gate_pass(place: *mut c_void) -> bool;
}

// The name must be a C string; the mutex one that `open` has answered and `close` not yet got.
unsafe extern "C" {
    fn bench_boost_named_open(name: *const c_char, create: bool) -> *mut c_void;
    fn bench_boost_named_lock(mutex: *mut c_void) -> bool;
    fn bench_boost_named_unlock(mutex: *mut c_void) -> bool;
    fn bench_boost_named_close(mutex: *mut c_void);
    fn bench_boost_named_remove(name: *const c_char);
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

pub(super) struct Condition(Mapped<Cell>);

impl Object for Condition {
    const NAME: &'static str = "boost";
    const ABOUT: &'static str = "Boost.Interprocess: interprocess_condition in a mapped file";

    fn create(place: &Place) -> io::Result<Self> {
        let cell = Mapped::<Cell>::create(&place.path())?;
        // SAFETY: the memory is of the size and alignment that the C++ side checks, and nobody else knows it yet.
        made(unsafe { bench_boost_gate_init(cell.place()) })?;
        Ok(Condition(cell))
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Condition)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Condition {
    fn set(&self, open: bool) {
        // SAFETY: initialised by `create`, and mapped while `self` lives.
        assert!(unsafe { bench_boost_gate_set(self.0.place(), open) }, "notify_all");
    }
}

impl Gate for Condition {
    fn open(&self, _: u32) {
        self.set(true);
    }

    fn shut(&self) {
        self.set(false);
    }

    fn pass(&self) {
        // SAFETY: initialised by `create`, and mapped while `self` lives.
        assert!(unsafe { bench_boost_gate_pass(self.0.place()) }, "wait");
    }
}

/// By name, in shared memory that Boost looks after itself.
pub(super) struct NamedMutex(NonNull<c_void>);

fn c_name(place: &Place) -> CString {
    CString::new(place.name.as_str()).expect("letters, digits and hyphens")
}

impl NamedMutex {
    fn open(place: &Place, create: bool) -> io::Result<Self> {
        let name = c_name(place);
        // SAFETY: a C string that lives until the call returns.
        let mutex = unsafe { bench_boost_named_open(name.as_ptr(), create) };
        NonNull::new(mutex)
            .map(NamedMutex)
            .ok_or_else(|| io::Error::other("Boost.Interprocess threw an exception"))
    }
}

impl Object for NamedMutex {
    const NAME: &'static str = "boost-named";
    const ABOUT: &'static str = "Boost.Interprocess: named_mutex";

    fn create(place: &Place) -> io::Result<Self> {
        Self::open(place, true)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Self::open(place, false)
    }

    fn remove(place: &Place) -> io::Result<()> {
        let name = c_name(place);
        // SAFETY: a C string that lives until the call returns.
        unsafe { bench_boost_named_remove(name.as_ptr()) };
        Ok(())
    }
}

impl Lock for NamedMutex {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        // SAFETY: `open` has made it, and only `drop` closes it.
        assert!(unsafe { bench_boost_named_lock(self.0.as_ptr()) }, "named_mutex::lock");
        OnDrop(|| {
            // SAFETY: as above; this thread holds it, for its guard is being dropped.
            let done = unsafe { bench_boost_named_unlock(self.0.as_ptr()) };
            assert!(done, "named_mutex::unlock");
        })
    }
}

impl Drop for NamedMutex {
    fn drop(&mut self) {
        // SAFETY: `open` has made it, and nobody uses it after this.
        unsafe { bench_boost_named_close(self.0.as_ptr()) };
    }
}
