#![cfg_attr(loom, allow(dead_code, unused_imports))]
//! Locks, semaphores, events and shared memory by name, between processes of one machine.

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
mod kind;
#[cfg(not(loom))]
mod mutex;
#[cfg(not(loom))]
mod name;
#[cfg(not(loom))]
mod options;
#[cfg(not(loom))]
mod participant;
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
    pub use crate::kind::{Kind, Object};
    pub use crate::mutex::{Mutex, MutexGuard, OnAbandoned};
    pub use crate::name::Name;
    pub use crate::options::{Named, Options};
    pub use crate::participant::{Cause, Deceased, Participant};
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
        crate::segment::remove(&Name::new(name)?, scope)
    }
}
#[cfg(not(loom))]
pub use exports::*;
pub use raw::spin::Spin;
