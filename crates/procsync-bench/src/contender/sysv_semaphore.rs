//! The oldest semaphore of all, whose operations the kernel undoes when a process ends: the one peer besides robust
//! mutexes and file locks that a killed holder does not stop.
// Calls the system.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;

use libc::{c_int, c_short};

use super::{Lock, Object, OnDrop, Place};

/// Such semaphores have numbers instead of names; the number lies in a file of that name.
pub(super) struct SysvSemaphore {
    id: c_int,
}

impl Object for SysvSemaphore {
    const NAME: &'static str = "sysv-undo";
    const ABOUT: &'static str = "System V semaphore with one permit and SEM_UNDO";

    fn create(place: &Place) -> io::Result<Self> {
        use std::io::Write as _;
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(place.path())?;
        // SAFETY: the call takes integers only.
        let id = unsafe { libc::semget(libc::IPC_PRIVATE, 1, 0o600) };
        if id < 0 {
            return Err(io::Error::last_os_error());
        }
        let created = SysvSemaphore { id };
        // Written before anything can fail: `remove` finds it there.
        file.write_all(id.to_string().as_bytes())?;
        created.change(1, 0)?;
        Ok(created)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        let id = fs::read_to_string(place.path())?;
        let id = id.parse().map_err(|_| io::Error::other("no semaphore's number"))?;
        Ok(SysvSemaphore { id })
    }

    fn remove(place: &Place) -> io::Result<()> {
        if let Ok(semaphore) = Self::attach(place) {
            // SAFETY: this command takes no further argument and touches no memory.
            unsafe { libc::semctl(semaphore.id, 0, libc::IPC_RMID) };
        }
        place.remove_file()
    }
}

impl SysvSemaphore {
    #[inline]
    fn change(&self, by: c_short, flags: c_int) -> io::Result<()> {
        let mut change = libc::sembuf { sem_num: 0, sem_op: by, sem_flg: flags as c_short };
        loop {
            // SAFETY: the pointer is to one local operation, and 1 is said.
            if unsafe { libc::semop(self.id, &mut change, 1) } == 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    #[inline]
    fn change_undoably(&self, by: c_short) {
        if let Err(error) = self.change(by, libc::SEM_UNDO) {
            panic!("semop: {error}");
        }
    }
}

impl Lock for SysvSemaphore {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.change_undoably(-1);
        OnDrop(|| self.change_undoably(1))
    }
}
