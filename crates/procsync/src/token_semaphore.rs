//! How many things there are, for whoever comes first.

use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::kind::Kind;
use crate::options::{Named, Options, Parts, Sealed};
use crate::segment::{Removal, Segment, SharedWaker, Wait};
use std::fmt;
use std::time::{Duration, Instant};

/// Counts things, over all processes that know the name: who makes one posts, who takes one waits
/// until there is one.
///
/// Nobody owns a token, so nothing comes back when a process dies that has taken some. To limit
/// how many are inside, use [`Semaphore`](crate::Semaphore): the two are different kinds.
///
/// A post with nobody waiting and a wait with something there make no system call.
///
/// ```
/// use procsync::TokenSemaphore;
///
/// let jobs = TokenSemaphore::open("tokens-jobs", 0)?;
/// jobs.post(2)?;
/// jobs.wait()?;
/// assert_eq!(jobs.value(), 1);
/// # Ok::<(), procsync::Error>(())
/// ```
pub struct TokenSemaphore {
    handle: Handle,
}

/// What is special to a token semaphore's options.
#[doc(hidden)]
#[derive(Clone)]
pub struct TokenSettings {
    initial: u32,
}

impl Named for TokenSemaphore {}

impl Sealed for TokenSemaphore {
    type Settings = TokenSettings;
    const KIND: Kind = Kind::TokenSemaphore;

    fn parts(settings: &TokenSettings, _attach: bool) -> Result<Parts, String> {
        Ok(Parts { state: settings.initial, ..Parts::default() })
    }

    fn build(handle: Handle, _created: bool, _settings: &TokenSettings) -> Result<Self> {
        Ok(TokenSemaphore { handle })
    }
}

impl TokenSemaphore {
    /// To open it otherwise than by default. `initial` is the count that it is created with.
    pub fn options(initial: u32) -> Options<TokenSemaphore> {
        Options::new(TokenSettings { initial })
    }

    /// Attaches to the semaphore, whatever its count, or creates it with this one if there is none.
    ///
    /// # Errors
    /// As for [`Options::open`].
    pub fn open(name: &str, initial: u32) -> Result<Self> {
        Self::options(initial).open(name)
    }

    /// Creates the semaphore.
    ///
    /// # Errors
    /// As for [`Options::create`].
    pub fn create(name: &str, initial: u32) -> Result<Self> {
        Self::options(initial).create(name)
    }

    /// Attaches to the semaphore.
    ///
    /// # Errors
    /// As for [`Options::attach`].
    pub fn attach(name: &str) -> Result<Self> {
        Self::options(0).attach(name)
    }

    /// Adds tokens and wakes as many waiters.
    ///
    /// # Errors
    /// [`Error::Overflow`] if there would be more than 2³² − 1; the count is unchanged then.
    #[inline]
    pub fn post(&self, tokens: u32) -> Result<()> {
        let segment = self.handle.live()?;
        segment.tokens().post(tokens, &segment.hot().queue, &SharedWaker).map_err(|_| {
            Error::Overflow { object: segment.object(), count: tokens, limit: u32::MAX }
        })
    }

    /// Waits until there is a token and takes it.
    ///
    /// # Errors
    /// What the system says when a forked child opens it anew.
    #[inline]
    pub fn wait(&self) -> Result<()> {
        let segment = self.handle.live()?;
        if segment.tokens().try_take() {
            return Ok(());
        }
        self.wait_until(segment, Deadline::never())
    }

    /// Takes a token if there is one; whether there was.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    #[inline]
    pub fn try_wait(&self) -> Result<bool> {
        Ok(self.handle.live()?.tokens().try_take())
    }

    /// Waits for a token, at most this long.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if none came; else as for [`wait`](Self::wait).
    #[inline]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<()> {
        let segment = self.handle.live()?;
        if segment.tokens().try_take() {
            return Ok(());
        }
        self.wait_until(segment, Deadline::after(timeout))
    }

    /// Waits for a token until then.
    ///
    /// # Errors
    /// As for [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&self, deadline: Instant) -> Result<()> {
        let segment = self.handle.live()?;
        if segment.tokens().try_take() {
            return Ok(());
        }
        self.wait_until(segment, Deadline::at(deadline))
    }

    #[cold]
    fn wait_until(&self, segment: &Segment, deadline: Deadline) -> Result<()> {
        let mut wait = Wait::new(segment, deadline);
        match segment.tokens().take(&segment.hot().queue, &mut wait) {
            Ok(()) => {
                wait.succeeded();
                Ok(())
            }
            Err(stop) => Err(wait.error(stop)),
        }
    }

    /// How many tokens there are; may be old when the answer comes.
    pub fn value(&self) -> u32 {
        self.handle.segment().tokens().value()
    }

    /// Its name, without prefix.
    pub fn name(&self) -> &str {
        self.handle.name()
    }

    /// Removes the semaphore; see [`Removal`].
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self) -> Result<Removal> {
        self.handle.remove()
    }
}

impl fmt::Debug for TokenSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSemaphore")
            .field("name", &self.name())
            .field("value", &self.value())
            .finish_non_exhaustive()
    }
}
