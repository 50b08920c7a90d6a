//! How an object is opened.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Outcome, bytes, call, required, text};
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::status::{
    procsync_on_abandoned, procsync_ownership, procsync_scope, procsync_spin, procsync_status,
};
use procsync::native::NativeOptions;
use procsync::{Named, OnAbandoned, Options, Ownership, Scope, Spin};
use std::ffi::{c_char, c_int, c_void};
use std::sync::{Mutex, PoisonError};

/// How objects are opened, where that is not the default. One may serve for many objects.
pub struct procsync_options {
    _private: [u8; 0],
}

impl Opaque for procsync_options {
    type Object = Mutex<Settings>;
    const TAG: u64 = u64::from_ne_bytes(*b"options\x01");
}

#[derive(Clone, Default)]
pub(crate) struct Settings {
    scope: Scope,
    persistent: bool,
    participants: Option<u32>,
    spin: Option<Spin>,
    pub(crate) ownership: Ownership,
    pub(crate) on_abandoned: OnAbandoned,
    pub(crate) initially_set: bool,
    pub(crate) data: Option<Data>,
    initial_count: Option<u32>,
    semaphore_mode: Option<u32>,
    without_ledger: bool,
}

/// What a mutex guards.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) size: u64,
    pub(crate) align: u32,
    pub(crate) initial: Vec<u8>,
}

impl Settings {
    /// The settings that the caller gave, or the defaults for a null pointer.
    ///
    /// # Safety
    /// As for [`handle::object`].
    pub(crate) unsafe fn of(options: *const procsync_options) -> Outcome<Settings> {
        if options.is_null() {
            return Ok(Settings::default());
        }
        // SAFETY: the caller's promise.
        let settings = unsafe { handle::object(options) }?;
        Ok(settings.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// How one of the system's own semaphores is to be.
    pub(crate) fn native(&self) -> NativeOptions {
        let mut options = NativeOptions::new().scope(self.scope).ledger(!self.without_ledger);
        if let Some(units) = self.initial_count {
            options = options.initial(units);
        }
        if let Some(mode) = self.semaphore_mode {
            options = options.mode(mode);
        }
        if let Some(participants) = self.participants {
            options = options.participants(participants);
        }
        options
    }

    /// Adds what all kinds of objects have.
    pub(crate) fn common<O: Named>(&self, options: Options<O>) -> Options<O> {
        let options = options.scope(self.scope).persistent(self.persistent);
        let options = match self.participants {
            Some(participants) => options.participants(participants),
            None => options,
        };
        match self.spin {
            Some(spin) => options.spin(spin),
            None => options,
        }
    }
}

/// Whether an object is to be there, or not, or either.
#[derive(Clone, Copy)]
pub(crate) enum How {
    Open,
    Create,
    Attach,
}

/// Opens an object in the way that one of its functions stands for.
///
/// # Safety
/// As for [`text`].
pub(crate) unsafe fn obtain<O: Named>(
    options: &Options<O>,
    how: How,
    name: *const c_char,
) -> Outcome<O> {
    // SAFETY: the caller's promise.
    let name = unsafe { text(name) }?;
    Ok(match how {
        How::Open => options.open(name),
        How::Create => options.create(name),
        How::Attach => options.attach(name),
    }?)
}

const ADAPTIVE: i32 = procsync_spin::PROCSYNC_SPIN_ADAPTIVE as i32;
const NEVER: i32 = procsync_spin::PROCSYNC_SPIN_NEVER as i32;

/// A scope's number as a scope.
pub(crate) fn scope(number: i32, mode: u32) -> Outcome<Scope> {
    match procsync_scope::of(number) {
        Some(procsync_scope::PROCSYNC_SCOPE_USER) => Ok(Scope::User),
        Some(procsync_scope::PROCSYNC_SCOPE_MACHINE) => Ok(Scope::Machine { mode }),
        None => Err(Failure::argument("a scope is one of procsync_scope")),
    }
}

/// Makes options that say what is the default. Free them with procsync_options_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_new(
    options: *mut *mut procsync_options,
) -> procsync_status {
    call(c"procsync_options_new", || {
        let to = required(options)?;
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, "", Mutex::new(Settings::default())) };
        Ok(())
    })
}

/// Frees options. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_free(options: *mut procsync_options) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_options_free", options) }
}

/// # Safety
/// As for [`handle::on`].
unsafe fn change(
    operation: &'static std::ffi::CStr,
    options: *mut procsync_options,
    body: impl FnOnce(&mut Settings) -> Outcome,
) -> procsync_status {
    let body = |settings: &Mutex<Settings>| {
        body(&mut settings.lock().unwrap_or_else(PoisonError::into_inner))
    };
    // SAFETY: the caller's promise.
    unsafe { handle::on(operation, options, body) }
}

/// Who can see the object: a procsync_scope. `mode` is for PROCSYNC_SCOPE_MACHINE: the permissions
/// of the object's file as in chmod(2), 0666 for everybody; it is not cut by the umask.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_scope(
    options: *mut procsync_options,
    scope: i32,
    mode: u32,
) -> procsync_status {
    let change_scope = |settings: &mut Settings| {
        settings.scope = self::scope(scope, mode)?;
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_scope", options, change_scope) }
}

/// Not 0: the object stays when its last user leaves or dies. Counts when it is created.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_persistent(
    options: *mut procsync_options,
    persistent: c_int,
) -> procsync_status {
    let change_persistent = |settings: &mut Settings| {
        settings.persistent = persistent != 0;
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_persistent", options, change_persistent) }
}

/// How many participants can use the object at once, 1 to 65,536 (default: 1,024). A process that
/// has it open is one, and so is each thread that owns it or sleeps for it. Counts when it is
/// created.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_participants(
    options: *mut procsync_options,
    participants: u32,
) -> procsync_status {
    let change_participants = |settings: &mut Settings| {
        settings.participants = Some(participants);
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_participants", options, change_participants) }
}

/// How long waits spin before they sleep: a procsync_spin, or a number of pauses. Default: what the
/// environment variable PROCSYNC_SPIN says, else adaptive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_spin(
    options: *mut procsync_options,
    spin: i32,
) -> procsync_status {
    let change_spin = |settings: &mut Settings| {
        settings.spin = Some(match spin {
            ADAPTIVE => Spin::Adaptive,
            NEVER => Spin::Never,
            1.. => Spin::Pauses(spin.unsigned_abs()),
            _ => return Err(Failure::argument("a spin is one of procsync_spin, or above 0")),
        });
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_spin", options, change_spin) }
}

/// Who owns a mutex that is locked through the handle: a procsync_ownership. Not for reentrant
/// mutexes, which threads own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_ownership(
    options: *mut procsync_options,
    ownership: i32,
) -> procsync_status {
    let change_ownership = |settings: &mut Settings| {
        settings.ownership = match procsync_ownership::of(ownership) {
            Some(procsync_ownership::PROCSYNC_OWNERSHIP_THREAD) => Ownership::Thread,
            Some(procsync_ownership::PROCSYNC_OWNERSHIP_PROCESS) => Ownership::Process,
            None => return Err(Failure::argument("an ownership is one of procsync_ownership")),
        };
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_ownership", options, change_ownership) }
}

/// What a mutex's handle does when a holder died: a procsync_on_abandoned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_on_abandoned(
    options: *mut procsync_options,
    on_abandoned: i32,
) -> procsync_status {
    let change_policy = |settings: &mut Settings| {
        settings.on_abandoned = match procsync_on_abandoned::of(on_abandoned) {
            Some(procsync_on_abandoned::PROCSYNC_ON_ABANDONED_REPORT) => OnAbandoned::Report,
            Some(procsync_on_abandoned::PROCSYNC_ON_ABANDONED_REFUSE) => OnAbandoned::Refuse,
            Some(procsync_on_abandoned::PROCSYNC_ON_ABANDONED_IGNORE) => OnAbandoned::Ignore,
            None => return Err(Failure::argument("a policy is one of procsync_on_abandoned")),
        };
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_on_abandoned", options, change_policy) }
}

/// Not 0: an event is set when it is created.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_initially_set(
    options: *mut procsync_options,
    set: c_int,
) -> procsync_status {
    let change_set = |settings: &mut Settings| {
        settings.initially_set = set != 0;
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_initially_set", options, change_set) }
}

/// The data that a mutex guards: its size in bytes, its alignment (a power of two up to 4,096), and
/// what it is when the mutex is created: `size` bytes, which are copied, or null for zeros. An
/// existing mutex must guard data of the same size and alignment. See procsync_mutex_read().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_data(
    options: *mut procsync_options,
    size: u64,
    align: u32,
    initial: *const c_void,
) -> procsync_status {
    let change_data = |settings: &mut Settings| {
        let length = if initial.is_null() { 0 } else { size };
        let length = usize::try_from(length)
            .map_err(|_| Failure::argument("a length is beyond all memory"))?;
        // SAFETY: the C caller's promise.
        let initial = unsafe { bytes(initial.cast(), length) }?.to_vec();
        settings.data = Some(Data { size, align, initial });
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_data", options, change_data) }
}

/// For native semaphores: how many units it has if it is made (default: 1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_initial_count(
    options: *mut procsync_options,
    units: u32,
) -> procsync_status {
    let body = |settings: &mut Settings| {
        settings.initial_count = Some(units);
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_initial_count", options, body) }
}

/// For native semaphores: who may use the system's semaphore if it is made, as in chmod(2); cut by the
/// umask (default: 0644). Who shares its ledger is what the scope says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_semaphore_mode(
    options: *mut procsync_options,
    mode: u32,
) -> procsync_status {
    let body = |settings: &mut Settings| {
        settings.semaphore_mode = Some(mode);
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_semaphore_mode", options, body) }
}

/// For native semaphores: 0 for no ledger. Then nobody knows who holds, and what a dead holder held is
/// lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_options_set_ledger(
    options: *mut procsync_options,
    ledger: c_int,
) -> procsync_status {
    let body = |settings: &mut Settings| {
        settings.without_ledger = ledger == 0;
        Ok(())
    };
    // SAFETY: the C caller's promise.
    unsafe { change(c"procsync_options_set_ledger", options, body) }
}
