//! This project's named objects.

use std::io;

use procsync::{Event, Mutex, Ownership, ReentrantMutex, Reset, Scope, TokenSemaphore};

use super::{Gate, Lock, Object, Place, Tokens};

fn error(error: procsync::Error) -> io::Error {
    io::Error::other(error)
}

fn remove(place: &Place) -> io::Result<()> {
    procsync::remove(&place.name, Scope::User).map(drop).map_err(error)
}

/// Owned by a thread, as by default.
pub(super) struct ThreadMutex(Mutex);

impl Object for ThreadMutex {
    const NAME: &'static str = "procsync";
    const ABOUT: &'static str = "procsync mutex: owner, time and grant recorded, recovers";

    fn create(place: &Place) -> io::Result<Self> {
        Mutex::create(&place.name).map(Self).map_err(error)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Mutex::attach(&place.name).map(Self).map_err(error)
    }

    fn remove(place: &Place) -> io::Result<()> {
        remove(place)
    }
}

impl Lock for ThreadMutex {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.lock().expect("the system refuses")
    }
}

/// Owned by the process.
pub(super) struct ProcessMutex(Mutex);

impl Object for ProcessMutex {
    const NAME: &'static str = "procsync-process";
    const ABOUT: &'static str = "procsync mutex, owned by the process";
    const BY_DEFAULT: bool = false;

    fn create(place: &Place) -> io::Result<Self> {
        let options = Mutex::options().ownership(Ownership::Process);
        options.create(&place.name).map(Self).map_err(error)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        let options = Mutex::options().ownership(Ownership::Process);
        options.attach(&place.name).map(Self).map_err(error)
    }

    fn remove(place: &Place) -> io::Result<()> {
        remove(place)
    }
}

impl Lock for ProcessMutex {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.lock().expect("the system refuses")
    }
}

/// Locked in layers.
pub(super) struct Reentrant(ReentrantMutex);

impl Object for Reentrant {
    const NAME: &'static str = "procsync-reentrant";
    const ABOUT: &'static str = "procsync reentrant mutex";
    const BY_DEFAULT: bool = false;

    fn create(place: &Place) -> io::Result<Self> {
        ReentrantMutex::create(&place.name).map(Self).map_err(error)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        ReentrantMutex::attach(&place.name).map(Self).map_err(error)
    }

    fn remove(place: &Place) -> io::Result<()> {
        remove(place)
    }
}

impl Lock for Reentrant {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.lock().expect("the system refuses")
    }
}

/// Permits, of which there is one.
pub(super) struct Semaphore(procsync::Semaphore);

impl Object for Semaphore {
    const NAME: &'static str = "procsync-permit";
    const ABOUT: &'static str =
        "procsync semaphore with one permit: holder and time recorded, recovers";

    fn create(place: &Place) -> io::Result<Self> {
        procsync::Semaphore::create(&place.name, 1).map(Self).map_err(error)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        procsync::Semaphore::attach(&place.name).map(Self).map_err(error)
    }

    fn remove(place: &Place) -> io::Result<()> {
        remove(place)
    }
}

impl Lock for Semaphore {
    const RECOVERS: bool = true;

    #[inline]
    fn lock(&self) -> impl Sized {
        self.0.acquire().expect("the system refuses")
    }
}

/// Tokens.
pub(super) struct NamedTokens(TokenSemaphore);

impl Object for NamedTokens {
    const NAME: &'static str = "procsync";
    const ABOUT: &'static str = "procsync token semaphore";

    fn create(place: &Place) -> io::Result<Self> {
        TokenSemaphore::create(&place.name, 0).map(Self).map_err(error)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        TokenSemaphore::attach(&place.name).map(Self).map_err(error)
    }

    fn remove(place: &Place) -> io::Result<()> {
        remove(place)
    }
}

impl Tokens for NamedTokens {
    #[inline]
    fn post(&self) {
        self.0.post(1).expect("the count is far from its limit");
    }

    #[inline]
    fn wait(&self) {
        self.0.wait().expect("the system refuses");
    }
}

/// An event that resets itself: as good as tokens where there is never more than one.
pub(super) struct AutoEvent(Event);

impl Object for AutoEvent {
    const NAME: &'static str = "procsync-event";
    const ABOUT: &'static str = "procsync event that resets itself";

    fn create(place: &Place) -> io::Result<Self> {
        Event::create(&place.name, Reset::Auto).map(Self).map_err(error)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Event::attach(&place.name).map(Self).map_err(error)
    }

    fn remove(place: &Place) -> io::Result<()> {
        remove(place)
    }
}

impl Tokens for AutoEvent {
    #[inline]
    fn post(&self) {
        self.0.set().expect("the system refuses");
    }

    #[inline]
    fn wait(&self) {
        self.0.wait().expect("the system refuses");
    }
}

impl Gate for NamedTokens {
    fn open(&self, waiters: u32) {
        self.0.post(waiters).expect("the count is far from its limit");
    }

    /// Nothing is left of what let everybody pass.
    fn shut(&self) {}

    fn pass(&self) {
        self.0.wait().expect("the system refuses");
    }
}

/// An event that stays set.
pub(super) struct ManualEvent(Event);

impl Object for ManualEvent {
    const NAME: &'static str = "procsync-event";
    const ABOUT: &'static str = "procsync event that stays set until it is cleared";

    fn create(place: &Place) -> io::Result<Self> {
        Event::create(&place.name, Reset::Manual).map(Self).map_err(error)
    }

    fn attach(place: &Place) -> io::Result<Self> {
        Event::attach(&place.name).map(Self).map_err(error)
    }

    fn remove(place: &Place) -> io::Result<()> {
        remove(place)
    }
}

impl Gate for ManualEvent {
    fn open(&self, _: u32) {
        self.0.set().expect("the system refuses");
    }

    fn shut(&self) {
        self.0.clear().expect("the system refuses");
    }

    fn pass(&self) {
        self.0.wait().expect("the system refuses");
    }
}
