//! Everything that can be opened, under one roof.

use procsync::native::{NativeOptions, NativeSemaphore};
use procsync::{
    Event, Mutex, MutexGuard, Ownership, Permit, ReentrantMutex, ReentrantMutexGuard, Reset,
    Result, Semaphore, SharedMemory, TokenSemaphore,
};
use std::time::Duration;

/// What a mutex's data begins with, and so does every eighth byte of a memory that was used.
pub(crate) const FRESH: u64 = 77;

/// How many bytes a shared memory has here.
pub(crate) const MEMORY: u64 = 8_192;

/// A kind of object, and what it is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Mutex,
    /// A mutex with so few slots that a dead one's are used again at once.
    Tight,
    ProcessMutex,
    Reentrant,
    /// A semaphore of one permit.
    Permit,
    /// A semaphore of three.
    Permits,
    Tokens,
    Manual,
    Auto,
    Memory,
    /// One of the system's own semaphores, with a ledger that has few lines.
    Native,
    /// The same without one, as a stranger uses it.
    Stranger,
}

impl Kind {
    const ALL: [Kind; 12] = [
        Kind::Mutex,
        Kind::Tight,
        Kind::ProcessMutex,
        Kind::Reentrant,
        Kind::Permit,
        Kind::Permits,
        Kind::Tokens,
        Kind::Manual,
        Kind::Auto,
        Kind::Memory,
        Kind::Native,
        Kind::Stranger,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Mutex => "mutex",
            Kind::Tight => "tight",
            Kind::ProcessMutex => "process-mutex",
            Kind::Reentrant => "reentrant",
            Kind::Permit => "permit",
            Kind::Permits => "permits",
            Kind::Tokens => "tokens",
            Kind::Manual => "manual",
            Kind::Auto => "auto",
            Kind::Memory => "memory",
            Kind::Native => "native",
            Kind::Stranger => "stranger",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An open object.
#[derive(Debug)]
pub(crate) enum Object {
    Mutex(Mutex<u64>),
    Reentrant(ReentrantMutex),
    Semaphore(Semaphore),
    Tokens(TokenSemaphore),
    Event(Event),
    Memory(SharedMemory),
    Native(NativeSemaphore),
}

/// What is held. Given back when this goes; tokens and events are not.
#[derive(Debug)]
pub(crate) enum Held<'a> {
    Mutex(MutexGuard<'a, u64>),
    Reentrant(ReentrantMutexGuard<'a>),
    Permit(Permit<'a>),
    Native(NativeHold<'a>),
    Nothing,
}

/// A native semaphore that is locked.
#[derive(Debug)]
pub(crate) struct NativeHold<'a> {
    semaphore: &'a NativeSemaphore,
    dead: u32,
}

impl NativeHold<'_> {
    fn of(semaphore: &NativeSemaphore, locked: procsync::native::Locked) -> Held<'_> {
        let dead = locked.abandoned.map_or(0, |dead| dead.pid);
        Held::Native(NativeHold { semaphore, dead })
    }
}

impl Drop for NativeHold<'_> {
    fn drop(&mut self) {
        self.semaphore.unlock().expect("what is held can be given back");
    }
}

impl Held<'_> {
    /// The pid of the holder before this one if it died, else 0.
    pub(crate) fn dead(&self) -> u32 {
        let dead = match self {
            Held::Mutex(guard) => guard.abandoned(),
            Held::Reentrant(guard) => guard.abandoned(),
            Held::Permit(permit) => permit.abandoned(),
            Held::Native(hold) => return hold.dead,
            Held::Nothing => None,
        };
        dead.map_or(0, |dead| dead.pid)
    }
}

pub(crate) fn mutex(kind: Kind) -> procsync::Options<Mutex<u64>> {
    let ownership = if kind == Kind::ProcessMutex { Ownership::Process } else { Ownership::Thread };
    let options = Mutex::options().ownership(ownership).initial(FRESH);
    // Three processes, and a thread of each.
    if kind == Kind::Tight { options.participants(6) } else { options }
}

impl Object {
    /// Attaches to it or creates it.
    pub(crate) fn open(kind: Kind, name: &str) -> Result<Object> {
        Ok(match kind {
            Kind::Mutex | Kind::Tight | Kind::ProcessMutex => {
                Object::Mutex(mutex(kind).open(name)?)
            }
            Kind::Reentrant => Object::Reentrant(ReentrantMutex::open(name)?),
            Kind::Permit => Object::Semaphore(Semaphore::open(name, 1)?),
            Kind::Permits => Object::Semaphore(Semaphore::open(name, 3)?),
            Kind::Tokens => Object::Tokens(TokenSemaphore::open(name, 0)?),
            Kind::Manual => Object::Event(Event::open(name, Reset::Manual)?),
            Kind::Auto => Object::Event(Event::open(name, Reset::Auto)?),
            Kind::Native | Kind::Stranger => {
                let options = NativeOptions::new().participants(16).ledger(kind == Kind::Native);
                let semaphore = options.unregistered(name)?;
                semaphore.open()?;
                Object::Native(semaphore)
            }
            Kind::Memory => Object::Memory(SharedMemory::open(name, MEMORY)?),
        })
    }

    /// Waits for it (for so many permits, if it has permits) as long as is said; none: for ever.
    pub(crate) fn hold(&self, many: u32, time: Option<Duration>) -> Result<Held<'_>> {
        Ok(match (self, time) {
            (Object::Mutex(mutex), None) => Held::Mutex(mutex.lock()?),
            (Object::Mutex(mutex), Some(time)) => Held::Mutex(mutex.lock_timeout(time)?),
            (Object::Reentrant(mutex), None) => Held::Reentrant(mutex.lock()?),
            (Object::Reentrant(mutex), Some(time)) => Held::Reentrant(mutex.lock_timeout(time)?),
            (Object::Semaphore(permits), None) => Held::Permit(permits.acquire_many(many)?),
            (Object::Semaphore(permits), Some(time)) => {
                Held::Permit(permits.acquire_many_timeout(many, time)?)
            }
            (Object::Tokens(tokens), None) => nothing(tokens.wait())?,
            (Object::Tokens(tokens), Some(time)) => nothing(tokens.wait_timeout(time))?,
            (Object::Event(event), None) => nothing(event.wait())?,
            (Object::Event(event), Some(time)) => nothing(event.wait_timeout(time))?,
            (Object::Memory(_), _) => Held::Nothing,
            (Object::Native(native), None) => NativeHold::of(native, native.lock()?),
            (Object::Native(native), Some(time)) => NativeHold::of(native, native.lock_for(time)?),
        })
    }

    /// Takes it if it is to be had now.
    pub(crate) fn try_hold(&self) -> Result<Option<Held<'_>>> {
        Ok(match self {
            Object::Mutex(mutex) => mutex.try_lock()?.map(Held::Mutex),
            Object::Reentrant(mutex) => mutex.try_lock()?.map(Held::Reentrant),
            Object::Semaphore(permits) => permits.try_acquire()?.map(Held::Permit),
            Object::Tokens(tokens) => tokens.try_wait()?.then_some(Held::Nothing),
            Object::Event(event) => event.try_wait()?.then_some(Held::Nothing),
            Object::Memory(_) => Some(Held::Nothing),
            Object::Native(native) => {
                native.try_lock()?.map(|locked| NativeHold::of(native, locked))
            }
        })
    }

    /// What can be counted: free permits, tokens, whether an event is set, a memory's first word.
    pub(crate) fn count(&self) -> Result<u64> {
        Ok(match self {
            Object::Mutex(mutex) => u64::from(mutex.is_locked()),
            Object::Reentrant(mutex) => u64::from(mutex.is_locked()),
            Object::Semaphore(permits) => u64::from(permits.available()?),
            Object::Tokens(tokens) => u64::from(tokens.value()),
            Object::Event(event) => u64::from(event.is_set()),
            Object::Native(native) => native.value()?.map_or(0, u64::from),
            Object::Memory(memory) => {
                let mut bytes = [0; MEMORY as usize];
                memory.read(0, &mut bytes)?;
                bytes.iter().map(|&byte| u64::from(byte)).sum()
            }
        })
    }

    /// Posts a token, sets an event, marks a memory as used.
    pub(crate) fn give(&self) -> Result<()> {
        match self {
            Object::Tokens(tokens) => tokens.post(1),
            Object::Event(event) => event.set(),
            Object::Memory(memory) => memory.write(0, &[1]),
            _ => Ok(()),
        }
    }
}

fn nothing(waited: Result<()>) -> Result<Held<'static>> {
    waited.map(|()| Held::Nothing)
}
