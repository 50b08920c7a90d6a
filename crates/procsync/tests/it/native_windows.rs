//! The system's own semaphores on Windows: with programs that call the system directly, with processes
//! that are killed, and what the system says when it refuses.
//!
//! The count cannot be asked for there, so a stranger counts by trying.
#![allow(unsafe_code)] // the system's own calls

use crate::child::{Helper, Role};
use crate::support::{eventually, name, waiters};
use procsync::native::{Counts, NativeOptions, NativeSemaphore};
use procsync::{Error, Scope, inspect};
use std::time::{Duration, Instant};
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_FILE_NOT_FOUND, ERROR_INVALID_HANDLE, ERROR_TOO_MANY_POSTS, GetLastError,
    HANDLE, WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, CreateSemaphoreW, GetCurrentProcess, GetProcessHandleCount, OpenSemaphoreW,
    ReleaseSemaphore, SEMAPHORE_MODIFY_STATE, SYNCHRONIZATION_SYNCHRONIZE, WaitForSingleObject,
};

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// A program that knows nothing of procsync: its handle.
struct Stranger(HANDLE);

impl Stranger {
    /// As a program does that wants one unit, made by whoever comes first.
    fn create(full_name: &str) -> Stranger {
        let wide = wide(full_name);
        // SAFETY: no attributes, and a string that ends in a zero and lives as long as the call.
        let handle = unsafe { CreateSemaphoreW(std::ptr::null(), 1, i32::MAX, wide.as_ptr()) };
        assert!(!handle.is_null(), "{}", std::io::Error::last_os_error());
        Stranger(handle)
    }

    /// The system's number if there is none.
    fn open(full_name: &str) -> Result<Stranger, u32> {
        let wide = wide(full_name);
        let rights = SEMAPHORE_MODIFY_STATE | SYNCHRONIZATION_SYNCHRONIZE;
        // SAFETY: a string that ends in a zero and lives as long as the call.
        let handle = unsafe { OpenSemaphoreW(rights, 0, wide.as_ptr()) };
        // SAFETY: no arguments.
        if handle.is_null() { Err(unsafe { GetLastError() }) } else { Ok(Stranger(handle)) }
    }

    fn take(&self) -> bool {
        // SAFETY: the handle is open as long as `self`.
        match unsafe { WaitForSingleObject(self.0, 0) } {
            WAIT_OBJECT_0 => true,
            WAIT_TIMEOUT => false,
            other => panic!("{other}: {}", std::io::Error::last_os_error()),
        }
    }

    fn give(&self) {
        // SAFETY: as above; the count before is not asked for.
        let given = unsafe { ReleaseSemaphore(self.0, 1, std::ptr::null_mut()) };
        assert_ne!(given, 0, "{}", std::io::Error::last_os_error());
    }

    /// How many units are free; they are again afterwards.
    fn free(&self) -> u32 {
        let mut free = 0;
        while self.take() {
            free += 1;
        }
        (0..free).for_each(|_| self.give());
        free
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // SAFETY: open, and not used after this.
        unsafe { CloseHandle(self.0) };
    }
}

/// Nobody has it open any more. Another test that lists what there is may, for a moment.
#[track_caller]
fn goes(full_name: &str) {
    eventually("it goes", || Stranger::open(full_name).err() == Some(ERROR_FILE_NOT_FOUND));
}

fn open(name: &str) -> NativeSemaphore {
    let semaphore = NativeOptions::new().unregistered(name).unwrap();
    semaphore.open().unwrap();
    semaphore
}

/// Role: uses a semaphore as it is told. Argument: its name.
pub(crate) fn user(role: &mut Role) {
    let semaphore = NativeSemaphore::instantiate(role.argument(0)).expect("a good name");
    semaphore.open().expect("it opens");
    role.say("open");
    while let Some(order) = role.hear() {
        let answer = match order.as_str() {
            "lock" => semaphore
                .lock()
                .map(|locked| format!("locked {}", locked.abandoned.map_or(0, |dead| dead.pid))),
            "unlock" => semaphore.unlock().map(|_| "unlocked".to_owned()),
            _ => Ok("not understood".to_owned()),
        };
        role.say(&answer.unwrap_or_else(|error| format!("error {error}")));
    }
}

fn start(name: &str) -> Helper {
    let mut helper = Helper::start("native-user-on-windows", &[name]);
    assert_eq!(helper.hear(), "open");
    helper
}

/// Global\NAME is what a name without a prefix stands for, as it did in the library before.
#[test]
fn a_stranger_and_we_exclude_each_other_in_both_name_spaces() {
    let bare = name("windows-interop");
    for (ours, theirs) in [
        (bare.clone(), format!("Global\\{bare}")),
        (format!("Global\\{bare}"), format!("Global\\{bare}")),
        (format!("Local\\{bare}-local"), format!("Local\\{bare}-local")),
    ] {
        let stranger = Stranger::create(&theirs);
        let semaphore = NativeOptions::new().unregistered(&ours).unwrap();
        assert!(!semaphore.open().unwrap().created, "{ours}: the stranger's");
        assert_eq!(semaphore.native_name().system_name(), theirs);
        assert!(stranger.take());
        assert!(semaphore.try_lock().unwrap().is_none());
        let waited = semaphore.lock_for(Duration::from_millis(20));
        assert!(matches!(waited, Err(Error::TimedOut { holder: None, .. })), "{waited:?}");
        // Nobody posts for a stranger.
        inspect::reap(Scope::User).unwrap();
        assert!(!stranger.take());
        stranger.give();
        for depth in 1..=4 {
            assert_eq!(semaphore.lock().unwrap().depth.to, depth);
            assert!(!stranger.take());
        }
        for depth in (0..4).rev() {
            assert_eq!(semaphore.unlock().unwrap().depth.to, depth);
            assert_eq!(stranger.free(), u32::from(depth == 0));
        }
    }
}

#[test]
fn the_first_one_makes_it_with_its_count_and_it_goes_with_its_last_handle() {
    let name = name("windows-life");
    let full = format!("Global\\{name}");
    assert_eq!(Stranger::open(&full).err(), Some(ERROR_FILE_NOT_FOUND));
    let three = NativeOptions::new().initial(3).unregistered(&name).unwrap();
    assert!(three.open().unwrap().created);
    let stranger = Stranger::open(&full).unwrap();
    assert_eq!(stranger.free(), 3);
    three.lock().unwrap();
    assert_eq!(stranger.free(), 2);
    assert_eq!(three.value().unwrap(), None, "the system does not tell");
    assert_eq!(three.accounts().unwrap().unwrap().held, 1);
    three.unlock().unwrap();
    // There is no unlinking there: the name stays with whoever has it open.
    three.close().unwrap();
    three.unlink().unwrap();
    assert_eq!(stranger.free(), 3);
    assert!(!NativeOptions::new().unregistered(&name).unwrap().open().unwrap().created);
    drop(stranger);
    goes(&full);
    let anew = NativeOptions::new().unregistered(&name).unwrap();
    assert!(anew.open().unwrap().created);
    assert_eq!(Stranger::open(&full).unwrap().free(), 1);
}

#[test]
fn a_killed_holder_is_replaced_by_who_waits_and_named_and_given_back_for_once() {
    let name = name("windows-killed");
    let stranger = Stranger::create(&format!("Global\\{name}"));
    let mut holder = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    for _ in 0..2 {
        let mut waiter = start(&name);
        waiter.tell("lock");
        eventually("it waits", || waiters(&name) == 1);
        let dead = holder.pid();
        holder.kill();
        assert_eq!(waiter.hear(), format!("locked {dead}"));
        holder = waiter;
    }
    assert!(!stranger.take(), "it was handed on, not given back");
    assert_eq!(holder.ask("unlock"), "unlocked");
    assert_eq!(stranger.free(), 1, "one unit, whoever died");
    assert_eq!(holder.ask("lock"), "locked 0", "told once");
    // A stranger gets what a dead one held once somebody reaps, be it another test.
    holder.kill();
    assert!(!stranger.take());
    eventually("it is given back", || {
        inspect::reap(Scope::User).unwrap();
        stranger.free() == 1
    });
    inspect::reap(Scope::User).unwrap();
    assert_eq!(stranger.free(), 1, "once");
}

#[test]
fn a_wait_ends_at_its_deadline_and_names_the_holder() {
    let name = name("windows-deadline");
    let (holder, waiter) = (open(&name), open(&name));
    holder.lock().unwrap();
    for wait in [Duration::ZERO, Duration::from_millis(30)] {
        let began = Instant::now();
        let Err(Error::TimedOut { holder, waited, .. }) = waiter.lock_for(wait) else {
            panic!("it is held");
        };
        assert!(began.elapsed() >= wait && waited >= wait);
        assert_eq!(holder.map(|holder| holder.pid), Some(std::process::id()));
    }
    holder.unlock().unwrap();
    waiter.lock().unwrap();
    waiter.unlock().unwrap();
}

/// NF7 and N8: GetLastError is read, named and explained.
#[test]
fn nf7_a_refused_call_names_call_number_and_meaning() {
    let name = name("windows-limit");
    let semaphore = NativeOptions::new().initial(i32::MAX as u32).unregistered(&name).unwrap();
    semaphore.open().unwrap();
    semaphore.lock().unwrap();
    let stranger = Stranger::open(&format!("Global\\{name}")).unwrap();
    stranger.give();
    let refused = semaphore.unlock().unwrap_err();
    let text = refused.to_string();
    let too_many = ERROR_TOO_MANY_POSTS as i32;
    assert!(
        matches!(refused, Error::NativeCall { call: "ReleaseSemaphore", code, code_name: "ERROR_TOO_MANY_POSTS", .. }
            if code == too_many),
        "{text}"
    );
    assert!(text.contains("ReleaseSemaphore failed: ERROR_TOO_MANY_POSTS (298)"), "{text}");
    assert_eq!(semaphore.counts(), Counts { depth: 1, process: 1 }, "it is held as before");
    assert!(stranger.take());
    semaphore.unlock().unwrap();

    // The name is an event's.
    let other = crate::support::name("windows-kind");
    let full = wide(&format!("Global\\{other}"));
    // SAFETY: no attributes, and a string that ends in a zero.
    let event = Stranger(unsafe { CreateEventW(std::ptr::null(), 0, 0, full.as_ptr()) });
    assert!(!event.0.is_null());
    let refused = NativeOptions::new().unregistered(&other).unwrap().open().unwrap_err();
    let text = refused.to_string();
    let invalid = ERROR_INVALID_HANDLE as i32;
    assert!(matches!(refused, Error::NativeCall { code, .. } if code == invalid), "{text}");
    assert!(text.contains("another kind"), "{text}");
}

/// NF10: as long as the system takes, with the prefix; and not longer.
#[test]
fn nf10_the_longest_names_work() {
    for prefix in ["Global\\", "Local\\"] {
        let longest = format!("{:x<width$}", name("windows-long"), width = 260 - prefix.len());
        let semaphore = open(&format!("{prefix}{longest}"));
        semaphore.lock().unwrap();
        assert!(!Stranger::open(&format!("{prefix}{longest}")).unwrap().take());
        semaphore.unlock().unwrap();
        let refused = NativeSemaphore::instantiate(&format!("{prefix}{longest}x")).unwrap_err();
        assert!(refused.to_string().contains("Windows takes 260"), "{refused}");
    }
    assert!(NativeSemaphore::instantiate("Global\\with\\backslash").is_err());
}

/// NF8: what is closed or dropped is closed, also if it is never unlinked.
#[test]
fn nf8_closing_without_unlinking_leaks_no_handles() {
    let name = name("windows-leak");
    let full = format!("Global\\{name}");
    for round in 0..20 {
        let semaphore = open(&name);
        semaphore.lock().unwrap();
        semaphore.unlock().unwrap();
        assert!(Stranger::open(&full).is_ok());
        if round % 2 == 0 {
            semaphore.close().unwrap();
        }
        drop(semaphore);
        // Had this one a handle left, it would be there.
        goes(&full);
    }
    // Nor anything else: other tests open and close meanwhile, but never so many.
    let before = handles();
    for _ in 0..500 {
        let semaphore = open(&name);
        semaphore.close().unwrap();
    }
    let after = handles();
    assert!(after < before + 400, "{before} handles, and then {after}");
}

fn handles() -> u32 {
    let mut count = 0;
    // SAFETY: no arguments; answers what stands for this process.
    let this = unsafe { GetCurrentProcess() };
    // SAFETY: a handle of this process, and a number that may be written.
    assert_ne!(unsafe { GetProcessHandleCount(this, &raw mut count) }, 0);
    count
}
