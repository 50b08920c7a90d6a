//! Who holds, who waits.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Outcome, call, required};
use crate::deceased::nanoseconds;
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::status::procsync_status;
use procsync::Participant;
use std::ffi::{CStr, CString, c_char};

/// A process or thread that holds an object or waits for it. Read it by pointer only, never copy it
/// whole: later versions may add fields at its end.
#[repr(C)]
pub struct procsync_participant {
    /// Its process id, in its own pid namespace.
    pub pid: u32,
    /// Its thread id; 0 if no thread of the process is known.
    pub tid: u32,
    /// Its command line if it can be read here, else the name that it left.
    pub command: *const c_char,
    /// Since when it holds or waits, in nanoseconds since 1970; 0: not known.
    pub since_ns: u64,
    /// It died, and nobody has taken its place yet.
    pub dead: bool,
    /// Its pid means nothing here: it lives in another pid namespace.
    pub foreign_namespace: bool,
}

/// A list of participants.
pub struct procsync_participants {
    _private: [u8; 0],
}

impl Opaque for procsync_participants {
    type Object = List;
    const TAG: u64 = u64::from_ne_bytes(*b"people.\x01");
}

/// Participants as C reads them.
pub(crate) struct List {
    rows: Box<[procsync_participant]>,
    /// What `command` points to.
    _commands: Box<[CString]>,
    pointers: Box<[*const procsync_participant]>,
}

// SAFETY: nothing in it changes once it is made, and its pointers lead to what it owns.
unsafe impl Send for List {}
// SAFETY: as above.
unsafe impl Sync for List {}

impl List {
    pub(crate) fn new(participants: Vec<Participant>) -> List {
        let (rows, commands): (Vec<_>, Vec<_>) = participants
            .into_iter()
            .map(|participant| {
                let command: Vec<u8> = participant
                    .command
                    .into_bytes()
                    .into_iter()
                    .filter(|byte| *byte != 0)
                    .collect();
                let command = CString::new(command).unwrap_or_default();
                let row = procsync_participant {
                    pid: participant.pid,
                    tid: participant.tid,
                    // What it points to does not move when the CString does.
                    command: command.as_ptr(),
                    since_ns: nanoseconds(participant.since),
                    dead: participant.dead,
                    foreign_namespace: participant.foreign_namespace,
                };
                (row, command)
            })
            .unzip();
        let rows = rows.into_boxed_slice();
        let pointers = rows.iter().map(std::ptr::from_ref).collect();
        List { rows, _commands: commands.into(), pointers }
    }

    /// An array of pointers, one to each: so the rows may grow in later versions.
    pub(crate) fn pointers(&self) -> &[*const procsync_participant] {
        &self.pointers
    }
}

/// A function on an object that answers a list.
///
/// # Safety
/// As for [`handle::ask`].
pub(crate) unsafe fn give<O: Opaque>(
    operation: &'static CStr,
    handle: *const O,
    to: *mut *mut procsync_participants,
    body: impl FnOnce(&O::Object) -> Outcome<Vec<Participant>>,
) -> procsync_status {
    call(operation, || {
        let to = required(to)?;
        // SAFETY: the caller's promise.
        let list = List::new(body(unsafe { handle::object(handle) }?)?);
        // SAFETY: the caller's promise.
        unsafe { handle::give(to, "", list) };
        Ok(())
    })
}

/// How many there are in the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_participants_count(
    participants: *const procsync_participants,
    count: *mut usize,
) -> procsync_status {
    let body = |list: &List| Ok(list.rows.len());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_participants_count", participants, count, body) }
}

/// One of the list, counted from 0, for as long as the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_participants_get(
    participants: *const procsync_participants,
    index: usize,
    participant: *mut *const procsync_participant,
) -> procsync_status {
    let body = |list: &List| {
        let row = list.pointers.get(index).copied();
        row.ok_or(Failure::argument("there are fewer participants in the list"))
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_participants_get", participants, participant, body) }
}

/// Frees a list. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_participants_free(
    participants: *mut procsync_participants,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_participants_free", participants) }
}
