//! The C library's mutex in a mapped file: plain, robust with error checking, which is the nearest peer there is, and
//! robust and recursive.
// Calls the C library.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use libc::c_int;

use super::{Lock, Object, OnDrop, Place};
use crate::shared::{Mapped, Shareable};

pub(super) struct Cell(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: to Rust the type is an array of bytes, in a cell that only the C library's functions, which synchronise, look
// into. It does hold links of a process's robust list, which only the kernel and the holder's own C library follow.
unsafe impl Shareable for Cell {}

/// As others get it by default.
pub(super) struct Shared(Mapped<Cell>);

/// A holder's death is reported to the next one, and misuse is refused.
pub(super) struct Robust(Mapped<Cell>);

/// A holder's death is reported to the next one, and the holder may lock it again.
pub(super) struct RobustRecursive(Mapped<Cell>);

impl Object for Shared {
    const NAME: &'static str = "pthread-shared";
    const ABOUT: &'static str = "pthread mutex shared between processes";

    fn create(place: &Place) -> io::Result<Self> {
        create(&place.path(), None).map(Shared)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Shared)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Lock for Shared {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        // SAFETY: the mutex was initialised by `create` and stays mapped while `self` lives.
        check(unsafe { libc::pthread_mutex_lock(self.0.0.get()) });
        OnDrop(|| unlock(&self.0))
    }
}

impl Object for Robust {
    const NAME: &'static str = "pthread-robust";
    const ABOUT: &'static str = "pthread mutex shared between processes, robust and error-checking";

    fn create(place: &Place) -> io::Result<Self> {
        create(&place.path(), Some(libc::PTHREAD_MUTEX_ERRORCHECK)).map(Robust)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(Robust)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Lock for Robust {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        lock_robust(&self.0);
        OnDrop(|| unlock(&self.0))
    }
}

impl Object for RobustRecursive {
    const NAME: &'static str = "pthread-robust-recursive";
    const ABOUT: &'static str = "pthread mutex shared between processes, robust and recursive";

    fn create(place: &Place) -> io::Result<Self> {
        create(&place.path(), Some(libc::PTHREAD_MUTEX_RECURSIVE)).map(RobustRecursive)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mapped::open(&place.path()).map(RobustRecursive)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Lock for RobustRecursive {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        lock_robust(&self.0);
        OnDrop(|| unlock(&self.0))
    }
}

#[inline]
fn lock_robust(cell: &Cell) {
    // SAFETY: the mutex was initialised by `create` and stays mapped while its owner, the caller, lives.
    match unsafe { libc::pthread_mutex_lock(cell.0.get()) } {
        libc::EOWNERDEAD => make_consistent(cell),
        answer => check(answer),
    }
}

#[inline]
fn unlock(cell: &Cell) {
    // SAFETY: the mutex was initialised by `create`, and this thread holds it: its guard is being dropped.
    check(unsafe { libc::pthread_mutex_unlock(cell.0.get()) });
}

#[cold]
fn make_consistent(cell: &Cell) {
    // SAFETY: this thread holds the mutex, whose last owner died: locking it has just said so.
    check(unsafe { libc::pthread_mutex_consistent(cell.0.get()) });
}

/// Robust, and of this type, if one is given.
fn create(path: &Path, robust: Option<c_int>) -> io::Result<Mapped<Cell>> {
    let cell = Mapped::<Cell>::create(path)?;
    let mut attributes = MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the pointer is to a local of the type that the call fills in.
    to_result(unsafe { libc::pthread_mutexattr_init(attributes) })?;
    // SAFETY: the attributes were initialised by the call above.
    to_result(unsafe {
        libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED)
    })?;
    if let Some(kind) = robust {
        // SAFETY: the attributes are initialised.
        to_result(unsafe {
            libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST)
        })?;
        // SAFETY: the attributes are initialised.
        to_result(unsafe { libc::pthread_mutexattr_settype(attributes, kind) })?;
    }
    // SAFETY: the file is new and its name known to nobody else yet, so nobody uses the mutex; the memory is of its size.
    to_result(unsafe { libc::pthread_mutex_init(cell.0.get(), attributes) })?;
    // SAFETY: the attributes are initialised, and not used after this.
    to_result(unsafe { libc::pthread_mutexattr_destroy(attributes) })?;
    Ok(cell)
}

#[inline]
fn check(answer: c_int) {
    if answer != 0 {
        refused(answer);
    }
}

#[cold]
fn refused(answer: c_int) -> ! {
    panic!("pthread mutex: {}", io::Error::from_raw_os_error(answer))
}

fn to_result(answer: c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(answer)) }
}
