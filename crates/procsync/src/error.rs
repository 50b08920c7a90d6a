//! What can go wrong, each with what was tried, on what, what the system said and what to do.

use crate::inspect::Deadlock;
use crate::kind::{Kind, Object};
use crate::participant::{Deceased, Participant, Span};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name cannot be an object's name.
    #[error("{name:?} cannot be a name: {reason}")]
    InvalidName {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// An argument or option makes no sense.
    #[error("{object}: {reason}")]
    InvalidArgument {
        /// For which object.
        object: Object,
        /// What is wrong with it, and what is allowed.
        reason: String,
    },

    /// It was to be created, but is there.
    #[error("{object}: it exists already; open it, or remove it first")]
    AlreadyExists {
        /// Which object.
        object: Object,
    },

    /// It was to be attached to, but is not there.
    #[error("{object}: there is no such object; open or create it first")]
    NotFound {
        /// Which object.
        object: Object,
    },

    /// The name stands for an object of another kind.
    #[error("{object}: the name stands for another kind of object, a {found}")]
    WrongKind {
        /// What was to be opened.
        object: Object,
        /// What it is.
        found: Kind,
    },

    /// It exists, with other properties than were asked for.
    #[error(
        "{object}: its {property} is {found}, not {wanted}; open it with what it has, or remove it first"
    )]
    Mismatch {
        /// Which object.
        object: Object,
        /// Which property.
        property: &'static str,
        /// What was asked for.
        wanted: String,
        /// What it has.
        found: String,
    },

    /// What lies under the name is not an object of this library, or its bytes are damaged.
    #[error("{object}: {} is damaged or not an object of this library: {reason}", path.display())]
    Damaged {
        /// Which object.
        object: Object,
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// It was made by a version of this library that lays its bytes out differently.
    #[error(
        "{object}: it has layout version {found}, this library speaks version {spoken}; use one version of procsync for all its users"
    )]
    LayoutVersion {
        /// Which object.
        object: Object,
        /// Its version.
        found: u32,
        /// The version of this library.
        spoken: u32,
    },

    /// The wait was not over in time.
    #[error("{object}: {}gave up after {}", holder.as_ref().map(|holder| format!("held {holder}; ")).unwrap_or_default(), Span(*waited))]
    TimedOut {
        /// Which object.
        object: Object,
        /// How long it was waited for.
        waited: Duration,
        /// Who had it (or one of those who had it) when the wait ended.
        holder: Option<Box<Participant>>,
    },

    /// The wait would have lasted for ever; see
    /// [`Options::detect_deadlocks`](crate::Options::detect_deadlocks). Nothing was acquired.
    #[error("{object}: a deadlock: {deadlock}")]
    Deadlock {
        /// Which object.
        object: Object,
        /// Who waits for whom.
        deadlock: Box<Deadlock>,
    },

    /// The waiting thread was called away; see [`interruptible`](crate::interruptible).
    #[error("{object}: the wait was interrupted after {}; nothing was acquired", Span(*waited))]
    Interrupted {
        /// Which object.
        object: Object,
        /// How long it was waited for.
        waited: Duration,
    },

    /// The calling thread holds it already; waiting for itself would last for ever.
    #[error(
        "{object}: the calling thread holds it already; use a ReentrantMutex if it is to be locked in layers"
    )]
    AlreadyOwned {
        /// Which object.
        object: Object,
    },

    /// The caller does not hold what it wants to release.
    #[error("{object}: cannot be released by one who does not hold it{}", holder.as_ref().map(|holder| format!("; it is held {holder}")).unwrap_or_default())]
    NotOwner {
        /// Which object.
        object: Object,
        /// Who holds it.
        holder: Option<Box<Participant>>,
    },

    /// Its last holder died holding it, and the caller asked to be refused then.
    #[error(
        "{object}: abandoned by {by}; what it guards may be half changed: set it right under repair()"
    )]
    Abandoned {
        /// Which object.
        object: Object,
        /// Who died.
        by: Deceased,
    },

    /// There are as many participants as it has slots.
    #[error(
        "{object}: all its {participants} slots are taken by living participants; create it with more participants"
    )]
    NoSlots {
        /// Which object.
        object: Object,
        /// How many slots it has.
        participants: u32,
    },

    /// A count would pass its limit; it is unchanged.
    #[error("{object}: {count} more would pass the limit of {limit}; nothing was changed")]
    Overflow {
        /// Which object.
        object: Object,
        /// How many were to be added.
        count: u32,
        /// The limit.
        limit: u32,
    },

    /// Another process is creating or removing the object and does not get on with it.
    #[error("{object}: another process has been creating or removing it for {}; is it stopped?", Span(*waited))]
    Busy {
        /// Which object.
        object: Object,
        /// How long it was waited for.
        waited: Duration,
    },

    /// The directory in which objects lie cannot be trusted.
    #[error("the directory {} is refused: {reason}; remove or mend it, or set PROCSYNC_DIR to a directory of your own", path.display())]
    UnsafeDirectory {
        /// Which directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The system refused.
    #[error("{object}: cannot {operation} {}: {source}{}", path.display(), advice(source))]
    System {
        /// Which object.
        object: Object,
        /// What was tried.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A call of the system on one of its own named semaphores failed; nothing was taken or given.
    #[error("{object}: {call} failed: {code_name} ({code}): {meaning}{}{advice}", if advice.is_empty() { "" } else { "; " })]
    NativeCall {
        /// Which semaphore.
        object: Object,
        /// Which call, by the system's name for it.
        call: &'static str,
        /// The number that the system answered (errno, or what GetLastError says).
        code: i32,
        /// What the system calls that number.
        code_name: &'static str,
        /// What it means, in the system's words.
        meaning: String,
        /// What is known besides, and what to do; may be empty.
        advice: String,
    },

    /// A step of a native semaphore's life was tried out of its order; nothing was changed.
    #[error("{object}: cannot {step}: {reason}")]
    OutOfOrder {
        /// Which semaphore.
        object: Object,
        /// Which step.
        step: crate::native::Step,
        /// Why not, and what comes first.
        reason: &'static str,
    },

    /// Another instance of this thread is registered under the name.
    #[error(
        "{object}: this thread has another instance registered under the name; use that one, or let it go first"
    )]
    NameTaken {
        /// Which semaphore.
        object: Object,
    },

    /// No ledger can be kept beside a native semaphore.
    #[error(
        "{object}: no ledger can be kept beside it, so nobody would know who holds it: {source}; mend that, or do without one (NativeOptions::ledger(false))"
    )]
    NoLedger {
        /// Which semaphore.
        object: Object,
        /// Why not.
        source: Box<Error>,
    },

    /// The thread is exiting and can no longer own anything.
    #[error("{object}: the calling thread is exiting and can own nothing any more")]
    ThreadExiting {
        /// Which object.
        object: Object,
    },
}

/// What to do about an answer of the system, where that is not plain from the answer.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; it belongs to another user: machine-wide objects are opened with Scope::Machine and a mode that lets others in"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space there, or set PROCSYNC_DIR to another directory"
        }
        io::ErrorKind::Unsupported => "; named objects work on Linux and Windows only as yet",
        _ => match error.raw_os_error() {
            #[cfg(unix)]
            Some(libc::EMFILE | libc::ENFILE) => {
                "; close some files or raise the limit (ulimit -n)"
            }
            #[cfg(unix)]
            Some(libc::EFBIG) => {
                "; the size of files is limited (ulimit -f): raise the limit, or create it with fewer participants"
            }
            #[cfg(unix)]
            Some(libc::ELOOP) => "; it is a symbolic link, which is never followed",
            #[cfg(unix)]
            Some(libc::EISDIR) => "; it is a directory",
            #[cfg(windows)]
            Some(crate::sys::map::IS_IN_USE) => {
                "; another program keeps it open and does not share it: what looks for viruses, makes an index or a copy should leave this directory out"
            }
            #[cfg(windows)]
            Some(crate::sys::map::IS_A_LINK) => "; it is a link, which is never followed",
            _ => "",
        },
    }
}
