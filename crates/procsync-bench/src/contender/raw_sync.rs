//! The crate raw_sync, in a mapped file: its mutex, which is the C library's, and its event, which is a condition variable.
// Lends it the mapping.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::error::Error;
use std::io;
use std::ptr;

use raw_sync::Timeout;
use raw_sync::events::{Event, EventImpl, EventInit, EventState};
use raw_sync::locks::{LockImpl, LockInit, Mutex};

use super::{Gate, Lock, Object, Place, Tokens};
use crate::shared::{Mapped, Shareable};

const ROOM: usize = 256;

#[repr(C, align(64))]
struct Cell(UnsafeCell<[u8; ROOM]>);

// SAFETY: bytes, in a cell that only the crate's functions look into, which synchronise.
unsafe impl Shareable for Cell {}

impl Cell {
    fn start(&self) -> *mut u8 {
        self.0.get().cast()
    }
}

fn error(error: Box<dyn Error>) -> io::Error {
    io::Error::other(error.to_string())
}

pub(super) struct RawMutex {
    // Before the memory in which it lies, so that it goes first.
    mutex: Box<dyn LockImpl>,
    _memory: Mapped<Cell>,
}

impl Object for RawMutex {
    const NAME: &'static str = "raw-sync";
    const ABOUT: &'static str = "raw_sync::locks::Mutex in a mapped file";

    fn create(place: &Place) -> io::Result<Self> {
        let memory = Mapped::<Cell>::create(&place.path())?;
        assert!(Mutex::size_of(Some(memory.start())) <= ROOM, "the mutex has grown");
        // SAFETY: there is room for it, nobody else knows it yet, and it stays mapped while the mutex lives; the data
        // behind a guard, here none, is never asked for.
        let made = unsafe { Mutex::new(memory.start(), ptr::null_mut()) };
        Ok(RawMutex { mutex: made.map_err(error)?.0, _memory: memory })
    }

    fn attach(place: &Place) -> io::Result<Self> {
        let memory = Mapped::<Cell>::open(&place.path())?;
        // SAFETY: `create` has made one there; the rest as above.
        let found = unsafe { Mutex::from_existing(memory.start(), ptr::null_mut()) };
        Ok(RawMutex { mutex: found.map_err(error)?.0, _memory: memory })
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Lock for RawMutex {
    const RECOVERS: bool = false;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.mutex.lock().expect("the system refuses")
    }
}

struct EventIn {
    // Before the memory in which it lies, so that it goes first.
    event: Box<dyn EventImpl>,
    _memory: Mapped<Cell>,
}

impl EventIn {
    fn create(place: &Place, resets_itself: bool) -> io::Result<Self> {
        let memory = Mapped::<Cell>::create(&place.path())?;
        assert!(Event::size_of(Some(memory.start())) <= ROOM, "the event has grown");
        // SAFETY: there is room for it, nobody else knows it yet, and it stays mapped while the event lives.
        let made = unsafe { Event::new(memory.start(), resets_itself) };
        Ok(EventIn { event: made.map_err(error)?.0, _memory: memory })
    }

    fn attach(place: &Place) -> io::Result<Self> {
        let memory = Mapped::<Cell>::open(&place.path())?;
        // SAFETY: `create` has made one there; the rest as above.
        let found = unsafe { Event::from_existing(memory.start()) };
        Ok(EventIn { event: found.map_err(error)?.0, _memory: memory })
    }

    fn set(&self, state: EventState) {
        self.event.set(state).expect("the system refuses");
    }

    fn wait(&self) {
        self.event.wait(Timeout::Infinite).expect("the system refuses");
    }
}

pub(super) struct AutoEvent(EventIn);

impl Object for AutoEvent {
    const NAME: &'static str = "raw-sync";
    const ABOUT: &'static str = "raw_sync::events::Event that resets itself, in a mapped file";

    fn create(place: &Place) -> io::Result<Self> {
        EventIn::create(place, true).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        EventIn::attach(place).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Tokens for AutoEvent {
    #[inline]
    fn post(&self) {
        self.0.set(EventState::Signaled);
    }

    #[inline]
    fn wait(&self) {
        self.0.wait();
    }
}

pub(super) struct ManualEvent(EventIn);

impl Object for ManualEvent {
    const NAME: &'static str = "raw-sync";
    const ABOUT: &'static str = "raw_sync::events::Event that stays set, in a mapped file";

    fn create(place: &Place) -> io::Result<Self> {
        EventIn::create(place, false).map(Self)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        EventIn::attach(place).map(Self)
    }

    fn remove(place: &Place) -> io::Result<()> {
        place.remove_file()
    }
}

impl Gate for ManualEvent {
    fn open(&self, _: u32) {
        self.0.set(EventState::Signaled);
    }

    fn shut(&self) {
        self.0.set(EventState::Clear);
    }

    fn pass(&self) {
        self.0.wait();
    }
}
