//! Bytes by name.
#![allow(unsafe_code)] // access to the mapped bytes

use crate::bytes;
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::options::{Named, Options, Parts, Sealed};
use crate::segment::layout::MOST_DATA;
use crate::segment::object_file::system;
use crate::segment::place::{Place, Scope};
use crate::segment::{Removal, data_file};
use crate::sys::map::{self, FileId, Mapping};
use crate::sys::wait::Sleepers;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Memory that all processes share which know the name.
///
/// It lies under the plain POSIX name (`/dev/shm/NAME` on Linux), so programs that know nothing of
/// procsync can `shm_open` it, and one that they made is used as it is. (On macOS and Windows
/// it is a file beside the others, `NAME~memory`.) It begins as zeros, has all
/// its space from the start, and goes when the last procsync user leaves, also if that one was
/// killed, unless it is persistent or another program made it.
///
/// Names may not begin with `procsync.`, `procsync-` or `sem.`, whose files lie in the same place.
/// A file that another program made is used only if it belongs to this user and others may not
/// write to it, unless the scope is machine-wide.
///
/// Other processes may change any byte at any time. The safe functions here copy, or give atomics;
/// for anything else there is [`as_ptr`](Self::as_ptr). They do not lock: see
/// [`Mutex`](crate::Mutex). A program that shortens the file under its users ends them (SIGBUS).
///
/// A forked child shares the parent's memory, as with any mapping, without being counted.
///
/// ```
/// use procsync::SharedMemory;
///
/// let memory = SharedMemory::open("shared-memory-doc", 4096)?;
/// memory.write(100, b"hello")?;
/// let mut bytes = [0; 5];
/// memory.read(100, &mut bytes)?;
/// assert_eq!(&bytes, b"hello");
/// assert!(memory.read(4094, &mut bytes).is_err());
/// # Ok::<(), procsync::Error>(())
/// ```
pub struct SharedMemory {
    // In the order in which they are to be dropped: some systems do not remove a file that is mapped.
    _sleepers: Sleepers,
    map: Mapping,
    handle: Handle,
    /// The file that is mapped.
    file: FileId,
    created: bool,
}

/// What is special to a shared memory's options.
#[doc(hidden)]
#[derive(Clone)]
pub struct MemorySettings {
    size: u64,
}

impl Named for SharedMemory {}

impl Sealed for SharedMemory {
    type Settings = MemorySettings;
    const KIND: Kind = Kind::SharedMemory;

    fn parts(settings: &MemorySettings, attach: bool) -> Result<Parts, String> {
        let size = settings.size;
        if !attach && !(1..=MOST_DATA).contains(&size) {
            return Err(format!("{size} bytes are not possible; 1 to {MOST_DATA} are"));
        }
        Ok(Parts { data_size: size, ..Parts::default() })
    }

    fn name_fault(name: &Name) -> Option<String> {
        data_file::name_fault(name)
    }

    fn build(handle: Handle, created: bool, settings: &MemorySettings) -> Result<Self> {
        let segment = handle.live()?;
        let path = data_file::path(segment.path(), segment.name());
        let system = |operation| system(&segment.object(), &path, operation);
        let file = map::open(&path, true).map_err(system("open"))?;
        let facts = map::facts(&file).map_err(system("look at"))?;
        // Between the linking of its name and now somebody else may have put another file there.
        let reason = match segment.data_file().map_err(system("look at"))? {
            Some(made) if facts.id.is_recorded(made) => {
                data_file::fault_of_own(&facts, handle.scope())
            }
            Some(_) => Some("it is not the file that procsync made".to_owned()),
            None => data_file::fault(&facts, handle.scope()),
        };
        if let Some(reason) = reason {
            return Err(Error::Damaged { object: segment.object(), path, reason });
        }
        if facts.size < settings.size || facts.size == 0 {
            return Err(Error::Mismatch {
                object: segment.object(),
                property: "size in bytes",
                wanted: format!("{} or more", settings.size.max(1)),
                found: facts.size.to_string(),
            });
        }
        let length = usize::try_from(facts.size)
            .map_err(|_| system("map")(std::io::ErrorKind::OutOfMemory.into()))?;
        let map = Mapping::new(&file, length).map_err(system("map"))?;
        let sleepers = segment.sleepers_in(&map);
        let created = created && segment.data_file().map_err(system("look at"))?.is_some();
        Ok(SharedMemory { _sleepers: sleepers, map, file: facts.id, created, handle })
    }
}

impl SharedMemory {
    /// To open it otherwise than by default.
    pub fn options(size: u64) -> Options<SharedMemory> {
        Options::new(MemorySettings { size })
    }

    /// Attaches to the memory, which must have at least this size, or creates it with exactly this
    /// size.
    ///
    /// # Errors
    /// As for [`Options::open`]; [`Error::Mismatch`] if it is too small.
    pub fn open(name: &str, size: u64) -> Result<Self> {
        Self::options(size).open(name)
    }

    /// Creates the memory.
    ///
    /// # Errors
    /// As for [`Options::create`]; also if another program made one of this name.
    pub fn create(name: &str, size: u64) -> Result<Self> {
        Self::options(size).create(name)
    }

    /// Attaches to the memory, whatever its size, also to one that another program made.
    ///
    /// # Errors
    /// As for [`Options::attach`].
    pub fn attach(name: &str) -> Result<Self> {
        let found = Self::options(0).attach(name);
        if !matches!(found, Err(Error::NotFound { .. })) {
            return found;
        }
        // No procsync user; perhaps another program's.
        let object = Object { kind: Kind::SharedMemory, name: name.to_owned() };
        let name_of_it = Name::new(name)?;
        let segment = Place::of(Scope::User, true, &object)?.path(&name_of_it);
        match data_file::size(&segment, &name_of_it) {
            Some(size @ 1..) => match Self::options(size).open(name) {
                // It has gone meanwhile.
                Ok(made) if made.created() => Err(Error::NotFound { object }),
                found => found,
            },
            _ => Err(Error::NotFound { object }),
        }
    }

    /// Its size in bytes: the file's when it was opened.
    pub fn size(&self) -> usize {
        self.map.length()
    }

    /// Whether this handle's opening created it.
    pub fn created(&self) -> bool {
        self.created
    }

    /// How many processes have it open by procsync, this one included. May be old when the answer
    /// comes.
    ///
    /// # Errors
    /// What the system says when a forked child opens it anew; [`Error::NotFound`] if the child has the
    /// memory alone by now, all who had it by procsync having left it.
    pub fn attached_processes(&self) -> Result<u32> {
        let segment = self.handle.live()?;
        let failed = system(&segment.object(), segment.path(), "look at");
        let made = segment.data_file().map_err(failed)?;
        if made.is_some_and(|made| !self.file.is_recorded(made)) {
            // Another one of this name, made since.
            return Err(Error::NotFound { object: segment.object() });
        }
        Ok(segment.processes())
    }

    /// Copies bytes from the memory.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] beyond its end; nothing is copied then.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        let from = self.range(offset, to.len())?;
        // SAFETY: `range` checked that so many bytes are mapped there, for as long as `self`.
        unsafe { bytes::load(from, to) };
        Ok(())
    }

    /// Copies bytes to the memory.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] beyond its end; nothing is copied then.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<()> {
        let to = self.range(offset, from.len())?;
        // SAFETY: as in `read`.
        unsafe { bytes::store(to, from) };
        Ok(())
    }

    /// Four bytes of the memory as an atomic number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] beyond its end, or if `offset` is not a multiple of 4.
    pub fn atomic_u32(&self, offset: usize) -> Result<&AtomicU32> {
        let at = self.aligned(offset, 4)?;
        // SAFETY: mapped for as long as `self`, and on a boundary of 4; this library never refers
        // to these bytes otherwise than by atomics.
        Ok(unsafe { AtomicU32::from_ptr(at.cast()) })
    }

    /// Eight bytes of the memory as an atomic number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] beyond its end, or if `offset` is not a multiple of 8.
    pub fn atomic_u64(&self, offset: usize) -> Result<&AtomicU64> {
        let at = self.aligned(offset, 8)?;
        // SAFETY: as in `atomic_u32`, on a boundary of 8.
        Ok(unsafe { AtomicU64::from_ptr(at.cast()) })
    }

    /// Where it begins in this process: page-aligned, valid for reads and writes of
    /// [`size`](Self::size) bytes for as long as this handle. Other processes may write there at
    /// any time, so plain references to it are for those who rule that out.
    pub fn as_ptr(&self) -> *mut u8 {
        self.map.start().as_ptr()
    }

    fn range(&self, offset: usize, length: usize) -> Result<*mut u8> {
        if offset.checked_add(length).is_none_or(|end| end > self.size()) {
            return Err(self.invalid(format!(
                "bytes {offset} to {} do not lie in its {}",
                offset.saturating_add(length),
                self.size()
            )));
        }
        // SAFETY: not beyond the end of the mapping.
        Ok(unsafe { self.map.start().as_ptr().add(offset) })
    }

    fn aligned(&self, offset: usize, size: usize) -> Result<*mut u8> {
        if !offset.is_multiple_of(size) {
            let reason = format!("an atomic number of {size} bytes cannot lie at {offset}");
            return Err(self.invalid(reason));
        }
        self.range(offset, size)
    }

    fn invalid(&self, reason: String) -> Error {
        Error::InvalidArgument { object: self.handle.object(), reason }
    }

    /// Its name, without prefix.
    pub fn name(&self) -> &str {
        self.handle.name()
    }

    /// Removes the memory; see [`Removal`].
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self) -> Result<Removal> {
        self.handle.remove()
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory")
            .field("name", &self.name())
            .field("size", &self.size())
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

/// The next multiple of the cache line's size (64 bytes), for laying out shared memory so that
/// what one process writes often shares no line with what another one uses. Saturates.
///
/// ```
/// assert_eq!(procsync::align_to_cacheline_size(1), 64);
/// assert_eq!(procsync::align_to_cacheline_size(64), 64);
/// ```
pub const fn align_to_cacheline_size(bytes: usize) -> usize {
    match bytes.checked_next_multiple_of(64) {
        Some(aligned) => aligned,
        None => usize::MAX / 64 * 64,
    }
}
