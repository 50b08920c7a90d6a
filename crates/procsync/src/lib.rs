#![cfg_attr(loom, allow(dead_code, unused_imports))]
//! Locks, semaphores, events and shared memory by name, between processes of one machine. A process
//! that is killed at any instruction leaves nobody stuck.
//!
//! # Before you use it
//!
//! - **Where objects lie, and who can use them.** In files in `/dev/shm/procsync-UID` that only the
//!   user can open, unless [`Scope::Machine`] says otherwise. The environment variable
//!   `PROCSYNC_DIR` moves them.
//! - **What stays behind.** An object goes with its last user. If that one is killed, a small file
//!   stays until somebody opens the name again (and gets a fresh object) or removes it. A handle in
//!   a `static` is never dropped, which is the same. [`Options::persistent`] objects stay until
//!   [`remove`] or a reboot.
//! - **What recovery is, and what it is not.** When a holder dies, what it held comes back and the
//!   next holder is told ([`MutexGuard::abandoned`]). The work that it was in the middle of is left
//!   as it was. Noticing a death takes a fraction of a millisecond where the system tells of it (Linux
//!   with glibc), elsewhere about 5 ms, and longer if the dead process had much memory.
//! - **Forks.** What the parent holds stays the parent's. A child's copies of handles open the
//!   object anew at their next use, its copies of guards do nothing. Children made by a bare `clone`
//!   system call are not noticed.
//! - **Trust.** Who may write an object can make its users wait, or get errors, but cannot make this
//!   library panic, loop or touch memory that is not its own. One exception: who may write the file
//!   may also shorten it, and that ends its users by SIGBUS.
//! - **Linux** is what it is tested on, and **Windows** under Wine (never yet on Windows itself). For macOS
//!   it is written, and was never run; on systems that it does not know, all named objects answer that
//!   they are unsupported. Where objects lie and what differs is in `docs/platforms.md`.
//!
//! # Which one
//!
//! | you want | take |
//! |---|---|
//! | only one at a time | [`Mutex`] |
//! | the same, locked again by the code it calls | [`ReentrantMutex`] |
//! | at most N at a time, and a slot back when its user dies | [`Semaphore`] |
//! | to hand over things: one makes them, another takes them | [`TokenSemaphore`] |
//! | to tell that something has happened | [`Event`] |
//! | bytes that everybody sees | [`SharedMemory`] |
//! | to see who holds and who waits | [`inspect`] |
//! | to share a semaphore with programs that use `sem_open` or `CreateSemaphore` | [`native`] |
//! | words inside memory that you mapped yourself | [`raw`] |
//!
//! Each is opened by [`Name`]: `open` attaches or creates, `create` demands that there is none,
//! `attach` that there is one, and `options` has the rest. Handles are `Send + Sync`; several handles
//! of one process for one object share everything. Each waits for ever, not at all (`try_…`), for a
//! while (`…_timeout`) or until a moment (`…_deadline`); signals do not end a wait, unless it is [`interruptible`].
//!
//! ```
//! use procsync::Mutex;
//!
//! let lock = Mutex::<()>::open("crate-example")?;
//! let guard = lock.lock()?;
//! assert_eq!(lock.owner().unwrap().pid, std::process::id());
//! drop(guard);
//! # Ok::<(), procsync::Error>(())
//! ```
//!
//! # Logging
//!
//! Creating, closing, recovering and other rare things are [`tracing`](https://docs.rs/tracing)
//! events; acquiring and releasing are not.

pub mod raw;

#[cfg(not(loom))]
mod bytes;
#[cfg(not(loom))]
mod deadline;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod event;
#[cfg(not(loom))]
mod exclusive;
#[cfg(not(loom))]
mod handle;
#[cfg(not(loom))]
pub mod inspect;
#[cfg(not(loom))]
mod interrupt;
#[cfg(not(loom))]
mod kind;
#[cfg(not(loom))]
mod mutex;
#[cfg(not(loom))]
mod name;
#[cfg(not(loom))]
pub mod native;
#[cfg(not(loom))]
mod options;
#[cfg(not(loom))]
mod pacing;
#[cfg(not(loom))]
mod participant;
#[cfg(not(loom))]
mod processes;
#[cfg(not(loom))]
mod reentrant_mutex;
#[cfg(not(loom))]
mod segment;
#[cfg(not(loom))]
mod semaphore;
#[cfg(not(loom))]
mod shared_memory;
#[cfg(not(loom))]
mod sys;
#[cfg(not(loom))]
mod token_semaphore;

#[cfg(not(loom))]
mod exports {
    pub use crate::error::{Error, Result};
    pub use crate::event::{Event, Reset};
    pub use crate::exclusive::Ownership;
    pub use crate::interrupt::{Interrupt, interruptible};
    pub use crate::kind::{Kind, Object};
    pub use crate::mutex::{Mutex, MutexGuard, OnAbandoned};
    pub use crate::name::Name;
    pub use crate::options::{Named, Options};
    pub use crate::participant::{Cause, Condition, Deceased, Participant};
    pub use crate::reentrant_mutex::{ReentrantMutex, ReentrantMutexGuard};
    pub use crate::segment::Removal;
    pub use crate::segment::place::Scope;
    pub use crate::semaphore::{Permit, Semaphore};
    pub use crate::shared_memory::{SharedMemory, align_to_cacheline_size};
    pub use crate::token_semaphore::TokenSemaphore;

    /// Removes an object by name, whatever its kind; `None` if there is none.
    ///
    /// # Errors
    /// A name that cannot be one, or what the system says.
    pub fn remove(name: &str, scope: Scope) -> Result<Option<Removal>> {
        let name = Name::new(name)?;
        let object = Object { kind: Kind::Unknown, name: name.as_str().to_owned() };
        match crate::segment::place::Place::of(scope, false, &object) {
            Ok(place) => crate::segment::remove(&name, &place),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
#[cfg(not(loom))]
pub use exports::*;
pub use raw::spin::Spin;
