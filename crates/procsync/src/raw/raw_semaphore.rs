//! A count in 64 bytes of the caller's.
#![allow(unsafe_code)] // a view of the caller's memory

use super::error::Error;
use super::host::Host;
use super::host_wait::HostWait;
use super::memory::{self, HEADER_SIZE, HeaderMemory, Nanoseconds, Words};
use super::spin::{Spin, SpinEstimate};
use super::sync::{AtomicU32, Ordering};
use super::token_count::{self, TokenCount};
use super::wait_queue::WaitQueue;
use crate::interrupt::uninterrupted;
use crate::pacing::spin_of_environment;
use crate::sys::System;
use std::mem::offset_of;
use std::sync::atomic::fence;
use std::time::{Duration, Instant};

const WHAT: &str = "raw semaphore";

/// In place of the magic number while the first one writes the count.
const HALF_MADE: u32 = 0x5345_4D30;

/// Two stores take this long at most, unless the one that makes them was stopped or died.
const PATIENCE: Duration = Duration::from_secs(1);

/// The 64 bytes.
///
/// | offset | bytes | what                                                                       |
/// |--------|-------|----------------------------------------------------------------------------|
/// | 0      | 4     | magic number; `HALF_MADE` while the count is not yet there                 |
/// | 4      | 4     | flags: 0                                                                   |
/// | 8      | 4     | the count                                                                  |
/// | 12     | 4     | who took one last, as a pid, to be shown                                   |
/// | 16     | 8     | when that was, ns since 1970, to be shown                                  |
/// | 24     | 12    | where waiters sleep                                                        |
/// | 36     | 28    | 0                                                                          |
#[repr(C)]
#[derive(Debug)]
struct Header {
    magic: AtomicU32,
    flags: AtomicU32,
    count: TokenCount,
    last_pid: AtomicU32,
    last_acquired: Nanoseconds,
    queue: WaitQueue,
    reserved: [AtomicU32; (HEADER_SIZE - 24 - size_of::<WaitQueue>()) / 4],
}

const _: () = {
    assert!(offset_of!(Header, flags) == 4 && offset_of!(Header, count) == 8);
    assert!(offset_of!(Header, last_pid) == 12 && offset_of!(Header, last_acquired) == 16);
    assert!(offset_of!(Header, queue) == 24 && size_of::<Header>() == HEADER_SIZE);
};

/// A count of things, 0 to 2³² − 1, in 64 bytes of memory that the caller supplies: some post
/// them, others wait for them and take them.
///
/// What is taken belongs to nobody, and nothing comes back if the one that took it dies. For
/// permits that do, use the named [`Semaphore`](crate::Semaphore).
///
/// Posting with nobody asleep and taking what is there are one atomic exchange each, and no system
/// call. Waiters are served in no particular order. A header lies at any multiple of 4, best at a
/// multiple of 64; all users must say the same for `shared`, else they do not wake each other.
///
/// # The 64 bytes
///
/// Numbers are in the byte order of the machine.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 4 | magic number, 0x53454D41 |
/// | 4 | 4 | flags, 0 |
/// | 8 | 4 | the count |
/// | 12 | 4 | the pid of the process that took one last, 0 if none did; to be shown only |
/// | 16 | 8 | when that was, ns since 1970 |
/// | 24 | 40 | reserved: where waiters sleep |
///
/// ```
/// use procsync::raw::{HeaderMemory, RawSemaphore};
///
/// let memory = HeaderMemory::new();
/// let jobs = RawSemaphore::over(&memory, Some(0), false)?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| jobs.post(2).unwrap());
///     jobs.wait();
///     jobs.wait();
/// });
/// assert_eq!(jobs.value(), 0);
/// # Ok::<(), procsync::raw::Error>(())
/// ```
#[derive(Debug)]
pub struct RawSemaphore<'a> {
    header: &'a Header,
    system: System,
    estimate: SpinEstimate,
}

impl<'a> RawSemaphore<'a> {
    /// The number in the first four bytes of each: "SEMA".
    pub const MAGIC: u32 = 0x5345_4D41;

    /// Uses a header.
    ///
    /// - `initial` none: attaches to the semaphore that is there.
    /// - `initial` a number: 64 zero bytes become a semaphore with this count; if several try that
    ///   at once, the first one's count is it. A semaphore that is there is left as it is: its
    ///   users may have taken some, and these must not appear a second time. To set the count of
    ///   one that is there, call [`reset`](Self::reset).
    ///
    /// `shared` says whether other processes map it; if not, sleeping and waking are a little
    /// cheaper.
    ///
    /// # Errors
    /// [`Error::WrongMagic`] if something else lies there, or nothing and there is no `initial`.
    /// [`Error::NotZero`] if there is no magic number but other bytes are in use.
    /// [`Error::HalfMade`] if somebody else has begun to make it and does not get on with it for a
    /// second.
    ///
    /// ```
    /// use procsync::raw::{HeaderMemory, RawSemaphore};
    ///
    /// let memory = HeaderMemory::new();
    /// assert!(RawSemaphore::over(&memory, None, false).is_err());
    /// let first = RawSemaphore::over(&memory, Some(3), false)?;
    /// let second = RawSemaphore::over(&memory, Some(8), false)?;
    /// assert_eq!(second.value(), 3);
    /// # Ok::<(), procsync::raw::Error>(())
    /// ```
    pub fn over(
        memory: &'a HeaderMemory,
        initial: Option<u32>,
        shared: bool,
    ) -> Result<Self, Error> {
        Self::attach(memory.words(), initial, shared, PATIENCE)
    }

    /// As [`over`](Self::over), on the first 64 of the `len` bytes at `ptr`.
    ///
    /// # Errors
    /// [`Error::TooSmall`] below 64 bytes, [`Error::Misaligned`] if the address is not a multiple
    /// of 4, and as for [`over`](Self::over).
    ///
    /// # Safety
    /// The bytes must be valid for reads and writes during `'a`, and whoever else accesses them
    /// meanwhile, in this process or another, does so by atomic operations of 4 bytes (through a
    /// `RawSemaphore`, say). Whatever others write there, this stays free of undefined behaviour.
    ///
    /// ```
    /// use procsync::raw::RawSemaphore;
    ///
    /// let mut memory = [0_u32; 16]; // Or a place in a mapping that other processes have too.
    /// let ptr = memory.as_mut_ptr().cast();
    /// // SAFETY: nobody else uses `memory` as long as `semaphore`.
    /// let semaphore = unsafe { RawSemaphore::from_ptr(ptr, 64, Some(1), false) }?;
    /// assert!(semaphore.try_wait());
    /// assert!(!semaphore.try_wait());
    /// # Ok::<(), procsync::raw::Error>(())
    /// ```
    pub unsafe fn from_ptr(
        ptr: *mut u8,
        len: usize,
        initial: Option<u32>,
        shared: bool,
    ) -> Result<Self, Error> {
        // SAFETY: atomics; the rest is what the caller promised.
        Self::attach(unsafe { memory::view(WHAT, ptr, len) }?, initial, shared, PATIENCE)
    }

    fn attach(
        words: &'a Words,
        initial: Option<u32>,
        shared: bool,
        patience: Duration,
    ) -> Result<Self, Error> {
        // SAFETY: `Header` is repr(C) and all atomics of 32 bits.
        let header: &Header = unsafe { memory::header(words) };
        let mut found = memory::magic(WHAT, words)?;
        if let (0, Some(count)) = (found, initial) {
            found = make(header, count);
        }
        if found == HALF_MADE {
            found = wait_until_made(header, patience)?;
        }
        if found != Self::MAGIC {
            return Err(Error::WrongMagic { what: WHAT, expected: Self::MAGIC, found });
        }
        Ok(RawSemaphore { header, system: System { shared }, estimate: SpinEstimate::new() })
    }

    /// Adds one, and wakes one that waits. See [`post`](Self::post).
    ///
    /// # Errors
    /// [`Error::Overflow`].
    #[inline]
    pub fn post1(&self) -> Result<(), Error> {
        self.post(1)
    }

    /// Adds `count`, and wakes as many that wait. What was written before a post is seen by whoever
    /// takes what was posted.
    ///
    /// # Errors
    /// [`Error::Overflow`] if the count would pass 2³² − 1; it is unchanged, and nobody woken.
    ///
    /// ```
    /// use procsync::raw::{Error, HeaderMemory, RawSemaphore};
    ///
    /// let memory = HeaderMemory::new();
    /// let semaphore = RawSemaphore::over(&memory, Some(u32::MAX - 1), false)?;
    /// semaphore.post(1)?;
    /// assert!(matches!(semaphore.post(1), Err(Error::Overflow { .. })));
    /// assert_eq!(semaphore.value(), u32::MAX);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn post(&self, count: u32) -> Result<(), Error> {
        self.header
            .count
            .post(count, &self.header.queue, &self.system)
            .map_err(|token_count::Overflow| Error::Overflow { what: WHAT, count })
    }

    /// Takes one, waiting for it as long as that takes. Spins first, as the environment variable
    /// `PROCSYNC_SPIN` says (see [`Spin`]; adaptive if it says nothing), then sleeps.
    #[inline]
    pub fn wait(&self) {
        if !self.try_wait() {
            // It has no deadline, so it ends in success.
            let _ = uninterrupted(|| self.wait_slowly(None, spin_of_environment()));
        }
    }

    /// Takes one, waiting for it at most for `timeout` (none, or one too long to be told: for
    /// ever), with a say in how long it spins before it sleeps. Signals neither end the wait nor
    /// begin its time anew.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; nothing was taken.
    ///
    /// ```
    /// use procsync::Spin;
    /// use procsync::raw::{Error, HeaderMemory, RawSemaphore};
    /// use std::time::Duration;
    ///
    /// let memory = HeaderMemory::new();
    /// let semaphore = RawSemaphore::over(&memory, Some(1), false)?;
    /// let timeout = Some(Duration::from_millis(5));
    /// semaphore.wait_timeout(timeout, Spin::default())?;
    /// let second = semaphore.wait_timeout(timeout, Spin::Pauses(128));
    /// assert!(matches!(second, Err(Error::TimedOut { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Option<Duration>, spin: Spin) -> Result<(), Error> {
        if self.try_wait() { Ok(()) } else { self.wait_slowly(timeout, spin) }
    }

    /// Takes one if there is one; answers whether there was. Never waits.
    #[inline]
    pub fn try_wait(&self) -> bool {
        let taken = self.header.count.try_take();
        if taken {
            self.record();
        }
        taken
    }

    #[inline]
    fn record(&self) {
        self.header.last_pid.store(self.system.identity().pid, Ordering::Relaxed);
        self.header.last_acquired.store(self.system.wall_clock());
    }

    #[cold]
    fn wait_slowly(&self, timeout: Option<Duration>, spin: Spin) -> Result<(), Error> {
        let spin = if timeout == Some(Duration::ZERO) { Spin::Never } else { spin };
        let mut wait = HostWait::new(&self.system, &self.estimate, timeout, false, spin);
        match self.header.count.take(&self.header.queue, &mut wait) {
            Ok(()) => {
                self.record();
                wait.succeeded();
                Ok(())
            }
            Err(stop) => Err(wait.error(&stop, WHAT, self.last_pid())),
        }
    }

    /// Sets the count, and wakes as many that wait. For the start of a program that uses the same
    /// memory as an earlier run: what others have taken or posted meanwhile is forgotten.
    ///
    /// ```
    /// # use procsync::raw::{HeaderMemory, RawSemaphore};
    /// # let memory = HeaderMemory::new();
    /// let semaphore = RawSemaphore::over(&memory, Some(3), false)?;
    /// semaphore.wait();
    /// semaphore.reset(3);
    /// assert_eq!(semaphore.value(), 3);
    /// # Ok::<(), procsync::raw::Error>(())
    /// ```
    pub fn reset(&self, count: u32) {
        self.header.count.initialize(count);
        // The queue's handshake wants a SeqCst change of the count; after a plain store, this fence
        // has the same effect.
        fence(Ordering::SeqCst);
        if count > 0 {
            self.header.queue.notify(count, &self.system);
        }
    }

    /// How many there are. The answer may be out of date when it comes.
    pub fn value(&self) -> u32 {
        self.header.count.value()
    }

    /// The process id of the process that took one last, as it calls itself; 0 if none did. To be
    /// shown only.
    pub fn last_pid(&self) -> u32 {
        self.header.last_pid.load(Ordering::Relaxed)
    }

    /// When one was last taken, in nanoseconds since 1970; 0 if never. The clock that tells it is
    /// cheap (10 ms behind at most). Read in two halves: while another one takes, the answer may be
    /// 4.3 seconds off, once in as many.
    pub fn last_acquired_ns(&self) -> u64 {
        self.header.last_acquired.load()
    }

    /// The magic number as it stands there now: [`MAGIC`](Self::MAGIC), unless somebody has
    /// overwritten it.
    pub fn magic(&self) -> u32 {
        self.header.magic.load(Ordering::Relaxed)
    }
}

/// Makes a semaphore of a header of zeros, unless somebody else is faster; answers what stands in
/// place of the magic number then.
fn make(header: &Header, count: u32) -> u32 {
    if let Err(now) =
        header.magic.compare_exchange(0, HALF_MADE, Ordering::Acquire, Ordering::Acquire)
    {
        return now;
    }
    header.count.initialize(count);
    // Who sees the magic number sees the count.
    header.magic.store(RawSemaphore::MAGIC, Ordering::Release);
    RawSemaphore::MAGIC
}

/// Waits until somebody else has made the semaphore; answers what stands in place of the magic
/// number then.
fn wait_until_made(header: &Header, patience: Duration) -> Result<u32, Error> {
    let began = Instant::now();
    loop {
        let found = header.magic.load(Ordering::Acquire);
        if found != HALF_MADE {
            return Ok(found);
        }
        let waited = began.elapsed();
        if waited >= patience {
            return Err(Error::HalfMade { what: WHAT, waited });
        }
        // The other one may need this CPU.
        if waited < Duration::from_millis(1) {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests;
