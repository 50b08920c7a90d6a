//! One file per object: a header, hot words, records, participants' slots, and what the kind needs.
#![allow(unsafe_code)] // views of the mapping

pub(crate) mod data_file;
pub(crate) mod layout;
pub(crate) mod ledger;
pub(crate) mod lifetime;
mod lives;
pub(crate) mod local;
mod locked;
pub(crate) mod object_file;
mod patience;
pub(crate) mod place;
mod registry;
mod removal;
pub(crate) mod slots;
mod suspicion;
mod waiting;

pub(crate) use lifetime::{How, Spec, obtain};
pub use removal::Removal;
pub(crate) use removal::{remove, remove_ledger, take_name_away};
pub(crate) use waiting::{Stop, Wait};

use crate::bytes;
use crate::error::Error;
#[cfg(unix)]
use crate::error::Result;
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::participant::{Cause, Deceased, Participant, moment};
use crate::raw::Waker;
use crate::raw::flag::Flag;
use crate::raw::owned_word::{OwnedWord, PARTICIPANT, TAG};
use crate::raw::permits::PermitWords;
use crate::raw::spin::{Spin, SpinEstimate};
use crate::raw::token_count::TokenCount;
use crate::sys::map::{FileId, Mapping};
use crate::sys::process::Descriptor;
use crate::sys::wait::Sleepers;
use crate::sys::{process, wait};
use layout::{Facts, Hot, Permit, Places, Records, Slot};
use lives::Lives;
use slots::OwnSlots;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// An object that this process has open.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Unique in this process, never used again; threads remember their slots by it.
    id: u64,
    /// To hand out to a thread that claims a slot.
    me: Weak<Segment>,
    name: Name,
    path: PathBuf,
    file_id: FileId,
    /// Closed by hand: in a forked child it is closed already.
    file: ManuallyDrop<File>,
    /// Before the mapping, because it is dropped before.
    _sleepers: Sleepers,
    map: Mapping,
    /// The header as it was when it was checked; the shared one is never read again.
    facts: Facts,
    places: Places,
    own_slots: OwnSlots,
    /// The slot of the process + 1.
    process_tag: AtomicU32,
    /// Which hold of the process comes next, in the place where tags have it.
    next_hold: AtomicU32,
    /// Held while it is being claimed.
    claiming: Mutex<()>,
    /// How many of the file's bytes, from its start, are known to have space set aside.
    reserved_to: AtomicU64,
    /// Its file is closed and no lock of it is ours: it was closed, or a fork made it the parent's.
    detached: AtomicBool,
    /// Until when a thread of this process looks at the holders often; ns since 1970.
    looks_until: AtomicU64,
    lives: Lives,
    spin_estimate: SpinEstimate,
    spin: Spin,
    /// Whether long waits look for deadlocks.
    detects_deadlocks: AtomicBool,
    /// How often the owning thread of this process has locked a reentrant mutex. Only the owner
    /// touches it.
    pub(crate) depth: AtomicU32,
}

/// Wakes sleepers of other processes too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedWaker;

impl Waker for SharedWaker {
    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32 {
        wait::wake(word, sleepers, true)
    }
}

impl Segment {
    #[inline(always)]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn arc(&self) -> Arc<Segment> {
        // Whoever has a reference holds an Arc, so the upgrade cannot fail before the drop.
        self.me.upgrade().expect("a segment in use is alive")
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) fn kind(&self) -> Kind {
        self.facts.kind
    }

    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// Where its file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Which file procsync made for this shared memory; none: another program's is used.
    pub(crate) fn data_file(&self) -> std::io::Result<Option<[u64; 2]>> {
        data_file::registered(&self.file)
    }

    pub(crate) fn object(&self) -> Object {
        Object { kind: self.facts.kind, name: self.name.as_str().to_owned() }
    }

    #[inline(always)]
    pub(crate) fn is_detached(&self) -> bool {
        // Relaxed: set by the only thread of a new child, before it runs anything else.
        self.detached.load(Ordering::Relaxed)
    }

    fn detach(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }

    fn descriptor(&self) -> Descriptor {
        process::descriptor(&self.file)
    }

    /// The tag of this process, for what processes own.
    #[inline(always)]
    pub(crate) fn process_tag(&self) -> u32 {
        self.process_tag.load(Ordering::Relaxed)
    }

    /// Where `size` bytes of the file are mapped.
    fn place(&self, offset: usize, size: usize) -> NonNull<u8> {
        assert!(offset + size <= self.map.length());
        // SAFETY: inside the mapping, as just asserted.
        unsafe { self.map.start().add(offset) }
    }

    /// A tag for the process's next hold, different from those of its last 8,191.
    pub(crate) fn next_process_tag(&self) -> u32 {
        let hold = self.next_hold.fetch_add(PARTICIPANT + 1, Ordering::Relaxed);
        self.process_tag() | (hold & TAG)
    }

    /// Has those who sleep on words in another piece of memory written down beside those of this object,
    /// where the system needs that. To be dropped before `self`.
    pub(crate) fn sleepers_in(&self, map: &Mapping) -> Sleepers {
        /// No segment is so long.
        const BEHIND_THE_SEGMENT: u64 = 1 << 48;
        sleepers(&self.map, self.places.sleepers_at, map, BEHIND_THE_SEGMENT)
    }

    fn at<T>(&self, offset: usize) -> &T {
        assert!(offset.is_multiple_of(align_of::<T>()));
        let place = self.place(offset, size_of::<T>());
        // SAFETY: aligned, because mappings begin on a page and the offset was just checked. Every
        // `T` used here consists of atomics only, for which all bytes are values and which others
        // may change at any time. The mapping lives as long as `self`.
        unsafe { place.cast::<T>().as_ref() }
    }

    #[inline(always)]
    pub(crate) fn hot(&self) -> &Hot {
        // SAFETY: every segment is longer than its hot line: `obtain` checked its size.
        let place = unsafe { self.map.start().add(layout::HOT_AT) };
        // SAFETY: as in `at`.
        unsafe { place.cast::<Hot>().as_ref() }
    }

    pub(crate) fn records(&self) -> &Records {
        self.at(layout::RECORDS_AT)
    }

    fn slot(&self, slot: u32) -> &Slot {
        assert!(slot < self.facts.slots);
        self.at(layout::SLOTS_AT + slot as usize * layout::SLOT_SIZE)
    }

    #[inline]
    pub(crate) fn permit(&self, index: u32) -> &Permit {
        assert!(index < self.facts.words());
        // SAFETY: below `words`, so inside the mapping: `obtain` checked the file's size against
        // it. Aligned: the offset of the permits is a multiple of 64.
        let place = unsafe { self.map.start().add(self.places.permits_at) };
        // SAFETY: as above.
        let place = unsafe { place.cast::<Permit>().add(index as usize) };
        // SAFETY: as in `at`.
        unsafe { place.as_ref() }
    }

    /// The state word of a mutex, or a semaphore's gate (also a native one's).
    #[inline(always)]
    pub(crate) fn owned(&self) -> &OwnedWord {
        self.hot().owned()
    }

    #[inline(always)]
    pub(crate) fn tokens(&self) -> &TokenCount {
        // SAFETY: `TokenCount` is a transparent wrapper of an `AtomicU32`.
        unsafe { layout::view(&self.hot().state) }
    }

    #[inline(always)]
    pub(crate) fn flag(&self) -> &Flag {
        // SAFETY: `Flag` is a transparent wrapper of an `AtomicU32`.
        unsafe { layout::view(&self.hot().state) }
    }

    /// The word that most waiters sleep on.
    fn sleeping_place(&self) -> &AtomicU32 {
        match self.facts.kind {
            Kind::Semaphore | Kind::TokenSemaphore => self.hot().queue.futex(),
            _ => &self.hot().state,
        }
    }

    /// The data that a mutex guards, `facts().data_size` bytes aligned to `facts().data_align`.
    pub(crate) fn data(&self) -> NonNull<u8> {
        // SAFETY: `data_at` is not above the file's size, which is the mapping's length.
        unsafe { self.map.start().add(self.places.data_at) }
    }

    /// Reads the guarded data.
    #[inline]
    pub(crate) fn load_data(&self, to: &mut [u8]) {
        assert!(to.len() as u64 <= self.facts.data_size);
        // SAFETY: as many bytes of data there are, and they are mapped for as long as `self`.
        unsafe { bytes::load(self.data().as_ptr(), to) };
    }

    /// Writes the guarded data.
    #[inline]
    pub(crate) fn store_data(&self, from: &[u8]) {
        assert!(from.len() as u64 <= self.facts.data_size);
        if self.is_detached() {
            return; // through a child's copy of the parent's guard
        }
        // SAFETY: as in `load_data`.
        unsafe { bytes::store(self.data().as_ptr(), from) };
    }

    /// A second descriptor of the open file, which child processes inherit: as long as one of them
    /// has it open, this process counts as alive here.
    #[cfg(unix)]
    pub(crate) fn inheritable(&self) -> Result<std::os::fd::OwnedFd> {
        if self.is_detached() {
            return Err(self.system("share the open file of")(
                std::io::ErrorKind::NotConnected.into(),
            ));
        }
        // Whoever has it keeps this process's slots alive, whatever becomes of its threads.
        self.end_all_lives();
        crate::sys::lock::inheritable(&self.file).map_err(self.system("share the open file of"))
    }

    /// Whether it stays when its last user leaves.
    pub(crate) fn is_persistent(&self) -> bool {
        self.records().persistent.load(Ordering::Relaxed) == 1
    }

    /// Who died holding a mutex last.
    pub(crate) fn deceased(&self) -> Deceased {
        let records = self.records();
        Deceased {
            pid: records.dead_pid.load(Ordering::Relaxed),
            tid: records.dead_tid.load(Ordering::Relaxed),
            cause: Cause::from_number(records.dead_cause.load(Ordering::Relaxed)),
            noticed: moment(records.dead_noticed.load(Ordering::Relaxed)),
        }
    }

    /// The holder of an owned word as it is to be shown.
    pub(crate) fn participant(&self, tag: u32, tid: u32, since: u64) -> Option<Participant> {
        let slot = (tag & PARTICIPANT).checked_sub(1).filter(|slot| *slot < self.facts.slots)?;
        let alive = self.owns_slot(slot) || self.slot_is_locked(slot);
        Some(self.slot_record(slot)?.shown(tid, since, alive))
    }

    /// Who holds a mutex.
    pub(crate) fn owner(&self) -> Option<Participant> {
        let hot = self.hot();
        let tag = self.owned().owner();
        self.participant(
            tag,
            hot.holder_tid.load(Ordering::Relaxed),
            hot.acquired_at.load(Ordering::Relaxed),
        )
    }

    /// Who holds permits, a row for each permit.
    pub(crate) fn permit_holders(&self) -> impl Iterator<Item = Participant> {
        (0..self.facts.capacity).filter_map(|index| {
            let permit = self.permit(index);
            self.participant(
                permit.word.owner(),
                permit.tid.load(Ordering::Relaxed),
                permit.acquired_at.load(Ordering::Relaxed),
            )
        })
    }

    /// One who stands in the way, for an error's text.
    pub(crate) fn a_holder(&self) -> Option<Box<Participant>> {
        match self.facts.kind {
            Kind::Mutex | Kind::ReentrantMutex => self.owner(),
            Kind::Semaphore => self.permit_holders().next(),
            Kind::Native => self.unit_holders().next(),
            _ => None,
        }
        .map(Box::new)
    }

    fn system(&self, operation: &'static str) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let (object, path) = (self.object(), self.path.clone());
        move |source| Error::System { object, operation, path, source }
    }

    pub(crate) fn damaged(&self, reason: String) -> Error {
        Error::Damaged { object: self.object(), path: self.path.clone(), reason }
    }
}

/// Who sleeps on words in `words`, written down at an offset of `table`.
fn sleepers(table: &Mapping, at: u64, words: &Mapping, first: u64) -> Sleepers {
    let at = at as usize;
    assert!(at + wait::TABLE <= table.length() || wait::TABLE == 0);
    // SAFETY: not beyond the end of the mapping, as just asserted; where there is no table, nothing is
    // done with the address.
    let place = unsafe { table.start().add(at.min(table.length())) };
    // SAFETY: mapped for as long as `table`, beside or in which the answer is kept; aligned, because
    // mappings begin on a page and it on a multiple of 64 there; and nothing else refers to these bytes.
    unsafe { Sleepers::register(words.start(), words.length(), first, place) }
}

impl PermitWords for Segment {
    #[inline]
    fn count(&self) -> u32 {
        self.facts.capacity
    }

    #[inline]
    fn word(&self, index: u32) -> &OwnedWord {
        &self.permit(index).word
    }
}
