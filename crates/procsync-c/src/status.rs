//! The numbers that C sees.

/// What a function answers. 0 is success; whatever else it is, nothing was acquired, and
/// procsync_last_error() has the details. Later versions may add numbers, and never change one.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_status {
    /// It was done.
    PROCSYNC_OK = 0,
    /// The time was up; with the timeout 0: it could not be had at once.
    PROCSYNC_TIMED_OUT = 1,
    /// The function set by procsync_set_interrupt() ended the wait.
    PROCSYNC_INTERRUPTED = 2,
    /// The last holder died, and the options said to refuse then: see procsync_mutex_repair().
    PROCSYNC_ABANDONED = 3,
    /// The calling thread has it already and would wait for itself.
    PROCSYNC_ALREADY_OWNED = 4,
    /// The caller does not have what it wants to release, or not any more.
    PROCSYNC_NOT_OWNER = 5,
    /// The handle belongs to the thread that made it, which is another one.
    PROCSYNC_WRONG_THREAD = 6,
    /// A step of a native semaphore's life out of its order; nothing was changed.
    PROCSYNC_OUT_OF_ORDER = 7,
    /// A null pointer, a misaligned one, a number that makes no sense.
    PROCSYNC_INVALID_ARGUMENT = 10,
    /// The handle is null, or of another kind, or closed (which cannot always be told).
    PROCSYNC_INVALID_HANDLE = 11,
    /// The name cannot be an object's name.
    PROCSYNC_INVALID_NAME = 12,
    /// It was to be created, but is there.
    PROCSYNC_ALREADY_EXISTS = 20,
    /// It was to be attached to, but is not there.
    PROCSYNC_NOT_FOUND = 21,
    /// The name stands for another kind of object.
    PROCSYNC_WRONG_KIND = 22,
    /// It exists with another capacity, size, alignment or way to reset.
    PROCSYNC_MISMATCH = 23,
    /// What lies there is damaged or not an object of this library.
    PROCSYNC_DAMAGED = 24,
    /// It was made by a version of this library with another layout.
    PROCSYNC_LAYOUT_VERSION = 25,
    /// All of its slots are taken by living participants.
    PROCSYNC_NO_SLOTS = 26,
    /// A count would pass its limit; it is unchanged.
    PROCSYNC_OVERFLOW = 27,
    /// Another process is creating or removing it and does not get on with it.
    PROCSYNC_BUSY = 28,
    /// Another instance of this thread is registered under the name.
    PROCSYNC_NAME_TAKEN = 29,
    /// The directory in which objects lie cannot be trusted.
    PROCSYNC_UNSAFE_DIRECTORY = 30,
    /// The system refused; procsync_last_error() has its errno.
    PROCSYNC_SYSTEM = 31,
    /// This system cannot do it.
    PROCSYNC_UNSUPPORTED = 32,
    /// The calling thread is exiting and can own nothing any more.
    PROCSYNC_THREAD_EXITING = 33,
    /// No ledger can be kept beside a native semaphore; see procsync_options_set_ledger().
    PROCSYNC_NO_LEDGER = 34,
    /// An error that this version of the C interface has no number for.
    PROCSYNC_OTHER = 98,
    /// A defect of this library. What it was doing may be half done.
    PROCSYNC_INTERNAL = 99,
}

impl procsync_status {
    pub(crate) const ALL: &[(procsync_status, &std::ffi::CStr)] = &[
        (procsync_status::PROCSYNC_OK, c"PROCSYNC_OK"),
        (procsync_status::PROCSYNC_TIMED_OUT, c"PROCSYNC_TIMED_OUT"),
        (procsync_status::PROCSYNC_INTERRUPTED, c"PROCSYNC_INTERRUPTED"),
        (procsync_status::PROCSYNC_ABANDONED, c"PROCSYNC_ABANDONED"),
        (procsync_status::PROCSYNC_ALREADY_OWNED, c"PROCSYNC_ALREADY_OWNED"),
        (procsync_status::PROCSYNC_NOT_OWNER, c"PROCSYNC_NOT_OWNER"),
        (procsync_status::PROCSYNC_WRONG_THREAD, c"PROCSYNC_WRONG_THREAD"),
        (procsync_status::PROCSYNC_OUT_OF_ORDER, c"PROCSYNC_OUT_OF_ORDER"),
        (procsync_status::PROCSYNC_INVALID_ARGUMENT, c"PROCSYNC_INVALID_ARGUMENT"),
        (procsync_status::PROCSYNC_INVALID_HANDLE, c"PROCSYNC_INVALID_HANDLE"),
        (procsync_status::PROCSYNC_INVALID_NAME, c"PROCSYNC_INVALID_NAME"),
        (procsync_status::PROCSYNC_ALREADY_EXISTS, c"PROCSYNC_ALREADY_EXISTS"),
        (procsync_status::PROCSYNC_NOT_FOUND, c"PROCSYNC_NOT_FOUND"),
        (procsync_status::PROCSYNC_WRONG_KIND, c"PROCSYNC_WRONG_KIND"),
        (procsync_status::PROCSYNC_MISMATCH, c"PROCSYNC_MISMATCH"),
        (procsync_status::PROCSYNC_DAMAGED, c"PROCSYNC_DAMAGED"),
        (procsync_status::PROCSYNC_LAYOUT_VERSION, c"PROCSYNC_LAYOUT_VERSION"),
        (procsync_status::PROCSYNC_NO_SLOTS, c"PROCSYNC_NO_SLOTS"),
        (procsync_status::PROCSYNC_OVERFLOW, c"PROCSYNC_OVERFLOW"),
        (procsync_status::PROCSYNC_BUSY, c"PROCSYNC_BUSY"),
        (procsync_status::PROCSYNC_NAME_TAKEN, c"PROCSYNC_NAME_TAKEN"),
        (procsync_status::PROCSYNC_UNSAFE_DIRECTORY, c"PROCSYNC_UNSAFE_DIRECTORY"),
        (procsync_status::PROCSYNC_SYSTEM, c"PROCSYNC_SYSTEM"),
        (procsync_status::PROCSYNC_UNSUPPORTED, c"PROCSYNC_UNSUPPORTED"),
        (procsync_status::PROCSYNC_THREAD_EXITING, c"PROCSYNC_THREAD_EXITING"),
        (procsync_status::PROCSYNC_NO_LEDGER, c"PROCSYNC_NO_LEDGER"),
        (procsync_status::PROCSYNC_OTHER, c"PROCSYNC_OTHER"),
        (procsync_status::PROCSYNC_INTERNAL, c"PROCSYNC_INTERNAL"),
    ];
}

/// What an object is.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_kind {
    /// None, or not known.
    PROCSYNC_KIND_NONE = 0,
    /// procsync_mutex
    PROCSYNC_KIND_MUTEX = 1,
    /// procsync_reentrant_mutex
    PROCSYNC_KIND_REENTRANT_MUTEX = 2,
    /// procsync_semaphore
    PROCSYNC_KIND_SEMAPHORE = 3,
    /// procsync_token_semaphore
    PROCSYNC_KIND_TOKEN_SEMAPHORE = 4,
    /// procsync_event
    PROCSYNC_KIND_EVENT = 5,
    /// procsync_shared_memory
    PROCSYNC_KIND_SHARED_MEMORY = 6,
    /// procsync_native
    PROCSYNC_KIND_NATIVE_SEMAPHORE = 7,
}

/// How a native semaphore's instance stands.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_native_flag {
    /// It is open.
    PROCSYNC_NATIVE_OPENED = 1,
    /// It is locked, once or more.
    PROCSYNC_NATIVE_LOCKED = 2,
    /// It is locked more than once.
    PROCSYNC_NATIVE_REENTRANT = 4,
    /// It was open and is closed.
    PROCSYNC_NATIVE_CLOSED = 8,
    /// It was unlinked by this instance.
    PROCSYNC_NATIVE_UNLINKED = 16,
}

/// A step in the life of a native semaphore's instance.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_native_step {
    /// procsync_native_open()
    PROCSYNC_NATIVE_OPEN = 1,
    /// procsync_native_lock()
    PROCSYNC_NATIVE_LOCK = 2,
    /// procsync_native_unlock()
    PROCSYNC_NATIVE_UNLOCK = 3,
    /// procsync_native_close()
    PROCSYNC_NATIVE_CLOSE = 4,
    /// procsync_native_unlink()
    PROCSYNC_NATIVE_UNLINK = 5,
}

/// What becomes of a step.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_native_event {
    /// It is about to be tried.
    PROCSYNC_NATIVE_WILL_ATTEMPT = 0,
    /// It succeeded. (A try that gets nothing neither succeeds nor fails.)
    PROCSYNC_NATIVE_SUCCEEDED = 1,
    /// It failed.
    PROCSYNC_NATIVE_FAILED = 2,
}

/// Who can see an object.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_scope {
    /// Only processes of the user that made it. The default.
    PROCSYNC_SCOPE_USER = 0,
    /// All users of the machine, as far as the object's mode lets them.
    PROCSYNC_SCOPE_MACHINE = 1,
}

/// Who owns a mutex that is locked.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_ownership {
    /// The thread that locked it; only that one can unlock it. The default.
    PROCSYNC_OWNERSHIP_THREAD = 0,
    /// The process; any thread of it can unlock it.
    PROCSYNC_OWNERSHIP_PROCESS = 1,
}

/// What happens when a mutex is free because its last holder died.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_on_abandoned {
    /// The next one gets it and is told. The default.
    PROCSYNC_ON_ABANDONED_REPORT = 0,
    /// Locking answers PROCSYNC_ABANDONED until somebody has called procsync_mutex_repair().
    PROCSYNC_ON_ABANDONED_REFUSE = 1,
    /// The next one gets it and is not told.
    PROCSYNC_ON_ABANDONED_IGNORE = 2,
}

/// What a wait that succeeded does to the event.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_reset {
    /// Nothing: it stays set until somebody clears it.
    PROCSYNC_RESET_MANUAL = 0,
    /// It unsets the event: each setting lets one waiter go on.
    PROCSYNC_RESET_AUTO = 1,
}

/// How long a wait spins before it sleeps. A number above 0: so many pauses.
#[repr(i32)]
pub enum procsync_spin {
    /// As long as that has paid off lately.
    PROCSYNC_SPIN_ADAPTIVE = -1,
    /// Not at all.
    PROCSYNC_SPIN_NEVER = 0,
}

/// What became of an object that was to be removed.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_removal {
    /// There was none of this name.
    PROCSYNC_REMOVAL_NONE = 0,
    /// Nobody had it open; its name is free.
    PROCSYNC_REMOVAL_DONE = 1,
    /// It is in use, and goes when its last user leaves.
    PROCSYNC_REMOVAL_WHEN_LAST_USER_LEAVES = 2,
}

/// How a holder came to let go without releasing.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_cause {
    /// It did not.
    PROCSYNC_CAUSE_NONE = 0,
    /// Its process ended.
    PROCSYNC_CAUSE_DIED = 1,
    /// The thread that owned it exited.
    PROCSYNC_CAUSE_THREAD_EXITED = 2,
    /// The last handle of the process was closed.
    PROCSYNC_CAUSE_CLOSED = 3,
    /// Somebody released it by force.
    PROCSYNC_CAUSE_FORCED = 4,
}

/// How an object stands.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum procsync_state {
    /// An object that this version of the C interface has no number for.
    PROCSYNC_STATE_OTHER = 0,
    /// A mutex that nobody holds.
    PROCSYNC_STATE_FREE = 1,
    /// A mutex that somebody holds.
    PROCSYNC_STATE_HELD = 2,
    /// A mutex that nobody holds, whose last holder died.
    PROCSYNC_STATE_ABANDONED = 3,
    /// A semaphore: see `available` and `capacity`.
    PROCSYNC_STATE_PERMITS = 4,
    /// A token semaphore: see `available`.
    PROCSYNC_STATE_TOKENS = 5,
    /// An event that is set.
    PROCSYNC_STATE_SET = 6,
    /// An event that is not set.
    PROCSYNC_STATE_UNSET = 7,
    /// A shared memory: see `bytes`.
    PROCSYNC_STATE_BYTES = 8,
    /// A native semaphore: see `capacity` and what begins with `native_`.
    PROCSYNC_STATE_NATIVE = 9,
}

/// C may give any number where one of these is wanted.
macro_rules! of_number {
    ($name:ident: $($variant:ident),+) => {
        impl $name {
            /// What a number stands for, if for anything.
            pub(crate) fn of(number: i32) -> Option<$name> {
                [$($name::$variant),+].into_iter().find(|one| *one as i32 == number)
            }
        }
    };
}
pub(crate) use of_number;

of_number!(procsync_scope: PROCSYNC_SCOPE_USER, PROCSYNC_SCOPE_MACHINE);
of_number!(procsync_ownership: PROCSYNC_OWNERSHIP_THREAD, PROCSYNC_OWNERSHIP_PROCESS);
of_number!(procsync_on_abandoned: PROCSYNC_ON_ABANDONED_REPORT, PROCSYNC_ON_ABANDONED_REFUSE, PROCSYNC_ON_ABANDONED_IGNORE);
of_number!(procsync_reset: PROCSYNC_RESET_MANUAL, PROCSYNC_RESET_AUTO);
