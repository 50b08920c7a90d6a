//! The steps of a semaphore's life, who follows them, and what they change.

use super::NativeSemaphore;
use crate::error::Error;
use crate::participant::Deceased;
use std::fmt;

/// A step in the life of a [`NativeSemaphore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `open`
    Open,
    /// `lock`, `try_lock`, `lock_for`, `lock_until`
    Lock,
    /// `unlock`
    Unlock,
    /// `close`
    Close,
    /// `unlink`
    Unlink,
}

impl Step {
    /// The word that messages use.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Open => "open",
            Step::Lock => "lock",
            Step::Unlock => "unlock",
            Step::Close => "close",
            Step::Unlink => "unlink",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Follows the steps of a semaphore. Every function does nothing unless it is overridden.
///
/// They are called in the thread that takes the step. They may call the semaphore themselves (such
/// calls are not observed in turn); what the step then does depends on what they left.
///
/// ```
/// use procsync::native::{NativeOptions, NativeSemaphore, Observer, Step};
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// #[derive(Default)]
/// struct Diary(RefCell<Vec<String>>);
///
/// impl Observer for Diary {
///     fn will_attempt(&self, step: Step, _semaphore: &NativeSemaphore) {
///         self.0.borrow_mut().push(format!("will {step}"));
///     }
///     fn succeeded(&self, step: Step, semaphore: &NativeSemaphore) {
///         self.0.borrow_mut().push(format!("{step}: depth {}", semaphore.depth()));
///     }
/// }
///
/// let diary = Rc::new(Diary::default());
/// let name = format!("native-diary-{}", std::process::id());
/// let semaphore = NativeOptions::new().observer(diary.clone()).instantiate(&name)?;
/// semaphore.open()?;
/// semaphore.lock()?;
/// assert_eq!(*diary.0.borrow(), ["will open", "open: depth 0", "will lock", "lock: depth 1"]);
/// # semaphore.unlock()?;
/// # semaphore.close()?;
/// # semaphore.unlink()?;
/// # Ok::<(), procsync::Error>(())
/// ```
pub trait Observer {
    /// The step is about to be tried.
    fn will_attempt(&self, _step: Step, _semaphore: &NativeSemaphore) {}

    /// It succeeded, and the semaphore's status and counts say so. (A `try_lock` that gets nothing
    /// neither succeeds nor fails.)
    fn succeeded(&self, _step: Step, _semaphore: &NativeSemaphore) {}

    /// It failed and changed nothing, or what the error says.
    fn failed(&self, _step: Step, _semaphore: &NativeSemaphore, _error: &Error) {}
}

/// What a count was and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Change {
    /// Before the step.
    pub from: u32,
    /// After it.
    pub to: u32,
}

/// The counts of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Counts {
    /// How often it is locked, one within the other.
    pub depth: u32,
    /// Whether it has a unit of the system's semaphore: 1, else 0.
    pub process: u32,
}

impl Counts {
    /// From these to others, told as changes.
    pub(super) fn to(self, next: Counts) -> Changes {
        Changes {
            depth: Change { from: self.depth, to: next.depth },
            process: Change { from: self.process, to: next.process },
        }
    }
}

/// How a step changed the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Changes {
    /// How often it is locked.
    pub depth: Change,
    /// Whether it has a unit of the system's semaphore.
    pub process: Change,
}

/// How a lock succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Locked {
    /// How often it is locked now.
    pub depth: Change,
    /// Whether it has a unit now: `0 → 1` with the first lock, `1 → 1` with those within.
    pub process: Change,
    /// Who died holding what was got, if somebody did: what the semaphore guards may be half
    /// changed.
    pub abandoned: Option<Deceased>,
}

/// How an unlock succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Unlocked {
    /// How often it is locked now.
    pub depth: Change,
    /// Whether it has a unit now: `1 → 0` with the outermost unlock, which alone gives it back.
    pub process: Change,
}

/// How an open succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Opened {
    /// There was no such semaphore, and this made it, with the initial count. Else its count is as it
    /// was.
    pub created: bool,
}

/// How an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Status {
    /// It is open.
    pub opened: bool,
    /// It is locked, once or more.
    pub locked: bool,
    /// It is locked more than once.
    pub reentrant: bool,
    /// It was open and is closed.
    pub closed: bool,
    /// It was unlinked by this instance.
    pub unlinked: bool,
}

/// Who an instance is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Identity {
    /// The semaphore's name without a prefix.
    pub name: String,
    /// The thread that has the instance, as the system numbers it.
    pub thread: u32,
    /// Its process.
    pub process: u32,
    /// All three in one: `name:thread:process`.
    pub uuid: String,
    /// Where the system has put the semaphore (a handle on Windows), once it was opened. Stays the same
    /// for as long as the instance lives, also after it was closed.
    pub address: Option<usize>,
}

/// What is known of all units of a semaphore at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Accounts {
    /// How many units it was made with, if this library made it; none: somebody else did, and it is not
    /// known (nor for one made with 0, which others post to).
    pub capacity: Option<u32>,
    /// How many are free, where the system tells (not on macOS, nor on Windows).
    pub free: Option<u32>,
    /// How many are held by participants of this library, dead ones included that nobody has looked
    /// at yet.
    pub held: u32,
    /// How many were held by participants that died, and belong to the next one that wants one.
    pub abandoned: u32,
    /// How many participants died while they took or gave back: whether a unit went with them
    /// cannot be told.
    pub doubtful: u32,
    /// How many are neither free nor recorded: held by programs that do not use this library, or gone
    /// with one of the doubtful. None: not known.
    pub unknown: Option<u32>,
}

impl Accounts {
    pub(crate) fn of(
        tally: &crate::raw::ledger::Tally,
        capacity: u32,
        free: Option<u32>,
    ) -> Accounts {
        let capacity = (capacity > 0).then_some(capacity);
        // One that is being given back is known, whether or not it is free already.
        let known = tally.held + tally.abandoned + tally.posting;
        let unknown = capacity
            .zip(free)
            .map(|(capacity, free)| capacity.saturating_sub(free.saturating_add(known)));
        Accounts {
            capacity,
            free,
            held: tally.held,
            abandoned: tally.abandoned,
            doubtful: tally.doubtful,
            unknown,
        }
    }
}

impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.free, self.capacity) {
            (Some(free), Some(capacity)) => write!(f, "{free} of {capacity} free")?,
            (Some(free), None) => write!(f, "{free} free")?,
            (None, _) => write!(f, "{} held", self.held)?,
        }
        if self.abandoned > 0 {
            write!(f, ", {} abandoned", self.abandoned)?;
        }
        if let Some(unknown @ 1..) = self.unknown {
            write!(f, ", {unknown} unknown")?;
        }
        if self.doubtful > 0 {
            write!(f, ", {} doubtful", self.doubtful)?;
        }
        Ok(())
    }
}
