//! sem_overview(7).
//!
//! - Whether a semaphore was made or found is told by `O_EXCL`, so opening is a loop of two steps.
//! - On Linux the C library keeps it in a file of `/dev/shm`, whose inode number tells one semaphore
//!   from the next one of the same name. The number is asked for before and after the opening: if it
//!   changed, what was opened is not known, and it is opened once more.
//! - `sem_clockwait` waits on the monotonic clock (glibc 2.30). Where it is missing, `sem_timedwait`
//!   does, in pieces so short that a jump of the wall clock costs no more than one; where that is
//!   missing too (macOS), `sem_trywait` with growing pauses.
#![allow(unsafe_code)] // the sem_* functions

use super::{Incarnation, Origin, Presence, Refused, SystemName, Waited};
use crate::sys::clock;
use std::ffi::CString;
use std::ptr::NonNull;

/// The most bytes of a name without the slash: `sem.NAME` is a file name; macOS has 31 bytes for slash
/// and name and the zero at the end.
pub(crate) const LONGEST_NAME: usize = if cfg!(target_vendor = "apple") { 29 } else { 251 };

/// The highest count.
pub(crate) const MOST: u32 = i32::MAX as u32;

/// How often a name may change its meaning while it is being opened.
const TRIES: u32 = 1_000;

/// The semaphore of this name, with the prefix that the system wants. (`Local\` has no meaning here.)
pub(crate) fn system_name(bare: &str, _local: bool) -> SystemName {
    SystemName(format!("/{bare}"))
}

/// What is too long about a name, if it is.
pub(crate) fn length_fault(bare: &str, _local: bool) -> Option<String> {
    let (length, most) = (bare.len(), LONGEST_NAME);
    (length > most).then(|| format!("it has {length} bytes, and this system takes {most}"))
}

/// An open semaphore; closed when this goes.
#[derive(Debug)]
pub(crate) struct Semaphore {
    place: NonNull<libc::sem_t>,
}

// SAFETY: the C library's functions on a semaphore may be called by all threads at once.
unsafe impl Send for Semaphore {}
// SAFETY: as above.
unsafe impl Sync for Semaphore {}

fn refused(call: &'static str) -> Refused {
    let code = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    Refused { call, code }
}

fn c_name(name: &SystemName) -> Result<CString, Refused> {
    let bad = |_| Refused { call: "sem_open", code: libc::EINVAL };
    CString::new(name.0.as_str()).map_err(bad)
}

/// Attaches to the semaphore or makes it; `mode` is cut by the umask, as POSIX wants it.
pub(crate) fn open(
    name: &SystemName,
    mode: u32,
    initial: u32,
) -> Result<(Semaphore, Origin, Option<Incarnation>), Refused> {
    for _ in 0..TRIES {
        match attach(name) {
            Ok(Some((semaphore, incarnation))) => {
                return Ok((semaphore, Origin::Found, incarnation));
            }
            Ok(None) => continue, // the name changed its meaning meanwhile
            Err(error) if error.code == libc::ENOENT => {}
            Err(error) => return Err(error),
        }
        match create(name, mode, initial) {
            Ok(made) => {
                if let Ok(incarnation) = incarnation_of(name, &made) {
                    return Ok((made, Origin::Created, incarnation));
                }
                // Else somebody has taken the name away already.
            }
            Err(error) if error.code == libc::EEXIST => {}
            Err(error) => return Err(error),
        }
    }
    Err(Refused { call: "sem_open", code: libc::EBUSY })
}

/// Opens what is there; none: it changed meanwhile.
fn attach(name: &SystemName) -> Result<Option<(Semaphore, Option<Incarnation>)>, Refused> {
    let before = incarnation(name);
    let c_name = c_name(name)?;
    // SAFETY: a string that ends in a zero byte; without O_CREAT there are no further arguments.
    let opened = unsafe { libc::sem_open(c_name.as_ptr(), 0) };
    let semaphore = checked(opened)?;
    // None twice: the name was there only in between.
    let told = before.is_some() || cfg!(not(target_os = "linux"));
    Ok((told && before == incarnation(name)).then_some((semaphore, before)))
}

fn create(name: &SystemName, mode: u32, initial: u32) -> Result<Semaphore, Refused> {
    let c_name = c_name(name)?;
    let flags = libc::O_CREAT | libc::O_EXCL;
    // A variadic argument is passed promoted: where mode_t has 16 bits (macOS), that is to an int.
    let mode = libc::c_uint::from(mode as libc::mode_t);
    // SAFETY: a string that ends in a zero byte, and with O_CREAT the two arguments that POSIX names,
    // in the width to which C promotes them.
    let opened = unsafe { libc::sem_open(c_name.as_ptr(), flags, mode, initial as libc::c_uint) };
    checked(opened)
}

fn checked(opened: *mut libc::sem_t) -> Result<Semaphore, Refused> {
    // The platform's own value: null here, all ones there.
    if opened == libc::SEM_FAILED {
        return Err(refused("sem_open"));
    }
    let place = NonNull::new(opened).ok_or(Refused { call: "sem_open", code: libc::EINVAL })?;
    Ok(Semaphore { place })
}

/// Takes the name away. Who has the semaphore open goes on with it; the next one to open the name makes
/// another one.
pub(crate) fn unlink(name: &SystemName) -> Result<(), Refused> {
    let c_name = c_name(name)?;
    // SAFETY: a string that ends in a zero byte.
    if unsafe { libc::sem_unlink(c_name.as_ptr()) } == 0 {
        Ok(())
    } else {
        Err(refused("sem_unlink"))
    }
}

pub(crate) fn not_there(error: &Refused) -> bool {
    error.code == libc::ENOENT
}

/// Which one it is that was made just now. (It need not be one that could be opened again: its mode may
/// let nobody in.)
#[cfg(target_os = "linux")]
fn incarnation_of(name: &SystemName, _made: &Semaphore) -> Result<Option<Incarnation>, ()> {
    incarnation(name).filter(super::mapped::is_ours).map(Some).ok_or(())
}

#[cfg(not(target_os = "linux"))]
fn incarnation_of(_name: &SystemName, _made: &Semaphore) -> Result<Option<Incarnation>, ()> {
    Ok(None)
}

/// Where the C library keeps semaphores.
#[cfg(target_os = "linux")]
const DIRECTORY: &str = "/dev/shm";
/// What it puts before their names.
#[cfg(target_os = "linux")]
const FILE_PREFIX: &str = if cfg!(target_env = "musl") { "" } else { "sem." };

#[cfg(target_os = "linux")]
fn file(name: &SystemName) -> String {
    let bare = name.0.strip_prefix('/').unwrap_or(&name.0);
    format!("{DIRECTORY}/{FILE_PREFIX}{bare}")
}

#[cfg(target_os = "linux")]
fn incarnation(name: &SystemName) -> Option<Incarnation> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(file(name)).ok()?;
    let birth = found.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let birth = birth.map_or(0, |since| since.as_nanos() as u64);
    Some(Incarnation { device: found.dev(), number: found.ino(), birth })
}

/// On which device new semaphores are made, if the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn device() -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    Some(std::fs::metadata(DIRECTORY).ok()?.dev())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn device() -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
pub(crate) use super::mapped::is_open_somewhere;

/// Not to be told.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_open_somewhere(_this: &Incarnation, _whose: super::Whose) -> bool {
    true
}

#[cfg(not(target_os = "linux"))]
fn incarnation(_name: &SystemName) -> Option<Incarnation> {
    None
}

/// Whose it is and who may use it, for an error's text.
#[cfg(target_os = "linux")]
pub(crate) fn owner(name: &SystemName) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(file(name)).ok()?;
    Some(format!("it belongs to user {} and has mode {:03o}", found.uid(), found.mode() & 0o7777))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn owner(_name: &SystemName) -> Option<String> {
    None
}

/// Whether there is a semaphore of this name.
#[cfg(target_os = "linux")]
pub(crate) fn presence(name: &SystemName) -> Presence {
    incarnation(name).map_or(Presence::Gone, |this| Presence::There(Some(this)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn presence(name: &SystemName) -> Presence {
    match attach(name) {
        Err(error) if not_there(&error) => Presence::Gone,
        _ => Presence::There(None),
    }
}

/// Opens a semaphore that is there.
pub(crate) fn open_existing(
    name: &SystemName,
) -> Result<(Semaphore, Option<Incarnation>), Refused> {
    for _ in 0..TRIES {
        if let Some(found) = attach(name)? {
            return Ok(found);
        }
    }
    Err(Refused { call: "sem_open", code: libc::EBUSY })
}

impl Semaphore {
    /// Where it is, to be shown.
    pub(crate) fn address(&self) -> usize {
        self.place.as_ptr() as usize
    }

    /// Takes a unit if there is one.
    pub(crate) fn try_take(&self) -> Result<bool, Refused> {
        loop {
            // SAFETY: open for as long as `self`.
            if unsafe { libc::sem_trywait(self.place.as_ptr()) } == 0 {
                return Ok(true);
            }
            let error = refused("sem_trywait");
            match error.code {
                libc::EAGAIN => return Ok(false),
                // Nothing was taken and nothing was waited for.
                libc::EINTR => {}
                _ => return Err(error),
            }
        }
    }

    /// Gives a unit back.
    pub(crate) fn give(&self) -> Result<(), Refused> {
        // SAFETY: open for as long as `self`.
        if unsafe { libc::sem_post(self.place.as_ptr()) } == 0 {
            Ok(())
        } else {
            Err(refused("sem_post"))
        }
    }

    /// How many units are free, where the system tells.
    #[cfg(not(target_vendor = "apple"))]
    pub(crate) fn value(&self) -> Option<u32> {
        let mut value = 0;
        // SAFETY: open for as long as `self`, and the value may be written.
        let answer = unsafe { libc::sem_getvalue(self.place.as_ptr(), &raw mut value) };
        // POSIX lets a system count sleepers below zero.
        (answer == 0).then_some(u32::try_from(value).unwrap_or(0))
    }

    /// macOS has the function, and it never answers.
    #[cfg(target_vendor = "apple")]
    pub(crate) fn value(&self) -> Option<u32> {
        None
    }

    /// Waits for a unit until the monotonic clock shows `until`.
    #[cfg(not(target_vendor = "apple"))]
    pub(crate) fn take_until(&self, until: u64) -> Result<Waited, Refused> {
        match clockwait() {
            Some(wait) => self.take_by(wait, libc::CLOCK_MONOTONIC, until, "sem_clockwait"),
            None => self.take_in_pieces(until),
        }
    }

    #[cfg(not(target_vendor = "apple"))]
    fn take_by(
        &self,
        wait: ClockWait,
        clock: libc::clockid_t,
        until: u64,
        call: &'static str,
    ) -> Result<Waited, Refused> {
        let time = timespec(until);
        if wait(self.place.as_ptr(), clock, &raw const time) == 0 {
            return Ok(Waited::Granted);
        }
        let error = refused(call);
        match error.code {
            libc::ETIMEDOUT => Ok(Waited::TimedOut),
            libc::EINTR => Ok(Waited::Interrupted),
            _ => Err(error),
        }
    }

    /// On the wall clock, and never long at a time: it may be set.
    #[cfg(not(target_vendor = "apple"))]
    pub(super) fn take_in_pieces(&self, until: u64) -> Result<Waited, Refused> {
        const PIECE: u64 = 50_000_000;
        extern "C" fn timedwait(
            place: *mut libc::sem_t,
            _clock: libc::clockid_t,
            until: *const libc::timespec,
        ) -> libc::c_int {
            // SAFETY: `take_by` gives an open semaphore and a time that lives for the call.
            unsafe { libc::sem_timedwait(place, until) }
        }
        loop {
            let left = until.saturating_sub(clock::monotonic());
            let wall = clock::wall() + left.min(PIECE);
            let waited = self.take_by(timedwait, libc::CLOCK_REALTIME, wall, "sem_timedwait")?;
            if waited != Waited::TimedOut || clock::monotonic() >= until {
                return Ok(waited);
            }
            // A clock that jumped ahead ends each piece at once.
            std::thread::yield_now();
        }
    }

    /// Waits for a unit until the monotonic clock shows `until`. There is no wait with a time limit
    /// on macOS.
    #[cfg(target_vendor = "apple")]
    pub(crate) fn take_until(&self, until: u64) -> Result<Waited, Refused> {
        let mut pauses = super::Pauses::new();
        loop {
            if self.try_take()? {
                return Ok(Waited::Granted);
            }
            let left = until.saturating_sub(clock::monotonic());
            if left == 0 {
                return Ok(Waited::TimedOut);
            }
            std::thread::sleep(pauses.next().min(std::time::Duration::from_nanos(left)));
        }
    }

    /// Closes it; the semaphore itself stays.
    pub(crate) fn close(self) -> Result<(), Refused> {
        let place = self.place;
        std::mem::forget(self);
        // SAFETY: open, and not used after this: `self` is gone.
        if unsafe { libc::sem_close(place.as_ptr()) } == 0 {
            Ok(())
        } else {
            Err(refused("sem_close"))
        }
    }
}

impl Drop for Semaphore {
    fn drop(&mut self) {
        // SAFETY: open, and not used after this.
        if unsafe { libc::sem_close(self.place.as_ptr()) } != 0 {
            tracing::warn!(error = %refused("sem_close"), "a semaphore could not be closed");
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
type ClockWait =
    extern "C" fn(*mut libc::sem_t, libc::clockid_t, *const libc::timespec) -> libc::c_int;

/// `sem_clockwait`, if this C library has it. Looked up, so that the same program runs with an older one.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn clockwait() -> Option<ClockWait> {
    use std::sync::OnceLock;
    static FOUND: OnceLock<Option<ClockWait>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: a string that ends in a zero byte.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"sem_clockwait".as_ptr()) };
        if found.is_null() {
            return None;
        }
        // SAFETY: sem_clockwait(3) has this signature, and the C library is never unloaded.
        Some(unsafe { std::mem::transmute::<*mut libc::c_void, ClockWait>(found) })
    })
}

#[cfg(not(target_vendor = "apple"))]
fn timespec(ns: u64) -> libc::timespec {
    libc::timespec {
        // Fits every time_t of 64 bits; beyond 2038 on others is for ever. The type is not named,
        // because its name is deprecated for musl.
        tv_sec: (ns / 1_000_000_000).try_into().unwrap_or(i32::MAX as _),
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    }
}

pub(crate) fn name_of_code(code: i32) -> &'static str {
    match code {
        libc::EACCES => "EACCES",
        libc::EAGAIN => "EAGAIN",
        libc::EBUSY => "EBUSY",
        libc::EEXIST => "EEXIST",
        libc::EINTR => "EINTR",
        libc::EINVAL => "EINVAL",
        libc::EMFILE => "EMFILE",
        libc::ENAMETOOLONG => "ENAMETOOLONG",
        libc::ENFILE => "ENFILE",
        libc::ENOENT => "ENOENT",
        libc::ENOMEM => "ENOMEM",
        libc::ENOSPC => "ENOSPC",
        libc::ENOSYS => "ENOSYS",
        libc::EOVERFLOW => "EOVERFLOW",
        libc::EPERM => "EPERM",
        libc::ETIMEDOUT => "ETIMEDOUT",
        _ => "an error",
    }
}

/// What to do about an answer of the system.
pub(crate) fn advice(error: &Refused) -> &'static str {
    match error.code {
        libc::EACCES | libc::EPERM => {
            "have its owner make it with a mode that lets others write (0666), or remove it"
        }
        libc::EMFILE | libc::ENFILE => "close some files or raise the limit (ulimit -n)",
        libc::ENOENT => "open it first, or look whether somebody has unlinked it",
        libc::ENOSPC | libc::ENOMEM => "free some space in /dev/shm",
        libc::EOVERFLOW => "somebody posts without having taken: the count is at its limit",
        libc::EINVAL => "what lies under this name is no semaphore, or the count is too high",
        libc::EBUSY => "somebody makes and removes it again and again",
        _ => "",
    }
}
