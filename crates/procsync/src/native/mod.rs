//! The system's own named semaphores, for programs that must share one with software that does not use
//! procsync.
//!
//! `NativeSemaphore::instantiate("jobs")` stands for what a C program opens with
//! `sem_open("/jobs", O_CREAT, 0644, 1)` or `CreateSemaphoreW(…, L"Global\\jobs")`: both exclude each
//! other. If all programs are yours, take [`Mutex`](crate::Mutex) or [`Semaphore`](crate::Semaphore): they
//! are faster, and a holder that dies is replaced for certain.
//!
//! # Before you use it
//!
//! - **What stays behind.** On Linux and macOS a semaphore stays until it is unlinked, and so does its
//!   ledger. [`inspect::reap`](crate::inspect::reap) removes ledgers whose semaphores are gone.
//! - **A name may come to stand for another semaphore**: after an unlink, who has the old one open goes on
//!   with it, and newcomers make a new one. The two do not exclude each other.
//! - **No timed wait on macOS**: there a wait tries, with pauses that grow to 5 ms. Not tried out by
//!   this project, as little as Windows (see docs/platforms.md).
//!
//! # The registry
//!
//! Each thread has one instance for a name. Asked for again, it is the same one; with other options that
//! is an error, and so is registering another one under a taken name.
//!
//! ```
//! use procsync::native::{NativeOptions, NativeSemaphore};
//!
//! let name = format!("native-registry-{}", std::process::id());
//! let one = NativeSemaphore::instantiate(&name)?;
//! assert!(one.is_same(&NativeSemaphore::instantiate(&format!("/{name}"))?));
//! assert!(NativeOptions::new().initial(2).instantiate(&name).is_err());
//! assert!(NativeOptions::new().unregistered(&name)?.register().is_err());
//! # Ok::<(), procsync::Error>(())
//! ```
//!
//! # Locking within a lock
//!
//! An instance that is locked counts further locks; only the outermost unlock gives the unit back. See
//! [`NativeSemaphore`]. Two threads of one process are strangers to each other.
//!
//! # Without waiting, and with a limit
//!
//! ```
//! use procsync::native::NativeSemaphore;
//! use std::time::Duration;
//!
//! let name = format!("native-trying-{}", std::process::id());
//! let here = NativeSemaphore::instantiate(&name)?;
//! here.open()?;
//! here.lock()?;
//! let there = std::thread::spawn(move || -> procsync::Result<bool> {
//!     let there = NativeSemaphore::instantiate(&name)?;
//!     there.open()?;
//!     assert!(there.lock_for(Duration::from_millis(20)).is_err(), "an error that names the holder");
//!     let got = there.try_lock()?.is_some();
//!     there.close()?;
//!     Ok(got)
//! });
//! assert!(!there.join().unwrap()?, "held by the other thread");
//! here.unlock()?;
//! # here.close()?;
//! # here.unlink()?;
//! # Ok::<(), procsync::Error>(())
//! ```
//!
//! # Errors
//!
//! What the system refuses is [`Error::NativeCall`](crate::Error::NativeCall): the call, the number, its
//! name, what it means and what to do. A step out of its order is
//! [`Error::OutOfOrder`](crate::Error::OutOfOrder). Nothing is lost by either.
//!
//! ```
//! use procsync::Error;
//! use procsync::native::{NativeSemaphore, Step};
//!
//! let name = format!("native-errors-{}", std::process::id());
//! let semaphore = NativeSemaphore::instantiate(&name)?;
//! match semaphore.lock() {
//!     Err(Error::OutOfOrder { step: Step::Lock, reason, .. }) => assert!(reason.contains("open")),
//!     other => panic!("{other:?}"),
//! }
//! assert!(semaphore.open()?.created);
//! # semaphore.close()?;
//! # semaphore.unlink()?;
//! # Ok::<(), procsync::Error>(())
//! ```
//!
//! # Names by system
//!
//! See [`NativeName`].
//!
//! # Tracing
//!
//! Each step is a [`tracing`](https://docs.rs/tracing) event with the semaphore's name and the counts;
//! what dies is too. For your own purposes, an [`Observer`] is told of each step before and after it.
//!
//! # After a crash
//!
//! The system does not know who took a unit, so a holder that dies keeps it for ever. A *ledger* beside the
//! semaphore knows: the next one that uses this library gets the dead one's unit within about 5 ms and is
//! told ([`Locked::abandoned`]). Programs that do not use it are unknown to the ledger; nothing is ever
//! given back on their behalf. What was asked of the system and what is recorded are two steps: who is
//! killed between them leaves a doubt, which [`NativeSemaphore::post_doubtful`] ends. The table of all
//! cases is in docs/native.md.
//!
//! ```
//! use procsync::native::NativeSemaphore;
//!
//! let name = format!("native-crash-{}", std::process::id());
//! let semaphore = NativeSemaphore::instantiate(&name)?;
//! semaphore.open()?;
//! let worker_name = name.clone();
//! std::thread::spawn(move || -> procsync::Result<()> {
//!     let semaphore = NativeSemaphore::instantiate(&worker_name)?;
//!     semaphore.open()?;
//!     semaphore.lock()?;
//!     Ok(()) // and the thread ends without unlocking
//! })
//! .join()
//! .unwrap()?;
//! let locked = semaphore.lock()?;
//! assert_eq!(locked.abandoned.unwrap().pid, std::process::id());
//! semaphore.unlock()?;
//! # semaphore.close()?;
//! # semaphore.unlink()?;
//! # Ok::<(), procsync::Error>(())
//! ```

mod books;
mod name;
mod options;
mod registry;
mod semaphore;
mod step;
mod stray;

pub use name::NativeName;
pub use options::NativeOptions;
pub use semaphore::NativeSemaphore;
pub use step::{
    Accounts, Change, Changes, Counts, Identity, Locked, Observer, Opened, Status, Step, Unlocked,
};
use stray::take_name_away;
pub(crate) use stray::{Reaping, ledger_of, reap};

use crate::error::Result;
use crate::segment::place::Scope;

/// The instance of this thread that is registered under a name, if there is one that was not closed.
///
/// # Errors
/// [`Error::InvalidName`](crate::Error::InvalidName).
pub fn registered(name: &str) -> Result<Option<NativeSemaphore>> {
    Ok(registry::find(&NativeName::new(name)?))
}

/// Takes a semaphore's name away without opening it, and its ledger; false: there was none. See
/// [`NativeSemaphore::unlink`].
///
/// # Errors
/// [`Error::InvalidName`](crate::Error::InvalidName); [`Error::NativeCall`](crate::Error::NativeCall) with
/// what the system says.
pub fn unlink(name: &str, scope: Scope) -> Result<bool> {
    take_name_away(&NativeName::new(name)?, scope)
}

/// Gives back all units of a semaphore that are missing; **only if you know that nobody holds one who is
/// not in its ledger.** See [`NativeSemaphore::post_doubtful`]. 0 if there is no such
/// semaphore, or no ledger of it in this scope.
///
/// # Errors
/// As for [`NativeSemaphore::post_doubtful`].
pub fn post_doubtful(name: &str, scope: Scope) -> Result<u32> {
    let books = stray::find(&NativeName::new(name)?, scope)?;
    books.map_or(Ok(0), |books| books.post_doubtful())
}
