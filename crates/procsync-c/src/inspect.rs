//! Objects as a stranger sees them.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Outcome, call, required, text};
use crate::deceased::nanoseconds;
use crate::failure::{Failure, kind_number};
use crate::handle::{self, Opaque};
use crate::last_error;
use crate::options::scope;
use crate::participants::{List, procsync_participant};
use crate::status::{procsync_state, procsync_status};
use procsync::inspect::{self, Snapshot, State};
use procsync::native::Accounts;
use std::ffi::{CString, c_char};

/// An object at one moment. Read it by pointer only, never copy it whole: later versions may add
/// fields at its end.
#[repr(C)]
pub struct procsync_snapshot {
    /// What it is called.
    pub name: *const c_char,
    /// What it is: a procsync_kind.
    pub kind: i32,
    /// How it stands: a procsync_state.
    pub state: i32,
    /// How many permits or tokens there are to be had; of a native semaphore see `native_free`.
    pub available: u32,
    /// How many permits a semaphore has. Of a native one how many units it was made with, 0: not known.
    pub capacity: u32,
    /// How many bytes a shared memory has.
    pub bytes: u64,
    /// Who holds it: an array of `holder_count` pointers. One row for a mutex, one per held permit.
    pub holders: *const *const procsync_participant,
    /// How many there are.
    pub holder_count: usize,
    /// Who sleeps because of it: an array of `waiter_count` pointers.
    pub waiters: *const *const procsync_participant,
    /// How many there are.
    pub waiter_count: usize,
    /// How many live processes have it open.
    pub processes: u32,
    /// Whether it stays when its last user leaves.
    pub persistent: bool,
    /// When it was made, in nanoseconds since 1970; 0: not known.
    pub created_ns: u64,
    /// How often a mutex was acquired.
    pub grants: u64,
    /// How often somebody had to sleep for it.
    pub contended: u64,
    /// How often something was taken back from a dead holder.
    pub recovered: u64,
    /// Of a native semaphore: how many units are free; -1: not known.
    pub native_free: i64,
    /// Of a native semaphore: how many units belonged to dead users, and go to the next one.
    pub native_abandoned: u32,
    /// Of a native semaphore: how many users died while they took or gave back, so that it cannot be told
    /// whether a unit went with them.
    pub native_doubtful: u32,
    /// Of a native semaphore: how many units are neither free nor known to be held; -1: not known.
    pub native_unknown: i64,
}

/// What a look at objects found.
pub struct procsync_snapshots {
    _private: [u8; 0],
}

impl Opaque for procsync_snapshots {
    type Object = Found;
    const TAG: u64 = u64::from_ne_bytes(*b"looks..\x01");
}

/// Snapshots as C reads them, and the errors of what could not be looked at.
pub(crate) struct Found(Box<[Result<Box<Shown>, Failure>]>);

struct Shown {
    snapshot: procsync_snapshot,
    /// What its pointers point to.
    _name: CString,
    _holders: List,
    _waiters: List,
}

// SAFETY: nothing in it changes once it is made, and its pointers lead to what it owns.
unsafe impl Send for Shown {}
// SAFETY: as above.
unsafe impl Sync for Shown {}

impl Shown {
    fn new(seen: Snapshot) -> Box<Shown> {
        let (state, available, capacity, bytes) = match seen.state {
            State::Free => (procsync_state::PROCSYNC_STATE_FREE, 0, 0, 0),
            State::Held => (procsync_state::PROCSYNC_STATE_HELD, 0, 0, 0),
            State::Abandoned => (procsync_state::PROCSYNC_STATE_ABANDONED, 0, 0, 0),
            State::Permits { available, capacity } => {
                (procsync_state::PROCSYNC_STATE_PERMITS, available, capacity, 0)
            }
            State::Tokens(tokens) => (procsync_state::PROCSYNC_STATE_TOKENS, tokens, 0, 0),
            State::Set => (procsync_state::PROCSYNC_STATE_SET, 0, 0, 0),
            State::Unset => (procsync_state::PROCSYNC_STATE_UNSET, 0, 0, 0),
            State::Bytes(bytes) => (procsync_state::PROCSYNC_STATE_BYTES, 0, 0, bytes),
            State::Native(accounts) => (
                procsync_state::PROCSYNC_STATE_NATIVE,
                accounts.free.unwrap_or(0),
                accounts.capacity.unwrap_or(0),
                0,
            ),
            _ => (procsync_state::PROCSYNC_STATE_OTHER, 0, 0, 0),
        };
        let native = match seen.state {
            State::Native(accounts) => accounts,
            _ => Accounts::default(),
        };
        let count = |number: Option<u32>| number.map_or(-1, i64::from);
        let name = CString::new(seen.name.as_str()).unwrap_or_default();
        let (holders, waiters) = (List::new(seen.holders), List::new(seen.waiters));
        let snapshot = procsync_snapshot {
            // What these point to does not move when its owners do.
            name: name.as_ptr(),
            holders: holders.pointers().as_ptr(),
            waiters: waiters.pointers().as_ptr(),
            holder_count: holders.pointers().len(),
            waiter_count: waiters.pointers().len(),
            kind: kind_number(seen.kind) as i32,
            state: state as i32,
            available,
            capacity,
            bytes,
            processes: seen.processes,
            persistent: seen.persistent,
            created_ns: nanoseconds(seen.created),
            grants: seen.grants,
            contended: seen.contended,
            recovered: seen.recovered,
            native_free: count(native.free),
            native_abandoned: native.abandoned,
            native_doubtful: native.doubtful,
            native_unknown: count(native.unknown),
        };
        Box::new(Shown { snapshot, _name: name, _holders: holders, _waiters: waiters })
    }
}

/// Looks at all objects of a procsync_scope, in the order of their names. Takes nothing and
/// disturbs nobody. Free what was found with procsync_snapshots_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_inspect_list(
    scope: i32,
    found: *mut *mut procsync_snapshots,
) -> procsync_status {
    call(c"procsync_inspect_list", || {
        let to = required(found)?;
        let seen = inspect::list(self::scope(scope, 0)?)?;
        let shown = |seen: procsync::Result<Snapshot>| match seen {
            Ok(seen) => Ok(Shown::new(seen)),
            Err(error) => Err(Failure::Named(error)),
        };
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, "", Found(seen.into_iter().map(shown).collect())) };
        Ok(())
    })
}

/// Looks at one object, or at the native semaphore if no object has this name; PROCSYNC_NOT_FOUND if
/// there is neither. What was found is a list
/// of one. Free it with procsync_snapshots_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_inspect_show(
    name: *const c_char,
    scope: i32,
    found: *mut *mut procsync_snapshots,
) -> procsync_status {
    call(c"procsync_inspect_show", || {
        let to = required(found)?;
        // SAFETY: the C caller's promise.
        let name = unsafe { text(name) }?;
        let seen = inspect::show(name, self::scope(scope, 0)?)?;
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, "", Found([Ok(Shown::new(seen))].into())) };
        Ok(())
    })
}

/// Looks at the ledger of the native semaphore of this name, also if another object has the same name;
/// PROCSYNC_NOT_FOUND if there is none. Else as procsync_inspect_show().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_inspect_show_native(
    name: *const c_char,
    scope: i32,
    found: *mut *mut procsync_snapshots,
) -> procsync_status {
    call(c"procsync_inspect_show_native", || {
        let to = required(found)?;
        // SAFETY: the C caller's promise.
        let name = unsafe { text(name) }?;
        let seen = inspect::show_native(name, self::scope(scope, 0)?)?;
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, "", Found([Ok(Shown::new(seen))].into())) };
        Ok(())
    })
}

/// How many objects were found.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_snapshots_count(
    found: *const procsync_snapshots,
    count: *mut usize,
) -> procsync_status {
    let body = |found: &Found| Ok(found.0.len());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_snapshots_count", found, count, body) }
}

/// One object that was found, counted from 0, for as long as the list. If it could not be looked at,
/// because it is damaged, say, this answers why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_snapshots_get(
    found: *const procsync_snapshots,
    index: usize,
    snapshot: *mut *const procsync_snapshot,
) -> procsync_status {
    let operation = c"procsync_snapshots_get";
    let mut why = None;
    let body = |found: &Found| -> Outcome {
        let to = required(snapshot)?;
        match found.0.get(index) {
            // SAFETY: the C caller's promise.
            Some(Ok(shown)) => unsafe { to.give(&raw const shown.snapshot) },
            Some(Err(failure)) => why = Some(last_error::set(operation, failure)),
            None => return Err(Failure::argument("fewer objects were found")),
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    let status = unsafe { handle::on(operation, found, body) };
    why.unwrap_or(status)
}

/// Frees what was found. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_snapshots_free(
    found: *mut procsync_snapshots,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_snapshots_free", found) }
}
