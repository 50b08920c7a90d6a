//! From a name to a segment, and to another one after a fork.
#![allow(unsafe_code)] // an atomically replaced Arc

use crate::error::Result;
use crate::kind::Object;
use crate::segment::{How, Removal, Segment, Spec, obtain, remove};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What every named object stands on.
///
/// `current` is an `Arc<Segment>` by its raw pointer. It is replaced only in a forked child, where
/// the old segment is the parent's; the old one is not freed then, because guards of the parent,
/// copied by the fork, may still point to it. So a reference from `segment` is good for as long as
/// the handle.
#[derive(Debug)]
pub(crate) struct Handle {
    current: AtomicPtr<Segment>,
    spec: Spec,
    how: How,
}

impl Handle {
    /// Opens the object; answers whether it was created.
    pub(crate) fn obtain(spec: Spec, how: How) -> Result<(Handle, bool)> {
        let (segment, created) = obtain(&spec, how)?;
        let current = AtomicPtr::new(Arc::into_raw(segment).cast_mut());
        Ok((Handle { current, spec, how }, created))
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
        // What the parent created, the child opens: it may be there or, if the parent is gone, not.
        let how = if self.how == How::Attach { How::Attach } else { How::Open };
        let (segment, _) = obtain(&self.spec, how)?;
        let new = Arc::into_raw(segment).cast_mut();
        let exchanged =
            self.current.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire);
        if exchanged.is_err() {
            // Another thread was faster, with the same segment: one process has one per object.
            // SAFETY: this count is the one that `into_raw` gave away just now.
            drop(unsafe { Arc::from_raw(new) });
        }
        Ok(self.segment())
    }

    pub(crate) fn name(&self) -> &str {
        self.spec.name.as_str()
    }

    pub(crate) fn object(&self) -> Object {
        self.spec.object()
    }

    pub(crate) fn remove(&self) -> Result<Removal> {
        // Not there any more is as good as removed.
        Ok(remove(&self.spec.name, self.spec.scope)?.unwrap_or(Removal::Done))
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
