//! The one switch between real atomics and loom's. Everything in `raw` takes its atomics from
//! here, so that the models check the code that ships; clippy's disallowed types hold it to that.
#![allow(clippy::disallowed_types)]

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::Ordering;
/// An alias and not a re-export, which the lint would see through wherever it is used.
#[cfg(not(loom))]
pub(crate) type AtomicU32 = std::sync::atomic::AtomicU32;
#[cfg(not(loom))]
pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The second half of a store-load handshake: each side writes its own word, then reads the
/// other's. All four accesses are `SeqCst`, which forbids that both sides read the old value
/// (C++20 [atomics.order]).
///
/// Loom treats a `SeqCst` load as an `Acquire` load, which may be stale. So the models get a
/// read-modify-write that changes nothing: it reads the newest value, and its writing half orders
/// nothing. (A `SeqCst` fence would do too, but it orders everything around it, and so would hide
/// that an access nearby is too weak.)
#[inline(always)]
pub(crate) fn load_newest(word: &AtomicU32) -> u32 {
    #[cfg(not(loom))]
    return word.load(Ordering::SeqCst);
    #[cfg(loom)]
    return word.fetch_add(0, Ordering::Acquire);
}
