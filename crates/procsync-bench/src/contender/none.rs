//! No lock at all: what the harness itself costs, and the proof that it notices a lock that does not exclude.

use std::io;

use super::{Lock, Object, OnDrop, Place};

pub(super) struct Nothing;

impl Object for Nothing {
    const NAME: &'static str = "none";
    const ABOUT: &'static str =
        "no lock at all: the harness alone, which must find that it fails under contention";
    const BY_DEFAULT: bool = false;

    fn create(_: &Place) -> io::Result<Self> {
        Ok(Nothing)
    }

    fn attach(_: &Place) -> io::Result<Self> {
        Ok(Nothing)
    }

    fn remove(_: &Place) -> io::Result<()> {
        Ok(())
    }
}

impl Lock for Nothing {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        OnDrop(|| ())
    }
}
