//! The caller's bytes, seen as words; checked before they are.
#![allow(unsafe_code)] // views of the caller's memory

use super::error::Error;
use super::sync::{AtomicU32, Ordering};
use std::sync::atomic::fence;

/// How many bytes a [`RawMutex`](super::RawMutex) or [`RawSemaphore`](super::RawSemaphore) takes.
pub const HEADER_SIZE: usize = 64;

/// Room for one [`RawMutex`](super::RawMutex) or one [`RawSemaphore`](super::RawSemaphore): 64
/// bytes, on a cache line of their own, zero at first.
///
/// The safe way to get such memory: put it in a `static`, in a struct, anywhere. It is good between
/// the threads of one process. Between processes it must lie in memory that they share; there, see
/// the `from_ptr` functions.
///
/// ```
/// use procsync::raw::{HeaderMemory, RawMutex};
///
/// static MEMORY: HeaderMemory = HeaderMemory::new();
///
/// let mutex = RawMutex::over(&MEMORY, false)?;
/// mutex.acquire()?;
/// mutex.release()?;
/// # Ok::<(), procsync::raw::Error>(())
/// ```
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct HeaderMemory(Words);

impl HeaderMemory {
    /// 64 zero bytes: whatever is placed over them first is new.
    pub const fn new() -> Self {
        HeaderMemory([const { AtomicU32::new(0) }; HEADER_WORDS])
    }

    /// The bytes as they are now, four at a time: others may change them while they are read.
    ///
    /// ```
    /// use procsync::raw::{HeaderMemory, RawSemaphore};
    ///
    /// let memory = HeaderMemory::new();
    /// RawSemaphore::over(&memory, Some(7), false)?;
    /// assert_eq!(memory.to_bytes()[8..12], 7_u32.to_ne_bytes());
    /// # Ok::<(), procsync::raw::Error>(())
    /// ```
    pub fn to_bytes(&self) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        for (to, word) in bytes.chunks_exact_mut(4).zip(&self.0) {
            to.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        bytes
    }

    pub(super) fn words(&self) -> &Words {
        &self.0
    }
}

const HEADER_WORDS: usize = HEADER_SIZE / 4;

/// A header before it is known what it is one of.
pub(super) type Words = [AtomicU32; HEADER_WORDS];

/// Looks at the caller's memory as a `T`, if it is large enough and aligned.
///
/// # Safety
/// `T` must consist of atomics only. `len` bytes from `ptr` on must be valid for reads and writes
/// during `'a`, and whoever else accesses them does so by atomic operations of the same size.
pub(super) unsafe fn view<'a, T>(
    what: &'static str,
    ptr: *mut u8,
    len: usize,
) -> Result<&'a T, Error> {
    let (needed, alignment) = (size_of::<T>(), align_of::<T>());
    if len < needed {
        return Err(Error::TooSmall { what, needed, got: len });
    }
    let remainder = ptr.addr() % alignment;
    if remainder != 0 {
        return Err(Error::Misaligned { what, needed: alignment, remainder });
    }
    // SAFETY: large enough and aligned, as just checked; valid, and free of data races with others,
    // by the caller's promise; any bytes are a value of atomics.
    Ok(unsafe { &*ptr.cast::<T>() })
}

/// Looks at a header as what it is one of.
///
/// # Safety
/// `Header` must be `repr(C)` and consist of 32-bit atomics only.
pub(super) unsafe fn header<Header>(words: &Words) -> &Header {
    const { assert!(size_of::<Header>() == HEADER_SIZE && align_of::<Header>() == 4) };
    // SAFETY: of the same size and alignment, by the assertion; both consist of atomics of the same
    // size, by the caller's promise, so either may be written through while the other one is read.
    unsafe { &*std::ptr::from_ref(words).cast::<Header>() }
}

/// Whether something new can begin in a header: `Ok` with its magic number (0: it can), or an error
/// if there is no magic number but other words are in use.
pub(super) fn magic(what: &'static str, words: &Words) -> Result<u32, Error> {
    /// Somebody may be making this a good header, and using it at once; on processors that reorder
    /// stores, the use may be seen a moment before the magic number.
    const MOMENT: u32 = 1_000;
    let used = words[1..].iter().position(|word| word.load(Ordering::Relaxed) != 0);
    // The rest is read before the magic number.
    fence(Ordering::Acquire);
    let mut found = words[0].load(Ordering::Acquire);
    let Some(word) = used else { return Ok(found) };
    for _ in 0..MOMENT {
        if found != 0 {
            return Ok(found);
        }
        std::hint::spin_loop();
        found = words[0].load(Ordering::Acquire);
    }
    Err(Error::NotZero { what, offset: (word + 1) * 4 })
}

/// A 64-bit number of nanoseconds in two words, because the header may lie at any multiple of
/// four. To be shown only: a reader can see half of the old number and half of the new one, and be
/// wrong by 4.3 seconds once in as many.
#[repr(transparent)]
#[derive(Debug)]
pub(super) struct Nanoseconds([AtomicU32; 2]);

impl Nanoseconds {
    #[inline]
    pub(super) fn store(&self, ns: u64) {
        let [a, b, c, d, e, f, g, h] = ns.to_ne_bytes();
        self.0[0].store(u32::from_ne_bytes([a, b, c, d]), Ordering::Relaxed);
        self.0[1].store(u32::from_ne_bytes([e, f, g, h]), Ordering::Relaxed);
    }

    pub(super) fn load(&self) -> u64 {
        let [a, b, c, d] = self.0[0].load(Ordering::Relaxed).to_ne_bytes();
        let [e, f, g, h] = self.0[1].load(Ordering::Relaxed).to_ne_bytes();
        u64::from_ne_bytes([a, b, c, d, e, f, g, h])
    }
}
