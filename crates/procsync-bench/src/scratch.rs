//! Where the objects of a benchmark live, and how none of them stays behind.

use std::fs;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::contender::{Object, Place};

/// A directory of this run's own, in memory where the machine offers that. Removed with all it holds when dropped.
pub(crate) struct Scratch {
    directory: PathBuf,
    next: AtomicU32,
}

impl Scratch {
    pub(crate) fn new() -> io::Result<Self> {
        let name = format!("procsync-bench-{}", std::process::id());
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let directory = parent.join(name);
        fs::DirBuilder::new().mode(0o700).create(&directory)?;
        Ok(Scratch { directory, next: AtomicU32::new(0) })
    }

    /// A place that nobody has used yet.
    pub(crate) fn place(&self) -> Place {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("procsync-bench-{}-{number}", std::process::id());
        Place { directory: self.directory.clone(), name }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to be told if it fails.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// An object that is removed, name and all, when dropped.
pub(crate) struct Created<O: Object> {
    // An option only so that dropping can let go of it before the name is removed.
    object: Option<O>,
    place: Place,
}

impl<O: Object> Created<O> {
    pub(crate) fn new(
        place: Place,
        create: impl FnOnce(&Place) -> io::Result<O>,
    ) -> io::Result<Self> {
        let object = create(&place)?;
        Ok(Created { object: Some(object), place })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Detaches. The name is still removed when this is dropped; until then only others have the object open.
    pub(crate) fn close(&mut self) {
        self.object = None;
    }
}

impl<O: Object> Deref for Created<O> {
    type Target = O;

    fn deref(&self) -> &O {
        self.object.as_ref().expect("not used after it was closed")
    }
}

impl<O: Object> Drop for Created<O> {
    fn drop(&mut self) {
        self.object = None;
        // Nobody is left to be told if it fails; the directory goes with everything in it anyway.
        let _ = O::remove(&self.place);
    }
}
