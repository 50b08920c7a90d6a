//! The one switch between real atomics and loom's. Everything in `raw` takes its atomics from
//! here, so that the models check the code that ships; clippy's disallowed types hold it to that.
#![allow(clippy::disallowed_types)]

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, Ordering};

/// Stands between the two halves of a store-load handshake (each side writes its own word, then
/// reads the other's). All four accesses are `SeqCst`, which forbids that both sides read the old
/// value (C++20 [atomics.order]). Loom treats `SeqCst` accesses as `AcqRel` and models only the
/// fence, so the model, and nothing else, gets the fence that those accesses imply.
#[inline(always)]
pub(crate) fn handshake() {
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
}
