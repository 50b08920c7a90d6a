//! A lock in 64 bytes of the caller's.
#![allow(unsafe_code)] // a view of the caller's memory

use super::error::Error;
use super::host::{Host, Identity};
use super::host_wait::HostWait;
use super::memory::{self, HEADER_SIZE, HeaderMemory, Nanoseconds, Words};
use super::owned_word::{Denied, Freed, NotOwner, OwnedWord, ProcessTag};
use super::spin::{Spin, SpinEstimate};
use super::sync::{AtomicU32, Ordering};
use crate::pacing::spin_of_environment;
use crate::sys::System;
use std::mem::offset_of;
use std::time::Duration;

const WHAT: &str = "raw mutex";

/// The 64 bytes.
///
/// | offset | bytes | what                                                                       |
/// |--------|-------|----------------------------------------------------------------------------|
/// | 0      | 4     | magic number                                                               |
/// | 4      | 4     | flags: 0                                                                   |
/// | 8      | 4     | state: an owned word, under the random number of the holder's process      |
/// | 12     | 4     | the holder's pid, to be shown; 0: none, or not written yet                 |
/// | 16     | 8     | when it was last acquired, ns since 1970, to be shown                      |
/// | 24     | 4     | the holder's thread; 0: none, or not written yet                           |
/// | 28     | 36    | 0                                                                          |
///
/// Pid, time and thread are written by the holder only: after it has acquired the state, and pid
/// and thread again, to 0, before it frees the state. So what a new holder writes is never wiped
/// by an old one.
#[repr(C)]
#[derive(Debug)]
struct Header {
    magic: AtomicU32,
    flags: AtomicU32,
    state: OwnedWord,
    owner_pid: AtomicU32,
    last_acquired: Nanoseconds,
    owner_thread: AtomicU32,
    reserved: [AtomicU32; 9],
}

const _: () = {
    assert!(offset_of!(Header, flags) == 4 && offset_of!(Header, state) == 8);
    assert!(offset_of!(Header, owner_pid) == 12 && offset_of!(Header, last_acquired) == 16);
    assert!(offset_of!(Header, owner_thread) == 24 && offset_of!(Header, reserved) == 28);
    assert!(size_of::<Header>() == HEADER_SIZE);
};

/// Mutual exclusion in 64 bytes of memory that the caller supplies, between threads or, if others
/// map the same memory, processes.
///
/// A process holds it: any thread of the holding process may release it, and a second thread of it
/// waits like everybody else. The thread that acquired it gets an error at once if it acquires it
/// again. Which process holds it is told by a random number that each draws when it starts (a
/// forked child draws its own), not by pids: these may be used again, and in two pid namespaces the
/// same one means two processes.
///
/// It knows nothing of deaths. If the holder dies, everybody waits until somebody calls
/// [`force_release`](Self::force_release). For a lock that survives that, use the named
/// [`Mutex`](crate::Mutex).
///
/// Acquiring and releasing without contention is one atomic exchange each, and no system call.
/// Waiters are served in no particular order. A header lies at any multiple of 4, best at a
/// multiple of 64; all users must say the same for `shared`, else they do not wake each other.
///
/// # The 64 bytes
///
/// Numbers are in the byte order of the machine.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 4 | magic number, 0x4D555458 |
/// | 4 | 4 | flags, 0 |
/// | 8 | 4 | state: 0 is free |
/// | 12 | 4 | the holder's pid, 0 if nobody holds it; to be shown only |
/// | 16 | 8 | when it was last acquired, ns since 1970 |
/// | 24 | 4 | the holder's thread, 0 if nobody holds it |
/// | 28 | 36 | reserved, 0 |
///
/// ```
/// use procsync::raw::{HeaderMemory, RawMutex};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// let memory = HeaderMemory::new();
/// let mutex = RawMutex::over(&memory, false)?;
/// let count = AtomicU32::new(0);
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| {
///             for _ in 0..1_000 {
///                 mutex.acquire().unwrap();
///                 count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
///                 mutex.release().unwrap();
///             }
///         });
///     }
/// });
/// assert_eq!(count.into_inner(), 2_000);
/// # Ok::<(), procsync::raw::Error>(())
/// ```
#[derive(Debug)]
pub struct RawMutex<'a> {
    header: &'a Header,
    system: System,
    estimate: SpinEstimate,
}

impl<'a> RawMutex<'a> {
    /// The number in the first four bytes of each: "MUTX".
    pub const MAGIC: u32 = 0x4D55_5458;

    /// Uses a header. 64 zero bytes become a free mutex; several may do that at once. A mutex that
    /// is there is left as it is. `shared` says whether other processes map it; if not, sleeping
    /// and waking are a little cheaper.
    ///
    /// # Errors
    /// [`Error::WrongMagic`] or [`Error::NotZero`] if something else lies there.
    pub fn over(memory: &'a HeaderMemory, shared: bool) -> Result<Self, Error> {
        Self::attach(memory.words(), shared)
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
    /// `RawMutex`, say). Whatever others write there, this stays free of undefined behaviour.
    ///
    /// ```
    /// use procsync::raw::RawMutex;
    ///
    /// let mut memory = [0_u32; 16]; // Or a place in a mapping that other processes have too.
    /// // SAFETY: nobody else uses `memory` as long as `mutex`.
    /// let mutex = unsafe { RawMutex::from_ptr(memory.as_mut_ptr().cast(), 64, false) }?;
    /// assert!(mutex.try_acquire());
    /// # Ok::<(), procsync::raw::Error>(())
    /// ```
    pub unsafe fn from_ptr(ptr: *mut u8, len: usize, shared: bool) -> Result<Self, Error> {
        // SAFETY: atomics; the rest is what the caller promised.
        Self::attach(unsafe { memory::view(WHAT, ptr, len) }?, shared)
    }

    fn attach(words: &'a Words, shared: bool) -> Result<Self, Error> {
        // SAFETY: `Header` is repr(C) and all atomics of 32 bits.
        let header: &Header = unsafe { memory::header(words) };
        let mut found = memory::magic(WHAT, words)?;
        if found == 0 {
            // A header of zeros is a free mutex but for this number, so one step makes it.
            found = header
                .magic
                .compare_exchange(0, Self::MAGIC, Ordering::AcqRel, Ordering::Acquire)
                .map_or_else(|now| now, |_| Self::MAGIC);
        }
        if found != Self::MAGIC {
            return Err(Error::WrongMagic { what: WHAT, expected: Self::MAGIC, found });
        }
        Ok(RawMutex { header, system: System { shared }, estimate: SpinEstimate::new() })
    }

    /// Takes the mutex, waiting for it as long as that takes. Spins first, as the environment
    /// variable `PROCSYNC_SPIN` says (see [`Spin`]; adaptive if it says nothing), then sleeps.
    ///
    /// # Errors
    /// [`Error::AlreadyOwned`] if the calling thread has acquired it already.
    #[inline]
    pub fn acquire(&self) -> Result<(), Error> {
        let me = self.system.identity();
        if self.try_acquire_as(me) {
            return Ok(());
        }
        self.acquire_slowly(me, None, spin_of_environment())
    }

    /// Takes the mutex, waiting for it at most for `timeout` (none, or one too long to be told: for
    /// ever), with a say in how long it spins before it sleeps. Signals neither end the wait nor
    /// begin its time anew.
    ///
    /// # Errors
    /// [`Error::TimedOut`], or [`Error::AlreadyOwned`] if the calling thread has acquired it
    /// already.
    ///
    /// ```
    /// use procsync::Spin;
    /// use procsync::raw::{Error, HeaderMemory, RawMutex};
    /// use std::time::Duration;
    ///
    /// let memory = HeaderMemory::new();
    /// let mutex = RawMutex::over(&memory, false)?;
    /// mutex.acquire()?;
    /// let timeout = Some(Duration::from_millis(5));
    /// let second = std::thread::scope(|scope| {
    ///     scope.spawn(|| mutex.acquire_timeout(timeout, Spin::Never)).join().unwrap()
    /// });
    /// assert!(matches!(second, Err(Error::TimedOut { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn acquire_timeout(&self, timeout: Option<Duration>, spin: Spin) -> Result<(), Error> {
        let me = self.system.identity();
        if self.try_acquire_as(me) {
            return Ok(());
        }
        self.acquire_slowly(me, timeout, spin)
    }

    /// Takes the mutex if it is free; answers whether it was. Never waits.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let me = self.system.identity();
        if self.try_acquire_as(me) {
            return true;
        }
        let taken = self.header.state.try_acquire(me.process).is_some();
        if taken {
            self.record(me);
        }
        taken
    }

    #[inline(always)]
    fn try_acquire_as(&self, me: Identity) -> bool {
        let taken = self.header.state.try_acquire_clean(me.process);
        if taken {
            self.record(me);
        }
        taken
    }

    #[inline(always)]
    fn record(&self, me: Identity) {
        self.header.owner_pid.store(me.pid, Ordering::Relaxed);
        self.header.owner_thread.store(me.thread, Ordering::Relaxed);
        self.header.last_acquired.store(self.system.wall_clock());
    }

    #[cold]
    fn acquire_slowly(
        &self,
        me: Identity,
        timeout: Option<Duration>,
        spin: Spin,
    ) -> Result<(), Error> {
        let already_owned = Error::AlreadyOwned { thread: me.thread };
        // Once is enough: while this thread waits, it does not acquire. Its own number is there
        // only if it is the holder: who released it cleared the number before, and who acquired
        // it since, after that. Acquire: that clearing is seen with the state of whoever came after.
        if self.header.state.owner_now() == me.process
            && self.header.owner_thread.load(Ordering::Relaxed) == me.thread
        {
            return Err(already_owned);
        }
        let spin = if timeout == Some(Duration::ZERO) { Spin::Never } else { spin };
        let mut wait = HostWait::new(&self.system, &self.estimate, timeout, true, spin);
        match self.header.state.acquire(&ProcessTag(me.process), true, &mut wait) {
            Ok(_) => {
                self.record(me);
                wait.succeeded();
                Ok(())
            }
            Err(Denied::Owned | Denied::Abandoned) => Err(already_owned),
            Err(Denied::Stopped(stop)) => Err(wait.error(&stop, WHAT, self.owner_pid())),
        }
    }

    /// Gives the mutex back and wakes one who waits for it. Any thread of the process that holds
    /// it may, once for each time it was acquired.
    ///
    /// # Errors
    /// [`Error::NotOwner`] if this process does not hold it; nothing is changed.
    #[inline]
    pub fn release(&self) -> Result<(), Error> {
        let tag = self.system.identity().process;
        if self.header.state.owner() != tag {
            return Err(self.not_owner());
        }
        // Before the state is freed, never after: then they are the next holder's.
        self.header.owner_thread.store(0, Ordering::Relaxed);
        self.header.owner_pid.store(0, Ordering::Relaxed);
        match self.header.state.release(tag) {
            Ok(freed) => {
                self.finish(freed);
                Ok(())
            }
            Err(NotOwner) => Err(self.not_owner()),
        }
    }

    #[cold]
    fn not_owner(&self) -> Error {
        Error::NotOwner { owner_pid: self.owner_pid() }
    }

    #[inline]
    fn finish(&self, Freed { wake }: Freed) {
        if wake {
            self.system.wake(self.header.state.futex(), 1);
        }
    }

    /// Frees the mutex whoever holds it, and wakes one who waits for it; answers whether anybody
    /// held it. For the case that the holder has died.
    ///
    /// A holder that lives does not notice until it releases and gets [`Error::NotOwner`]; until
    /// then two may be inside. If it releases at this very moment, what the next holder wrote (its
    /// pid, and the thread that lets relocking be noticed) may be wiped; the lock itself is not.
    ///
    /// ```
    /// use procsync::raw::{Error, HeaderMemory, RawMutex};
    ///
    /// let memory = HeaderMemory::new();
    /// let mutex = RawMutex::over(&memory, false)?;
    /// mutex.acquire()?;
    /// assert!(mutex.force_release());
    /// assert!(!mutex.force_release());
    /// assert_eq!(mutex.release(), Err(Error::NotOwner { owner_pid: 0 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn force_release(&self) -> bool {
        let header = self.header;
        // What is cleared is read before the state, and cleared only if it is still the same.
        let thread = header.owner_thread.load(Ordering::Acquire);
        let pid = header.owner_pid.load(Ordering::Acquire);
        let tag = header.state.owner();
        if tag == 0 {
            return false;
        }
        for (field, seen) in [(&header.owner_thread, thread), (&header.owner_pid, pid)] {
            // It is another one's already if this fails: right.
            let _ = field.compare_exchange(seen, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        match header.state.release(tag) {
            Ok(freed) => {
                self.finish(freed);
                true
            }
            Err(NotOwner) => false,
        }
    }

    /// Whether anybody holds it. The answer may be out of date when it comes.
    pub fn is_locked(&self) -> bool {
        self.header.state.owner() != 0
    }

    /// The process id of the holder, as it calls itself; 0 if nobody holds it, or the holder has
    /// not written it down yet. To be shown only: pids are used again, and mean nothing in another
    /// pid namespace.
    pub fn owner_pid(&self) -> u32 {
        if self.is_locked() { self.header.owner_pid.load(Ordering::Relaxed) } else { 0 }
    }

    /// When it was last acquired, in nanoseconds since 1970; 0 if never. The clock that tells it is
    /// cheap (10 ms behind at most). Read in two halves: while another one acquires it, the answer
    /// may be 4.3 seconds off, once in as many.
    pub fn last_acquired_ns(&self) -> u64 {
        self.header.last_acquired.load()
    }

    /// The magic number as it stands there now: [`MAGIC`](Self::MAGIC), unless somebody has
    /// overwritten it.
    pub fn magic(&self) -> u32 {
        self.header.magic.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
