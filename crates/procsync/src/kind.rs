//! The kinds of objects that a name can stand for.

use std::fmt;

/// What an object is. A name is opened as what it is or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u32)]
pub enum Kind {
    /// [`Mutex`](crate::Mutex)
    Mutex = 1,
    /// [`ReentrantMutex`](crate::ReentrantMutex)
    ReentrantMutex = 2,
    /// [`Semaphore`](crate::Semaphore): permits
    Semaphore = 3,
    /// [`TokenSemaphore`](crate::TokenSemaphore)
    TokenSemaphore = 4,
    /// [`Event`](crate::Event)
    Event = 5,
    /// [`SharedMemory`](crate::SharedMemory)
    SharedMemory = 6,
    /// [`NativeSemaphore`](crate::native::NativeSemaphore): the ledger beside one of the system's own named
    /// semaphores
    Native = 7,
    /// What is said of a name before its file was read, or if that does not tell.
    Unknown = 0,
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::Mutex,
        Kind::ReentrantMutex,
        Kind::Semaphore,
        Kind::TokenSemaphore,
        Kind::Event,
        Kind::SharedMemory,
        Kind::Native,
    ];

    pub(crate) fn from_number(number: u32) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u32 == number)
    }

    /// Whether somebody holds such an object, whose death sets it free.
    pub(crate) fn has_holders(self) -> bool {
        matches!(self, Kind::Mutex | Kind::ReentrantMutex | Kind::Semaphore | Kind::Native)
    }

    /// The name that people and JSON see.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Mutex => "mutex",
            Kind::ReentrantMutex => "reentrant mutex",
            Kind::Semaphore => "semaphore",
            Kind::TokenSemaphore => "token semaphore",
            Kind::Event => "event",
            Kind::SharedMemory => "shared memory",
            Kind::Native => "native semaphore",
            Kind::Unknown => "object",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An object as messages name it: `mutex "gpu0"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is, or was to be.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.name)
    }
}
