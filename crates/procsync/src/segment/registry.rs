//! The segments that this process has open: one open file per object, however many handles.
//!
//! Open-file-description locks do not conflict within one open file, but they would between two
//! open files of one process, and a thread would be two participants. Therefore one.

use super::Segment;
use crate::sys::map::FileId;
use crate::sys::process::{self, Descriptor, ForkNotice};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

/// What is open. The descriptor stands beside the segment, because a fork must find it even while
/// another thread is about to drop the segment.
struct Entry {
    segment: Weak<Segment>,
    file: Descriptor,
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
        let file = segment.descriptor();
        self.table().insert(id, Entry { segment: Arc::downgrade(segment), file });
    }

    /// Forgets a segment whose file was closed just now, unless a newer one stands there.
    pub(super) fn forget(&mut self, id: FileId, file: Descriptor) {
        if self.table().get(&id).is_some_and(|entry| entry.file == file) {
            self.table().remove(&id);
        }
    }
}

thread_local! {
    /// The table is locked across a fork, so that the child does not inherit it half changed.
    static ACROSS_FORK: RefCell<Option<Registry>> = const { RefCell::new(None) };
}

fn before() {
    let registry = Registry(TABLE.lock().unwrap_or_else(PoisonError::into_inner));
    ACROSS_FORK.with(|across| *across.borrow_mut() = Some(registry));
}

fn in_parent() {
    ACROSS_FORK.with(|across| drop(across.borrow_mut().take()));
}

/// Only atomic stores and `close`: a child of many threads may do little else.
fn in_child() {
    ACROSS_FORK.with(|across| {
        if let Some(mut registry) = across.borrow_mut().take() {
            for entry in registry.table().values_mut() {
                if let Some(segment) = entry.segment.upgrade() {
                    if segment.is_detached() {
                        continue; // by the parent already: its descriptor was closed there
                    }
                    segment.detach();
                    // Never dropped in a child: guards and handles may point into its mapping.
                    std::mem::forget(segment);
                }
                process::close_in_child(entry.file);
            }
        }
    });
    super::local::forget_all();
}
