//! A lock by name that its owner may lock again.

use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::exclusive::{Exclusive, Hold, Ownership};
use crate::handle::Handle;
use crate::kind::Kind;
use crate::options::{Named, Options, Parts, Sealed};
use crate::participant::{Deceased, Participant};
use crate::segment::Removal;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Mutual exclusion between all processes that know the name, in layers: the thread that has it
/// may lock it again, and it is released when the outermost guard goes.
///
/// The depth counts per thread, through all handles of the process. Else as
/// [`Mutex`](crate::Mutex), without data; a kind of its own, so that a name is either the one or
/// the other.
///
/// ```
/// use procsync::ReentrantMutex;
///
/// let lock = ReentrantMutex::open("reentrant-layers")?;
/// let outer = lock.lock()?;
/// let inner = lock.lock()?;
/// assert_eq!((outer.depth(), inner.depth()), (1, 2));
/// # Ok::<(), procsync::Error>(())
/// ```
pub struct ReentrantMutex {
    exclusive: Exclusive,
}

impl Named for ReentrantMutex {}

impl Sealed for ReentrantMutex {
    type Settings = ();
    const KIND: Kind = Kind::ReentrantMutex;

    fn parts(_settings: &(), _attach: bool) -> Result<Parts, String> {
        Ok(Parts::default())
    }

    fn build(handle: Handle, _created: bool, _settings: &()) -> Result<Self> {
        Ok(ReentrantMutex { exclusive: Exclusive { handle, ownership: Ownership::Thread } })
    }
}

impl ReentrantMutex {
    /// To open it otherwise than by default.
    pub fn options() -> Options<ReentrantMutex> {
        Options::new(())
    }

    /// Attaches to the mutex, or creates it if there is none.
    ///
    /// # Errors
    /// As for [`Options::open`].
    pub fn open(name: &str) -> Result<Self> {
        Self::options().open(name)
    }

    /// Creates the mutex.
    ///
    /// # Errors
    /// As for [`Options::create`].
    pub fn create(name: &str) -> Result<Self> {
        Self::options().create(name)
    }

    /// Attaches to the mutex.
    ///
    /// # Errors
    /// As for [`Options::attach`].
    pub fn attach(name: &str) -> Result<Self> {
        Self::options().attach(name)
    }

    /// Takes it, or one layer more of it; waits while another thread has it.
    ///
    /// # Errors
    /// [`Error::Overflow`] after 2³² − 1 layers, [`Error::NoSlots`] if a new thread finds no slot,
    /// and what the system says when a forked child opens it anew.
    #[inline]
    pub fn lock(&self) -> Result<ReentrantMutexGuard<'_>> {
        self.lock_until(Deadline::never)
    }

    /// Takes it, or one layer more, if no other thread has it, or if the one that has it turns out
    /// to be dead; else `None`.
    ///
    /// # Errors
    /// As for [`lock`](Self::lock).
    pub fn try_lock(&self) -> Result<Option<ReentrantMutexGuard<'_>>> {
        let (hold, depth) = match self.exclusive.acquire_at_once() {
            Some(hold) => (hold, 1),
            None => match self.try_lock_slowly()? {
                Some(layer) => layer,
                None => return Ok(None),
            },
        };
        Ok(Some(ReentrantMutexGuard::new(hold, depth)))
    }

    /// Takes it, or one layer more, if that needs no system call; see
    /// [`Mutex::try_lock_at_once`](crate::Mutex::try_lock_at_once).
    #[inline]
    pub fn try_lock_at_once(&self) -> Option<ReentrantMutexGuard<'_>> {
        let (hold, depth) = match self.exclusive.acquire_at_once() {
            Some(hold) => (hold, 1),
            None => {
                let hold = Hold::of_calling_thread(self.exclusive.handle.segment())?;
                (hold, hold.segment.depth.load(Ordering::Relaxed).checked_add(1)?)
            }
        };
        Some(ReentrantMutexGuard::new(hold, depth))
    }

    #[cold]
    #[inline(never)]
    fn try_lock_slowly(&self) -> Result<Option<Layer<'_>>> {
        if let Some(layer) = self.one_layer_more()? {
            return Ok(Some(layer));
        }
        Ok(self.exclusive.try_acquire(true)?.map(|hold| (hold, 1)))
    }

    /// Takes it, or one layer more, waiting at most this long.
    ///
    /// # Errors
    /// [`Error::TimedOut`] names who has it; else as for [`lock`](Self::lock).
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ReentrantMutexGuard<'_>> {
        self.lock_until(|| Deadline::after(timeout))
    }

    /// Takes it, or one layer more, waiting until then.
    ///
    /// # Errors
    /// As for [`lock_timeout`](Self::lock_timeout).
    pub fn lock_deadline(&self, deadline: Instant) -> Result<ReentrantMutexGuard<'_>> {
        self.lock_until(|| Deadline::at(deadline))
    }

    #[inline(always)]
    fn lock_until(&self, deadline: impl FnOnce() -> Deadline) -> Result<ReentrantMutexGuard<'_>> {
        let (hold, depth) = match self.exclusive.acquire_at_once() {
            Some(hold) => (hold, 1),
            None => self.lock_slowly(deadline())?,
        };
        Ok(ReentrantMutexGuard::new(hold, depth))
    }

    #[cold]
    #[inline(never)]
    fn lock_slowly(&self, deadline: Deadline) -> Result<Layer<'_>> {
        if let Some(layer) = self.one_layer_more()? {
            return Ok(layer);
        }
        Ok((self.exclusive.acquire(deadline, true)?, 1))
    }

    /// If the calling thread has it.
    fn one_layer_more(&self) -> Result<Option<Layer<'_>>> {
        let Some(hold) = Hold::of_calling_thread(self.exclusive.handle.live()?) else {
            return Ok(None);
        };
        let Some(depth) = hold.segment.depth.load(Ordering::Relaxed).checked_add(1) else {
            let object = self.exclusive.handle.object();
            return Err(Error::Overflow { object, count: 1, limit: u32::MAX });
        };
        Ok(Some((hold, depth)))
    }

    /// Gives one layer back without a guard, after [`ReentrantMutexGuard::keep`].
    ///
    /// # Errors
    /// [`Error::NotOwner`] if the calling thread does not have it.
    ///
    /// ```
    /// use procsync::ReentrantMutex;
    ///
    /// let lock = ReentrantMutex::open("reentrant-keep")?;
    /// lock.lock()?.keep();
    /// lock.lock()?.keep();
    /// assert_eq!(lock.depth(), 2);
    /// lock.release()?;
    /// lock.release()?;
    /// assert!(lock.release().is_err());
    /// # Ok::<(), procsync::Error>(())
    /// ```
    pub fn release(&self) -> Result<()> {
        let segment = self.exclusive.handle.live()?;
        match Hold::of_calling_thread(segment) {
            Some(hold) => {
                hold.release_layer();
                Ok(())
            }
            None => Err(self.exclusive.not_owner(segment)),
        }
    }

    /// How many layers of it the calling thread has, 0 for none.
    pub fn depth(&self) -> u32 {
        Hold::of_calling_thread(self.exclusive.handle.segment())
            .map_or(0, |hold| hold.segment.depth.load(Ordering::Relaxed))
    }

    /// Takes it away from whoever holds it, all layers of it; see
    /// [`Mutex::force_release`](crate::Mutex::force_release).
    ///
    /// # Errors
    /// What the system says when a forked child opens it anew.
    pub fn force_release(&self) -> Result<bool> {
        self.exclusive.force_release()
    }

    /// Who holds it, if anybody does. The answer may be old when it comes.
    pub fn owner(&self) -> Option<Participant> {
        self.exclusive.handle.live().ok()?.owner()
    }

    /// Whether anybody holds it. The answer may be old when it comes.
    pub fn is_locked(&self) -> bool {
        self.exclusive.handle.segment().owned().owner() != 0
    }

    /// Its name, without prefix.
    pub fn name(&self) -> &str {
        self.exclusive.handle.name()
    }

    /// Removes the mutex; see [`Removal`].
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self) -> Result<Removal> {
        self.exclusive.handle.remove()
    }
}

impl fmt::Debug for ReentrantMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutex")
            .field("name", &self.name())
            .field("locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

/// One layer of a reentrant mutex that is held.
#[must_use = "the mutex is released when its guards are dropped"]
pub struct ReentrantMutexGuard<'a> {
    hold: Hold<'a>,
    depth: u32,
    /// Not `Send`: a thread owns it.
    owned: PhantomData<*mut ()>,
}

/// A hold, and how many layers there are with it.
type Layer<'a> = (Hold<'a>, u32);

impl<'a> ReentrantMutexGuard<'a> {
    #[inline(always)]
    fn new(hold: Hold<'a>, depth: u32) -> Self {
        hold.segment.depth.store(depth, Ordering::Relaxed);
        ReentrantMutexGuard { hold, depth, owned: PhantomData }
    }

    /// The previous holder, if it died holding the mutex; only the outermost guard knows.
    pub fn abandoned(&self) -> Option<Deceased> {
        self.hold.deceased()
    }

    /// The number of the outermost acquisition; see [`MutexGuard::grant`](crate::MutexGuard::grant).
    pub fn grant(&self) -> u64 {
        self.hold.grant()
    }

    /// How many layers there were when this one was taken; 1 is the outermost.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Lets the guard go and keeps its layer, until [`ReentrantMutex::release`].
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for ReentrantMutexGuard<'_> {
    fn drop(&mut self) {
        self.hold.release_layer();
    }
}

impl fmt::Debug for ReentrantMutexGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutexGuard")
            .field("grant", &self.grant())
            .field("depth", &self.depth)
            .field("abandoned", &self.abandoned())
            .finish()
    }
}
