//! From a name to a segment, and to another one after a fork.
#![allow(unsafe_code)] // an atomically replaced Arc

use crate::error::Result;
use crate::kind::{Kind, Object};
use crate::segment::layout::Hot;
use crate::segment::place::Scope;
use crate::segment::{How, Removal, Segment, Spec, local, obtain, remove};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// What every named object stands on.
///
/// `id` and `hot` are copies of what `current` leads to, so that the fast path has fewer loads to
/// wait for. `id` is written last and read first, both in order: who reads the new id reads the
/// new rest.
///
/// `current` is an `Arc<Segment>` by its raw pointer. It is replaced only in a forked child, where
/// the old segment is the parent's; the old one is not freed then, because guards of the parent,
/// copied by the fork, may still point to it. So a reference from `segment` is good for as long as
/// the handle.
#[derive(Debug)]
#[allow(unreachable_pub)] // named by a sealed trait only
pub struct Handle {
    id: AtomicU64,
    hot: AtomicPtr<Hot>,
    current: AtomicPtr<Segment>,
    spec: Spec,
    how: How,
}

impl Handle {
    /// Opens the object; answers whether it was created.
    pub(crate) fn obtain(spec: Spec, how: How) -> Result<(Handle, bool)> {
        let (segment, created) = obtain(&spec, how)?;
        let id = AtomicU64::new(segment.id());
        let hot = AtomicPtr::new(std::ptr::from_ref(segment.hot()).cast_mut());
        let current = AtomicPtr::new(Arc::into_raw(segment).cast_mut());
        Ok((Handle { id, hot, current, spec, how }, created))
    }

    /// The hot line and a tag for the next hold, if the calling thread has its own at hand. No: it is new here, or a
    /// fork has made the segment the parent's (a fork empties what threads have at hand).
    #[inline(always)]
    pub(crate) fn at_hand(&self) -> Option<(&Hot, u32)> {
        let tag = local::cached_tag(self.id.load(Ordering::Acquire))?;
        // SAFETY: points into the mapping of a segment that this handle keeps, as in `segment`.
        let hot = unsafe { &*self.hot.load(Ordering::Acquire) };
        Some((hot, tag | local::next_hold()))
    }

    /// The segment, which after a fork may be the parent's.
    #[inline(always)]
    pub(crate) fn segment(&self) -> &Segment {
        // SAFETY: `current` came from `Arc::into_raw`. That count is given back only by `drop`,
        // which needs the handle for itself, or never.
        unsafe { &*self.current.load(Ordering::Acquire) }
    }

    /// The segment, opened anew if a fork has made it the parent's.
    #[inline]
    pub(crate) fn live(&self) -> Result<&Segment> {
        let segment = self.segment();
        if segment.is_detached() { self.reopen() } else { Ok(segment) }
    }

    #[cold]
    fn reopen(&self) -> Result<&Segment> {
        let old = self.current.load(Ordering::Acquire);
        // What the parent created, the child opens: it may be there or, if the parent is gone, not. But
        // it has the memory that the parent had, and no other one.
        let of_memory = self.spec.facts.kind == Kind::SharedMemory;
        let how = if self.how == How::Attach || of_memory { How::Attach } else { How::Open };
        let (segment, _) = obtain(&self.spec, how)?;
        let new = Arc::into_raw(segment).cast_mut();
        let exchanged =
            self.current.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire);
        if exchanged.is_ok() {
            let segment = self.segment();
            self.hot.store(std::ptr::from_ref(segment.hot()).cast_mut(), Ordering::Release);
            self.id.store(segment.id(), Ordering::Release);
        } else {
            // Another thread was faster, with the same segment: one process has one per object.
            // SAFETY: this count is the one that `into_raw` gave away just now.
            drop(unsafe { Arc::from_raw(new) });
        }
        Ok(self.segment())
    }

    pub(crate) fn name(&self) -> &str {
        self.spec.name.as_str()
    }

    pub(crate) fn scope(&self) -> Scope {
        self.spec.scope
    }

    pub(crate) fn object(&self) -> Object {
        self.spec.object()
    }

    pub(crate) fn remove(&self) -> Result<Removal> {
        // Not there any more is as good as removed.
        Ok(remove(&self.spec.name, &self.spec.place)?.unwrap_or(Removal::Done))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the count that `obtain` or `reopen` gave away; nobody refers to it through this
        // handle any more. In a forked child, the parent's segment has one more that is never
        // given back.
        drop(unsafe { Arc::from_raw(*self.current.get_mut()) });
    }
}
