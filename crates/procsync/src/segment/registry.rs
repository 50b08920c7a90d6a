//! The segments that this process has open: one open file per object, however many handles.
//!
//! Open-file-description locks do not conflict within one open file, but they would between two
//! open files of one process, and a thread would be two participants. Therefore one.
#![allow(unsafe_code)] // a cell that the table's lock protects

use super::Segment;
use crate::sys::map::FileId;
use crate::sys::process::{self, Descriptor, ForkNotice};
use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

/// What is open. The descriptor stands beside the segment, because a fork must find it even while
/// another thread is about to drop the segment.
struct Entry {
    segment: Weak<Segment>,
    /// None: closed by a fork.
    file: Option<Descriptor>,
}

type Table = HashMap<FileId, Entry>;

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

/// The table, locked. Never held while anything waits.
pub(super) struct Registry(MutexGuard<'static, Option<Table>>);

pub(super) fn lock() -> Registry {
    static NOTICE: Once = Once::new();
    NOTICE.call_once(|| process::notice_forks(ForkNotice { before, in_parent, in_child }));
    Registry(TABLE.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Registry {
    fn table(&mut self) -> &mut Table {
        self.0.get_or_insert_default()
    }

    /// The open segment of this file, unless a fork has made it another process's.
    pub(super) fn find(&mut self, id: FileId) -> Option<Arc<Segment>> {
        let segment = self.table().get(&id)?.segment.upgrade()?;
        (!segment.is_detached()).then_some(segment)
    }

    pub(super) fn insert(&mut self, id: FileId, segment: &Arc<Segment>) {
        let file = Some(segment.descriptor());
        self.table().insert(id, Entry { segment: Arc::downgrade(segment), file });
    }

    /// Forgets a segment whose file was closed just now, unless a newer one stands there.
    pub(super) fn forget(&mut self, id: FileId, file: Descriptor) {
        if self.table().get(&id).is_some_and(|entry| entry.file == Some(file)) {
            self.table().remove(&id);
        }
    }
}

/// The table is locked across a fork, so that the child does not inherit it half changed.
struct AcrossFork(UnsafeCell<Option<Registry>>);

// SAFETY: only touched by who holds the table's lock: put in after locking, taken out to unlock.
unsafe impl Sync for AcrossFork {}

static ACROSS_FORK: AcrossFork = AcrossFork(UnsafeCell::new(None));

impl AcrossFork {
    fn put(&self, registry: Registry) {
        // SAFETY: the caller holds the lock, which `registry` is.
        unsafe { *self.0.get() = Some(registry) };
    }

    fn take(&self) -> Option<Registry> {
        // SAFETY: called by the thread that forked, which has held the lock since `put`; in the
        // child it is the only thread.
        unsafe { (*self.0.get()).take() }
    }
}

fn before() {
    ACROSS_FORK.put(Registry(TABLE.lock().unwrap_or_else(PoisonError::into_inner)));
}

fn in_parent() {
    drop(ACROSS_FORK.take());
}

/// Only atomic stores and `close`: a child of many threads may do little else.
fn in_child() {
    if let Some(mut registry) = ACROSS_FORK.take() {
        for entry in registry.table().values_mut() {
            let Some(file) = entry.file.take() else { continue };
            if let Some(segment) = entry.segment.upgrade() {
                segment.detach();
                // Never dropped in a child: guards and handles may point into its mapping.
                std::mem::forget(segment);
            }
            process::close_in_child(file);
        }
    }
    super::local::forget_all();
}
