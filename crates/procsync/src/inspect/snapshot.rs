//! What an object was at one moment.

use crate::event::Reset;
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::native::Accounts;
use crate::participant::{Deceased, Participant};
use crate::segment::place::Scope;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// An object at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// What it is called. A native semaphore's name may be one that no object of this library can have.
    pub name: Name,
    /// Who can see it; for the machine's, with the mode of its file.
    pub scope: Scope,
    /// What it is.
    pub kind: Kind,
    /// How it stands.
    pub state: State,
    /// For an event: whether a wait consumes its setting.
    pub reset: Option<Reset>,
    /// Who holds it: one row for a mutex, one per held permit for a semaphore (per unit for a native one,
    /// as far as they are in its ledger).
    pub holders: Vec<Participant>,
    /// Who sleeps because of it. (A wait that is still spinning is not seen.)
    pub waiters: Vec<Participant>,
    /// All living participants: the processes that have it open, and those of their threads that
    /// own it, did so, or wait. `since` is when they came.
    pub participants: Vec<Participant>,
    /// How many live processes have it open.
    pub processes: u32,
    /// How many participants it has room for.
    pub slots: u32,
    /// Whether it stays when its last user leaves.
    pub persistent: bool,
    /// When it was made.
    pub created: Option<SystemTime>,
    /// When a mutex or a permit in use was acquired last.
    pub acquired: Option<SystemTime>,
    /// How often a mutex was acquired.
    pub grants: u64,
    /// How often somebody had to sleep for it.
    pub contended: u64,
    /// How often something was taken back from a dead holder.
    pub recovered: u64,
    /// Who died holding it last, if anybody did.
    pub deceased: Option<Deceased>,
    /// How many bytes of data it has: those that a mutex guards, or a shared memory's.
    pub data_size: u64,
    /// To which boundary the data that a mutex guards is aligned.
    pub data_align: u32,
    /// How long its file is. Much of it may be holes that take no space.
    pub file_size: u64,
    /// Its file.
    pub path: PathBuf,
    /// The user to whom its file belongs.
    pub owner: u32,
}

impl Snapshot {
    /// How long ago it was made.
    pub fn age(&self) -> Option<Duration> {
        self.created.map(|created| created.elapsed().unwrap_or_default())
    }

    /// All its users died: the next one to open it makes it anew, and
    /// [`reap`](super::reap) removes it.
    pub fn is_leftover(&self) -> bool {
        self.processes == 0 && !self.persistent
    }

    /// How messages name it.
    pub fn object(&self) -> Object {
        Object { kind: self.kind, name: self.name.as_str().to_owned() }
    }
}

/// How an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A mutex that nobody holds.
    Free,
    /// A mutex that somebody holds.
    Held,
    /// A mutex that nobody holds, whose last holder died.
    Abandoned,
    /// A semaphore's permits.
    Permits {
        /// How many are free.
        available: u32,
        /// How many there are.
        capacity: u32,
    },
    /// A token semaphore's count.
    Tokens(u32),
    /// An event that is set.
    Set,
    /// An event that is not set.
    Unset,
    /// A shared memory of so many bytes.
    Bytes(u64),
    /// The units of one of the system's own semaphores.
    Native(Accounts),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Free => f.write_str("free"),
            State::Held => f.write_str("held"),
            State::Abandoned => f.write_str("abandoned"),
            State::Permits { available, capacity } => write!(f, "{available} of {capacity} free"),
            State::Tokens(count) => write!(f, "{count} tokens"),
            State::Set => f.write_str("set"),
            State::Unset => f.write_str("unset"),
            State::Bytes(bytes) => write!(f, "{bytes} bytes"),
            State::Native(accounts) => write!(f, "{accounts}"),
        }
    }
}
