//! The crate named-lock: flock by name, with a mutex on top for the threads of one process.

use std::io;

use named_lock::NamedLock as Inner;

use super::{Lock, Object, Place};

fn error(error: named_lock::Error) -> io::Error {
    io::Error::other(error)
}

pub(super) struct NamedLock(Inner);

impl Object for NamedLock {
    const NAME: &'static str = "named-lock";
    const ABOUT: &'static str = "named_lock::NamedLock: flock by name";

    fn create(place: &Place) -> io::Result<Self> {
        Inner::with_path(place.path()).map(Self).map_err(error)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Inner::with_path(place.path()).map(Self).map_err(error)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Lock for NamedLock {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.lock().expect("the system refuses")
    }
}
