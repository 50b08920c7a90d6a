//! Objects as a stranger sees them: what there is, who holds it, who waits.
//!
//! Reads files, asks the kernel which slots are locked, and takes nothing: no lock, no slot, no
//! space. So it disturbs nobody, works while an object's users are stopped, and what a hostile
//! program left in a file is at worst shown.

use crate::error::{Error, Result};
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::participant::{Participant, moment};
use crate::raw::owned_word::{ABANDONED, PARTICIPANT, TAG};
use crate::segment::layout::{
    BadHeader, Facts, HOT_AT, Hot, PERMIT_SIZE, Permit, RECORDS_AT, Records, SLOT_SIZE, SLOTS_AT,
    Slot, VERSION,
};
use crate::segment::lifetime::read_header;
use crate::segment::place::{Place, Scope};
use crate::segment::slots::SlotRecord;
use crate::sys::{lock, map};
use std::collections::HashMap;
use std::fs::File;
use std::mem::offset_of;
use std::time::SystemTime;

/// An object at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// What it is called.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// How it stands.
    pub state: State,
    /// Who holds it: one row for a mutex, one per held permit for a semaphore.
    pub holders: Vec<Participant>,
    /// Who sleeps because of it. (A wait that is still spinning is not seen.)
    pub waiters: Vec<Participant>,
    /// How many live processes have it open.
    pub processes: u32,
    /// Whether it stays when its last user leaves.
    pub persistent: bool,
    /// When it was made.
    pub created: Option<SystemTime>,
    /// How often a mutex was acquired.
    pub grants: u64,
    /// How often somebody had to sleep for it.
    pub contended: u64,
    /// How often something was taken back from a dead holder.
    pub recovered: u64,
}

/// How an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A mutex that nobody holds.
    Free,
    /// A mutex that somebody holds.
    Held,
    /// A mutex that nobody holds, whose last holder died.
    Abandoned,
    /// A semaphore's permits.
    Permits {
        /// How many are free.
        available: u32,
        /// How many there are.
        capacity: u32,
    },
    /// A token semaphore's count.
    Tokens(u32),
    /// An event that is set.
    Set,
    /// An event that is not set.
    Unset,
    /// A shared memory of so many bytes.
    Bytes(u64),
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            State::Free => f.write_str("free"),
            State::Held => f.write_str("held"),
            State::Abandoned => f.write_str("abandoned"),
            State::Permits { available, capacity } => write!(f, "{available} of {capacity} free"),
            State::Tokens(count) => write!(f, "{count} tokens"),
            State::Set => f.write_str("set"),
            State::Unset => f.write_str("unset"),
            State::Bytes(bytes) => write!(f, "{bytes} bytes"),
        }
    }
}

/// Looks at all objects of a scope, in the order of their names. A file that is damaged is an
/// error in its place and does not hide the others.
///
/// # Errors
/// If the directory cannot be read or is not trusted. No directory: no objects.
///
/// ```
/// let lock = procsync::Mutex::<()>::open("inspect-list")?;
/// let _guard = lock.lock()?;
/// let all = procsync::inspect::list(procsync::Scope::User)?;
/// let mine = all.iter().flatten().find(|object| object.name.as_str() == "inspect-list").unwrap();
/// assert_eq!(mine.holders[0].pid, std::process::id());
/// # Ok::<(), procsync::Error>(())
/// ```
pub fn list(scope: Scope) -> Result<Vec<Result<Snapshot>>> {
    let nobody = Object { kind: Kind::Mutex, name: String::new() };
    let place = match Place::of(scope, false, &nobody) {
        Ok(place) => place,
        Err(Error::NotFound { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let system = |source| Error::System {
        object: nobody.clone(),
        operation: "list",
        path: place.directory.clone(),
        source,
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&place.directory).map_err(system)? {
        let file_name = entry.map_err(system)?.file_name();
        names.extend(file_name.to_str().and_then(|name| place.name_of(name)));
    }
    names.sort_unstable();
    Ok(names
        .into_iter()
        .filter_map(|name| match look(&place, &name) {
            // It went since the directory was read.
            Err(Error::NotFound { .. }) => None,
            looked => Some(looked),
        })
        .collect())
}

/// Looks at one object.
///
/// # Errors
/// [`Error::NotFound`] if there is no such object; others if it cannot be read or is damaged.
pub fn show(name: &str, scope: Scope) -> Result<Snapshot> {
    let name = Name::new(name)?;
    let nobody = Object { kind: Kind::Mutex, name: name.as_str().to_owned() };
    look(&Place::of(scope, false, &nobody)?, &name)
}

fn look(place: &Place, name: &Name) -> Result<Snapshot> {
    let path = place.path(name);
    let mut object = Object { kind: Kind::Mutex, name: name.as_str().to_owned() };
    let file = map::open(&path, false).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound { object: object.clone() },
        _ => {
            Error::System { object: object.clone(), operation: "open", path: path.clone(), source }
        }
    })?;
    let read = || -> Result<(Facts, Vec<u8>), BadHeader> {
        let damaged = |error: std::io::Error| BadHeader::Damaged(error.to_string());
        let file_facts = map::facts(&file).map_err(damaged)?;
        let facts = read_header(&file, file_facts)?;
        // Up to the permits' end, which the limits of the header keep below 40 MiB; the data that
        // a mutex guards is nobody's business.
        let end = facts.places().permits_at + facts.capacity as usize * PERMIT_SIZE;
        let mut used = [0; 4];
        let used_at = RECORDS_AT + offset_of!(Records, slots_used);
        map::read_at(&file, used_at as u64, &mut used).map_err(damaged)?;
        let used = u32::from_ne_bytes(used).min(facts.slots) as usize;
        let mut bytes = vec![0; end];
        // Slots that nobody ever used are holes: not worth reading.
        let slots_end = SLOTS_AT + used * SLOT_SIZE;
        map::read_at(&file, 0, &mut bytes[..slots_end]).map_err(damaged)?;
        let permits_at = facts.places().permits_at;
        map::read_at(&file, permits_at as u64, &mut bytes[permits_at..]).map_err(damaged)?;
        Ok((facts, bytes))
    };
    match read() {
        Ok((facts, bytes)) => {
            object.kind = facts.kind;
            Ok(Reading { file: &file, facts, bytes: &bytes }.snapshot(name.clone()))
        }
        Err(BadHeader::Version(found)) => {
            Err(Error::LayoutVersion { object, found, spoken: VERSION })
        }
        Err(BadHeader::Damaged(reason)) => Err(Error::Damaged { object, path, reason }),
    }
}

/// A copy of a segment's bytes.
struct Reading<'a> {
    file: &'a File,
    facts: Facts,
    bytes: &'a [u8],
}

impl Reading<'_> {
    fn word(&self, at: usize) -> u32 {
        u32::from_ne_bytes([0, 1, 2, 3].map(|i| self.bytes[at + i]))
    }

    fn long(&self, at: usize) -> u64 {
        u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| self.bytes[at + i]))
    }

    fn slot(&self, slot: u32) -> SlotRecord {
        let at = SLOTS_AT + slot as usize * SLOT_SIZE;
        let label_at = at + offset_of!(Slot, label);
        SlotRecord {
            pid: self.word(at + offset_of!(Slot, pid)),
            tid: self.word(at + offset_of!(Slot, tid)),
            started: self.long(at + offset_of!(Slot, started)),
            namespace: self.word(at + offset_of!(Slot, namespace)),
            waiting_since: self.long(at + offset_of!(Slot, waiting_since)),
            label: std::array::from_fn(|i| self.bytes[label_at + i]),
        }
    }

    fn is_locked(&self, slot: u32) -> bool {
        let byte = SLOTS_AT + slot as usize * SLOT_SIZE;
        lock::byte_is_locked(self.file, byte as u64).unwrap_or(false)
    }

    fn holder(&self, tag: u32, tid: u32, since: u64) -> Option<Participant> {
        let slot = (tag & PARTICIPANT).checked_sub(1).filter(|slot| *slot < self.facts.slots)?;
        let alive = self.is_locked(slot);
        Some(self.slot(slot).shown(tid, since, alive))
    }

    fn snapshot(&self, name: Name) -> Snapshot {
        let kind = self.facts.kind;
        let hot = |field: usize| HOT_AT + field;
        let records = |field: usize| RECORDS_AT + field;
        let word = self.word(hot(offset_of!(Hot, state)));
        let mut holders = Vec::new();
        let state = match kind {
            Kind::Mutex | Kind::ReentrantMutex => {
                let tid = self.word(hot(offset_of!(Hot, holder_tid)));
                let since = self.long(hot(offset_of!(Hot, acquired_at)));
                holders.extend(self.holder(word & TAG, tid, since));
                if word & TAG != 0 {
                    State::Held
                } else if word & ABANDONED != 0 {
                    State::Abandoned
                } else {
                    State::Free
                }
            }
            Kind::Semaphore => {
                let capacity = self.facts.capacity;
                // One participant may hold many.
                let mut known = HashMap::new();
                for index in 0..capacity {
                    let at = self.facts.places().permits_at + index as usize * PERMIT_SIZE;
                    let tag = self.word(at + offset_of!(Permit, word)) & TAG;
                    let tid = self.word(at + offset_of!(Permit, tid));
                    let since = self.long(at + offset_of!(Permit, acquired_at));
                    let holder = known.entry(tag).or_insert_with(|| self.holder(tag, tid, since));
                    holders.extend(holder.clone().map(|holder| {
                        let since = moment(since);
                        let tid = if holder.tid == 0 { tid } else { holder.tid };
                        Participant { tid, since, ..holder }
                    }));
                }
                let held = holders.iter().filter(|holder| !holder.dead).count() as u32;
                State::Permits { available: capacity.saturating_sub(held), capacity }
            }
            Kind::TokenSemaphore => State::Tokens(word),
            Kind::Event if word & 1 != 0 => State::Set,
            Kind::Event => State::Unset,
            Kind::SharedMemory => State::Bytes(self.facts.data_size),
        };
        let used = self.word(records(offset_of!(Records, slots_used))).min(self.facts.slots);
        let mut waiters = Vec::new();
        let mut processes = 0;
        for slot in 0..used {
            let record = self.slot(slot);
            if record.pid == 0 || (record.tid != 0 && record.waiting_since == 0) {
                continue;
            }
            if !self.is_locked(slot) {
                continue;
            }
            if record.tid == 0 {
                processes += 1;
            }
            if record.waiting_since != 0 {
                waiters.push(record.shown(record.tid, record.waiting_since, true));
            }
        }
        Snapshot {
            name,
            kind,
            state,
            holders,
            waiters,
            processes,
            persistent: self.word(records(offset_of!(Records, persistent))) == 1,
            created: moment(self.facts.created),
            grants: self.long(hot(offset_of!(Hot, grant))),
            contended: self.long(records(offset_of!(Records, contended))),
            recovered: self.long(records(offset_of!(Records, recovered))),
        }
    }
}
