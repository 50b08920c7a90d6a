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
#[derive(Debug)]
struct Entry {
    segment: Weak<Segment>,
    /// None: closed by a fork.
    file: Option<Descriptor>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<FileId, Entry>,
    /// Those whose file has been opened anew since their last handle went, and is not closed yet.
    closing: Vec<Entry>,
}

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
        let segment = self.table().open.get(&id)?.segment.upgrade()?;
        (!segment.is_detached()).then_some(segment)
    }

    pub(super) fn insert(&mut self, id: FileId, segment: &Arc<Segment>) {
        let file = Some(segment.descriptor());
        let new = Entry { segment: Arc::downgrade(segment), file };
        let table = self.table();
        table.closing.extend(table.open.insert(id, new));
    }

    /// Forgets a segment whose file was closed just now, and no newer one of the same file.
    pub(super) fn forget(&mut self, id: FileId, file: Descriptor) {
        let table = self.table();
        if table.open.get(&id).is_some_and(|entry| entry.file == Some(file)) {
            table.open.remove(&id);
        } else {
            table.closing.retain(|entry| entry.file != Some(file));
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
        let table = registry.table();
        for entry in table.open.values_mut().chain(&mut table.closing) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::lifetime::tests::memory;
    use crate::segment::{How, obtain};

    /// While one thread is about to close a file, another one may open it anew, and a third one fork: the
    /// child must find both.
    #[test]
    fn a_file_that_is_opened_anew_before_it_is_closed_stands_there_twice() {
        let made = |label| obtain(&memory(label), How::Create).unwrap().0;
        let (old, new) = (made("registry-old"), made("registry-new"));
        let (id, mut registry) = (old.file_id, lock());
        let known = |registry: &mut Registry, segment: &Segment| {
            let table = registry.table();
            let file = Some(segment.descriptor());
            table.open.values().chain(&table.closing).filter(|entry| entry.file == file).count()
        };
        registry.insert(id, &new);
        assert_eq!((known(&mut registry, &old), known(&mut registry, &new)), (1, 2));
        registry.forget(id, old.descriptor());
        assert_eq!((known(&mut registry, &old), known(&mut registry, &new)), (0, 2));
        registry.forget(id, new.descriptor());
        assert_eq!(known(&mut registry, &new), 1);
    }
}
