//! The standard library's mutex: what a lock costs that only threads can share.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::{Lock, Object, Place, Reach};

pub(super) struct StdMutex(Mutex<()>);

impl Object for StdMutex {
    const NAME: &'static str = "std-mutex";
    const ABOUT: &'static str = "std::sync::Mutex, for the threads of one process";
    const REACH: Reach = Reach::OneProcess;

    fn create(_: &Place) -> io::Result<Self> {
        Ok(StdMutex(Mutex::new(())))
    }

    fn attach(_: &Place) -> io::Result<Self> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn remove(_: &Place) -> io::Result<()> {
        Ok(())
    }
}

impl Lock for StdMutex {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
