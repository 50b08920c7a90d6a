//! A whole-file lock: what shell scripts, and most crates for locks by name, use.
// Calls the system.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;

use libc::c_int;

use super::{Lock, Object, OnDrop, Place};

pub(super) struct FileLock(File);

impl Object for FileLock {
    const NAME: &'static str = "flock";
    const ABOUT: &'static str = "flock on a file in memory";

    fn create(place: &Place) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600).open(place.path()).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open(place.path()).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl FileLock {
    #[inline]
    fn ask(&self, operation: c_int) {
        // SAFETY: the call takes two integers and touches no memory.
        while unsafe { libc::flock(self.0.as_raw_fd(), operation) } != 0 {
            let error = io::Error::last_os_error();
            assert!(error.kind() == io::ErrorKind::Interrupted, "flock: {error}");
        }
    }
}

impl Lock for FileLock {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.ask(libc::LOCK_EX);
        OnDrop(|| self.ask(libc::LOCK_UN))
    }
}
