//! How an object is opened.

use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::pacing::spin_of_environment;
use crate::raw::spin::Spin;
use crate::segment::How;
use crate::segment::Spec;
use crate::segment::layout::{Facts, MOST_SLOTS};
use crate::segment::place::{Place, Scope};
use std::fmt;

/// An object that is opened by name. Implemented by this library's objects only.
pub trait Named: Sized + sealed::Sealed {}

pub(crate) mod sealed {
    use super::{Handle, Kind, Name, Result};

    /// What one kind of object adds to the options that all have.
    #[derive(Debug, Clone, Default)]
    pub struct Parts {
        pub(crate) flags: u32,
        pub(crate) capacity: u32,
        pub(crate) state: u32,
        pub(crate) data_size: u64,
        pub(crate) data_align: u32,
        pub(crate) data: Vec<u8>,
        /// Held by processes, not by threads.
        pub(crate) by_process: bool,
    }

    pub trait Sealed: Sized {
        type Settings: Clone;
        const KIND: Kind;
        /// Checks the settings; an error's text says what is wrong with them.
        fn parts(settings: &Self::Settings, attach: bool) -> Result<Parts, String>;
        /// What is wrong with a name for this kind of object.
        fn name_fault(_name: &Name) -> Option<String> {
            None
        }
        fn build(handle: Handle, created: bool, settings: &Self::Settings) -> Result<Self>;
    }
}
pub(crate) use sealed::{Parts, Sealed};

/// How an object is opened: first what all kinds have, then what is special to one.
///
/// Made by the `options` function of the object's type. Where an option describes the object
/// itself (its capacity, say) and the object exists already, [`open`](Self::open) checks that it
/// is so; where it describes how this handle uses it, each handle has its own.
///
/// ```
/// use procsync::{Mutex, Scope};
///
/// let counter = Mutex::<u64>::options().initial(7).participants(64).create("options-counter")?;
/// assert_eq!(counter.lock()?.get(), 7);
/// # Ok::<(), procsync::Error>(())
/// ```
pub struct Options<O: Named> {
    pub(crate) settings: O::Settings,
    scope: Scope,
    persistent: bool,
    participants: u32,
    spin: Option<Spin>,
}

/// How many participants an object has room for if nothing else is said.
const PARTICIPANTS: u32 = 1_024;

impl<O: Named> Options<O> {
    pub(crate) fn new(settings: O::Settings) -> Self {
        let (scope, persistent) = (Scope::User, false);
        Options { settings, scope, persistent, participants: PARTICIPANTS, spin: None }
    }

    /// Who can see the object (default: only this user's processes).
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Whether the object stays when its last user leaves or dies (default: no). Counts when the
    /// object is created.
    #[must_use]
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// How many participants can use the object at once: a process that has it open is one, and so
    /// is each thread that owns it or sleeps for it. 1 to 65,536, default 1,024. Each takes 64
    /// bytes once it is used, and 4 KiB more where it can hold something. Counts when the object is
    /// created.
    #[must_use]
    pub fn participants(mut self, participants: u32) -> Self {
        self.participants = participants;
        self
    }

    /// How long waits through this handle spin before they sleep. Default: what the environment
    /// variable `PROCSYNC_SPIN` says (`adaptive`, `never`, or a number of pauses), else adaptive.
    /// The handles of one process for one object share the first one's.
    #[must_use]
    pub fn spin(mut self, spin: Spin) -> Self {
        self.spin = Some(spin);
        self
    }

    /// Attaches to the object, or creates it if there is none.
    ///
    /// # Errors
    /// See [`Error`]: a name or option that makes no sense, another kind of object or other
    /// properties under this name, no permission, no space, no slot.
    pub fn open(&self, name: &str) -> Result<O> {
        self.obtain(name, How::Open)
    }

    /// Creates the object.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if there is one of this name in use (or persistent); else as for
    /// [`open`](Self::open).
    pub fn create(&self, name: &str) -> Result<O> {
        self.obtain(name, How::Create)
    }

    /// Attaches to the object as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none that anybody uses (nor a persistent one); else as for
    /// [`open`](Self::open).
    pub fn attach(&self, name: &str) -> Result<O> {
        self.obtain(name, How::Attach)
    }

    fn obtain(&self, name: &str, how: How) -> Result<O> {
        let given = name;
        let name = Name::new(given)?;
        if let Some(reason) = O::name_fault(&name) {
            return Err(Error::InvalidName { name: given.to_owned(), reason });
        }
        let invalid = |reason: String| Error::InvalidArgument {
            object: Object { kind: O::KIND, name: name.as_str().to_owned() },
            reason,
        };
        if !(1..=MOST_SLOTS).contains(&self.participants) {
            return Err(invalid(format!(
                "{} participants are not possible; 1 to {MOST_SLOTS} are",
                self.participants
            )));
        }
        let parts = O::parts(&self.settings, how == How::Attach).map_err(invalid)?;
        let Parts { flags, capacity, state, data_size, data_align, data, by_process } = parts;
        let facts = Facts {
            kind: O::KIND,
            flags,
            slots: self.participants,
            capacity,
            data_size,
            data_align: data_align.max(1),
            created: 0,
        };
        let object = Object { kind: O::KIND, name: name.as_str().to_owned() };
        let spec = Spec {
            place: Place::of(self.scope, how != How::Attach, &object)?,
            name,
            scope: self.scope,
            facts,
            persistent: self.persistent,
            spin: self.spin.unwrap_or_else(spin_of_environment),
            state,
            data,
            by_process,
        };
        let (handle, created) = Handle::obtain(spec, how)?;
        O::build(handle, created, &self.settings)
    }
}

impl<O: Named> Clone for Options<O> {
    fn clone(&self) -> Self {
        Options { settings: self.settings.clone(), ..*self }
    }
}

impl<O: Named> fmt::Debug for Options<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("kind", &O::KIND)
            .field("scope", &self.scope)
            .field("persistent", &self.persistent)
            .field("participants", &self.participants)
            .field("spin", &self.spin)
            .finish_non_exhaustive()
    }
}
