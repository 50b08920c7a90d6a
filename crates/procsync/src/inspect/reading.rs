//! From a file's bytes to a snapshot, believing nothing.

use super::snapshot::{Snapshot, State};
use crate::error::{Error, Result};
use crate::event::Reset;
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::native::Accounts;
use crate::participant::{Cause, Deceased, Participant, moment};
use crate::processes::Processes;
use crate::raw::ledger::{self, LedgerWord, Tally};
use crate::raw::owned_word::{ABANDONED, PARTICIPANT, TAG};
use crate::segment::layout::{
    BadHeader, FLAG_AUTO_RESET, Facts, HEADER_SIZE, HOT_AT, Hot, PAGE, PERMIT_SIZE, Permit,
    RECORDS_AT, Records, SLOT_SIZE, SLOTS_AT, Slot, VERSION,
};
use crate::segment::ledger::{ABOUT_SIZE, About};
use crate::segment::place::{Place, Scope};
use crate::segment::slots::SlotRecord;
use crate::sys::map::FileFacts;
use crate::sys::native::{self, SystemName};
use crate::sys::{lock, map};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::mem::offset_of;

/// Looks at the object of this name.
pub(super) fn look(
    place: &Place,
    scope: Scope,
    name: &Name,
    processes: &mut Processes,
) -> Result<Snapshot> {
    let path = place.path(name);
    let object = Object { kind: Kind::Unknown, name: name.as_str().to_owned() };
    let file = map::open(&path, false).map_err(|source| match source.kind() {
        ErrorKind::NotFound => Error::NotFound { object: object.clone() },
        _ => {
            Error::System { object: object.clone(), operation: "open", path: path.clone(), source }
        }
    })?;
    let mut read = || -> Result<Snapshot, BadHeader> {
        let reading = Reading::of(&file)?;
        let scope = match scope {
            Scope::User => Scope::User,
            Scope::Machine { .. } => Scope::Machine { mode: reading.file_facts.mode },
        };
        Ok(Snapshot { scope, path: path.clone(), ..reading.snapshot(name.clone(), processes) })
    };
    match read_calmly(&mut read) {
        Ok(snapshot) => Ok(snapshot),
        Err(BadHeader::Version(found)) => {
            Err(Error::LayoutVersion { object, found, spoken: VERSION })
        }
        Err(BadHeader::Damaged(reason)) => Err(Error::Damaged { object, path, reason }),
    }
}

/// The bytes are read first, and who lives is asked afterwards: one that released and left between
/// the two would look like a dead holder. Who is dead still is when it is read again.
fn read_calmly(
    mut read: impl FnMut() -> Result<Snapshot, BadHeader>,
) -> Result<Snapshot, BadHeader> {
    let first = read()?;
    if first.holders.iter().any(|holder| holder.dead) { read() } else { Ok(first) }
}

/// How many units of the semaphore are free that a ledger is about, if it is still that one.
fn free_units(about: &About) -> Option<u32> {
    let system_name = SystemName(about.system_name.clone());
    let (semaphore, incarnation) = native::open_existing(&system_name).ok()?;
    let same =
        incarnation.is_none_or(|now| (now.device, now.number) == (about.device, about.number));
    if same { semaphore.value() } else { None }
}

/// A copy of those bytes of a segment that are worth looking at.
struct Reading<'a> {
    file: &'a File,
    file_facts: FileFacts,
    facts: Facts,
    /// Header, hot line, records, and the slots that were ever used.
    head: Vec<u8>,
    /// How many slots those are.
    used: u32,
    permits: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([0, 1, 2, 3].map(|i| bytes[at + i]))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| bytes[at + i]))
}

/// The slot whose bytes these begin with.
fn record_in(bytes: &[u8]) -> SlotRecord {
    let label_at = offset_of!(Slot, label);
    SlotRecord {
        pid: word(bytes, offset_of!(Slot, pid)),
        tid: word(bytes, offset_of!(Slot, tid)),
        started: long(bytes, offset_of!(Slot, started)),
        namespace: word(bytes, offset_of!(Slot, namespace)).into(),
        attached_at: long(bytes, offset_of!(Slot, attached_at)),
        waiting_since: long(bytes, offset_of!(Slot, waiting_since)),
        label: std::array::from_fn(|i| bytes[label_at + i]),
    }
}

impl Reading<'_> {
    fn of(file: &File) -> Result<Reading<'_>, BadHeader> {
        let damaged = |error: io::Error| BadHeader::Damaged(format!("it cannot be read: {error}"));
        let file_facts = map::facts(file).map_err(damaged)?;
        if !file_facts.regular {
            return Err(BadHeader::Damaged("it is not a regular file".to_owned()));
        }
        // One page has everything of most objects: one system call.
        let mut head = vec![0; PAGE as usize];
        let got = map::read_at(file, 0, &mut head).map_err(damaged)?;
        if got < HEADER_SIZE {
            return Err(BadHeader::Damaged(format!("it has {got} bytes only")));
        }
        let header = std::array::from_fn(|at| head[at]);
        let facts = Facts::from_bytes(&header, file_facts.size)?;
        // Slots that nobody ever used are holes: not worth reading.
        let used = word(&head, RECORDS_AT + offset_of!(Records, slots_used)).min(facts.slots);
        // Below 5 MiB, and the permits below 33 MiB, by the limits of the header. The data that a
        // mutex guards is nobody's business.
        let read = head.len();
        head.resize(SLOTS_AT + used as usize * SLOT_SIZE, 0);
        if head.len() > read {
            map::read_at(file, read as u64, &mut head[read..]).map_err(damaged)?;
        }
        let mut permits = vec![0; facts.words() as usize * PERMIT_SIZE];
        if !permits.is_empty() {
            map::read_at(file, facts.places().permits_at as u64, &mut permits).map_err(damaged)?;
        }
        Ok(Reading { file, file_facts, facts, head, used, permits })
    }

    fn hot(&self, field: usize) -> u32 {
        word(&self.head, HOT_AT + field)
    }

    fn hot_long(&self, field: usize) -> u64 {
        long(&self.head, HOT_AT + field)
    }

    fn record(&self, field: usize) -> u32 {
        word(&self.head, RECORDS_AT + field)
    }

    fn record_long(&self, field: usize) -> u64 {
        long(&self.head, RECORDS_AT + field)
    }

    fn slot(&self, slot: u32) -> SlotRecord {
        let at = SLOTS_AT + slot as usize * SLOT_SIZE;
        if slot < self.used {
            return record_in(&self.head[at..]);
        }
        // It came after the head was read.
        let mut bytes = [0; SLOT_SIZE];
        let _ = map::read_at(self.file, at as u64, &mut bytes);
        record_in(&bytes)
    }

    fn is_locked(&self, slot: u32) -> bool {
        let byte = SLOTS_AT + slot as usize * SLOT_SIZE;
        lock::byte_is_locked(self.file, byte as u64).unwrap_or(false)
    }

    fn slot_of(&self, tag: u32) -> Option<u32> {
        (tag & PARTICIPANT).checked_sub(1).filter(|slot| *slot < self.facts.slots)
    }

    fn snapshot(&self, name: Name, processes: &mut Processes) -> Snapshot {
        let kind = self.facts.kind;
        let (mut participants, mut waiters) = (Vec::new(), Vec::new());
        let mut locked = vec![false; self.used as usize];
        for slot in 0..self.used {
            let record = self.slot(slot);
            if record.pid == 0 || !self.is_locked(slot) {
                continue;
            }
            locked[slot as usize] = true;
            let of = |since, processes: &mut Processes| {
                Participant::of(&record, record.tid, since, true, processes)
            };
            participants.push(of(record.attached_at, processes));
            if record.waiting_since != 0 {
                waiters.push(of(record.waiting_since, processes));
            }
        }
        let alive = |slot: u32| match locked.get(slot as usize) {
            Some(locked) => *locked,
            None => self.is_locked(slot),
        };
        let mut holders = Vec::new();
        let mut acquired = None;
        let state_word = self.hot(offset_of!(Hot, state));
        let state = match kind {
            Kind::Mutex | Kind::ReentrantMutex => {
                let tid = self.hot(offset_of!(Hot, holder_tid));
                let since = self.hot_long(offset_of!(Hot, acquired_at));
                acquired = moment(since);
                if let Some(slot) = self.slot_of(state_word & TAG) {
                    let record = self.slot(slot);
                    holders.push(Participant::of(&record, tid, since, alive(slot), processes));
                }
                if state_word & TAG != 0 {
                    State::Held
                } else if state_word & ABANDONED != 0 {
                    State::Abandoned
                } else {
                    State::Free
                }
            }
            Kind::Semaphore => {
                holders.extend(self.permit_holders(&alive, processes));
                acquired = holders.iter().filter_map(|holder| holder.since).max();
                let capacity = self.facts.capacity;
                let held = holders.iter().filter(|holder| !holder.dead).count() as u32;
                State::Permits { available: capacity.saturating_sub(held), capacity }
            }
            Kind::Native => {
                let tally = self.lines(&alive, &mut holders, processes);
                acquired = holders.iter().filter_map(|holder| holder.since).max();
                let free = self.about().and_then(|about| free_units(&about));
                State::Native(Accounts::of(
                    &tally,
                    self.hot(offset_of!(Hot, units)).min(i32::MAX as u32),
                    free,
                ))
            }
            Kind::TokenSemaphore => State::Tokens(state_word),
            Kind::Event if state_word & 1 != 0 => State::Set,
            Kind::Event => State::Unset,
            Kind::SharedMemory | Kind::Unknown => State::Bytes(self.facts.data_size),
        };
        let auto = self.facts.flags & FLAG_AUTO_RESET != 0;
        let reset = if auto { Reset::Auto } else { Reset::Manual };
        let name = match self.about() {
            Some(about) if kind == Kind::Native => Name::of_native(about.bare_name()),
            _ => name,
        };
        Snapshot {
            name,
            scope: Scope::User,
            kind,
            state,
            reset: (kind == Kind::Event).then_some(reset),
            processes: participants.iter().filter(|one| one.tid == 0).count() as u32,
            slots: self.facts.slots,
            holders,
            waiters,
            participants,
            persistent: self.record(offset_of!(Records, persistent)) == 1,
            created: moment(self.facts.created),
            acquired,
            grants: self.hot_long(offset_of!(Hot, grant)),
            contended: self.record_long(offset_of!(Records, contended)),
            recovered: self.record_long(offset_of!(Records, recovered)),
            deceased: self.deceased(),
            data_size: self.facts.data_size,
            data_align: self.facts.data_align,
            file_size: self.file_facts.size,
            path: Default::default(),
            owner: self.file_facts.owner,
        }
    }

    fn permit_holders(
        &self,
        alive: &impl Fn(u32) -> bool,
        processes: &mut Processes,
    ) -> Vec<Participant> {
        let mut holders = Vec::new();
        // One participant may hold many, or in a damaged file all of a million.
        let mut known: HashMap<u32, Participant> = HashMap::new();
        for permit in self.permits.chunks_exact(PERMIT_SIZE) {
            let tag = word(permit, offset_of!(Permit, word)) & TAG;
            let Some(slot) = self.slot_of(tag) else { continue };
            let tid = word(permit, offset_of!(Permit, tid));
            let since = long(permit, offset_of!(Permit, acquired_at));
            let mut holder = known
                .entry(tag)
                .or_insert_with(|| {
                    Participant::of(&self.slot(slot), tid, since, alive(slot), processes)
                })
                .clone();
            if holder.as_process {
                holder.tid = tid;
            }
            holder.since = moment(since);
            holders.push(holder);
        }
        holders
    }

    /// What a ledger says of its semaphore.
    fn about(&self) -> Option<About> {
        if self.facts.kind != Kind::Native {
            return None;
        }
        let mut bytes = [0; ABOUT_SIZE];
        map::read_at(self.file, self.facts.places().data_at as u64, &mut bytes).ok()?;
        About::from_bytes(&bytes)
    }

    /// The lines of a ledger: how many say what, and who holds. Who died taking or giving back counts
    /// as doubtful, though nobody has written that down yet.
    fn lines(
        &self,
        alive: &impl Fn(u32) -> bool,
        holders: &mut Vec<Participant>,
        processes: &mut Processes,
    ) -> Tally {
        let mut tally = Tally::default();
        for line in self.permits.chunks_exact(PERMIT_SIZE) {
            let (state, tag) = LedgerWord::read(word(line, offset_of!(Permit, word)));
            let Some(slot) = self.slot_of(tag) else {
                if tag == 0 {
                    tally.count(state);
                }
                continue;
            };
            let lives = alive(slot);
            let between = matches!(state, ledger::State::Wanting | ledger::State::Posting);
            tally.count(if between && !lives { ledger::State::Doubt } else { state });
            if state == ledger::State::Held {
                let tid = word(line, offset_of!(Permit, tid));
                let since = long(line, offset_of!(Permit, acquired_at));
                holders.push(Participant::of(&self.slot(slot), tid, since, lives, processes));
            }
        }
        tally
    }

    fn deceased(&self) -> Option<Deceased> {
        let noticed = moment(self.record_long(offset_of!(Records, dead_noticed)))?;
        Some(Deceased {
            pid: self.record(offset_of!(Records, dead_pid)),
            tid: self.record(offset_of!(Records, dead_tid)),
            cause: Cause::from_number(self.record(offset_of!(Records, dead_cause))),
            noticed: Some(noticed),
        })
    }
}
