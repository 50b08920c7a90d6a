//! A record lock that belongs to the open file, not to the process: what SQLite and others would use today.
// Calls the system.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;

use libc::{c_int, c_short};

use super::{Lock, Object, OnDrop, Place};

pub(super) struct OfdLock(File);

impl Object for OfdLock {
    const NAME: &'static str = "ofd-lock";
    const ABOUT: &'static str = "fcntl lock of an open file description, on a file in memory";

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

impl OfdLock {
    #[inline]
    fn ask(&self, kind: c_int) {
        let range = libc::flock {
            l_type: kind as c_short,
            l_whence: libc::SEEK_SET as c_short,
            l_start: 0,
            // To the end of the file, wherever that may be.
            l_len: 0,
            // Anything else is refused.
            l_pid: 0,
        };
        // SAFETY: this command takes a pointer to a range, and reads it during the call only.
        while unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_OFD_SETLKW, &range) } != 0 {
            let error = io::Error::last_os_error();
            assert!(error.kind() == io::ErrorKind::Interrupted, "fcntl: {error}");
        }
    }
}

impl Lock for OfdLock {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.ask(libc::F_WRLCK);
        OnDrop(|| self.ask(libc::F_UNLCK))
    }
}
