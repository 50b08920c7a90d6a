//! How objects come to be, are found, and go.
//!
//! Two kernel locks on the object's file decide everything, and both end with the process:
//! everybody who has the object open holds it *shared*; whoever finds that it can be had
//! *exclusively* knows that nobody else has it open, and may remove its name as long as it holds
//! the lock. Who finds that it cannot be had exclusively may have met one who only looks at a
//! leftover; so those who use the object have a byte of it locked besides. All tries are without
//! waiting, under this process's registry lock (so that no fork can inherit a file that is not
//! registered yet), and are repeated for a bounded time.
//!
//! The race that the obvious version loses: open, then lock, then use. Between open and lock the
//! last user may remove the name, and the next one make a new object under it: two "same" objects.
//! Hence after the lock: does the name still lead to this file?

use super::data_file::{self, DataFile};
use super::layout::{
    BadHeader, Facts, HEADER_SIZE, HOT_AT, PAGE, READY_AT, RECORDS_AT, SLOT_SIZE, SLOTS_AT,
    SLOTS_USED_AT,
};
use super::lives::Lives;
use super::locked::{Locked, begin_use, end_use, is_used};
use super::object_file::{
    is_persistent, is_ready, read_header, set_persistent, set_ready, system, write_at,
};
use super::patience::repeat;
use super::place::{Place, Scope};
use super::registry::{self, Registry};
use super::removal::remove_files;
use super::slots::OwnSlots;
use super::{Segment, layout};
use crate::error::{Error, Result};
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::raw::spin::{Spin, SpinEstimate};
use crate::sys::lock::{Whole, lock_file, unlock_file};
use crate::sys::map::{self, FileFacts, Mapping};
use crate::sys::{clock, process};
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What to do about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Attach to what is there, else create it.
    Open,
    /// Create it; it must not be there.
    Create,
    /// Attach to it; it must be there.
    Attach,
}

/// An object as it is to be.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: Name,
    pub(crate) scope: Scope,
    /// Where it lies, for good: a forked child that has become another user, say, must not find
    /// another object under the same name.
    pub(crate) place: Place,
    pub(crate) facts: Facts,
    pub(crate) persistent: bool,
    pub(crate) spin: Spin,
    /// Whether long waits of this process look for deadlocks.
    pub(crate) detects_deadlocks: bool,
    /// What the state word begins with.
    pub(crate) state: u32,
    /// What the guarded data begins with; missing bytes are zero.
    pub(crate) data: Vec<u8>,
    /// Whether it is held by processes and not by threads.
    pub(crate) by_process: bool,
}

impl Spec {
    pub(crate) fn object(&self) -> Object {
        Object { kind: self.facts.kind, name: self.name.as_str().to_owned() }
    }
}

/// One try's outcome.
enum Try {
    Done(Arc<Segment>, bool),
    /// A shared memory's own file is to be made first, without the registry's lock: it may be big.
    NeedsDataFile,
    /// Something changed meanwhile, or somebody is at it: once more.
    Again,
}

/// Attaches to the object or creates it; answers whether it was created.
pub(crate) fn obtain(spec: &Spec, how: How) -> Result<(Arc<Segment>, bool)> {
    let object = spec.object();
    let path = spec.place.path(&spec.name);
    let mut attempt = Attempt { spec, how, path, object: object.clone(), data_file: None };
    let (segment, created) = repeat(&object, || {
        // Dropping the last Arc of a segment takes the registry's lock: so this one is dropped
        // after it.
        let mut found = None;
        let outcome = attempt.attach(&mut registry::lock(), &mut found);
        match outcome? {
            Try::Done(segment, created) => Ok(Some((segment, created))),
            Try::NeedsDataFile => {
                attempt.data_file = Some(DataFile::make(spec)?);
                Ok(None)
            }
            Try::Again => Ok(None),
        }
    })?;
    segment.claim_process_slot(spec.by_process)?;
    if spec.detects_deadlocks {
        // One handle of the process that wants it is enough.
        segment.detects_deadlocks.store(true, Ordering::Relaxed);
    }
    if created {
        tracing::debug!(%object, path = %segment.path.display(), "created");
    }
    Ok((segment, created))
}

struct Attempt<'a> {
    spec: &'a Spec,
    how: How,
    data_file: Option<DataFile>,
    path: PathBuf,
    object: Object,
}

impl Attempt<'_> {
    fn system(&self, operation: &'static str) -> impl FnOnce(io::Error) -> Error + use<> {
        system(&self.object, &self.path, operation)
    }

    fn attach(&mut self, registry: &mut Registry, found: &mut Option<Arc<Segment>>) -> Result<Try> {
        let file = match map::open(&self.path, true) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return if self.how == How::Attach {
                    Err(Error::NotFound { object: self.object.clone() })
                } else {
                    self.create(registry)
                };
            }
            Err(error) => return Err(self.system("open")(error)),
        };
        let facts = map::facts(&file).map_err(self.system("look at"))?;
        if let Some(segment) = registry.find(facts.id) {
            // The name leads to what this process has open, which therefore is in use.
            *found = Some(segment.clone());
            return self.accept(segment);
        }
        // Written before the file has its name, and never again. What is not ours, or of another version,
        // may be locked, and is to be refused at once.
        let header = read_header(&file, facts).map_err(|bad| self.bad_header(bad))?;
        let mut created = false;
        let exclusive = lock_file(&file, Whole::Exclusive).map_err(self.system("lock"))?;
        let is_in = exclusive
            || (is_used(&file).map_err(self.system("lock"))?
                && lock_file(&file, Whole::Shared).map_err(self.system("lock"))?);
        if !is_in {
            return Ok(Try::Again);
        }
        let file = self.locked(file, facts);
        if exclusive {
            // Nobody has it open: a leftover, or an object that stays.
            if !self.still_named(facts)? {
                return Ok(Try::Again);
            }
            if self.is_leftover(&file, &header)? {
                match remove_files(&file, header.kind, &self.path, &self.spec.name) {
                    Ok(()) => return Ok(Try::Again),
                    // Another user made it, and only that one may remove its name.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                        if self.how == How::Attach {
                            return Err(Error::NotFound { object: self.object.clone() });
                        }
                        let reset = self.could_be(&header)
                            && self
                                .reset(&file, &header)
                                .map_err(self.system("reset the leftover"))?;
                        if !reset {
                            return Err(self.system("remove the leftover")(error));
                        }
                        created = true;
                    }
                    Err(error) => return Err(self.system("remove the leftover")(error)),
                }
            } else if self.how == How::Create {
                return Err(Error::AlreadyExists { object: self.object.clone() });
            }
            if !lock_file(&file, Whole::Shared).map_err(self.system("lock"))? {
                return Ok(Try::Again);
            }
        } else if !is_used(&file).map_err(self.system("lock"))? {
            // Who had it has gone or died before this process had its lock.
            return Ok(Try::Again);
        }
        // Between the two locks, and before the first, others may have removed the name.
        let Some(to_map) = self.open_to_map(facts)? else { return Ok(Try::Again) };
        if !is_ready(&file).map_err(self.system("read"))? {
            // Its maker died; whoever gets it exclusively removes it.
            return Ok(Try::Again);
        }
        self.check(&header)?;
        if self.how == How::Create && !created {
            return Err(Error::AlreadyExists { object: self.object.clone() });
        }
        // Only now: who fails has not used it.
        if !begin_use(&file).map_err(self.system("lock"))? {
            return Ok(Try::Again);
        }
        let segment = self.segment(registry, file, &to_map, header)?;
        Ok(Try::Done(segment, created))
    }

    /// Opens the file once more; none: its name does not lead to it any more.
    ///
    /// A mapping keeps its open file, and with it that file's locks, for as long as any process
    /// has the mapping: a forked child would keep its dead parent's locks. So what is mapped is
    /// opened apart from what holds the locks.
    fn open_to_map(&self, facts: FileFacts) -> Result<Option<File>> {
        match map::open(&self.path, true) {
            Ok(file) => {
                let now = map::facts(&file).map_err(self.system("look at"))?;
                Ok((now.id == facts.id).then_some(file))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.system("open")(error)),
        }
    }

    fn locked(&self, file: File, facts: FileFacts) -> Locked<'_> {
        Locked::new(file, facts, &self.path, &self.spec.name)
    }

    fn accept(&self, segment: Arc<Segment>) -> Result<Try> {
        if !map::same_path(&segment.path, &self.path) {
            // The same file under two names is not of this library's making.
            return Err(segment.damaged(format!("it is {} as well", segment.path.display())));
        }
        self.check(segment.facts())?;
        if self.how == How::Create {
            return Err(Error::AlreadyExists { object: self.object.clone() });
        }
        Ok(Try::Done(segment, false))
    }

    fn still_named(&self, facts: FileFacts) -> Result<bool> {
        match map::facts_at(&self.path) {
            Ok(now) => Ok(now.id == facts.id),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.system("look at")(error)),
        }
    }

    /// Whether nobody is to find it again. Only for the holder of the exclusive lock.
    fn is_leftover(&self, file: &File, header: &Facts) -> Result<bool> {
        if header.kind == Kind::Native && self.spec.facts.kind == Kind::Native {
            // Who looks for it has its semaphore, and needs to know what the dead had of that.
            return Ok(false);
        }
        let stays = || {
            let is_memory = header.kind == Kind::SharedMemory;
            Ok(is_persistent(file)?
                && is_ready(file)?
                && !(is_memory && data_file::is_gone(&self.path, &self.spec.name)?))
        };
        stays().map(|stays: bool| !stays).map_err(self.system("read"))
    }

    /// Whether a leftover has the bytes for what is wanted.
    fn could_be(&self, leftover: &Facts) -> bool {
        let wanted = Facts {
            created: leftover.created,
            slots: leftover.slots,
            data_size: self.spec.facts.data_size,
            ..self.spec.facts
        };
        wanted == *leftover
    }

    /// Makes a leftover as good as new; false: its data file is not what it should be. Only for the
    /// holder of the exclusive lock. Whoever dies in here leaves a leftover: the header stays, and
    /// the marks that it may be used and is to stay come last.
    fn reset(&self, file: &File, leftover: &Facts) -> io::Result<bool> {
        let mut data_file = None;
        if leftover.kind == Kind::SharedMemory {
            data_file = data_file::reusable(
                file,
                &data_file::path(&self.path, &self.spec.name),
                leftover.data_size,
            )?;
            if data_file.is_none() {
                return Ok(false);
            }
        }
        let places = leftover.places();
        let wipe = |from: usize, to: u64| -> io::Result<()> {
            const ZEROS: [u8; 4_096] = [0; 4_096];
            let mut at = from;
            while (at as u64) < to {
                let piece = ZEROS.len().min((to - at as u64) as usize);
                write_at(file, at, &ZEROS[..piece])?;
                at += piece;
            }
            Ok(())
        };
        let mut used = [0; 4];
        map::read_at(file, SLOTS_USED_AT, &mut used)?;
        let used = u32::from_ne_bytes(used).min(leftover.slots) as usize;
        set_ready(file, false)?;
        // Which file is its data file stays written down.
        wipe(HOT_AT, data_file::IDENTITY.start as u64)?;
        wipe(data_file::IDENTITY.end, (SLOTS_AT + used * SLOT_SIZE) as u64)?;
        // What life words say does not count while no slot says that it has one.
        wipe(places.permits_at, places.data_end)?;
        write_at(file, HOT_AT, &self.spec.state.to_ne_bytes())?;
        write_at(file, places.data_at, &self.spec.data)?;
        if let Some(data_file) = data_file {
            map::zero(&data_file, leftover.data_size)?;
        }
        set_ready(file, true)?;
        set_persistent(file, self.spec.persistent)?;
        Ok(true)
    }

    fn create(&mut self, registry: &mut Registry) -> Result<Try> {
        let is_shared_memory = self.spec.facts.kind == Kind::SharedMemory;
        if is_shared_memory && self.data_file.is_none() {
            return Ok(Try::NeedsDataFile);
        }
        let header = Facts { created: clock::wall(), ..self.spec.facts };
        let places = header.places();
        let (mode, directory) = (self.spec.scope.file_mode(), &self.spec.place.directory);
        let new = map::create_unnamed(directory, mode, places.file_size).map_err(system(
            &self.object,
            directory,
            "make a file in",
        ))?;
        let reserve = |from: usize, to: u64| {
            map::reserve(&new.file, from as u64, to.saturating_sub(from as u64))
                .map_err(self.system("set space aside for"))
        };
        // What will be written through the mapping needs space now: the first page gets it by being
        // written as a whole, the slots get theirs by the page, as they are claimed, where that can be
        // had.
        if !map::CAN_RESERVE_LATER {
            reserve(0, reserved_first(&places))?;
        }
        reserve(places.permits_at, places.data_end)?;
        let mut first = [0; PAGE as usize];
        first[..HEADER_SIZE].copy_from_slice(&header.to_bytes());
        first[HOT_AT..][..4].copy_from_slice(&self.spec.state.to_ne_bytes());
        let persistent = u32::from(self.spec.persistent);
        first[RECORDS_AT..][..4].copy_from_slice(&persistent.to_ne_bytes());
        // A shared memory is two files: until both are there, nobody else gets in.
        let ready = u32::from(!is_shared_memory);
        first[READY_AT..][..4].copy_from_slice(&ready.to_ne_bytes());
        let first = &first[..PAGE.min(places.file_size) as usize];
        write_at(&new.file, 0, first).map_err(self.system("write"))?;
        if !self.spec.data.is_empty() {
            write_at(&new.file, places.data_at, &self.spec.data).map_err(self.system("write"))?;
        }
        let how = if is_shared_memory { Whole::Exclusive } else { Whole::Shared };
        if !lock_file(&new.file, how).map_err(self.system("lock"))?
            || !begin_use(&new.file).map_err(self.system("lock"))?
        {
            return Err(self.system("lock")(io::ErrorKind::WouldBlock.into()));
        }
        if !map::link(&new, &self.path).map_err(self.system("make"))? {
            return Ok(Try::Again);
        }
        // It gets a name once: should this try be in vain after that, the next one makes another.
        let data_file = self.data_file.take();
        let facts = new.facts;
        let file = self.locked(new.into_file(), facts);
        if let Some(data_file) = data_file {
            let linked = data_file.link(&file, self.how, &self.object);
            if !matches!(linked, Ok(true)) {
                let _ = map::unlink(&self.path);
                return linked.map(|_| Try::Again);
            }
            if !lock_file(&file, Whole::Shared).map_err(self.system("lock"))?
                || !self.still_named(facts)?
                || !is_ready(&file).map_err(self.system("read"))?
            {
                // Between the two locks somebody took it for a leftover.
                return Ok(Try::Again);
            }
        }
        let Some(to_map) = self.open_to_map(facts)? else {
            return Err(self.system("map")(io::ErrorKind::NotFound.into()));
        };
        let segment = self.segment(registry, file, &to_map, header)?;
        Ok(Try::Done(segment, true))
    }

    fn segment(
        &self,
        registry: &mut Registry,
        file: Locked<'_>,
        to_map: &File,
        header: Facts,
    ) -> Result<Arc<Segment>> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let places = header.places();
        let length = usize::try_from(header.mapped_first())
            .map_err(|_| self.system("map")(io::ErrorKind::OutOfMemory.into()))?;
        let map = Mapping::new(to_map, length).map_err(self.system("map"))?;
        let sleepers = super::sleepers(&map, places.sleepers_at, &map, 0);
        let (file, facts) = file.keep();
        let segment = Arc::new_cyclic(|me| Segment {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            me: me.clone(),
            name: self.spec.name.clone(),
            path: self.path.clone(),
            file_id: facts.id,
            file: ManuallyDrop::new(file),
            _sleepers: sleepers,
            map,
            facts: header,
            places,
            own_slots: OwnSlots::new(header.slots),
            process_tag: AtomicU32::new(0),
            next_hold: AtomicU32::new(0),
            claiming: Mutex::new(()),
            reserved_to: AtomicU64::new(reserved_first(&places)),
            detached: AtomicBool::new(false),
            looks_until: AtomicU64::new(0),
            lives: Lives::new(header.slots),
            spin_estimate: SpinEstimate::new(),
            spin: self.spec.spin,
            detects_deadlocks: AtomicBool::new(false),
            depth: AtomicU32::new(0),
        });
        registry.insert(facts.id, &segment);
        Ok(segment)
    }

    fn bad_header(&self, bad: BadHeader) -> Error {
        let object = self.object.clone();
        match bad {
            BadHeader::Version(found) => {
                Error::LayoutVersion { object, found, spoken: layout::VERSION }
            }
            BadHeader::Damaged(reason) => {
                Error::Damaged { object, path: self.path.clone(), reason }
            }
        }
    }

    /// Whether what is there is what is wanted. Who only attaches takes what varies as it is.
    fn check(&self, found: &Facts) -> Result<()> {
        let wanted = &self.spec.facts;
        if found.kind != wanted.kind {
            return Err(Error::WrongKind { object: self.object.clone(), found: found.kind });
        }
        let mismatch = |property, wanted: String, found: String| {
            Err(Error::Mismatch { object: self.object.clone(), property, wanted, found })
        };
        if self.how != How::Attach {
            if found.capacity != wanted.capacity {
                return mismatch(
                    "capacity",
                    wanted.capacity.to_string(),
                    found.capacity.to_string(),
                );
            }
            if found.flags != wanted.flags {
                let name = |flags: u32| {
                    if flags & layout::FLAG_AUTO_RESET != 0 { "auto" } else { "manual" }.to_owned()
                };
                return mismatch("reset", name(wanted.flags), name(found.flags));
            }
        }
        // One without data of its own can lock what guards any, if it does not make it.
        let any_data = self.how == How::Attach && wanted.data_size == 0;
        if matches!(found.kind, Kind::Mutex) && !any_data {
            if found.data_size != wanted.data_size {
                return mismatch(
                    "data size in bytes",
                    wanted.data_size.to_string(),
                    found.data_size.to_string(),
                );
            }
            if found.data_align != wanted.data_align {
                return mismatch(
                    "data alignment in bytes",
                    wanted.data_align.to_string(),
                    found.data_align.to_string(),
                );
            }
        }
        Ok(())
    }
}

/// How much of a new object's beginning has space from the start.
fn reserved_first(places: &layout::Places) -> u64 {
    if map::CAN_RESERVE_LATER { PAGE.min(places.file_size) } else { places.permits_at as u64 }
}

impl Segment {
    /// The last handle is gone: leaves the object, and removes its name if nobody else has it open
    /// and it is not to stay.
    fn close(&self) {
        self.vacate_all();
        let mut registry = registry::lock();
        // Let go of by name and not only by closing: a child of this process that is just being
        // made, or one that was lent the open file, would keep the locks.
        let left = end_use(&self.file).and_then(|()| self.leave_name());
        // Perhaps it could not be removed.
        let left = unlock_file(&self.file).and(left);
        let file = self.descriptor();
        self.detach();
        process::close_in_child(file);
        registry.forget(self.file_id, file);
        // Events only now: who listens to them may want the registry.
        drop(registry);
        match left {
            Ok(()) => tracing::debug!(object = %self.object(), "closed"),
            Err(error) => tracing::warn!(object = %self.object(), %error, "closed, not removed"),
        }
    }

    /// Lets the whole file go, and removes its name if nobody else has it and it is not to stay.
    fn leave_name(&self) -> io::Result<()> {
        // Somebody else has it, or is about to find out that nobody has.
        if !lock_file(&self.file, Whole::Exclusive)? {
            return Ok(());
        }
        if self.is_persistent() {
            unlock_file(&self.file)?;
            // Once more after unlocking: who makes it transient looks afterwards whether it is in
            // use, and may have found this lock.
            if self.is_persistent() || !lock_file(&self.file, Whole::Exclusive)? {
                return Ok(());
            }
        }
        if self.kind() == Kind::Native && !self.lines_are_empty() {
            // A forked child may have the semaphore, and need to know.
            return Ok(());
        }
        self.remove_name()
    }

    /// Only for the holder of the exclusive lock: nobody else may change what the name leads to.
    fn remove_name(&self) -> io::Result<()> {
        match map::facts_at(&self.path) {
            Ok(now) if now.id == self.file_id => {
                remove_files(&self.file, self.kind(), &self.path, &self.name)
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if !self.is_detached() {
            self.close();
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
