//! A lock by name, which may guard data.

use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::exclusive::{Exclusive, Hold, Ownership};
use crate::handle::Handle;
use crate::kind::Kind;
use crate::options::{Named, Options, Parts, Sealed};
use crate::participant::{Deceased, Participant, moment};
use crate::segment::Removal;
use crate::segment::layout::{DATA_BOUNDARY, MOST_DATA};
use bytemuck::Pod;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// What happens when a mutex is free because its last holder died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnAbandoned {
    /// The next one gets it, and [`MutexGuard::abandoned`] tells who died.
    #[default]
    Report,
    /// Locking answers [`Error::Abandoned`] until somebody has called [`Mutex::repair`] (or has
    /// locked it through a handle with another policy).
    Refuse,
    /// The next one gets it and is not told.
    Ignore,
}

/// Mutual exclusion between all processes that know the name.
///
/// By default a thread owns it, and a thread that locks twice gets an error at once. When the
/// holder dies, the next one gets the mutex, usually within milliseconds, and is told (see
/// [`OnAbandoned`]).
///
/// `T` is plain data that lies in shared memory beside the lock: numbers, arrays, and structs of
/// them ([`bytemuck::Pod`]). It is read and written as a whole, through the guard, because another
/// process with permission could change it at any time, and a reference would let it break this
/// one. For big or structured data, use [`SharedMemory`](crate::SharedMemory) and a `Mutex<()>`.
///
/// An uncontended lock and unlock make no system call and write down the owner, the time and the
/// grant number on the way.
///
/// Not for signal handlers. After a fork, a lock that was held stays the parent's; the child's
/// copies of handles open the object anew.
///
/// ```
/// use procsync::Mutex;
///
/// let visits = Mutex::<u64>::open("mutex-visits")?;
/// let mut guard = visits.lock()?;
/// guard.set(guard.get() + 1);
/// drop(guard);
/// # Ok::<(), procsync::Error>(())
/// ```
pub struct Mutex<T: Pod = ()> {
    exclusive: Exclusive,
    on_abandoned: OnAbandoned,
    data: PhantomData<fn(T) -> T>,
}

/// What is special to a mutex's options.
#[doc(hidden)]
#[derive(Clone)]
pub struct MutexSettings<T> {
    ownership: Ownership,
    on_abandoned: OnAbandoned,
    initial: Option<T>,
    untyped: Option<Untyped>,
}

/// Data whose layout only the running program knows.
#[derive(Clone)]
struct Untyped {
    size: u64,
    align: u32,
    initial: Vec<u8>,
}

impl<T: Pod> Named for Mutex<T> {}

impl<T: Pod> Sealed for Mutex<T> {
    type Settings = MutexSettings<T>;
    const KIND: Kind = Kind::Mutex;

    fn parts(settings: &Self::Settings, _attach: bool) -> Result<Parts, String> {
        let (data_size, data_align, data) = match &settings.untyped {
            None => {
                let data = settings.initial.as_ref().map_or(&[][..], bytemuck::bytes_of).to_vec();
                (size_of::<T>() as u64, align_of::<T>() as u32, data)
            }
            Some(untyped) => (untyped.size, untyped.align, untyped.initial.clone()),
        };
        if data_size > MOST_DATA || data_align as usize > DATA_BOUNDARY {
            return Err(format!("its data may have {MOST_DATA} bytes aligned to {DATA_BOUNDARY}"));
        }
        if !data_align.is_power_of_two() {
            return Err(format!("its data cannot be aligned to {data_align}, no power of two"));
        }
        if !data.is_empty() && data.len() as u64 != data_size {
            return Err(format!("its data has {data_size} bytes, but {} at first", data.len()));
        }
        let by_process = settings.ownership == Ownership::Process;
        Ok(Parts { data_size, data_align, data, by_process, ..Parts::default() })
    }

    fn build(handle: Handle, _created: bool, settings: &Self::Settings) -> Result<Self> {
        let exclusive = Exclusive { handle, ownership: settings.ownership };
        Ok(Mutex { exclusive, on_abandoned: settings.on_abandoned, data: PhantomData })
    }
}

impl<T: Pod> Options<Mutex<T>> {
    /// Who owns the mutex when it is locked through this handle (default: the thread).
    #[must_use]
    pub fn ownership(mut self, ownership: Ownership) -> Self {
        self.settings.ownership = ownership;
        self
    }

    /// What this handle does when a holder died (default: report).
    #[must_use]
    pub fn on_abandoned(mut self, on_abandoned: OnAbandoned) -> Self {
        self.settings.on_abandoned = on_abandoned;
        self
    }

    /// What the data is when the mutex is created (default: all bytes zero).
    #[must_use]
    pub fn initial(mut self, data: T) -> Self {
        self.settings.initial = Some(data);
        self
    }
}

impl Options<Mutex<()>> {
    /// Guards data whose type this program does not know when it is compiled: `size` bytes, aligned
    /// to `align`. A `Mutex<T>` of the same size and alignment is the same object. `initial` is what
    /// the data is when the mutex is created: all of it, or nothing for zeros. The data is read and
    /// written by [`MutexGuard::read_bytes`] and [`MutexGuard::write_bytes`].
    ///
    /// ```
    /// use procsync::Mutex;
    ///
    /// let typed = Mutex::<u64>::options().initial(7).create("mutex-untyped")?;
    /// let untyped = Mutex::<()>::options().untyped(8, 8, &[]).attach("mutex-untyped")?;
    /// let mut bytes = [0; 8];
    /// untyped.lock()?.read_bytes(&mut bytes)?;
    /// assert_eq!(u64::from_ne_bytes(bytes), 7);
    /// # Ok::<(), procsync::Error>(())
    /// ```
    #[must_use]
    pub fn untyped(mut self, size: u64, align: u32, initial: &[u8]) -> Self {
        self.settings.untyped = Some(Untyped { size, align, initial: initial.to_vec() });
        self
    }
}

impl<T: Pod> Mutex<T> {
    /// To open it otherwise than by default.
    pub fn options() -> Options<Mutex<T>> {
        Options::new(MutexSettings {
            ownership: Ownership::default(),
            on_abandoned: OnAbandoned::default(),
            initial: None,
            untyped: None,
        })
    }

    /// Attaches to the mutex, or creates it (data zeroed) if there is none. About 10 µs.
    ///
    /// # Errors
    /// As for [`Options::open`]; [`Error::Mismatch`] if its data has another size or alignment.
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
}

impl<T: Pod> Mutex<T> {
    /// Waits until it is free and takes it.
    ///
    /// # Errors
    /// [`Error::AlreadyOwned`] if the calling thread has it, [`Error::Abandoned`] if its holder
    /// died and this handle refuses that, [`Error::NoSlots`] if a new thread finds no slot, and
    /// what the system says when a forked child opens it anew.
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>> {
        self.lock_until(Deadline::never)
    }

    /// Takes it if it is free, or if its holder turns out to be dead.
    ///
    /// # Errors
    /// As for [`lock`](Self::lock). That somebody has it is no error but `None`.
    #[inline]
    pub fn try_lock(&self) -> Result<Option<MutexGuard<'_, T>>> {
        match self.exclusive.acquire_at_once() {
            Some(hold) => Ok(Some(MutexGuard::new(hold))),
            None => Ok(self.try_acquire_slowly()?.map(MutexGuard::new)),
        }
    }

    /// Takes it if it is plainly free: one exchange, no system call, no look whether a holder lives.
    /// `None` says nothing but that [`try_lock`](Self::try_lock) or [`lock`](Self::lock) must be
    /// asked. For callers to whom waiting is dear even to prepare.
    ///
    /// ```
    /// use procsync::Mutex;
    ///
    /// let lock = Mutex::<()>::open("mutex-at-once")?;
    /// let guard = match lock.try_lock_at_once() {
    ///     Some(guard) => guard,
    ///     None => lock.lock()?,
    /// };
    /// assert!(lock.try_lock_at_once().is_none());
    /// # drop(guard);
    /// # Ok::<(), procsync::Error>(())
    /// ```
    #[inline]
    pub fn try_lock_at_once(&self) -> Option<MutexGuard<'_, T>> {
        self.exclusive.acquire_at_once().map(MutexGuard::new)
    }

    /// Waits for it, at most this long.
    ///
    /// # Errors
    /// [`Error::TimedOut`] names who has it; else as for [`lock`](Self::lock).
    #[inline]
    pub fn lock_timeout(&self, timeout: Duration) -> Result<MutexGuard<'_, T>> {
        self.lock_until(|| Deadline::after(timeout))
    }

    /// Waits for it until then.
    ///
    /// # Errors
    /// As for [`lock_timeout`](Self::lock_timeout).
    #[inline]
    pub fn lock_deadline(&self, deadline: Instant) -> Result<MutexGuard<'_, T>> {
        self.lock_until(|| Deadline::at(deadline))
    }

    #[inline(always)]
    fn lock_until(&self, deadline: impl FnOnce() -> Deadline) -> Result<MutexGuard<'_, T>> {
        match self.exclusive.acquire_at_once() {
            Some(hold) => Ok(MutexGuard::new(hold)),
            None => self.acquire_slowly(deadline()).map(MutexGuard::new),
        }
    }

    #[cold]
    #[inline(never)]
    fn acquire_slowly(&self, deadline: Deadline) -> Result<Hold<'_>> {
        Ok(self.told(self.exclusive.acquire(deadline, self.takes_abandoned())?))
    }

    #[cold]
    #[inline(never)]
    fn try_acquire_slowly(&self) -> Result<Option<Hold<'_>>> {
        Ok(self.exclusive.try_acquire(self.takes_abandoned())?.map(|got| self.told(got)))
    }

    /// Waits for it and takes it even if its holder died, whatever this handle's policy is: to set
    /// right what the mutex guards. When the guard goes, the mutex is as good as new.
    ///
    /// # Errors
    /// As for [`lock`](Self::lock), without [`Error::Abandoned`].
    pub fn repair(&self) -> Result<MutexGuard<'_, T>> {
        self.exclusive.acquire(Deadline::never(), true).map(MutexGuard::new)
    }

    /// Releases it without a guard, after [`MutexGuard::keep`]: by the thread that owns it, or if
    /// the process does, by any thread of it.
    ///
    /// # Errors
    /// [`Error::NotOwner`] if the caller does not own it.
    #[inline]
    pub fn release(&self) -> Result<()> {
        self.exclusive.release_own()
    }

    /// The guard of a mutex that the caller holds without one, after [`MutexGuard::keep`]. It does
    /// not know any more whether the previous holder died.
    ///
    /// # Errors
    /// [`Error::NotOwner`] if the caller does not own it.
    ///
    /// ```
    /// use procsync::Mutex;
    ///
    /// let mutex = Mutex::<u64>::open("mutex-held")?;
    /// mutex.lock()?.keep();
    /// mutex.held()?.set(5); // This guard goes, and the mutex with it.
    /// assert!(mutex.held().is_err());
    /// # Ok::<(), procsync::Error>(())
    /// ```
    pub fn held(&self) -> Result<MutexGuard<'_, T>> {
        self.exclusive.own().map(MutexGuard::new)
    }

    /// How many bytes of data it guards.
    pub fn data_size(&self) -> u64 {
        self.exclusive.handle.segment().facts().data_size
    }

    /// Takes it away from whoever holds it, as if that one had died; false if nobody holds it.
    /// What the holder does under it meanwhile is no longer excluded: a last resort.
    ///
    /// # Errors
    /// What the system says when a forked child opens it anew.
    pub fn force_release(&self) -> Result<bool> {
        self.exclusive.force_release()
    }

    /// Who holds it, if anybody does. Costs some system calls; the answer may be old when it comes.
    pub fn owner(&self) -> Option<Participant> {
        self.exclusive.handle.live().ok()?.owner()
    }

    /// Whether anybody holds it. The answer may be old when it comes.
    pub fn is_locked(&self) -> bool {
        self.exclusive.handle.segment().owned().owner() != 0
    }

    /// When it was last acquired, by whomever; `None` if never. The clock that tells it is cheap
    /// (±10 ms).
    pub fn last_acquired(&self) -> Option<SystemTime> {
        let segment = self.exclusive.handle.segment();
        moment(segment.hot().acquired_at.load(Ordering::Relaxed))
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

    fn takes_abandoned(&self) -> bool {
        self.on_abandoned != OnAbandoned::Refuse
    }

    /// Without what this handle does not want to know.
    fn told<'a>(&self, hold: Hold<'a>) -> Hold<'a> {
        if self.on_abandoned == OnAbandoned::Ignore { hold.untold() } else { hold }
    }
}

impl<T: Pod> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex")
            .field("name", &self.name())
            .field("locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

/// A mutex that is held; released when this goes out of scope.
#[must_use = "the mutex is released when its guard is dropped"]
pub struct MutexGuard<'a, T: Pod = ()> {
    hold: Hold<'a>,
    data: PhantomData<fn(T) -> T>,
    /// Not `Send`: a thread owns it.
    owned: PhantomData<*mut ()>,
}

impl<'a, T: Pod> MutexGuard<'a, T> {
    #[inline(always)]
    fn new(hold: Hold<'a>) -> Self {
        MutexGuard { hold, data: PhantomData, owned: PhantomData }
    }

    /// The previous holder, if it died holding the mutex: what it guards may be half changed.
    pub fn abandoned(&self) -> Option<Deceased> {
        self.hold.deceased()
    }

    /// The number of this acquisition. It grows with each acquisition of the object, whoever makes
    /// it, so that what is protected can refuse who comes late (a fencing token).
    pub fn grant(&self) -> u64 {
        self.hold.grant()
    }

    /// The data.
    #[inline]
    pub fn get(&self) -> T {
        let mut copy = T::zeroed();
        self.hold.segment.load_data(bytemuck::bytes_of_mut(&mut copy));
        copy
    }

    /// Replaces the data. A holder that is killed in the middle leaves a mixture of old and new,
    /// and the next one is told that it died.
    #[inline]
    pub fn set(&mut self, data: T) {
        self.hold.segment.store_data(bytemuck::bytes_of(&data));
    }

    /// Reads the data, lets `change` change it, and writes it back.
    #[inline]
    pub fn update(&mut self, change: impl FnOnce(&mut T)) {
        let mut data = self.get();
        change(&mut data);
        self.set(data);
    }

    /// Where the data lies, to use it in place. Valid for reads and writes of `T` while the guard
    /// lives; whoever makes a reference of it has to rule out that another process writes there
    /// against the rules.
    pub fn as_ptr(&self) -> *mut T {
        self.hold.segment.data().as_ptr().cast()
    }

    /// Lets the guard go and keeps the mutex, until [`Mutex::release`].
    pub fn keep(self) {
        std::mem::forget(self);
    }

    /// A descriptor that keeps the mutex held for as long as any process has it open, even if this
    /// one is killed: for a command to inherit, as with flock(1). Inheritable; only where the
    /// process owns the mutex does it mean anything.
    ///
    /// # Errors
    /// What the system says (no descriptors left).
    #[cfg(unix)]
    pub fn inheritable(&self) -> Result<std::os::fd::OwnedFd> {
        self.hold.segment.inheritable()
    }
}

impl MutexGuard<'_, ()> {
    /// Copies the data, or as much of it as there is room for, from its beginning.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is less; nothing is copied then.
    pub fn read_bytes(&self, to: &mut [u8]) -> Result<()> {
        self.check_length(to.len())?;
        self.hold.segment.load_data(to);
        Ok(())
    }

    /// Overwrites the data, or as much of it as is given, from its beginning.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is less; nothing is changed then.
    pub fn write_bytes(&mut self, from: &[u8]) -> Result<()> {
        self.check_length(from.len())?;
        self.hold.segment.store_data(from);
        Ok(())
    }

    fn check_length(&self, wanted: usize) -> Result<()> {
        let segment = self.hold.segment;
        let size = segment.facts().data_size;
        if wanted as u64 <= size {
            return Ok(());
        }
        let reason = format!("it guards {size} bytes of data, not {wanted}");
        Err(Error::InvalidArgument { object: segment.object(), reason })
    }
}

impl<T: Pod> Drop for MutexGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // False if it was taken away by force or is the parent's: then there is nothing to do.
        self.hold.release();
    }
}

impl<T: Pod> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutexGuard")
            .field("grant", &self.grant())
            .field("abandoned", &self.abandoned())
            .finish_non_exhaustive()
    }
}
