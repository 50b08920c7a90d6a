//! The ledger beside one of the system's named semaphores: which semaphore it is, and its lines.
//!
//! Its participants are threads, its lines lie where a semaphore's permits would. Which semaphore it is
//! about (a name may come to stand for another one) is said in its data, and its file is named for
//! that, so that each has its own.
#![allow(unsafe_code)] // a line of the ledger, seen as one

use super::Segment;
use super::layout::{self, Permit};
use crate::error::{Error, Result};
use crate::participant::{Cause, Deceased, Participant, moment};
use crate::raw::ledger::{self, Buried, LedgerWord, Lines, State, Tally};
use crate::sys::clock;
use std::sync::atomic::Ordering;

/// Bytes of a ledger's data.
pub(crate) const ABOUT_SIZE: usize = 1_024;
/// How long a gate may stay closed, in ns.
pub(crate) const GATE_TIME: u64 = 1_000_000_000;
const NAME_AT: usize = 32;

/// Which semaphore a ledger is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// As the system has it, with prefix.
    pub(crate) system_name: String,
    /// How many bytes of that are the prefix.
    pub(crate) prefix: usize,
    /// 0: the system does not tell.
    pub(crate) device: u64,
    pub(crate) number: u64,
    /// When it was made, as its file system says, ns since 1970; 0: it does not say. Where the system does
    /// not tell one semaphore from the next at all (`number` is 0), when this ledger was made.
    pub(crate) birth: u64,
}

impl About {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; ABOUT_SIZE];
        let name = self.system_name.as_bytes();
        bytes[..8].copy_from_slice(&self.device.to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_ne_bytes());
        bytes[16..20].copy_from_slice(&(name.len() as u32).to_ne_bytes());
        bytes[20..24].copy_from_slice(&(self.prefix as u32).to_ne_bytes());
        bytes[24..32].copy_from_slice(&self.birth.to_ne_bytes());
        bytes[NAME_AT..NAME_AT + name.len()].copy_from_slice(name);
        bytes
    }

    /// Reads it, believing nothing.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<About> {
        let long = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (length, prefix) = (word(16)? as usize, word(20)? as usize);
        let name = bytes.get(NAME_AT..NAME_AT.checked_add(length)?)?;
        let system_name = std::str::from_utf8(name).ok()?.to_owned();
        // The prefix must end inside, and between two characters.
        system_name.get(prefix..).filter(|bare| !bare.is_empty())?;
        let (device, number, birth) = (long(0)?, long(8)?, long(24)?);
        Some(About { system_name, prefix, device, number, birth })
    }

    /// Whether both are about one semaphore, as far as the system tells.
    pub(crate) fn is_same(&self, other: &About) -> bool {
        let birth = if self.number == 0 { self.birth } else { other.birth };
        *self == About { birth, ..other.clone() }
    }

    pub(crate) fn bare_name(&self) -> &str {
        &self.system_name[self.prefix..]
    }

    /// What its ledger's file is called, after a prefix: made of everything that tells one semaphore
    /// from another. (A name may be longer than a file's.)
    pub(crate) fn file_name(&self) -> String {
        let birth = if self.number == 0 { 0 } else { self.birth };
        let numbers = [self.device, self.number, birth].map(u64::to_le_bytes);
        let parts = || self.system_name.bytes().chain([0]).chain(numbers.into_iter().flatten());
        // FNV-1a, over 64 bits and twice: from both ends. Not secret: what the file says is checked.
        fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
            bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
        }
        let backwards = parts().collect::<Vec<_>>().into_iter().rev();
        format!("{:016x}{:016x}", hash(parts()), hash(backwards))
    }
}

fn line_of(permit: &Permit) -> &LedgerWord {
    // SAFETY: `LedgerWord` is a transparent wrapper of an `AtomicU32`.
    unsafe { layout::view(permit.word.futex()) }
}

impl Segment {
    /// Which semaphore it is about.
    pub(crate) fn about(&self) -> Result<About> {
        let mut bytes = vec![0; ABOUT_SIZE];
        self.load_data(&mut bytes);
        About::from_bytes(&bytes)
            .ok_or_else(|| self.damaged("it does not say which semaphore it is about".to_owned()))
    }

    /// Writes away what a dead participant has in the ledger. Only for who may sweep its slot.
    pub(super) fn bury_lines(&self, slot: u32, cause: Cause) {
        let tag = slot + 1;
        for index in 0..self.used() {
            let permit = self.permit(index);
            let line = line_of(permit);
            let (state, whose) = line.state();
            if whose != tag {
                continue;
            }
            self.write_death(permit, slot, cause);
            if state != State::Held {
                // Before the line says so: who reads the line then finds this too.
                self.hot().doubts.store(1, Ordering::SeqCst);
            }
            match line.bury(tag) {
                Some(Buried::Abandoned) => {
                    self.records().recovered.fetch_add(1, Ordering::Relaxed);
                    tracing::info!(object = %self.object(), who = %self.deceased(), "abandoned");
                }
                Some(Buried::Doubt) => {
                    tracing::warn!(object = %self.object(), who = %self.deceased(),
                        "died taking or giving; whether a unit went with it cannot be told");
                }
                None => {}
            }
        }
    }

    /// Before the line is freed: whoever adopts it reads this.
    fn write_death(&self, permit: &Permit, slot: u32, cause: Cause) {
        let dead = self.slot(slot);
        permit.dead_pid.store(dead.pid.load(Ordering::Relaxed), Ordering::Relaxed);
        permit.dead_tid.store(dead.tid.load(Ordering::Relaxed), Ordering::Relaxed);
        permit.dead_cause.store(cause as u32, Ordering::Relaxed);
        self.write_obituary(slot, cause);
    }

    /// Leaves what a living participant holds to others.
    pub(crate) fn abandon_line(&self, tag: u32, index: u32) -> bool {
        if self.is_detached() || index >= self.facts.words() {
            return false;
        }
        let permit = self.permit(index);
        // Else it is another's by now, and so is what is written about its death.
        if line_of(permit).state() != (State::Held, tag) {
            return false;
        }
        self.write_death(permit, tag - 1, Cause::Closed);
        line_of(permit).abandon(tag)
    }

    /// Who died holding what is on a line now.
    pub(crate) fn deceased_of_line(&self, index: u32) -> Deceased {
        let permit = self.permit(index);
        Deceased {
            pid: permit.dead_pid.load(Ordering::Relaxed),
            tid: permit.dead_tid.load(Ordering::Relaxed),
            cause: Cause::from_number(permit.dead_cause.load(Ordering::Relaxed)),
            noticed: moment(self.records().dead_noticed.load(Ordering::Relaxed)),
        }
    }

    /// Writes down when a unit was taken; only for its holder.
    pub(crate) fn record_grant(&self, index: u32, tid: u32) {
        let (permit, now) = (self.permit(index), clock::wall_coarse());
        permit.tid.store(tid, Ordering::Relaxed);
        permit.acquired_at.store(now, Ordering::Relaxed);
        self.hot().acquired_at.store(now, Ordering::Relaxed);
        self.hot().grant.fetch_add(1, Ordering::Relaxed);
    }

    /// Looks at those who hold a unit or give one back; with `all`, and always if the system has told
    /// of the death, also at those who want one. (Their deaths set nothing free.)
    pub(super) fn look_at_lines(&self, all: bool) -> Result<bool> {
        let mut recovered = false;
        for index in 0..self.used() {
            let (state, tag) = self.line(index).state();
            let worth_it = match state {
                State::Held | State::Posting => true,
                State::Wanting => all || self.is_told_dead(tag),
                _ => false,
            };
            if worth_it {
                recovered |= self.look_at(tag)? == super::slots::Found::Recovered;
            }
        }
        Ok(recovered)
    }

    fn is_told_dead(&self, tag: u32) -> bool {
        let slot = tag - 1;
        slot < self.facts.slots && self.make_touchable(slot).is_ok() && self.is_proved_dead(slot)
    }

    /// Looks at everybody in the ledger.
    pub(crate) fn look_at_all_lines(&self) -> Result<bool> {
        self.look_at_lines(true)
    }

    /// Who holds units, a row for each.
    pub(crate) fn unit_holders(&self) -> impl Iterator<Item = Participant> {
        (0..self.used()).filter_map(|index| {
            let (state, tag) = self.line(index).state();
            if state != State::Held {
                return None;
            }
            let permit = self.permit(index);
            let tid = permit.tid.load(Ordering::Relaxed);
            self.participant(tag, tid, permit.acquired_at.load(Ordering::Relaxed))
        })
    }

    /// With how many units the semaphore was made; 0: that is not known.
    pub(crate) fn units(&self) -> u32 {
        self.hot().units.load(Ordering::Relaxed).min(i32::MAX as u32)
    }

    /// Only for who made it. Who finds one is not told with how many it was made, and may not guess.
    pub(crate) fn record_units(&self, units: u32) {
        self.hot().units.store(units, Ordering::Relaxed);
    }

    /// Whether who closed the gate has had its time: it may be stopped, and others go on.
    pub(crate) fn gate_has_lapsed(&self) -> bool {
        let (now, until) = (clock::monotonic(), self.hot().gate_until.load(Ordering::SeqCst));
        // Nobody closes it for longer: what lies further ahead is not of this clock.
        now >= until || until - now > 2 * GATE_TIME
    }

    /// Whether nobody has, wants or has lost anything here.
    pub(crate) fn lines_are_empty(&self) -> bool {
        (0..self.facts.words()).all(|index| self.line(index).bits() == 0)
    }

    pub(crate) fn tally(&self) -> Tally {
        ledger::tally(self)
    }

    /// An error for one who finds every line taken.
    pub(crate) fn no_lines(&self) -> Error {
        Error::NoSlots { object: self.object(), participants: self.facts.slots }
    }
}

impl Lines for Segment {
    fn count(&self) -> u32 {
        self.facts.words()
    }

    fn line(&self, index: u32) -> &LedgerWord {
        line_of(self.permit(index))
    }

    fn used(&self) -> u32 {
        // SeqCst, as all that follows from it: who finds a line beyond is told of it here first.
        self.hot().lines_used.load(Ordering::SeqCst).min(self.facts.words())
    }

    fn will_use(&self, index: u32) {
        let used = &self.hot().lines_used;
        if used.load(Ordering::SeqCst) <= index {
            used.fetch_max(index + 1, Ordering::SeqCst);
        }
    }

    fn gate_is_closed(&self) -> bool {
        self.owned().newest_owner() != 0 && !self.gate_has_lapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        let system_name = "/größe and more".to_owned();
        About { system_name, prefix: 1, device: 25, number: 4_711, birth: 99 }
    }

    #[test]
    fn what_it_is_about_is_read_as_it_was_written() {
        assert_eq!(About::from_bytes(&about().to_bytes()), Some(about()));
        assert_eq!(about().bare_name(), "größe and more");
        let long = About { system_name: format!("/{}", "ö".repeat(251)), ..about() };
        assert_eq!(About::from_bytes(&long.to_bytes()), Some(long));
    }

    #[test]
    fn any_flipped_bit_is_refused_or_harmless() {
        let good = about().to_bytes();
        for at in 0..64 {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                if let Some(read) = About::from_bytes(&bytes) {
                    assert!(!read.bare_name().is_empty());
                }
            }
        }
        assert_eq!(About::from_bytes(&[]), None);
        assert_eq!(About::from_bytes(&[255; ABOUT_SIZE]), None);
    }

    #[test]
    fn each_semaphore_has_a_file_of_its_own() {
        let others = [
            About { number: 4_712, ..about() },
            About { device: 26, ..about() },
            About { birth: 100, ..about() },
            About { system_name: "/größe and morf".to_owned(), ..about() },
        ];
        for other in others {
            assert_ne!(other.file_name(), about().file_name());
        }
        assert_eq!(about().file_name(), about().file_name());
        assert_eq!(about().file_name().len(), 32);
        // Where the system tells nothing, a newcomer must find it by the name alone.
        let [one, other] = [1, 2].map(|birth| About { device: 0, number: 0, birth, ..about() });
        assert_eq!(one.file_name(), other.file_name());
        assert!(one.is_same(&other) && one != other);
    }
}
