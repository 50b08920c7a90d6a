//! The C library's condition variable with its mutex, in a mapped file.
// Calls the C library.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use libc::c_int;

use super::{Gate, Object, Place};
use crate::shared::{Mapped, Shareable};

#[repr(C)]
pub(super) struct Cell {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    condition: UnsafeCell<libc::pthread_cond_t>,
    /// 1 while the gate is open. Read and written under the mutex.
    open: AtomicU32,
}

// SAFETY: to Rust the first two are arrays of bytes, in cells that only the C library's functions, which synchronise, look
// into; the third is an atomic integer.
unsafe impl Shareable for Cell {}

pub(super) struct Condition(Mapped<Cell>);

impl Object for Condition {
    const NAME: &'static str = "pthread-cond";
    const ABOUT: &'static str = "pthread condition variable with its mutex";

    fn create(place: &Place) -> io::Result<Self> {
        let cell = Mapped::<Cell>::create(&place.path())?;
        init_mutex(&cell)?;
        init_condition(&cell)?;
        Ok(Condition(cell))
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Condition)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

fn init_mutex(cell: &Cell) -> io::Result<()> {
    let mut attributes = MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the pointer is to a local of the type that the call fills in.
    to_result(unsafe { libc::pthread_mutexattr_init(attributes) })?;
    let shared = libc::PTHREAD_PROCESS_SHARED;
    // SAFETY: the attributes were initialised by the call above.
    to_result(unsafe { libc::pthread_mutexattr_setpshared(attributes, shared) })?;
    // SAFETY: the file is new and its name known to nobody else yet, so nobody uses the mutex.
    to_result(unsafe { libc::pthread_mutex_init(cell.mutex.get(), attributes) })?;
    // SAFETY: the attributes are initialised, and not used after this.
    to_result(unsafe { libc::pthread_mutexattr_destroy(attributes) })
}

fn init_condition(cell: &Cell) -> io::Result<()> {
    let mut attributes = MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the pointer is to a local of the type that the call fills in.
    to_result(unsafe { libc::pthread_condattr_init(attributes) })?;
    let shared = libc::PTHREAD_PROCESS_SHARED;
    // SAFETY: the attributes were initialised by the call above.
    to_result(unsafe { libc::pthread_condattr_setpshared(attributes, shared) })?;
    // SAFETY: the file is new and its name known to nobody else yet, so nobody uses the condition variable.
    to_result(unsafe { libc::pthread_cond_init(cell.condition.get(), attributes) })?;
    // SAFETY: the attributes are initialised, and not used after this.
    to_result(unsafe { libc::pthread_condattr_destroy(attributes) })
}

impl Condition {
    fn locked(&self, step: impl FnOnce()) {
        // SAFETY: the mutex was initialised by `create` and stays mapped while `self` lives.
        check(unsafe { libc::pthread_mutex_lock(self.0.mutex.get()) });
        step();
        // SAFETY: this thread has locked it above.
        check(unsafe { libc::pthread_mutex_unlock(self.0.mutex.get()) });
    }
}

impl Gate for Condition {
    fn open(&self, _: u32) {
        self.locked(|| self.0.open.store(1, Relaxed));
        // SAFETY: initialised by `create`, and mapped while `self` lives.
        check(unsafe { libc::pthread_cond_broadcast(self.0.condition.get()) });
    }

    fn shut(&self) {
        self.locked(|| self.0.open.store(0, Relaxed));
    }

    fn pass(&self) {
        self.locked(|| {
            while self.0.open.load(Relaxed) == 0 {
                let (condition, mutex) = (self.0.condition.get(), self.0.mutex.get());
                // SAFETY: both were initialised by `create`, and this thread holds the mutex.
                check(unsafe { libc::pthread_cond_wait(condition, mutex) });
            }
        });
    }
}

fn check(answer: c_int) {
    if let Err(error) = to_result(answer) {
        panic!("pthread condition variable: {error}");
    }
}

fn to_result(answer: c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(answer)) }
}
