//! The system's named semaphore with this project's ledger beside it.

use std::io;

use procsync::Scope;
use procsync::native::{self, NativeOptions, NativeSemaphore};

use super::{Lock, Object, OnDrop, Place};

pub(super) struct Native(NativeSemaphore);

fn error(error: procsync::Error) -> io::Error {
    io::Error::other(error)
}

fn open(place: &Place) -> io::Result<Native> {
    let semaphore = NativeOptions::new().mode(0o600).unregistered(&place.name).map_err(error)?;
    semaphore.open().map_err(error)?;
    Ok(Native(semaphore))
}

impl Object for Native {
    const NAME: &'static str = "procsync-native";
    const ABOUT: &'static str = "POSIX named semaphore with a ledger of holders, recovers";

    fn create(place: &Place) -> io::Result<Self> {
        open(place)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        open(place)
    }

    fn remove(place: &Place) -> io::Result<()> {
        native::unlink(&place.name, Scope::User).map(drop).map_err(error)
    }
}

impl Lock for Native {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.lock().expect("the system refuses");
        OnDrop(|| {
            self.0.unlock().expect("it is held");
        })
    }
}
