//! How many may be inside at once, with permits that come back from the dead.

use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::kind::Kind;
use crate::options::{Named, Options, Parts, Sealed};
use crate::participant::{Cause, Deceased, Participant, moment};
use crate::raw::Waker;
use crate::raw::owned_word::{Denied, Freed, ThreadTag};
use crate::raw::permits::{self, Got};
use crate::segment::layout::MOST_PERMITS;
use crate::segment::{Removal, Segment, SharedWaker, Stop, Wait, local};
use crate::sys::{clock, process};
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Limits how many are inside at once, over all processes that know the name.
///
/// Each permit has a known holder, a process; when that dies, its permits come back, and who gets
/// one is told ([`Permit::abandoned`]). To count things that nobody owns, use
/// [`TokenSemaphore`](crate::TokenSemaphore): the two are different kinds.
///
/// An uncontended acquire and release make no system call. A search looks at one permit after the
/// other, from where this thread found one last: with thousands of permits, nearly all taken, it
/// is long.
///
/// ```
/// use procsync::Semaphore;
///
/// let gpus = Semaphore::open("semaphore-gpus", 4)?;
/// let permit = gpus.acquire()?;
/// assert_eq!(gpus.available()?, 3);
/// drop(permit);
/// assert!(gpus.try_acquire_many(5).is_err(), "there are only four");
/// # Ok::<(), procsync::Error>(())
/// ```
pub struct Semaphore {
    handle: Handle,
}

/// What is special to a semaphore's options.
#[doc(hidden)]
#[derive(Clone)]
pub struct SemaphoreSettings {
    capacity: u32,
}

impl Named for Semaphore {}

impl Sealed for Semaphore {
    type Settings = SemaphoreSettings;
    const KIND: Kind = Kind::Semaphore;

    fn parts(settings: &SemaphoreSettings, attach: bool) -> Result<Parts, String> {
        let capacity = settings.capacity;
        if !attach && !(1..=MOST_PERMITS).contains(&capacity) {
            return Err(format!("{capacity} permits are not possible; 1 to {MOST_PERMITS} are"));
        }
        Ok(Parts { capacity, by_process: true, ..Parts::default() })
    }

    fn build(handle: Handle, _created: bool, _settings: &SemaphoreSettings) -> Result<Self> {
        Ok(Semaphore { handle })
    }
}

impl Semaphore {
    /// To open it otherwise than by default. The capacity (1 to 1,048,576) is checked against that
    /// of an existing semaphore, but not by `attach`.
    pub fn options(capacity: u32) -> Options<Semaphore> {
        Options::new(SemaphoreSettings { capacity })
    }

    /// Attaches to the semaphore, or creates it if there is none.
    ///
    /// # Errors
    /// As for [`Options::open`]; [`Error::Mismatch`] names both capacities if they differ.
    pub fn open(name: &str, capacity: u32) -> Result<Self> {
        Self::options(capacity).open(name)
    }

    /// Creates the semaphore.
    ///
    /// # Errors
    /// As for [`Options::create`].
    pub fn create(name: &str, capacity: u32) -> Result<Self> {
        Self::options(capacity).create(name)
    }

    /// Attaches to the semaphore, whatever its capacity.
    ///
    /// # Errors
    /// As for [`Options::attach`].
    pub fn attach(name: &str) -> Result<Self> {
        Self::options(0).attach(name)
    }

    /// Waits until there is a permit and takes it.
    ///
    /// # Errors
    /// What the system says when a forked child opens it anew, or a damaged segment.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>> {
        self.acquire_until(1, Deadline::never)
    }

    /// Takes a permit if there is one, or if a holder turns out to be dead; else `None`.
    ///
    /// # Errors
    /// As for [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> Result<Option<Permit<'_>>> {
        self.try_acquire_many(1)
    }

    /// Takes a permit if one is plainly free: no system call, no look whether holders live. `None`
    /// says nothing but that [`try_acquire`](Self::try_acquire) or [`acquire`](Self::acquire) must
    /// be asked. For callers to whom waiting is dear even to prepare.
    #[inline]
    pub fn try_acquire_at_once(&self) -> Option<Permit<'_>> {
        let segment = self.handle.segment();
        if segment.is_detached() {
            return None;
        }
        let (index, more) = at_once(segment, 1)?;
        Some(Permit { segment, index, more })
    }

    /// Waits for a permit, at most this long.
    ///
    /// # Errors
    /// [`Error::TimedOut`] names one of the holders; else as for [`acquire`](Self::acquire).
    #[inline]
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>> {
        self.acquire_until(1, || Deadline::after(timeout))
    }

    /// Waits for a permit until then.
    ///
    /// # Errors
    /// As for [`acquire_timeout`](Self::acquire_timeout).
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<Permit<'_>> {
        self.acquire_until(1, || Deadline::at(deadline))
    }

    /// Waits until so many permits can be had together. While it waits it holds none, so those who
    /// hold some and want more cannot block each other here; but smaller requests may overtake it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for more than there are; [`Error::NoSlots`] if a new thread finds
    /// no slot; else as for [`acquire`](Self::acquire).
    pub fn acquire_many(&self, permits: u32) -> Result<Permit<'_>> {
        self.acquire_until(permits, Deadline::never)
    }

    /// Takes so many permits if they can be had together now; else `None`, also while another
    /// request for several is being served.
    ///
    /// # Errors
    /// As for [`acquire_many`](Self::acquire_many).
    #[inline]
    pub fn try_acquire_many(&self, permits: u32) -> Result<Option<Permit<'_>>> {
        let segment = self.checked(permits)?;
        let (index, more) = match at_once(segment, permits) {
            Some(got) => got,
            None => match try_slowly(segment, permits)? {
                Some(got) => got,
                None => return Ok(None),
            },
        };
        Ok(Some(Permit { segment, index, more }))
    }

    /// Waits for so many permits, at most this long.
    ///
    /// # Errors
    /// [`Error::TimedOut`] names one of the holders; else as for
    /// [`acquire_many`](Self::acquire_many).
    pub fn acquire_many_timeout(&self, permits: u32, timeout: Duration) -> Result<Permit<'_>> {
        self.acquire_until(permits, || Deadline::after(timeout))
    }

    /// Waits for so many permits until then.
    ///
    /// # Errors
    /// As for [`acquire_many_timeout`](Self::acquire_many_timeout).
    pub fn acquire_many_deadline(&self, permits: u32, deadline: Instant) -> Result<Permit<'_>> {
        self.acquire_until(permits, || Deadline::at(deadline))
    }

    /// Gives one permit back without its [`Permit`], after [`Permit::keep`]: in whichever thread of
    /// the process that took it.
    ///
    /// # Errors
    /// [`Error::NotOwner`] if this process does not hold that permit; [`Error::InvalidArgument`] if
    /// there is none of this index.
    ///
    /// ```
    /// use procsync::Semaphore;
    ///
    /// let gpus = Semaphore::open("semaphore-keep", 4)?;
    /// let permit = gpus.acquire()?;
    /// let index = permit.indexes()[0];
    /// permit.keep();
    /// gpus.release(index)?;
    /// assert!(gpus.release(index).is_err());
    /// # Ok::<(), procsync::Error>(())
    /// ```
    pub fn release(&self, index: u32) -> Result<()> {
        let segment = self.handle.live()?;
        let capacity = segment.facts().capacity;
        if index >= capacity {
            let reason = format!("there is no permit {index} of its {capacity}");
            return Err(Error::InvalidArgument { object: segment.object(), reason });
        }
        let (tag, queue) = (segment.process_tag(), &segment.hot().queue);
        permits::release(segment, tag, index, queue, &SharedWaker).map_err(|_| {
            let permit = segment.permit(index);
            let since = permit.acquired_at.load(Ordering::Relaxed);
            let tid = permit.tid.load(Ordering::Relaxed);
            let holder = segment.participant(permit.word.owner(), tid, since).map(Box::new);
            Error::NotOwner { object: segment.object(), holder }
        })
    }

    /// How many permits there are.
    pub fn capacity(&self) -> u32 {
        self.handle.segment().facts().capacity
    }

    /// How many permits are free, after those of dead holders have come back. May be old when the
    /// answer comes. Costs a system call for each holder.
    ///
    /// # Errors
    /// As for [`acquire`](Self::acquire).
    pub fn available(&self) -> Result<u32> {
        let segment = self.handle.live()?;
        segment.look_at_holders()?;
        Ok(permits::available(segment))
    }

    /// Who holds permits, a row for each permit. May be old when the answer comes.
    ///
    /// # Errors
    /// As for [`acquire`](Self::acquire).
    pub fn holders(&self) -> Result<Vec<Participant>> {
        Ok(self.handle.live()?.permit_holders().collect())
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

    fn checked(&self, permits: u32) -> Result<&Segment> {
        let segment = self.handle.live()?;
        let capacity = segment.facts().capacity;
        if (1..=capacity).contains(&permits) {
            return Ok(segment);
        }
        Err(Error::InvalidArgument {
            object: segment.object(),
            reason: format!("{permits} permits at once are not possible; 1 to {capacity} are"),
        })
    }

    #[inline]
    fn acquire_until(
        &self,
        permits: u32,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<Permit<'_>> {
        let segment = self.checked(permits)?;
        // The permit is made in one place, of values in registers: made on both paths, it would be
        // copied through memory, which costs more than the acquisition.
        let (index, more) = match at_once(segment, permits) {
            Some(got) => got,
            None => acquire_slowly(segment, permits, deadline())?,
        };
        Ok(Permit { segment, index, more })
    }
}

/// What a permit consists of besides its segment.
type Parted = (u32, Option<Box<More>>);

#[inline(always)]
fn at_once(segment: &Segment, permits: u32) -> Option<Parted> {
    if permits != 1 {
        return None;
    }
    let hint = local::hint(segment.id());
    let got = permits::try_acquire(segment, segment.process_tag(), hint)?;
    Some(one(segment, got))
}

#[cold]
#[inline(never)]
fn acquire_slowly(segment: &Segment, permits: u32, deadline: Deadline) -> Result<Parted> {
    let (tag, hint) = (segment.process_tag(), local::hint(segment.id()));
    let queue = &segment.hot().queue;
    let mut wait = Wait::new(segment, deadline);
    if permits == 1 {
        return match permits::acquire(segment, tag, hint, queue, &mut wait) {
            Ok(got) => {
                wait.succeeded();
                Ok(one(segment, got))
            }
            Err(stop) => Err(wait.error(stop)),
        };
    }
    let gate = match Gate::pass(segment, &mut wait) {
        Ok(gate) => gate,
        Err(stop) => return Err(wait.error(stop)),
    };
    let waker = &SharedWaker;
    let all = permits::acquire_many(segment, tag, hint, permits, queue, &mut wait, waker);
    drop(gate);
    all.map(|all| many(segment, &all)).map_err(|stop| wait.error(stop))
}

#[cold]
#[inline(never)]
fn try_slowly(segment: &Segment, permits: u32) -> Result<Option<Parted>> {
    let (tag, hint) = (segment.process_tag(), local::hint(segment.id()));
    // Once as it is, and once more if a look at the holders brought something back.
    for look in [true, false] {
        if permits == 1 {
            if let Some(got) = at_once(segment, 1) {
                return Ok(Some(got));
            }
        } else if let Some(_gate) = Gate::try_pass(segment)? {
            let mut got = Vec::with_capacity(permits as usize);
            let (queue, waker) = (&segment.hot().queue, &SharedWaker);
            if permits::try_acquire_many(segment, tag, hint, permits, queue, waker, &mut got) {
                return Ok(Some(many(segment, &got)));
            }
        }
        if !look || !segment.look_at_holders()? {
            break;
        }
    }
    Ok(None)
}

#[inline(always)]
fn one(segment: &Segment, got: Got) -> Parted {
    let more = if got.abandoned { Some(abandoned_one(segment, got)) } else { None };
    record(segment, got.index);
    local::set_hint(segment.id(), got.index);
    (got.index, more)
}

#[cold]
fn abandoned_one(segment: &Segment, got: Got) -> Box<More> {
    Box::new(More { indexes: [got.index].into(), abandoned: deceased(segment, got) })
}

fn many(segment: &Segment, all: &[Got]) -> Parted {
    let mut abandoned = None;
    for got in all {
        abandoned = deceased(segment, *got).or(abandoned);
        record(segment, got.index);
    }
    let indexes = all.iter().map(|got| got.index).collect();
    (0, Some(Box::new(More { indexes, abandoned })))
}

/// The right to take several permits. Only one at a time gathers, else two could each hold what
/// the other needs. It bears the thread's tag: the threads of one process take turns too.
struct Gate<'a> {
    segment: &'a Segment,
    tag: u32,
}

impl<'a> Gate<'a> {
    fn pass(segment: &'a Segment, wait: &mut Wait<'_>) -> Result<Gate<'a>, Stop> {
        let tag = local::tag(&segment.arc(), true).map_err(Stop::Failed)?;
        match segment.owned().acquire(&ThreadTag(tag), true, wait) {
            Ok(_) => Ok(Gate { segment, tag }),
            Err(Denied::Stopped(stop)) => Err(stop),
            // Not reached in good company: the gate is never held beyond one call.
            Err(Denied::Owned | Denied::Abandoned) => Err(Stop::Failed(
                segment.damaged("its gate says that the calling thread holds it".to_owned()),
            )),
        }
    }

    fn try_pass(segment: &'a Segment) -> Result<Option<Gate<'a>>> {
        let tag = local::tag(&segment.arc(), true)?;
        Ok(segment.owned().try_acquire(tag).map(|_| Gate { segment, tag }))
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        let gate = self.segment.owned();
        if let Ok(Freed { wake: true }) = gate.release(self.tag) {
            SharedWaker.wake(gate.futex(), 1);
        }
    }
}

/// The right to be inside: one permit, or several that were acquired together. Given back when
/// this goes out of scope, in whichever thread of the process that is.
#[must_use = "the permit is given back when this is dropped"]
pub struct Permit<'a> {
    segment: &'a Segment,
    /// The permit, if `more` does not tell.
    index: u32,
    /// What few permits have; apart, so that most are as small as registers are.
    more: Option<Box<More>>,
}

#[derive(Debug)]
struct More {
    indexes: Box<[u32]>,
    abandoned: Option<Deceased>,
}

impl Permit<'_> {
    /// How many permits it stands for.
    pub fn count(&self) -> u32 {
        self.indexes().len() as u32
    }

    /// Which permits these are, counted from 0: with as many permits as there are devices, say,
    /// each holder has a device to itself.
    pub fn indexes(&self) -> &[u32] {
        match &self.more {
            Some(more) => &more.indexes,
            None => std::slice::from_ref(&self.index),
        }
    }

    /// The previous holder of the permit (or of one of them), if it died holding it.
    pub fn abandoned(&self) -> Option<Deceased> {
        self.more.as_ref()?.abandoned.clone()
    }

    /// Lets this go and keeps the permits, until [`Semaphore::release`] for each of their
    /// [`indexes`](Self::indexes).
    pub fn keep(mut self) {
        // What it owns is freed; what it stands for is not given back.
        drop(self.more.take());
        std::mem::forget(self);
    }

    /// A descriptor that keeps the permits held for as long as any process has it open; see
    /// [`MutexGuard::inheritable`](crate::MutexGuard::inheritable). It covers all that this process
    /// holds of the semaphore.
    ///
    /// # Errors
    /// What the system says (no descriptors left).
    #[cfg(unix)]
    pub fn inheritable(&self) -> Result<std::os::fd::OwnedFd> {
        self.segment.inheritable()
    }
}

/// Writes down who has a permit since when.
#[inline(always)]
fn record(segment: &Segment, index: u32) {
    let permit = segment.permit(index);
    permit.tid.store(process::tid(), Ordering::Relaxed);
    permit.acquired_at.store(clock::wall_coarse(), Ordering::Relaxed);
}

/// Who died holding the permit, if somebody did. Before the new holder's entries overwrite it.
fn deceased(segment: &Segment, got: Got) -> Option<Deceased> {
    let permit = segment.permit(got.index);
    got.abandoned.then(|| Deceased {
        pid: permit.dead_pid.load(Ordering::Relaxed),
        tid: permit.dead_tid.load(Ordering::Relaxed),
        cause: Cause::from_number(permit.dead_cause.load(Ordering::Relaxed)),
        noticed: moment(clock::wall()),
    })
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.more.take() {
            None => give_back(self.segment, self.index),
            // Apart, and by value: a permit whose address nobody asks for stays in registers.
            Some(more) => give_back_all(self.segment, &more.indexes),
        }
    }
}

#[inline]
fn give_back(segment: &Segment, index: u32) {
    // After a fork, a copy of the parent's.
    if segment.is_detached() {
        return;
    }
    let (tag, queue) = (segment.process_tag(), &segment.hot().queue);
    // Fails only on a segment that somebody damaged.
    let _ = permits::release(segment, tag, index, queue, &SharedWaker);
}

#[cold]
#[inline(never)]
fn give_back_all(segment: &Segment, indexes: &[u32]) {
    for index in indexes {
        give_back(segment, *index);
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("name", &self.name())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("indexes", &self.indexes())
            .field("abandoned", &self.abandoned())
            .finish_non_exhaustive()
    }
}
