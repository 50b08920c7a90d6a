//! A thread's own event, by which others wake it.
#![allow(unsafe_code)] // events

use super::POLL;
use crate::sys::process;
use crate::sys::windows::security::Permissions;
use crate::sys::windows::{Handle, wide};
use std::cell::{Cell, OnceCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND, GetLastError, HANDLE, WAIT_FAILED, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::SystemServices::MAXIMUM_WAIT_OBJECTS;
use windows_sys::Win32::System::Threading::{
    CreateEventW, EVENT_MODIFY_STATE, INFINITE, OpenEventW, SetEvent, WaitForMultipleObjects,
};

/// How many bits the number of a bell has.
const NUMBER_BITS: u32 = 40;
/// And how many count its owner's sleeps; the two lowest are free for the table.
const COUNT_BITS: u32 = 64 - NUMBER_BITS;

/// Whoever has logged on and knows the number may set the event (EVENT_MODIFY_STATE, 0x2), and nothing
/// else: wait for it neither. Users of a machine-wide object are told the number; nobody can guess it.
const PERMISSIONS: &str = "D:(A;;0x2;;;AU)(A;;GA;;;SY)";

/// An event with a number for a name.
#[derive(Debug)]
pub(super) struct Bell {
    event: Handle,
    number: u64,
    sleeps: Cell<u64>,
}

fn name(number: u64) -> Vec<u16> {
    // For all sessions: a service and a program of a user may have the same object open.
    wide(&format!(r"Global\procsync-sleeper-{number:010x}"))
}

impl Bell {
    /// This thread's; none: it cannot be had.
    pub(super) fn own() -> Option<Rc<Bell>> {
        thread_local! {
            static BELL: OnceCell<Option<Rc<Bell>>> = const { OnceCell::new() };
        }
        // A thread that is exiting has none any more.
        BELL.try_with(|bell| bell.get_or_init(|| Bell::make().map(Rc::new).ok()).clone()).ok()?
    }

    fn make() -> io::Result<Bell> {
        let permissions = Permissions::parse(PERMISSIONS)?;
        let attributes = permissions.attributes();
        loop {
            let number = process::random() >> COUNT_BITS;
            if number == 0 {
                continue;
            }
            // Kept until the system has been asked what it said: freeing memory may change that.
            let name = name(number);
            // SAFETY: the attributes and the name, which ends in a zero, live as long as the call. The
            // event resets itself and is not set.
            let event = unsafe { CreateEventW(&raw const attributes, 0, 0, name.as_ptr()) };
            // SAFETY: no arguments.
            let taken = unsafe { GetLastError() } == ERROR_ALREADY_EXISTS;
            // SAFETY: null, or just opened and nobody else's.
            let event = unsafe { Handle::own(event) }?;
            if !taken {
                return Ok(Bell { event, number, sleeps: Cell::new(0) });
            }
        }
    }

    /// What stands for this thread's next sleep, different from its last four million ones. The two
    /// lowest bits are 0.
    pub(super) fn next_sleep(&self) -> u64 {
        let sleep = self.sleeps.get().wrapping_add(4) & ((1 << COUNT_BITS) - 1);
        self.sleeps.set(sleep);
        self.number << COUNT_BITS | sleep
    }

    /// Waits until it rings or one of the handles is signalled, at most for `ns`; true: a handle is.
    pub(super) fn wait(&self, handles: &[HANDLE], ns: u64) -> bool {
        // Rounded up: who wakes too early would sleep again, for no time at all, until it is time.
        let time = ns.div_ceil(1_000_000).min(u64::from(INFINITE - 1)) as u32;
        let mut all = [self.event.raw(); MAXIMUM_WAIT_OBJECTS as usize];
        let count = handles.len().min(all.len() - 1);
        all[1..=count].copy_from_slice(&handles[..count]);
        // SAFETY: so many handles, all open: the first as long as `self`, the others by the care of
        // the caller, who has them.
        let first = unsafe { WaitForMultipleObjects(count as u32 + 1, all.as_ptr(), 0, time) };
        if first == WAIT_FAILED {
            // A handle is none, say. Whoever waits looks then, and comes back: not at once.
            std::thread::sleep(Duration::from_nanos(ns.min(POLL)));
            return false;
        }
        // The bell comes first, and is preferred if both are.
        (WAIT_OBJECT_0 + 1..=WAIT_OBJECT_0 + count as u32).contains(&first)
    }
}

/// Who stands behind a sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// It was told.
    Woken,
    /// There is no such thread any more.
    Gone,
}

fn open(sleep: u64) -> io::Result<Handle> {
    // Kept until `own` has asked what the system said: freeing memory may change that.
    let name = name(sleep >> COUNT_BITS);
    // SAFETY: the name ends in a zero and lives as long as the call.
    let event = unsafe { OpenEventW(EVENT_MODIFY_STATE, 0, name.as_ptr()) };
    // SAFETY: null, or just opened and nobody else's.
    unsafe { Handle::own(event) }
}

/// Wakes the thread of a sleep.
pub(super) fn ring(sleep: u64) -> Owner {
    let Ok(event) = open(sleep) else { return Owner::Gone };
    // SAFETY: the handle is open.
    unsafe { SetEvent(event.raw()) };
    Owner::Woken
}

/// Whether the thread of a sleep is gone for certain.
pub(super) fn is_gone(sleep: u64) -> bool {
    open(sleep).is_err_and(|error| error.raw_os_error() == Some(ERROR_FILE_NOT_FOUND as i32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use windows_sys::Win32::Foundation::ERROR_ACCESS_DENIED;

    #[test]
    fn a_bell_can_be_rung_by_who_knows_its_number_and_be_used_for_nothing_else() {
        let bell = Bell::make().unwrap();
        let sleep = bell.next_sleep();
        assert!(!is_gone(sleep));
        assert_eq!(ring(sleep), Owner::Woken);
        let began = Instant::now();
        assert!(!bell.wait(&[], 60_000_000_000));
        assert!(began.elapsed().as_secs() < 30, "it was rung");
        // Not even by its owner. (Who would only wait is of no use: Wine lets the owner do that always.)
        const QUERY: u32 = 1;
        let name = name(bell.number);
        // SAFETY: the name ends in a zero and lives as long as the call.
        let event = unsafe { OpenEventW(EVENT_MODIFY_STATE | QUERY, 0, name.as_ptr()) };
        // SAFETY: null, or just opened and nobody else's.
        let error = unsafe { Handle::own(event) }.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ERROR_ACCESS_DENIED as i32));
        drop(bell);
        assert!(is_gone(sleep));
        assert_eq!(ring(sleep), Owner::Gone);
    }

    #[test]
    fn what_cannot_be_waited_for_makes_it_a_short_sleep() {
        let bell = Bell::make().unwrap();
        let began = Instant::now();
        let none = std::ptr::without_provenance_mut(0xdead0);
        assert!(!bell.wait(&[none], 60_000_000_000));
        let took = began.elapsed();
        assert!(took.as_nanos() >= u128::from(POLL) && took.as_secs() < 30, "{took:?}");
    }
}
