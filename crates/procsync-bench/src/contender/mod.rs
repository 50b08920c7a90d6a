//! What is measured: every contender behind [`Lock`], [`Tokens`] or [`Gate`].
//!
//! To add one: a file beside this one that implements [`Object`] and one of these traits for a type, and a line in the
//! lists at the end of this file. Nothing else knows the contenders.
//!
//! A workload calls the traits through a [`LockJob`], [`TokensJob`] or [`GateJob`], compiled once for each contender: a call through
//! a pointer would cost as much as some of these locks do.

#[cfg(has_boost)]
mod boost;
mod condition;
mod flock;
mod futex_gate;
mod futex_mutex;
mod futex_tokens;
#[cfg(feature = "peers")]
mod named_lock;
mod none;
mod ofd_lock;
#[cfg(feature = "peers")]
mod parking_lot;
mod posix_semaphore;
mod procsync;
mod procsync_native;
mod procsync_raw;
mod pthread_mutex;
#[cfg(feature = "peers")]
mod raw_sync;
mod std_mutex;
mod sysv_semaphore;
mod unnamed_semaphore;

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where an object is: a contender uses whichever of the two its names are made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    /// A private directory, for objects that are files.
    pub(crate) directory: PathBuf,
    /// A name that nothing else on this machine bears: letters, digits and hyphens.
    pub(crate) name: String,
}

impl Place {
    /// The file of that name in the directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Removes that file, if it is there.
    fn remove_file(&self) -> io::Result<()> {
        match fs::remove_file(self.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Who can share an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The threads of the process that created it.
    OneProcess,
    /// Every process that attaches to its place.
    Processes,
}

/// Something that processes share by name. A value is one thread's way to it: it never moves to another thread, which
/// attaches for itself. Dropping it detaches.
pub(crate) trait Object: Sized {
    /// What it is called in tables and arguments. The same for a lock and for tokens of one kind.
    const NAME: &'static str;
    /// One line for those who do not know it.
    const ABOUT: &'static str;
    /// Who can share it.
    const REACH: Reach = Reach::Processes;
    /// Whether it takes part when nobody is named.
    const BY_DEFAULT: bool = true;

    /// Makes the object, which must not exist, and attaches to it: a lock that is free, or no tokens.
    fn create(place: &Place) -> io::Result<Self>;

    /// Attaches to an object that exists.
    fn attach(place: &Place) -> io::Result<Self>;

    /// Removes the name. Not an error if it is gone already.
    fn remove(place: &Place) -> io::Result<()>;
}

/// A lock: at most one thread of all processes is inside.
pub(crate) trait Lock: Object {
    /// Whether those who wait go on after the holder was killed.
    const RECOVERS: bool;

    /// Waits, for ever if need be, until this thread is inside. It leaves by dropping what it got. An abandoned lock is
    /// taken over without more ado. Panics if the system refuses.
    fn lock(&self) -> impl Sized;
}

/// A semaphore to signal with: a count of tokens that one process puts and another takes. No workload puts a second one
/// before the first is taken, so that an event which is only set or unset will do.
pub(crate) trait Tokens: Object {
    /// Puts one token. Panics if the system refuses.
    fn post(&self);

    /// Waits, for ever if need be, until there is a token, and takes it. Panics if the system refuses.
    fn wait(&self);
}

/// Something to signal to many with. Closed at first.
pub(crate) trait Gate: Object {
    /// Lets `waiters` pass: all who wait. Panics if the system refuses.
    fn open(&self, waiters: u32);

    /// Closes it again. All have passed, and nobody waits. Panics if the system refuses.
    fn shut(&self);

    /// Waits, for ever if need be, until it is open. Panics if the system refuses.
    fn pass(&self);
}

/// What a lock that is let go by a call returns: it makes the call when dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    #[inline]
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What is known of a contender without its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) reach: Reach,
    pub(crate) by_default: bool,
    /// Never for tokens, which have no holder.
    pub(crate) recovers: bool,
}

impl Entry {
    const fn of<O: Object>(recovers: bool) -> Self {
        let (name, about) = (O::NAME, O::ABOUT);
        Entry { name, about, reach: O::REACH, by_default: O::BY_DEFAULT, recovers }
    }
}

/// Something to be done with a lock of whatever kind.
pub(crate) trait LockJob {
    type Output;
    fn run<L: Lock>(self) -> Self::Output;
}

/// Something to be done with tokens of whatever kind.
pub(crate) trait TokensJob {
    type Output;
    fn run<T: Tokens>(self) -> Self::Output;
}

/// Something to be done with a gate of whatever kind.
pub(crate) trait GateJob {
    type Output;
    fn run<G: Gate>(self) -> Self::Output;
}

macro_rules! locks {
    ($($(#[$only:meta])* $kind:ty),+ $(,)?) => {
        /// Every lock, in the order of the tables.
        pub(crate) const LOCKS: &[Entry] =
            &[$($(#[$only])* Entry::of::<$kind>(<$kind as Lock>::RECOVERS)),+];

        /// Does the job with the lock of this name. Panics if [`LOCKS`] does not list it.
        pub(crate) fn with_lock<J: LockJob>(name: &str, job: J) -> J::Output {
            $($(#[$only])* if name == <$kind as Object>::NAME { return job.run::<$kind>(); })+
            panic!("no lock is called {name}")
        }
    };
}

macro_rules! tokens {
    ($($(#[$only:meta])* $kind:ty),+ $(,)?) => {
        /// Every kind of tokens, in the order of the tables.
        pub(crate) const TOKENS: &[Entry] = &[$($(#[$only])* Entry::of::<$kind>(false)),+];

        /// Does the job with the tokens of this name. Panics if [`TOKENS`] does not list it.
        pub(crate) fn with_tokens<J: TokensJob>(name: &str, job: J) -> J::Output {
            $($(#[$only])* if name == <$kind as Object>::NAME { return job.run::<$kind>(); })+
            panic!("no tokens are called {name}")
        }
    };
}

macro_rules! gates {
    ($($(#[$only:meta])* $kind:ty),+ $(,)?) => {
        /// Every kind of gate, in the order of the tables.
        pub(crate) const GATES: &[Entry] = &[$($(#[$only])* Entry::of::<$kind>(false)),+];

        /// Does the job with the gate of this name. Panics if [`GATES`] does not list it.
        pub(crate) fn with_gate<J: GateJob>(name: &str, job: J) -> J::Output {
            $($(#[$only])* if name == <$kind as Object>::NAME { return job.run::<$kind>(); })+
            panic!("no gate is called {name}")
        }
    };
}

locks![
    none::Nothing,
    procsync::ThreadMutex,
    procsync::ProcessMutex,
    procsync::Reentrant,
    procsync::Semaphore,
    procsync_native::Native,
    procsync_raw::Mutex,
    futex_mutex::Sleeping,
    futex_mutex::Spinning,
    std_mutex::StdMutex,
    #[cfg(feature = "peers")]
    parking_lot::ParkingLot,
    pthread_mutex::Shared,
    pthread_mutex::Robust,
    pthread_mutex::RobustRecursive,
    unnamed_semaphore::SemaphoreLock,
    posix_semaphore::SemaphoreLock,
    sysv_semaphore::SysvSemaphore,
    #[cfg(has_boost)]
    boost::Mutex,
    #[cfg(feature = "peers")]
    raw_sync::RawMutex,
    flock::FileLock,
    #[cfg(feature = "peers")]
    named_lock::NamedLock,
    ofd_lock::OfdLock,
];

tokens![
    procsync::NamedTokens,
    procsync::AutoEvent,
    procsync_raw::RawTokens,
    futex_tokens::Sleeping,
    futex_tokens::Spinning,
    unnamed_semaphore::SemaphoreTokens,
    posix_semaphore::SemaphoreTokens,
    #[cfg(has_boost)]
    boost::Semaphore,
    #[cfg(feature = "peers")]
    raw_sync::AutoEvent,
];

gates![
    procsync::ManualEvent,
    procsync::NamedTokens,
    futex_gate::FutexGate,
    condition::Condition,
    unnamed_semaphore::SemaphoreTokens,
    posix_semaphore::SemaphoreTokens,
    #[cfg(feature = "peers")]
    raw_sync::ManualEvent,
];

/// Who takes no part in this build, and why.
pub(crate) const LEFT_OUT: &[&str] = &[
    #[cfg(not(feature = "peers"))]
    "parking-lot, raw-sync, named-lock, boost: built without the feature `peers`",
    #[cfg(all(feature = "peers", not(has_boost)))]
    "boost: no C++ compiler, or its headers were missing (apt-get install g++ libboost-dev)",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_within_each_list() {
        for list in [LOCKS, TOKENS, GATES] {
            for (index, entry) in list.iter().enumerate() {
                assert!(list[..index].iter().all(|other| other.name != entry.name));
            }
        }
    }

    struct NameOf;

    impl LockJob for NameOf {
        type Output = &'static str;
        fn run<L: Lock>(self) -> &'static str {
            L::NAME
        }
    }

    impl TokensJob for NameOf {
        type Output = &'static str;
        fn run<T: Tokens>(self) -> &'static str {
            T::NAME
        }
    }

    impl GateJob for NameOf {
        type Output = &'static str;
        fn run<G: Gate>(self) -> &'static str {
            G::NAME
        }
    }

    #[test]
    fn a_name_leads_to_the_contender_of_that_name() {
        for entry in LOCKS {
            assert_eq!(with_lock(entry.name, NameOf), entry.name);
        }
        for entry in GATES {
            assert_eq!(with_gate(entry.name, NameOf), entry.name);
        }
        for entry in TOKENS {
            assert_eq!(with_tokens(entry.name, NameOf), entry.name);
        }
    }
}
