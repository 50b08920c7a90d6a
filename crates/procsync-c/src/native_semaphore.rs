//! The system's own semaphores by name.
#![allow(unsafe_code)] // pointers that C gives, a function of the caller's

use crate::boundary::{Outcome, Patience, call, optional, patience, required, text};
use crate::deceased::tell;
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::interrupt::waiting;
use crate::of_thread::OfThread;
use crate::options::{Settings, procsync_options, scope};
use crate::participants::{self, procsync_participants};
use crate::status::{
    procsync_kind, procsync_native_event, procsync_native_flag, procsync_native_step,
    procsync_status,
};
use procsync::native::{self, Change, NativeSemaphore, Observer, Step};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::rc::Rc;

/// One of the system's own semaphores (what `sem_open` and `CreateSemaphoreW` make), as one thread uses
/// it: for programs that must share one with software that does not use this library. Its life:
/// instantiate, open, lock (and lock …), unlock (and unlock …), close, unlink; then free the handle. A
/// step out of this order is PROCSYNC_OUT_OF_ORDER and changes nothing.
///
/// It belongs to the thread that instantiated it; in any other one, every function answers
/// PROCSYNC_WRONG_THREAD, also the one that frees it. Another thread instantiates its own, which waits
/// for this one like any other program.
pub struct procsync_native {
    _private: [u8; 0],
}

impl Opaque for procsync_native {
    type Object = OfThread<Instance>;
    const TAG: u64 = u64::from_ne_bytes(*b"native.\x01");
}

pub(crate) struct Instance {
    semaphore: NativeSemaphore,
    uuid: CString,
    /// How the last lock or unlock by this handle changed the counts.
    changed: Cell<(Change, Change)>,
}

const NOTHING: Change = Change { from: 0, to: 0 };

/// # Safety
/// As for [`handle::on`].
unsafe fn on(
    operation: &'static CStr,
    semaphore: *const procsync_native,
    body: impl FnOnce(&Instance) -> Outcome,
) -> procsync_status {
    // SAFETY: the caller's promise.
    unsafe { handle::on(operation, semaphore, |instance| body(instance.get()?)) }
}

/// # Safety
/// As for [`handle::ask`].
unsafe fn ask<T>(
    operation: &'static CStr,
    semaphore: *const procsync_native,
    to: *mut T,
    body: impl FnOnce(&Instance) -> Outcome<T>,
) -> procsync_status {
    // SAFETY: the caller's promise.
    unsafe { handle::ask(operation, semaphore, to, |instance| body(instance.get()?)) }
}

/// The calling thread's instance for this name, whose prefix `/`, `Global\` or `Local\` is taken off:
/// the same one each time (behind another handle), until it is closed; PROCSYNC_MISMATCH if it has other
/// options. Null options are the defaults: one unit, mode 0644, a ledger for this user. Nothing
/// is opened yet. Free the handle with procsync_native_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_instantiate(
    name: *const c_char,
    options: *const procsync_options,
    semaphore: *mut *mut procsync_native,
) -> procsync_status {
    call(c"procsync_native_instantiate", || {
        let to = required(semaphore)?;
        // SAFETY: the C caller's promise.
        let name = unsafe { text(name) }?;
        // SAFETY: the C caller's promise.
        let settings = unsafe { Settings::of(options) }?;
        let semaphore = settings.native().instantiate(name)?;
        let name = semaphore.name().to_owned();
        let uuid = CString::new(semaphore.identity().uuid).unwrap_or_default();
        let instance = Instance { semaphore, uuid, changed: Cell::new((NOTHING, NOTHING)) };
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, &name, OfThread::new(instance)) };
        Ok(())
    })
}

/// Frees the handle; null is allowed. With the last handle of an instance, it is closed. If it is locked
/// then, what it holds is left for the next user of this library, as if its holder had died.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_free(semaphore: *mut procsync_native) -> procsync_status {
    if !semaphore.is_null() {
        // In another thread it stays as it is.
        // SAFETY: the C caller's promise.
        let ours = unsafe { on(c"procsync_native_free", semaphore, |_| Ok(())) };
        if ours != procsync_status::PROCSYNC_OK {
            return ours;
        }
    }
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_native_free", semaphore) }
}

/// Opens the semaphore, and makes it if there is none, which `created` (or null) is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_open(
    semaphore: *const procsync_native,
    created: *mut bool,
) -> procsync_status {
    let open = |instance: &Instance| {
        let to = optional(created)?;
        let opened = instance.semaphore.open()?;
        if let Some(to) = to {
            // SAFETY: the C caller's promise.
            unsafe { to.give(opened.created) };
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_open", semaphore, open) }
}

/// Waits until there is a unit and takes it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for not at
/// all. If it is locked already, this only counts. `abandoned` (or null) is told whether the one
/// that had this unit died; then what the semaphore guards may be half changed, and
/// procsync_last_deceased() says who it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_lock(
    semaphore: *const procsync_native,
    timeout_ns: i64,
    abandoned: *mut bool,
) -> procsync_status {
    let lock = |instance: &Instance| {
        let abandoned = optional(abandoned)?;
        let semaphore = &instance.semaphore;
        let locked = match patience(timeout_ns)? {
            Patience::None => semaphore.try_lock()?.ok_or_else(|| not_at_once(semaphore))?,
            Patience::Some(timeout) => waiting(|| Ok(semaphore.lock_for(timeout)?))?,
            Patience::Endless => waiting(|| Ok(semaphore.lock()?))?,
        };
        instance.changed.set((locked.depth, locked.process));
        // SAFETY: the C caller's promise.
        unsafe { tell(abandoned, locked.abandoned) };
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_lock", semaphore, lock) }
}

#[cold]
fn not_at_once(semaphore: &NativeSemaphore) -> Failure {
    Failure::NotAtOnce(procsync_kind::PROCSYNC_KIND_NATIVE_SEMAPHORE, semaphore.name().to_owned())
}

/// Undoes the last lock; the outermost unlock gives the unit back to the system.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_unlock(
    semaphore: *const procsync_native,
) -> procsync_status {
    let unlock = |instance: &Instance| {
        let unlocked = instance.semaphore.unlock()?;
        instance.changed.set((unlocked.depth, unlocked.process));
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_unlock", semaphore, unlock) }
}

/// Closes the semaphore, which itself stays until it is unlinked (on Windows until its last user has
/// closed it). Not while it is locked. The handle stays until it is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_close(
    semaphore: *const procsync_native,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_close", semaphore, |instance| Ok(instance.semaphore.close()?)) }
}

/// Takes the semaphore's name away, after it was closed; `was_there` (or null) is told whether it still
/// had one. Who has it open goes on with it. On Windows this only sets a mark: a semaphore goes there
/// with its last user.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_unlink(
    semaphore: *const procsync_native,
    was_there: *mut bool,
) -> procsync_status {
    let unlink = |instance: &Instance| {
        let to = optional(was_there)?;
        let answer = instance.semaphore.unlink()?;
        if let Some(to) = to {
            // SAFETY: the C caller's promise.
            unsafe { to.give(answer) };
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_unlink", semaphore, unlink) }
}

/// Takes a semaphore's name away without opening it, and its ledger in a procsync_scope; `was_there` (or
/// null) is told whether there was one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_unlink_name(
    name: *const c_char,
    scope: i32,
    was_there: *mut bool,
) -> procsync_status {
    call(c"procsync_native_unlink_name", || {
        let to = optional(was_there)?;
        // SAFETY: the C caller's promise.
        let name = unsafe { text(name) }?;
        let answer = native::unlink(name, self::scope(scope, 0)?)?;
        if let Some(to) = to {
            // SAFETY: the C caller's promise.
            unsafe { to.give(answer) };
        }
        Ok(())
    })
}

/// How it stands: the sum of those procsync_native_flag that hold.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_status(
    semaphore: *const procsync_native,
    flags: *mut u32,
) -> procsync_status {
    let body = |instance: &Instance| {
        let status = instance.semaphore.status();
        let flags = [
            (status.opened, procsync_native_flag::PROCSYNC_NATIVE_OPENED),
            (status.locked, procsync_native_flag::PROCSYNC_NATIVE_LOCKED),
            (status.reentrant, procsync_native_flag::PROCSYNC_NATIVE_REENTRANT),
            (status.closed, procsync_native_flag::PROCSYNC_NATIVE_CLOSED),
            (status.unlinked, procsync_native_flag::PROCSYNC_NATIVE_UNLINKED),
        ];
        let set = flags.into_iter().filter(|(is_so, _)| *is_so);
        Ok(set.map(|(_, flag)| flag as u32).sum())
    };
    // SAFETY: the C caller's promise.
    unsafe { ask(c"procsync_native_status", semaphore, flags, body) }
}

/// Both counts as of one moment, each to a pointer (or null): how often it is locked, one within the
/// other, and whether it has a unit of the system's semaphore (1, else 0).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_counts(
    semaphore: *const procsync_native,
    depth: *mut u32,
    process: *mut u32,
) -> procsync_status {
    let body = |instance: &Instance| {
        let places = [optional(depth)?, optional(process)?];
        let counts = instance.semaphore.counts();
        for (place, count) in places.into_iter().zip([counts.depth, counts.process]) {
            if let Some(place) = place {
                // SAFETY: the C caller's promise.
                unsafe { place.give(count) };
            }
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_counts", semaphore, body) }
}

/// How the last lock or unlock by this handle changed the counts, each to a pointer (or null); zeros
/// before the first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_changes(
    semaphore: *const procsync_native,
    depth_from: *mut u32,
    depth_to: *mut u32,
    process_from: *mut u32,
    process_to: *mut u32,
) -> procsync_status {
    let body = |instance: &Instance| {
        let places = [
            optional(depth_from)?,
            optional(depth_to)?,
            optional(process_from)?,
            optional(process_to)?,
        ];
        let (depth, process) = instance.changed.get();
        let counts = [depth.from, depth.to, process.from, process.to];
        for (place, count) in places.into_iter().zip(counts) {
            if let Some(place) = place {
                // SAFETY: the C caller's promise.
                unsafe { place.give(count) };
            }
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_changes", semaphore, body) }
}

/// The name without prefix, for as long as the handle. In any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_name(
    semaphore: *const procsync_native,
    name: *mut *const c_char,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::name(c"procsync_native_name", semaphore, name) }
}

/// Who the instance is: `name:thread:process` in one text, for as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_uuid(
    semaphore: *const procsync_native,
    uuid: *mut *const c_char,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { ask(c"procsync_native_uuid", semaphore, uuid, |instance| Ok(instance.uuid.as_ptr())) }
}

/// Where the system has put the semaphore (a handle on Windows), once it was opened; else null. Only to
/// tell instances apart.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_address(
    semaphore: *const procsync_native,
    address: *mut *const c_void,
) -> procsync_status {
    let body = |instance: &Instance| {
        let address = instance.semaphore.identity().address.unwrap_or(0);
        Ok(std::ptr::without_provenance(address))
    };
    // SAFETY: the C caller's promise.
    unsafe { ask(c"procsync_native_address", semaphore, address, body) }
}

/// What is known of all its units, each to a pointer (or null), -1 where it is not known: how many it
/// was made with; how many are free; how many are held by users of this library; how many belonged to
/// dead ones and go to the next that wants one; how many users died while they took or gave back, so
/// that it cannot be told whether a unit went with them; and how many are missing: held by programs
/// that do not use this library, or gone with one of those. Without a ledger, nothing is known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_accounts(
    semaphore: *const procsync_native,
    capacity: *mut i64,
    free: *mut i64,
    held: *mut i64,
    abandoned: *mut i64,
    doubtful: *mut i64,
    unknown: *mut i64,
) -> procsync_status {
    let body = |instance: &Instance| {
        let places = [
            optional(capacity)?,
            optional(free)?,
            optional(held)?,
            optional(abandoned)?,
            optional(doubtful)?,
            optional(unknown)?,
        ];
        let accounts = instance.semaphore.accounts()?;
        let of = |number: Option<u32>| number.map_or(-1, i64::from);
        let numbers = match accounts {
            None => [-1; 6],
            Some(accounts) => [
                of(accounts.capacity),
                of(accounts.free),
                i64::from(accounts.held),
                i64::from(accounts.abandoned),
                i64::from(accounts.doubtful),
                of(accounts.unknown),
            ],
        };
        for (place, number) in places.into_iter().zip(numbers) {
            if let Some(place) = place {
                // SAFETY: the C caller's promise.
                unsafe { place.give(number) };
            }
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_accounts", semaphore, body) }
}

/// Who holds its units, as far as they use this library with a ledger. Free the list with
/// procsync_participants_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_holders(
    semaphore: *const procsync_native,
    holders: *mut *mut procsync_participants,
) -> procsync_status {
    let body = |instance: &OfThread<Instance>| Ok(instance.get()?.semaphore.holders()?);
    // SAFETY: the C caller's promise.
    unsafe { participants::give(c"procsync_native_holders", semaphore, holders, body) }
}

/// Gives back to the system what dead users had and nobody has taken over; `count` (or null) is told
/// how many units. Users of this library take them over by themselves; this is for programs that only
/// see the system's count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_reap(
    semaphore: *const procsync_native,
    count: *mut u32,
) -> procsync_status {
    let body = |instance: &Instance| {
        let to = optional(count)?;
        let reaped = instance.semaphore.reap()?;
        if let Some(to) = to {
            // SAFETY: the C caller's promise.
            unsafe { to.give(reaped) };
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_reap", semaphore, body) }
}

/// Gives back all units that are missing: neither free nor known to be held; `count` (or null) is told
/// how many. Only if you know that no program holds one that does not use this library: it would not be
/// alone any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_post_doubtful(
    semaphore: *const procsync_native,
    count: *mut u32,
) -> procsync_status {
    let body = |instance: &Instance| {
        let to = optional(count)?;
        let posted = instance.semaphore.post_doubtful()?;
        if let Some(to) = to {
            // SAFETY: the C caller's promise.
            unsafe { to.give(posted) };
        }
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_post_doubtful", semaphore, body) }
}

/// Told of each step (a procsync_native_step) what becomes of it (a procsync_native_event). It must
/// return: no exception and no longjmp may leave it. It may use the semaphore, but not free it; what it
/// does itself it is not told.
pub type procsync_native_observer =
    Option<unsafe extern "C" fn(context: *mut c_void, step: i32, event: i32)>;

struct Told {
    observer: unsafe extern "C" fn(*mut c_void, i32, i32),
    context: *mut c_void,
}

impl Told {
    fn tell(&self, step: Step, event: procsync_native_event) {
        let step = match step {
            Step::Open => procsync_native_step::PROCSYNC_NATIVE_OPEN as i32,
            Step::Lock => procsync_native_step::PROCSYNC_NATIVE_LOCK as i32,
            Step::Unlock => procsync_native_step::PROCSYNC_NATIVE_UNLOCK as i32,
            Step::Close => procsync_native_step::PROCSYNC_NATIVE_CLOSE as i32,
            Step::Unlink => procsync_native_step::PROCSYNC_NATIVE_UNLINK as i32,
            _ => 0,
        };
        // SAFETY: whoever set it promised a function that may be called with this context, and that it
        // returns.
        unsafe { (self.observer)(self.context, step, event as i32) };
    }
}

impl Observer for Told {
    fn will_attempt(&self, step: Step, _semaphore: &NativeSemaphore) {
        self.tell(step, procsync_native_event::PROCSYNC_NATIVE_WILL_ATTEMPT);
    }

    fn succeeded(&self, step: Step, _semaphore: &NativeSemaphore) {
        self.tell(step, procsync_native_event::PROCSYNC_NATIVE_SUCCEEDED);
    }

    fn failed(&self, step: Step, _semaphore: &NativeSemaphore, _error: &procsync::Error) {
        self.tell(step, procsync_native_event::PROCSYNC_NATIVE_FAILED);
    }
}

/// Has the steps of the instance followed, by whatever handle they are taken, by this function and no
/// other; null: by none. The context is passed on to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_native_observe(
    semaphore: *const procsync_native,
    observer: procsync_native_observer,
    context: *mut c_void,
) -> procsync_status {
    /// Told everything, and does nothing.
    struct Nobody;
    impl Observer for Nobody {}
    let body = |instance: &Instance| {
        instance.semaphore.observe(match observer {
            Some(observer) => Rc::new(Told { observer, context }),
            None => Rc::new(Nobody),
        });
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { on(c"procsync_native_observe", semaphore, body) }
}
