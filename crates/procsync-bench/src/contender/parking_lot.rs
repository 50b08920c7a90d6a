//! The mutex of the crate parking_lot: what a lock costs that only threads can share.

use std::io;

use parking_lot::Mutex;

use super::{Lock, Object, Place, Reach};

pub(super) struct ParkingLot(Mutex<()>);

impl Object for ParkingLot {
    const NAME: &'static str = "parking-lot";
    const ABOUT: &'static str = "parking_lot::Mutex, for the threads of one process";
    const REACH: Reach = Reach::OneProcess;

    fn create(_: &Place) -> io::Result<Self> {
        Ok(ParkingLot(Mutex::new(())))
    }

    fn attach(_: &Place) -> io::Result<Self> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn remove(_: &Place) -> io::Result<()> {
        Ok(())
    }
}

impl Lock for ParkingLot {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.lock()
    }
}
