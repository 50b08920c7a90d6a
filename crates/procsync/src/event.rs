//! Something that has happened or not.

use crate::deadline::Deadline;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::handle::Handle;
use crate::kind::Kind;
use crate::options::{Named, Options, Parts, Sealed};
use crate::raw::flag::Consume;
use crate::segment::layout::FLAG_AUTO_RESET;
use crate::segment::{Removal, Segment, SharedWaker, Wait};
use std::fmt;
use std::time::{Duration, Instant};

/// What a wait that succeeded does to the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reset {
    /// Nothing: it stays set until somebody clears it, and setting it lets everybody go on who
    /// waits, even if it is cleared before they run.
    #[default]
    Manual,
    /// It unsets the event: each setting lets one waiter go on. Setting it twice before anybody
    /// came is the same as once.
    Auto,
}

/// Tells all processes that know the name that something has happened.
///
/// Whoever waits on an event that is set goes on at once. Setting with nobody waiting and waiting
/// on a set event make no system call.
///
/// ```
/// use procsync::{Event, Reset};
///
/// let ready = Event::open("event-ready", Reset::Manual)?;
/// ready.set()?;
/// ready.wait()?; // at once
/// assert!(ready.is_set());
/// # Ok::<(), procsync::Error>(())
/// ```
pub struct Event {
    handle: Handle,
}

/// What is special to an event's options.
#[doc(hidden)]
#[derive(Clone)]
pub struct EventSettings {
    reset: Reset,
    set: bool,
}

impl Named for Event {}

impl Sealed for Event {
    type Settings = EventSettings;
    const KIND: Kind = Kind::Event;

    fn parts(settings: &EventSettings, _attach: bool) -> Result<Parts, String> {
        let flags = match settings.reset {
            Reset::Manual => 0,
            Reset::Auto => FLAG_AUTO_RESET,
        };
        Ok(Parts { flags, state: u32::from(settings.set), ..Parts::default() })
    }

    fn build(handle: Handle, _created: bool, _settings: &EventSettings) -> Result<Self> {
        Ok(Event { handle })
    }
}

impl Options<Event> {
    /// Whether the event is set when it is created (default: no).
    #[must_use]
    pub fn initially_set(mut self, set: bool) -> Self {
        self.settings.set = set;
        self
    }
}

impl Event {
    /// To open it otherwise than by default. How it is reset belongs to the event; `attach` takes
    /// it as it is.
    pub fn options(reset: Reset) -> Options<Event> {
        Options::new(EventSettings { reset, set: false })
    }

    /// Attaches to the event, or creates it, unset, if there is none.
    ///
    /// # Errors
    /// As for [`Options::open`]; [`Error::Mismatch`] if it is reset otherwise.
    pub fn open(name: &str, reset: Reset) -> Result<Self> {
        Self::options(reset).open(name)
    }

    /// Creates the event, unset.
    ///
    /// # Errors
    /// As for [`Options::create`].
    pub fn create(name: &str, reset: Reset) -> Result<Self> {
        Self::options(reset).create(name)
    }

    /// Attaches to the event.
    ///
    /// # Errors
    /// As for [`Options::attach`].
    pub fn attach(name: &str) -> Result<Self> {
        Self::options(Reset::Manual).attach(name)
    }

    /// Sets it and lets those go on who wait: all of them (manual reset) or one (auto reset).
    ///
    /// May be called in a signal handler: it is made of atomic operations and one system call that
    /// changes no state of the C library but `errno`, and that only on failure. (A handle that a
    /// forked child has not used yet is an exception: it is opened anew first.)
    ///
    /// # Errors
    /// What the system says when a forked child opens it anew.
    #[inline]
    pub fn set(&self) -> Result<()> {
        let segment = self.handle.live()?;
        segment.flag().set(consume(segment), &SharedWaker);
        Ok(())
    }

    /// Unsets it.
    ///
    /// # Errors
    /// What the system says when a forked child opens it anew.
    #[inline]
    pub fn clear(&self) -> Result<()> {
        self.handle.live()?.flag().clear();
        Ok(())
    }

    /// Whether it is set; may be old when the answer comes.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.handle.segment().flag().is_set()
    }

    /// How it is reset.
    pub fn reset(&self) -> Reset {
        match consume(self.handle.segment()) {
            Consume::Nothing => Reset::Manual,
            Consume::Setting => Reset::Auto,
        }
    }

    /// Waits until it is set.
    ///
    /// # Errors
    /// What the system says when a forked child opens it anew.
    #[inline]
    pub fn wait(&self) -> Result<()> {
        self.wait_until(Deadline::never)
    }

    /// Answers at once whether it is set, and if it resets itself, unsets it.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    #[inline]
    pub fn try_wait(&self) -> Result<bool> {
        let segment = self.handle.live()?;
        Ok(segment.flag().try_wait(consume(segment)))
    }

    /// Waits until it is set, at most this long.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if it was not; else as for [`wait`](Self::wait).
    #[inline]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<()> {
        self.wait_until(|| Deadline::after(timeout))
    }

    /// Waits until it is set, until then.
    ///
    /// # Errors
    /// As for [`wait_timeout`](Self::wait_timeout).
    #[inline]
    pub fn wait_deadline(&self, deadline: Instant) -> Result<()> {
        self.wait_until(|| Deadline::at(deadline))
    }

    #[inline]
    fn wait_until(&self, deadline: impl FnOnce() -> Deadline) -> Result<()> {
        let segment = self.handle.live()?;
        if segment.flag().try_wait(consume(segment)) {
            return Ok(());
        }
        wait_slowly(segment, deadline())
    }

    /// Its name, without prefix.
    pub fn name(&self) -> &str {
        self.handle.name()
    }

    /// Removes the event; see [`Removal`].
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self) -> Result<Removal> {
        self.handle.remove()
    }
}

#[cold]
fn wait_slowly(segment: &Segment, deadline: Deadline) -> Result<()> {
    let mut wait = Wait::new(segment, deadline);
    match segment.flag().wait(consume(segment), &mut wait) {
        Ok(()) => {
            wait.succeeded();
            Ok(())
        }
        Err(stop) => Err(wait.error(stop)),
    }
}

#[inline]
fn consume(segment: &Segment) -> Consume {
    if segment.facts().flags & FLAG_AUTO_RESET != 0 { Consume::Setting } else { Consume::Nothing }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("name", &self.name())
            .field("set", &self.is_set())
            .field("reset", &self.reset())
            .finish_non_exhaustive()
    }
}
