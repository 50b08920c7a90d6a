//! The bytes of a segment. `docs/layout.md` draws them and says who writes what under which lock.
#![allow(unsafe_code)] // views of shared memory

use crate::kind::Kind;
use crate::raw::owned_word::OwnedWord;
use crate::raw::wait_queue::WaitQueue;
use crate::sys::{life, wait};
use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// The first eight bytes. As a number in the machine's own byte order, so that a file from a
/// machine with the other order does not match.
pub(crate) const MAGIC: u64 = u64::from_ne_bytes(*b"procsync");
/// Changed with every change of the layout or of what a field means.
pub(crate) const VERSION: u32 = 3;

pub(crate) const HEADER_SIZE: usize = 64;
pub(crate) const HOT_AT: usize = 64;
pub(crate) const RECORDS_AT: usize = 128;
pub(crate) const SLOTS_AT: usize = 192;
pub(crate) const SLOT_SIZE: usize = 64;
pub(crate) const PERMIT_SIZE: usize = 32;
/// Data begins on such a boundary. Fixed, whatever the machine's page size is.
pub(crate) const DATA_BOUNDARY: usize = 4_096;
/// What is set aside at creation even if little of it is used.
pub(crate) const PAGE: u64 = 4_096;

/// Limits that keep every size computation far from overflow.
pub(crate) const MOST_SLOTS: u32 = 65_536;
pub(crate) const MOST_PERMITS: u32 = 1 << 20;
pub(crate) const MOST_DATA: u64 = 1 << 40;

/// An event whose setting is consumed by the wait that it lets go on.
pub(crate) const FLAG_AUTO_RESET: u32 = 1;

/// The facts in the header; they never change once the file has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) kind: Kind,
    pub(crate) flags: u32,
    pub(crate) slots: u32,
    /// Permits of a semaphore. Else 0.
    pub(crate) capacity: u32,
    /// Bytes of data guarded by a mutex, or of a shared memory (which lies in a file of its own). Of a
    /// native semaphore what its ledger says of it.
    pub(crate) data_size: u64,
    pub(crate) data_align: u32,
    /// Nanoseconds since 1970.
    pub(crate) created: u64,
}

/// Why bytes are not a header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    Version(u32),
    Damaged(String),
}

impl Facts {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&MAGIC.to_ne_bytes());
        put(&VERSION.to_ne_bytes());
        put(&(self.kind as u32).to_ne_bytes());
        put(&self.flags.to_ne_bytes());
        put(&self.slots.to_ne_bytes());
        put(&self.capacity.to_ne_bytes());
        put(&self.data_align.to_ne_bytes());
        put(&self.data_size.to_ne_bytes());
        put(&self.created.to_ne_bytes());
        put(&self.places().file_size.to_ne_bytes());
        bytes
    }

    /// Reads the header of a file of `file_size` bytes, believing nothing.
    pub(crate) fn from_bytes(
        bytes: &[u8; HEADER_SIZE],
        file_size: u64,
    ) -> Result<Facts, BadHeader> {
        let damaged = |reason: String| Err(BadHeader::Damaged(reason));
        let word = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let long = |at: usize| u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| bytes[at + i]));
        if long(0) == MAGIC.swap_bytes() {
            return damaged("it was made on a machine with another byte order".to_owned());
        }
        if long(0) != MAGIC {
            return damaged("it does not begin with \"procsync\"".to_owned());
        }
        if word(8) != VERSION {
            return Err(BadHeader::Version(word(8)));
        }
        let Some(kind) = Kind::from_number(word(12)) else {
            return damaged(format!("there is no kind of object with number {}", word(12)));
        };
        let facts = Facts {
            kind,
            flags: word(16),
            slots: word(20),
            capacity: word(24),
            data_align: word(28),
            data_size: long(32),
            created: long(40),
        };
        let many = match kind {
            Kind::Semaphore => 1..=MOST_PERMITS,
            _ => 0..=0,
        };
        if !(1..=MOST_SLOTS).contains(&facts.slots) {
            return damaged(format!("{} slots", facts.slots));
        }
        if !many.contains(&facts.capacity) {
            return damaged(format!("a {kind} with {} permits", facts.capacity));
        }
        if facts.flags & !FLAG_AUTO_RESET != 0 {
            return damaged(format!("unknown flags {:#x}", facts.flags));
        }
        if kind == Kind::Native && facts.data_size != super::ledger::ABOUT_SIZE as u64 {
            return damaged(format!("a {kind} with {} bytes of data", facts.data_size));
        }
        if facts.data_size > MOST_DATA
            || !facts.data_align.is_power_of_two()
            || facts.data_align as usize > DATA_BOUNDARY
        {
            return damaged(format!(
                "{} bytes of data aligned to {}",
                facts.data_size, facts.data_align
            ));
        }
        let wanted = facts.places().file_size;
        if long(48) != wanted || file_size != wanted {
            return damaged(format!(
                "the file has {file_size} bytes, its header says {} and implies {wanted}",
                long(48)
            ));
        }
        Ok(facts)
    }

    /// How many words say who has something: one per permit, or a line of the ledger per participant.
    pub(crate) fn words(&self) -> u32 {
        if self.kind == Kind::Native { self.slots } else { self.capacity }
    }

    /// Where things are.
    pub(crate) fn places(&self) -> Places {
        // Far from overflow by the limits above.
        let slots_end = SLOTS_AT + self.slots as usize * SLOT_SIZE;
        let permits_end = slots_end + self.words() as usize * PERMIT_SIZE;
        let (data_at, data_end) = if self.data_size > 0 && self.kind != Kind::SharedMemory {
            let data_at = permits_end.next_multiple_of(DATA_BOUNDARY);
            (data_at, data_at as u64 + self.data_size)
        } else {
            (permits_end, permits_end as u64)
        };
        let lives_at = data_end.next_multiple_of(PAGE);
        let lives_end = if self.kind.has_holders() && life::HAS_WORDS {
            lives_at + u64::from(self.slots) * PAGE
        } else {
            data_end
        };
        // Not on a page: then files of different headers would have the same size more often.
        let sleepers_at = lives_end.next_multiple_of(64);
        let file_size = if wait::TABLE == 0 { lives_end } else { sleepers_at + wait::TABLE as u64 };
        Places { permits_at: slots_end, data_at, data_end, lives_at, sleepers_at, file_size }
    }

    /// How many life words are mapped with the rest: of the first slots, which are used most.
    pub(crate) fn first_lives(&self) -> u32 {
        if self.kind.has_holders() && life::HAS_WORDS { self.slots.min(8) } else { 0 }
    }

    /// How much of the file is mapped from the start: all but most life words, which are never used.
    pub(crate) fn mapped_first(&self) -> u64 {
        let places = self.places();
        if life::HAS_WORDS {
            places.file_size.min(places.lives_at + u64::from(self.first_lives()) * PAGE)
        } else {
            places.file_size
        }
    }
}

/// Offsets in a segment's file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) permits_at: usize,
    pub(crate) data_at: usize,
    pub(crate) data_end: u64,
    /// A page for each slot, whose last bytes are its life word. Only where something is held, and on
    /// systems that have life words.
    pub(crate) lives_at: u64,
    /// Who sleeps. Only on systems where that has to be written down.
    pub(crate) sleepers_at: u64,
    pub(crate) file_size: u64,
}

/// The line that everybody who uses the object writes to.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Hot {
    /// A mutex's owned word, a token count, an event's flag, a semaphore's gate (an owned word), also a
    /// native one's.
    pub(crate) state: AtomicU32,
    pub(crate) queue: WaitQueue,
    /// How often a mutex was acquired.
    pub(crate) grant: AtomicU64,
    /// When a mutex was acquired last, ns since 1970.
    pub(crate) acquired_at: AtomicU64,
    /// The thread that holds a mutex, to be shown.
    pub(crate) holder_tid: AtomicU32,
    /// 1: a line of a native semaphore's ledger may say that a doubt is left.
    pub(crate) doubts: AtomicU32,
    /// One more than the last line of a native semaphore's ledger that was ever used.
    pub(crate) lines_used: AtomicU32,
    /// With how many units a native semaphore was made; written by its maker only. 0: not known.
    pub(crate) units: AtomicU32,
    /// Until when the gate of a native semaphore is shut at most, on the monotonic clock.
    pub(crate) gate_until: AtomicU64,
    reserved: [AtomicU32; 2],
}

impl Hot {
    /// The state word of a mutex, or a semaphore's gate.
    #[inline(always)]
    pub(crate) fn owned(&self) -> &OwnedWord {
        // SAFETY: `OwnedWord` is a transparent wrapper of an `AtomicU32`.
        unsafe { view(&self.state) }
    }
}

/// What is written down now and then.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Records {
    /// 1: the object stays when its last user leaves.
    pub(crate) persistent: AtomicU32,
    /// One more than the highest slot that was ever taken: a hint for readers.
    pub(crate) slots_used: AtomicU32,
    pub(crate) contended: AtomicU64,
    pub(crate) recovered: AtomicU64,
    /// The last holder that died.
    pub(crate) dead_pid: AtomicU32,
    pub(crate) dead_tid: AtomicU32,
    pub(crate) dead_cause: AtomicU32,
    /// 1: the object may be used. Not before a shared memory's own file has its name, nor while the object
    /// is made anew.
    pub(crate) ready: AtomicU32,
    pub(crate) dead_noticed: AtomicU64,
    /// A shared memory's own file, if procsync made it (`FileId::to_record`), else 0.
    pub(crate) data_device: AtomicU64,
    pub(crate) data_number: AtomicU64,
}

/// Where it says whether the object may be used.
pub(crate) const READY_AT: usize = RECORDS_AT + offset_of!(Records, ready);

/// Where readers find the hint how many slots to read.
pub(crate) const SLOTS_USED_AT: u64 = (RECORDS_AT + offset_of!(Records, slots_used)) as u64;

/// One participant.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Slot {
    /// 0: nobody was here, or left in good order.
    pub(crate) pid: AtomicU32,
    /// 0: the whole process.
    pub(crate) tid: AtomicU32,
    pub(crate) started: AtomicU64,
    pub(crate) namespace: AtomicU32,
    /// 1: its life word tells whether its thread lives.
    pub(crate) bears_life: AtomicU32,
    pub(crate) attached_at: AtomicU64,
    /// 0: it does not wait.
    pub(crate) waiting_since: AtomicU64,
    /// When its sleep ends at the latest, ns since 1970.
    pub(crate) wakes_at: AtomicU64,
    /// The name of its process, or what it was told to be shown as.
    pub(crate) label: [AtomicU64; 2],
}

/// One permit, or a line of a native semaphore's ledger.
#[repr(C, align(32))]
#[derive(Debug)]
pub(crate) struct Permit {
    pub(crate) word: OwnedWord,
    /// The thread that took it, to be shown.
    pub(crate) tid: AtomicU32,
    pub(crate) acquired_at: AtomicU64,
    /// Who died holding it; written by who recovers it, under the dead one's byte lock.
    pub(crate) dead_pid: AtomicU32,
    pub(crate) dead_tid: AtomicU32,
    pub(crate) dead_cause: AtomicU32,
    reserved: AtomicU32,
}

const _: () = {
    assert!(size_of::<Hot>() == 64);
    assert!(size_of::<Records>() == 64);
    assert!(size_of::<Slot>() == SLOT_SIZE);
    assert!(size_of::<Permit>() == PERMIT_SIZE);
    assert!(size_of::<OwnedWord>() == 4 && size_of::<WaitQueue>() == 12);
};

/// The same word, seen as one of the algorithms sees it.
///
/// # Safety
/// `Word` must be a `repr(transparent)` wrapper of an `AtomicU32`.
pub(crate) unsafe fn view<Word>(word: &AtomicU32) -> &Word {
    const { assert!(size_of::<Word>() == 4 && align_of::<Word>() == 4) };
    // SAFETY: by the caller's promise it is the same type in memory, and the lifetime is the same.
    unsafe { &*std::ptr::from_ref(word).cast() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            kind: Kind::Semaphore,
            flags: 0,
            slots: 1_024,
            capacity: 7,
            data_size: 0,
            data_align: 1,
            created: 99,
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let size = facts().places().file_size;
        assert_eq!(Facts::from_bytes(&facts().to_bytes(), size), Ok(facts()));
    }

    #[test]
    fn a_file_of_another_size_is_refused() {
        let size = facts().places().file_size;
        for wrong in [0, size - 1, size + 1, u64::MAX] {
            assert!(Facts::from_bytes(&facts().to_bytes(), wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = facts().to_bytes();
        bytes[8..12].copy_from_slice(&77_u32.to_ne_bytes());
        assert_eq!(Facts::from_bytes(&bytes, 0), Err(BadHeader::Version(77)));
    }

    #[test]
    fn another_byte_order_is_told() {
        let mut bytes = facts().to_bytes();
        bytes[..8].reverse();
        let Err(BadHeader::Damaged(reason)) = Facts::from_bytes(&bytes, 0) else { panic!() };
        assert!(reason.contains("byte order"), "{reason}");
    }

    #[test]
    fn any_flipped_byte_is_refused_or_harmless() {
        let good = facts().to_bytes();
        let size = facts().places().file_size;
        for at in 0..HEADER_SIZE {
            for bit in 0..8 {
                let mut bytes = good;
                bytes[at] ^= 1 << bit;
                if let Ok(read) = Facts::from_bytes(&bytes, size) {
                    assert_eq!(read.places().file_size, size, "byte {at} bit {bit}");
                }
            }
        }
    }
}
