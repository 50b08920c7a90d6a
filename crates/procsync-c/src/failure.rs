//! Why a function did not do what it was asked to.

use crate::status::{procsync_kind, procsync_status};
use procsync::{Error, Kind, Object, raw};
use std::borrow::Cow;
use std::io;

/// Everything that a function can answer but success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the library says.
    Named(Error),
    /// What the library says of words in the caller's memory.
    Raw(raw::Error),
    /// A handle that is none.
    Handle(&'static str),
    /// An argument that makes no sense.
    Argument(Cow<'static, str>),
    /// With the timeout 0: of which kind it is, and how it is called.
    NotAtOnce(procsync_kind, String),
    /// What belongs to another thread.
    OtherThread,
    /// The caller does not have it.
    NotOwner(procsync_kind, String, &'static str),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Named(error)
    }
}

impl From<raw::Error> for Failure {
    fn from(error: raw::Error) -> Failure {
        Failure::Raw(error)
    }
}

impl Failure {
    pub(crate) fn argument(what: &'static str) -> Failure {
        Failure::Argument(Cow::Borrowed(what))
    }

    pub(crate) fn status(&self) -> procsync_status {
        match self {
            Failure::Named(error) => of_named(error),
            Failure::Raw(error) => of_raw(error),
            Failure::Handle(_) => procsync_status::PROCSYNC_INVALID_HANDLE,
            Failure::Argument(_) => procsync_status::PROCSYNC_INVALID_ARGUMENT,
            Failure::NotAtOnce(..) => procsync_status::PROCSYNC_TIMED_OUT,
            Failure::OtherThread => procsync_status::PROCSYNC_WRONG_THREAD,
            Failure::NotOwner(..) => procsync_status::PROCSYNC_NOT_OWNER,
        }
    }

    /// The kind and the name of the object concerned; an empty name if there is none.
    pub(crate) fn object(&self) -> (procsync_kind, &str) {
        match self {
            Failure::Named(error) => match object_of(error) {
                Some(object) => (kind_number(object.kind), &object.name),
                None => (procsync_kind::PROCSYNC_KIND_NONE, named_in(error)),
            },
            Failure::NotAtOnce(kind, name) | Failure::NotOwner(kind, name, _) => (*kind, name),
            _ => (procsync_kind::PROCSYNC_KIND_NONE, ""),
        }
    }

    /// What the system said, as errno has it; else 0.
    pub(crate) fn errno(&self) -> i32 {
        match self {
            Failure::Named(Error::System { source, .. }) => source.raw_os_error().unwrap_or(0),
            Failure::Named(Error::NativeCall { code, .. }) => *code,
            _ => 0,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Named(error) => error.fmt(f),
            Failure::Raw(error) => error.fmt(f),
            Failure::Handle(what) => f.write_str(what),
            Failure::Argument(what) => f.write_str(what),
            Failure::NotAtOnce(_, name) => write!(f, "{name:?} could not be had at once"),
            Failure::OtherThread => f.write_str(
                "this instance belongs to the thread that instantiated it; each thread has its own",
            ),
            Failure::NotOwner(_, name, what) => write!(f, "{name:?}: {what}"),
        }
    }
}

fn of_named(error: &Error) -> procsync_status {
    match error {
        Error::InvalidName { .. } => procsync_status::PROCSYNC_INVALID_NAME,
        Error::InvalidArgument { .. } => procsync_status::PROCSYNC_INVALID_ARGUMENT,
        Error::AlreadyExists { .. } => procsync_status::PROCSYNC_ALREADY_EXISTS,
        Error::NotFound { .. } => procsync_status::PROCSYNC_NOT_FOUND,
        Error::WrongKind { .. } => procsync_status::PROCSYNC_WRONG_KIND,
        Error::Mismatch { .. } => procsync_status::PROCSYNC_MISMATCH,
        Error::Damaged { .. } => procsync_status::PROCSYNC_DAMAGED,
        Error::LayoutVersion { .. } => procsync_status::PROCSYNC_LAYOUT_VERSION,
        Error::TimedOut { .. } => procsync_status::PROCSYNC_TIMED_OUT,
        Error::Interrupted { .. } => procsync_status::PROCSYNC_INTERRUPTED,
        Error::AlreadyOwned { .. } => procsync_status::PROCSYNC_ALREADY_OWNED,
        Error::NotOwner { .. } => procsync_status::PROCSYNC_NOT_OWNER,
        Error::Abandoned { .. } => procsync_status::PROCSYNC_ABANDONED,
        Error::NoSlots { .. } => procsync_status::PROCSYNC_NO_SLOTS,
        Error::Overflow { .. } => procsync_status::PROCSYNC_OVERFLOW,
        Error::Busy { .. } => procsync_status::PROCSYNC_BUSY,
        Error::UnsafeDirectory { .. } => procsync_status::PROCSYNC_UNSAFE_DIRECTORY,
        Error::System { source, .. } if source.kind() == io::ErrorKind::Unsupported => {
            procsync_status::PROCSYNC_UNSUPPORTED
        }
        Error::System { .. } | Error::NativeCall { .. } => procsync_status::PROCSYNC_SYSTEM,
        Error::OutOfOrder { .. } => procsync_status::PROCSYNC_OUT_OF_ORDER,
        Error::NameTaken { .. } => procsync_status::PROCSYNC_NAME_TAKEN,
        Error::NoLedger { .. } => procsync_status::PROCSYNC_NO_LEDGER,
        Error::ThreadExiting { .. } => procsync_status::PROCSYNC_THREAD_EXITING,
        _ => procsync_status::PROCSYNC_OTHER,
    }
}

fn of_raw(error: &raw::Error) -> procsync_status {
    match error {
        raw::Error::TooSmall { .. } | raw::Error::Misaligned { .. } => {
            procsync_status::PROCSYNC_INVALID_ARGUMENT
        }
        raw::Error::WrongMagic { found: 0, .. } => procsync_status::PROCSYNC_NOT_FOUND,
        raw::Error::WrongMagic { .. } | raw::Error::NotZero { .. } => {
            procsync_status::PROCSYNC_WRONG_KIND
        }
        raw::Error::HalfMade { .. } => procsync_status::PROCSYNC_BUSY,
        raw::Error::AlreadyOwned { .. } => procsync_status::PROCSYNC_ALREADY_OWNED,
        raw::Error::NotOwner { .. } => procsync_status::PROCSYNC_NOT_OWNER,
        raw::Error::TimedOut { .. } => procsync_status::PROCSYNC_TIMED_OUT,
        raw::Error::Interrupted { .. } => procsync_status::PROCSYNC_INTERRUPTED,
        raw::Error::Overflow { .. } => procsync_status::PROCSYNC_OVERFLOW,
        _ => procsync_status::PROCSYNC_OTHER,
    }
}

fn object_of(error: &Error) -> Option<&Object> {
    match error {
        Error::InvalidArgument { object, .. }
        | Error::AlreadyExists { object }
        | Error::NotFound { object }
        | Error::WrongKind { object, .. }
        | Error::Mismatch { object, .. }
        | Error::Damaged { object, .. }
        | Error::LayoutVersion { object, .. }
        | Error::TimedOut { object, .. }
        | Error::Interrupted { object, .. }
        | Error::AlreadyOwned { object }
        | Error::NotOwner { object, .. }
        | Error::Abandoned { object, .. }
        | Error::NoSlots { object, .. }
        | Error::Overflow { object, .. }
        | Error::Busy { object, .. }
        | Error::System { object, .. }
        | Error::NativeCall { object, .. }
        | Error::OutOfOrder { object, .. }
        | Error::NameTaken { object }
        | Error::NoLedger { object, .. }
        | Error::ThreadExiting { object } => Some(object),
        _ => None,
    }
}

fn named_in(error: &Error) -> &str {
    if let Error::InvalidName { name, .. } = error { name } else { "" }
}

pub(crate) fn kind_number(kind: Kind) -> procsync_kind {
    match kind {
        Kind::Mutex => procsync_kind::PROCSYNC_KIND_MUTEX,
        Kind::ReentrantMutex => procsync_kind::PROCSYNC_KIND_REENTRANT_MUTEX,
        Kind::Semaphore => procsync_kind::PROCSYNC_KIND_SEMAPHORE,
        Kind::TokenSemaphore => procsync_kind::PROCSYNC_KIND_TOKEN_SEMAPHORE,
        Kind::Event => procsync_kind::PROCSYNC_KIND_EVENT,
        Kind::SharedMemory => procsync_kind::PROCSYNC_KIND_SHARED_MEMORY,
        Kind::Native => procsync_kind::PROCSYNC_KIND_NATIVE_SEMAPHORE,
        _ => procsync_kind::PROCSYNC_KIND_NONE,
    }
}
