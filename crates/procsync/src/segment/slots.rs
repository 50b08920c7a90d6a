//! Participants' slots: claimed by locking a byte, given back by the kernel at the latest.

use super::layout::{PAGE, SLOT_SIZE, SLOTS_AT, Slot};
use super::{Segment, SharedWaker};
use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::participant::{Cause, Participant};
use crate::processes::Processes;
use crate::raw::Waker;
use crate::raw::owned_word::{Freed, OwnedWord, PARTICIPANT};
use crate::sys::{clock, lock, process};
use std::collections::HashSet;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which slots this process's open file has locked, or is about to test.
///
/// The byte locks of one open file do not conflict with each other, so this map is what excludes
/// the threads of one process: a bit is set before its byte is locked, and cleared after.
#[derive(Debug)]
pub(super) struct OwnSlots(Box<[AtomicU64]>);

impl OwnSlots {
    pub(super) fn new(slots: u32) -> Self {
        OwnSlots((0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn bit(&self, slot: u32) -> (&AtomicU64, u64) {
        (&self.0[slot as usize / 64], 1 << (slot % 64))
    }

    /// Acquire: who gets the bit sees what the last one who had it wrote. False: it is taken.
    fn take(&self, slot: u32) -> bool {
        let (word, bit) = self.bit(slot);
        word.fetch_or(bit, Ordering::Acquire) & bit == 0
    }

    fn put_back(&self, slot: u32) {
        let (word, bit) = self.bit(slot);
        word.fetch_and(!bit, Ordering::Release);
    }

    fn all(&self) -> impl Iterator<Item = u32> {
        self.0.iter().zip(0..).flat_map(|(word, index)| {
            let mut bits = word.load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < 64).then_some(index * 64 + bit)
            })
        })
    }

    fn has(&self, slot: u32) -> bool {
        let (word, bit) = self.bit(slot);
        word.load(Ordering::Relaxed) & bit != 0
    }
}

/// A slot's content, read at once as far as that goes. To be shown, never to be believed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotRecord {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) started: u64,
    pub(crate) namespace: u64,
    pub(crate) attached_at: u64,
    pub(crate) waiting_since: u64,
    pub(crate) label: [u8; 16],
}

impl SlotRecord {
    fn read(slot: &Slot) -> SlotRecord {
        let mut label = [0; 16];
        label[..8].copy_from_slice(&slot.label[0].load(Ordering::Relaxed).to_ne_bytes());
        label[8..].copy_from_slice(&slot.label[1].load(Ordering::Relaxed).to_ne_bytes());
        SlotRecord {
            pid: slot.pid.load(Ordering::Relaxed),
            tid: slot.tid.load(Ordering::Relaxed),
            started: slot.started.load(Ordering::Relaxed),
            namespace: slot.namespace.load(Ordering::Relaxed).into(),
            attached_at: slot.attached_at.load(Ordering::Relaxed),
            waiting_since: slot.waiting_since.load(Ordering::Relaxed),
            label,
        }
    }
}

impl SlotRecord {
    /// Made fit to be shown. `tid` and `since` are those of what it holds or waits for.
    pub(crate) fn shown(&self, tid: u32, since: u64, alive: bool) -> Participant {
        Participant::of(self, tid, since, alive, &mut Processes::default())
    }
}

fn byte(slot: u32) -> u64 {
    (SLOTS_AT + slot as usize * SLOT_SIZE) as u64
}

/// What a look at a holder found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It lives.
    Alive,
    /// It was dead, and what it held is free again.
    Recovered,
}

impl Segment {
    pub(crate) fn owns_slot(&self, slot: u32) -> bool {
        self.own_slots.has(slot)
    }

    /// What a slot says, unless it was never used.
    pub(crate) fn slot_record(&self, slot: u32) -> Option<SlotRecord> {
        if slot >= self.facts.slots {
            return None;
        }
        // A slot that was used has space; one beyond the reserved part is not touched, because
        // that could need space that is not there.
        self.make_touchable(slot).ok()?;
        Some(SlotRecord::read(self.slot(slot)))
    }

    /// Sets space aside for all slots up to this one: touching a page of the mapping that the file
    /// system then cannot provide would end the process by SIGBUS.
    pub(super) fn make_touchable(&self, slot: u32) -> Result<()> {
        if self.is_detached() {
            return Err(self.system("use")(std::io::ErrorKind::NotConnected.into()));
        }
        let end = byte(slot) + SLOT_SIZE as u64;
        let known = self.reserved_to.load(Ordering::Relaxed);
        if end <= known {
            return Ok(());
        }
        let wanted = end.next_multiple_of(PAGE).min(self.places.file_size);
        crate::sys::map::reserve(&self.file, known, wanted - known)
            .map_err(self.system("set space aside in"))?;
        self.reserved_to.fetch_max(wanted, Ordering::Relaxed);
        Ok(())
    }

    /// Claims the slot of the process, unless it has one.
    ///
    /// `holds`: it is the process that will hold something.
    pub(super) fn claim_process_slot(&self, holds: bool) -> Result<()> {
        let _one_at_a_time = self.claiming.lock().unwrap_or_else(PoisonError::into_inner);
        if self.process_tag() == 0 {
            let slot = self.claim_slot(0, true)?;
            self.process_tag.store(slot + 1, Ordering::Relaxed);
        }
        let slot = self.process_tag() - 1;
        if holds && !self.tells_life(slot) {
            super::local::speak_for_process(&self.arc(), slot);
        }
        Ok(())
    }

    /// Claims a slot for a thread (or for the process, `tid` 0) and keeps it until `vacate`.
    pub(super) fn claim_slot(&self, tid: u32, needed: bool) -> Result<u32> {
        let slots = self.facts.slots;
        let limit = if needed { slots } else { slots - slots / 4 };
        // First those that look free, then all: the record of one who died looks taken.
        let used = self.records().slots_used.load(Ordering::Relaxed).min(slots);
        let looks_free = |slot: u32| -> Result<bool> {
            if slot >= used {
                return Ok(true);
            }
            self.make_touchable(slot)?;
            Ok(self.slot(slot).pid.load(Ordering::Relaxed) == 0)
        };
        // One of those that look taken first, by chance: else each participant that is killed would
        // cost a slot until all are used, and there would be ever more to look through.
        const FEW: u32 = 8;
        let chance = clock::monotonic().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let by_chance = (chance % u64::from(used.max(1))) as u32;
        if used > FEW
            && by_chance < limit
            && !self.own_slots.has(by_chance)
            && self.try_claim(by_chance, tid)?
        {
            return Ok(by_chance);
        }
        for slot in 0..limit {
            if !self.own_slots.has(slot) && looks_free(slot)? && self.try_claim(slot, tid)? {
                return Ok(slot);
            }
        }
        for slot in 0..limit {
            if !self.own_slots.has(slot) && self.try_claim(slot, tid)? {
                return Ok(slot);
            }
        }
        Err(Error::NoSlots { object: self.object(), participants: slots })
    }

    fn try_claim(&self, slot: u32, tid: u32) -> Result<bool> {
        if !self.try_lock_slot(slot)? {
            return Ok(false);
        }
        let begin = || -> Result<bool> {
            self.make_touchable(slot)?;
            if !self.clear_life(slot)? {
                return Ok(false);
            }
            // Whatever bears this tag belongs to a dead predecessor. From here on it would be ours.
            self.sweep(slot, Cause::Died);
            self.fill_in(slot, tid);
            Ok(true)
        };
        let begun = begin();
        if !matches!(begun, Ok(true)) {
            self.unlock_slot(slot);
        }
        begun
    }

    /// Locks the slot's byte, against other processes and against threads of this one.
    fn try_lock_slot(&self, slot: u32) -> Result<bool> {
        if !self.own_slots.take(slot) {
            return Ok(false);
        }
        match lock::lock_byte(&self.file, byte(slot)) {
            Ok(true) => Ok(true),
            Ok(false) => {
                self.own_slots.put_back(slot);
                Ok(false)
            }
            Err(error) => {
                self.own_slots.put_back(slot);
                Err(self.system("lock a slot of")(error))
            }
        }
    }

    fn unlock_slot(&self, slot: u32) {
        if let Err(error) = lock::unlock_byte(&self.file, byte(slot)) {
            // It stays taken until this process closes the file.
            tracing::warn!(object = %self.object(), slot, %error, "a slot could not be let go");
            return;
        }
        self.own_slots.put_back(slot);
    }

    fn fill_in(&self, slot: u32, tid: u32) {
        let record = self.slot(slot);
        let name = process::short_name();
        let half = |at: usize| u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| name[at + i]));
        record.waiting_since.store(0, Ordering::Relaxed);
        record.tid.store(tid, Ordering::Relaxed);
        record.started.store(process::started(), Ordering::Relaxed);
        // The kernel numbers namespaces by 32 bits.
        record.namespace.store(process::namespace() as u32, Ordering::Relaxed);
        record.attached_at.store(clock::wall(), Ordering::Relaxed);
        record.label[0].store(half(0), Ordering::Relaxed);
        record.label[1].store(half(8), Ordering::Relaxed);
        // Last: who sees the pid sees (most of) the rest.
        record.pid.store(process::pid(), Ordering::Release);
        self.records().slots_used.fetch_max(slot + 1, Ordering::Relaxed);
        tracing::debug!(object = %self.object(), slot, tid, "slot claimed");
    }

    /// Gives a slot of this process back. What its tag still holds becomes abandoned.
    fn vacate(&self, slot: u32, cause: Cause) {
        // A thread's, marked: it is for who has the turn to sweep, and that may be going on just now.
        if self.end_life(slot) || self.slot(slot).tid.load(Ordering::Relaxed) == 0 {
            self.sweep(slot, cause);
            self.end_record(slot);
        }
        self.unlock_slot(slot);
    }

    /// Nobody is there any more.
    pub(super) fn end_record(&self, slot: u32) {
        self.slot(slot).pid.store(0, Ordering::Relaxed);
        self.slot(slot).waiting_since.store(0, Ordering::Relaxed);
    }

    /// The thread whose death told of the process's, perhaps, ends in good order.
    pub(super) fn life_of_process_ends(&self, slot: u32) {
        if !self.is_detached() && self.own_slots.has(slot) {
            self.end_life(slot);
        }
    }

    pub(super) fn thread_exits(&self, slot: u32) {
        if !self.is_detached() && self.own_slots.has(slot) {
            self.vacate(slot, Cause::ThreadExited);
        }
    }

    /// Gives all slots of this process back.
    pub(super) fn vacate_all(&self) {
        for slot in self.own_slots.all() {
            self.vacate(slot, Cause::Closed);
        }
    }

    /// Looks whether the holder with this tag lives, and frees what it held if it does not.
    ///
    /// That it is dead and that nobody can claim its slot meanwhile is one system call: the byte
    /// lock. If a life word has proved the death, it is that and the turn (see `lives`). A recoverer that dies in here is a dead holder of the byte lock in turn, and every
    /// step can be done again.
    pub(super) fn look_at(&self, tag: u32) -> Result<Found> {
        let participant = tag & PARTICIPANT;
        let Some(slot) = participant.checked_sub(1).filter(|slot| *slot < self.facts.slots) else {
            return Err(self.damaged(format!("it is held by participant {tag}, which cannot be")));
        };
        if self.make_touchable(slot).is_ok() && self.is_proved_dead(slot) {
            return self.recover_by_life(slot);
        }
        if !self.try_lock_slot(slot)? {
            return Ok(Found::Alive);
        }
        let recover = || -> Result<Found> {
            self.make_touchable(slot)?;
            if !self.clear_life(slot)? {
                return Ok(Found::Alive); // for us; who is at it wakes the others
            }
            self.sweep(slot, Cause::Died);
            self.end_record(slot);
            Ok(Found::Recovered)
        };
        let found = recover();
        self.unlock_slot(slot);
        found
    }

    /// Frees every word that bears the slot's tag. Only for the holder of the slot's byte lock, or of
    /// its turn if its life word is marked.
    pub(super) fn sweep(&self, slot: u32, cause: Cause) {
        let tag = slot + 1;
        match self.kind() {
            Kind::Mutex | Kind::ReentrantMutex => {
                self.abandon(self.owned(), slot, cause);
            }
            Kind::Native => {
                self.free_gate(tag);
                self.bury_lines(slot, cause);
            }
            Kind::Semaphore => {
                self.free_gate(tag);
                let mut freed = 0;
                for index in 0..self.facts.capacity {
                    let permit = self.permit(index);
                    if permit.word.participant() == tag {
                        let dead = self.slot(slot);
                        permit.dead_pid.store(dead.pid.load(Ordering::Relaxed), Ordering::Relaxed);
                        let tid = permit.tid.load(Ordering::Relaxed);
                        permit.dead_tid.store(tid, Ordering::Relaxed);
                        permit.dead_cause.store(cause as u32, Ordering::Relaxed);
                        freed += u32::from(self.abandon(&permit.word, slot, cause));
                    }
                }
                if freed > 0 {
                    self.hot().queue.notify(freed, &SharedWaker);
                }
            }
            Kind::TokenSemaphore | Kind::Event | Kind::SharedMemory | Kind::Unknown => {}
        }
    }

    fn free_gate(&self, tag: u32) {
        let gate = self.owned();
        let held = gate.owner();
        if held & PARTICIPANT == tag
            && let Some(Freed { wake: true }) = gate.abandon(held)
        {
            SharedWaker.wake(gate.futex(), 1);
        }
    }

    fn abandon(&self, word: &OwnedWord, slot: u32, cause: Cause) -> bool {
        let tag = word.owner();
        if tag & PARTICIPANT != slot + 1 {
            return false;
        }
        self.write_obituary(slot, cause);
        let Some(freed) = word.abandon(tag) else { return false };
        self.records().recovered.fetch_add(1, Ordering::Relaxed);
        tracing::info!(object = %self.object(), who = %self.deceased(), "abandoned");
        if freed.wake {
            SharedWaker.wake(word.futex(), 1);
        }
        true
    }

    /// Before the word is freed: whoever takes it then reads this.
    pub(crate) fn write_obituary(&self, slot: u32, cause: Cause) {
        let (dead, records) = (self.slot(slot), self.records());
        records.dead_pid.store(dead.pid.load(Ordering::Relaxed), Ordering::Relaxed);
        let mut tid = dead.tid.load(Ordering::Relaxed);
        if tid == 0 && self.kind() != Kind::Semaphore {
            tid = self.hot().holder_tid.load(Ordering::Relaxed);
        }
        records.dead_tid.store(tid, Ordering::Relaxed);
        records.dead_cause.store(cause as u32, Ordering::Relaxed);
        records.dead_noticed.store(clock::wall(), Ordering::Relaxed);
    }

    /// Whether a mutex has been held for longer than this, as far as the coarse clock tells.
    pub(super) fn is_held_long(&self, briefly: u64) -> bool {
        /// The coarse clock may be behind by so much.
        const TICK: u64 = 10_000_000;
        let acquired_at = self.hot().acquired_at.load(Ordering::Relaxed);
        clock::wall_coarse().saturating_sub(acquired_at) > briefly + TICK
    }

    /// Looks at everybody who holds something; true if anything was recovered.
    pub(crate) fn look_at_holders(&self) -> Result<bool> {
        let mut recovered = false;
        match self.kind() {
            Kind::Mutex | Kind::ReentrantMutex => {
                let tag = self.owned().owner();
                recovered = tag != 0 && self.look_at(tag)? == Found::Recovered;
            }
            Kind::Semaphore => {
                let gate = self.owned().owner();
                recovered = gate != 0 && self.look_at(gate)? == Found::Recovered;
                // One participant may hold many.
                let mut seen = HashSet::new();
                for index in 0..self.facts.capacity {
                    let tag = self.permit(index).word.owner();
                    if tag != 0 && seen.insert(tag) {
                        recovered |= self.look_at(tag)? == Found::Recovered;
                    }
                }
            }
            Kind::Native => {
                let gate = self.owned().owner();
                recovered = gate != 0 && self.look_at(gate)? == Found::Recovered;
                recovered |= self.look_at_lines(false)?;
            }
            Kind::TokenSemaphore | Kind::Event | Kind::SharedMemory | Kind::Unknown => {}
        }
        Ok(recovered)
    }

    /// How many processes have it open, this one included.
    pub(crate) fn processes(&self) -> u32 {
        let used = self.records().slots_used.load(Ordering::Relaxed).min(self.facts.slots);
        let mut count = 0;
        for slot in 0..used {
            let Some(record) = self.slot_record(slot) else { continue };
            if record.pid == 0 || record.tid != 0 {
                continue;
            }
            count += u32::from(self.own_slots.has(slot) || self.slot_is_locked(slot));
        }
        count
    }

    /// Whether another process has the slot.
    pub(super) fn slot_is_locked(&self, slot: u32) -> bool {
        // Detached, the descriptor may be another file's.
        !self.is_detached() && lock::byte_is_locked(&self.file, byte(slot)).unwrap_or(false)
    }

    /// Lets the other threads of this process know that one of them looks until then.
    pub(super) fn show_looking(&self, until: u64) {
        self.looks_until.store(until, Ordering::Relaxed);
    }

    /// The one that told so does not look any more.
    pub(super) fn hide_looking(&self, told: u64) {
        // Refused: another thread has told so since.
        let _ = self.looks_until.compare_exchange(told, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Shows a wait in the slot of this tag: since when, and when it looks again at the latest.
    pub(super) fn show_waiting(&self, tag: u32, since: u64, wakes_at: u64) {
        let slot = self.slot(tag - 1);
        slot.wakes_at.store(wakes_at, Ordering::Relaxed);
        slot.waiting_since.store(since, Ordering::Relaxed);
    }

    /// Which part in looking falls to the waiter with this tag, as of `now`.
    ///
    /// `told` is until when this wait itself has told that it looks.
    pub(super) fn rank(&self, tag: u32, now: u64, told: u64) -> Rank {
        /// A sleeper may run late; one that is later than this is stopped or dead.
        const LATE: u64 = 50_000_000;
        /// No sleep is longer: a moment beyond was not written by this clock.
        const FAR: u64 = 8_000_000_000;
        // Usually some other waiter of this process has said that it looks; else it may be found.
        let looks_until = self.looks_until.load(Ordering::Relaxed);
        let mut first_of_process = looks_until < now || looks_until == told;
        let mut waiters = 0;
        let mut processes = [(0, 0); MOST_DEPUTIES];
        let mut others = 0;
        let used = self.records().slots_used.load(Ordering::Relaxed);
        for number in 0..(tag - 1).min(used).min(self.facts.slots) {
            if self.make_touchable(number).is_err() {
                break;
            }
            let slot = self.slot(number);
            if slot.waiting_since.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let wakes_at = slot.wakes_at.load(Ordering::Relaxed);
            if wakes_at.saturating_add(LATE) < now || wakes_at > now.saturating_add(FAR) {
                continue;
            }
            waiters += 1;
            // Two containers may both have a process of this pid.
            let namespace = slot.namespace.load(Ordering::Relaxed);
            let process = (slot.pid.load(Ordering::Relaxed), namespace);
            if self.own_slots.has(number) {
                first_of_process = false;
            } else if others < MOST_DEPUTIES && !processes[..others].contains(&process) {
                processes[others] = process;
                others += 1;
            }
            if waiters >= MOST_DEPUTIES && (!first_of_process || others == MOST_DEPUTIES) {
                return Rank::Rest;
            }
        }
        if waiters == 0 { Rank::First } else { Rank::Deputy }
    }
}

/// How many waiters, and how many processes with waiters, look often enough to notice a death in
/// time should all before them have died with the holder.
const MOST_DEPUTIES: usize = 24;

/// A waiter's part in looking whether the holders live. Waiters stand in the order of their slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// No live waiter stands before it.
    First,
    /// Few do, or none of its own process and few processes': a process with many waiters may die
    /// as a whole.
    Deputy,
    /// All others.
    Rest,
}
