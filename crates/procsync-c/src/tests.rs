//! What holds for every function.
#![allow(unsafe_code)] // the functions that C calls

use crate::boundary::tests::with_panics;
use crate::status::procsync_status;
use std::ptr::{null, null_mut};

/// Calls every function that answers a status with nothing but nulls and zeros.
fn call_all() -> Vec<(&'static str, procsync_status)> {
    macro_rules! called {
        ($($module:ident::$function:ident($($argument:expr),*);)+) => {
            vec![$((
                stringify!($function),
                // SAFETY: every pointer is null, which every function allows or refuses.
                #[allow(unused_unsafe)]
                unsafe { crate::$module::$function($($argument),*) },
            )),+]
        };
    }
    called! {
        event::procsync_event_open(null(), 0, null(), null_mut());
        event::procsync_event_create(null(), 0, null(), null_mut());
        event::procsync_event_attach(null(), null(), null_mut());
        event::procsync_event_close(null_mut());
        event::procsync_event_set(null());
        event::procsync_event_clear(null());
        event::procsync_event_wait(null(), 0);
        event::procsync_event_is_set(null(), null_mut());
        event::procsync_event_reset(null(), null_mut());
        event::procsync_event_name(null(), null_mut());
        event::procsync_event_remove(null(), null_mut());
        inspect::procsync_inspect_list(0, null_mut());
        inspect::procsync_inspect_show(null(), 0, null_mut());
        inspect::procsync_inspect_show_native(null(), 0, null_mut());
        inspect::procsync_snapshots_count(null(), null_mut());
        inspect::procsync_snapshots_get(null(), 0, null_mut());
        inspect::procsync_snapshots_free(null_mut());
        interrupt::procsync_set_interrupt(None, null_mut());
        mutex::procsync_mutex_open(null(), null(), null_mut());
        mutex::procsync_mutex_create(null(), null(), null_mut());
        mutex::procsync_mutex_attach(null(), null(), null_mut());
        mutex::procsync_mutex_close(null_mut());
        mutex::procsync_mutex_lock(null(), 0, null_mut());
        mutex::procsync_mutex_repair(null(), null_mut());
        mutex::procsync_mutex_unlock(null());
        mutex::procsync_mutex_force_release(null(), null_mut());
        mutex::procsync_mutex_is_locked(null(), null_mut());
        mutex::procsync_mutex_owner(null(), null_mut());
        mutex::procsync_mutex_grant(null(), null_mut());
        mutex::procsync_mutex_data_size(null(), null_mut());
        mutex::procsync_mutex_read(null(), null_mut(), 0);
        mutex::procsync_mutex_write(null(), null(), 0);
        mutex::procsync_mutex_name(null(), null_mut());
        mutex::procsync_mutex_remove(null(), null_mut());
        native_semaphore::procsync_native_instantiate(null(), null(), null_mut());
        native_semaphore::procsync_native_free(null_mut());
        native_semaphore::procsync_native_open(null(), null_mut());
        native_semaphore::procsync_native_lock(null(), 0, null_mut());
        native_semaphore::procsync_native_unlock(null());
        native_semaphore::procsync_native_close(null());
        native_semaphore::procsync_native_unlink(null(), null_mut());
        native_semaphore::procsync_native_unlink_name(null(), 0, null_mut());
        native_semaphore::procsync_native_status(null(), null_mut());
        native_semaphore::procsync_native_counts(null(), null_mut(), null_mut());
        native_semaphore::procsync_native_changes(
            null(), null_mut(), null_mut(), null_mut(), null_mut());
        native_semaphore::procsync_native_name(null(), null_mut());
        native_semaphore::procsync_native_uuid(null(), null_mut());
        native_semaphore::procsync_native_address(null(), null_mut());
        native_semaphore::procsync_native_accounts(
            null(), null_mut(), null_mut(), null_mut(), null_mut(), null_mut(), null_mut());
        native_semaphore::procsync_native_holders(null(), null_mut());
        native_semaphore::procsync_native_reap(null(), null_mut());
        native_semaphore::procsync_native_post_doubtful(null(), null_mut());
        native_semaphore::procsync_native_observe(null(), None, null_mut());
        options::procsync_options_new(null_mut());
        options::procsync_options_free(null_mut());
        options::procsync_options_set_scope(null_mut(), 0, 0);
        options::procsync_options_set_persistent(null_mut(), 0);
        options::procsync_options_set_participants(null_mut(), 0);
        options::procsync_options_set_spin(null_mut(), 0);
        options::procsync_options_set_ownership(null_mut(), 0);
        options::procsync_options_set_on_abandoned(null_mut(), 0);
        options::procsync_options_set_initially_set(null_mut(), 0);
        options::procsync_options_set_data(null_mut(), 0, 0, null());
        options::procsync_options_set_initial_count(null_mut(), 0);
        options::procsync_options_set_semaphore_mode(null_mut(), 0);
        options::procsync_options_set_ledger(null_mut(), 0);
        participants::procsync_participants_count(null(), null_mut());
        participants::procsync_participants_get(null(), 0, null_mut());
        participants::procsync_participants_free(null_mut());
        raw_mutex::procsync_raw_mutex_at(null_mut(), 0, 0, null_mut());
        raw_mutex::procsync_raw_mutex_close(null_mut());
        raw_mutex::procsync_raw_mutex_acquire(null(), 0);
        raw_mutex::procsync_raw_mutex_release(null());
        raw_mutex::procsync_raw_mutex_force_release(null(), null_mut());
        raw_mutex::procsync_raw_mutex_is_locked(null(), null_mut());
        raw_mutex::procsync_raw_mutex_owner_pid(null(), null_mut());
        raw_mutex::procsync_raw_mutex_last_acquired_ns(null(), null_mut());
        raw_semaphore::procsync_raw_semaphore_at(null_mut(), 0, null(), 0, null_mut());
        raw_semaphore::procsync_raw_semaphore_close(null_mut());
        raw_semaphore::procsync_raw_semaphore_post(null(), 0);
        raw_semaphore::procsync_raw_semaphore_wait(null(), 0);
        raw_semaphore::procsync_raw_semaphore_reset(null(), 0);
        raw_semaphore::procsync_raw_semaphore_value(null(), null_mut());
        raw_semaphore::procsync_raw_semaphore_last_pid(null(), null_mut());
        raw_semaphore::procsync_raw_semaphore_last_acquired_ns(null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_open(null(), null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_create(null(), null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_attach(null(), null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_close(null_mut());
        reentrant_mutex::procsync_reentrant_mutex_lock(null(), 0, null_mut());
        reentrant_mutex::procsync_reentrant_mutex_unlock(null());
        reentrant_mutex::procsync_reentrant_mutex_force_release(null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_is_locked(null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_owner(null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_depth(null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_name(null(), null_mut());
        reentrant_mutex::procsync_reentrant_mutex_remove(null(), null_mut());
        removal::procsync_remove(null(), 0, null_mut());
        semaphore::procsync_semaphore_open(null(), 0, null(), null_mut());
        semaphore::procsync_semaphore_create(null(), 0, null(), null_mut());
        semaphore::procsync_semaphore_attach(null(), null(), null_mut());
        semaphore::procsync_semaphore_close(null_mut());
        semaphore::procsync_semaphore_acquire(null(), 0, 0, null_mut(), null_mut());
        semaphore::procsync_semaphore_release(null(), null_mut());
        semaphore::procsync_semaphore_indexes(null(), null(), null_mut(), 0, null_mut());
        semaphore::procsync_semaphore_capacity(null(), null_mut());
        semaphore::procsync_semaphore_available(null(), null_mut());
        semaphore::procsync_semaphore_holders(null(), null_mut());
        semaphore::procsync_semaphore_name(null(), null_mut());
        semaphore::procsync_semaphore_remove(null(), null_mut());
        shared_memory::procsync_shared_memory_open(null(), 0, null(), null_mut());
        shared_memory::procsync_shared_memory_create(null(), 0, null(), null_mut());
        shared_memory::procsync_shared_memory_attach(null(), null(), null_mut());
        shared_memory::procsync_shared_memory_close(null_mut());
        shared_memory::procsync_shared_memory_address(null(), null_mut());
        shared_memory::procsync_shared_memory_size(null(), null_mut());
        shared_memory::procsync_shared_memory_created(null(), null_mut());
        shared_memory::procsync_shared_memory_processes(null(), null_mut());
        shared_memory::procsync_shared_memory_read(null(), 0, null_mut(), 0);
        shared_memory::procsync_shared_memory_write(null(), 0, null(), 0);
        shared_memory::procsync_shared_memory_name(null(), null_mut());
        shared_memory::procsync_shared_memory_remove(null(), null_mut());
        token_semaphore::procsync_token_semaphore_open(null(), 0, null(), null_mut());
        token_semaphore::procsync_token_semaphore_create(null(), 0, null(), null_mut());
        token_semaphore::procsync_token_semaphore_attach(null(), null(), null_mut());
        token_semaphore::procsync_token_semaphore_close(null_mut());
        token_semaphore::procsync_token_semaphore_post(null(), 0);
        token_semaphore::procsync_token_semaphore_wait(null(), 0);
        token_semaphore::procsync_token_semaphore_value(null(), null_mut());
        token_semaphore::procsync_token_semaphore_name(null(), null_mut());
        token_semaphore::procsync_token_semaphore_remove(null(), null_mut());
        words::procsync_futex_wait(null_mut(), 0, 0, 0);
        words::procsync_futex_wake(null_mut(), 0, 0, null_mut());
        words::procsync_atomic_u32_load(null(), null_mut());
        words::procsync_atomic_u32_store(null_mut(), 0);
        words::procsync_atomic_u32_compare_exchange(null_mut(), null_mut(), 0, null_mut());
        words::procsync_atomic_u32_fetch(null_mut(), 0, 0, null_mut());
        words::procsync_atomic_u64_load(null(), null_mut());
        words::procsync_atomic_u64_store(null_mut(), 0);
        words::procsync_atomic_u64_compare_exchange(null_mut(), null_mut(), 0, null_mut());
        words::procsync_atomic_u64_fetch(null_mut(), 0, 0, null_mut());
    }
}

#[test]
fn none_is_forgotten_here() {
    let header = include_str!("../include/procsync.h");
    // A field or typedef has no parenthesis.
    let declared = |line: &str| {
        let (name, _) = line.strip_prefix("procsync_status ")?.split_once('(')?;
        Some(name.to_owned())
    };
    let mut declared: Vec<String> = header.lines().filter_map(declared).collect();
    let mut called: Vec<_> = call_all().into_iter().map(|(name, _)| name.to_owned()).collect();
    declared.sort();
    called.sort();
    assert!(declared.len() > 80, "{declared:?}");
    assert_eq!(declared, called);
}

#[test]
fn a_panic_in_any_of_them_is_an_answer() {
    for (name, status) in with_panics(call_all) {
        assert_eq!(status, procsync_status::PROCSYNC_INTERNAL, "{name}");
    }
    // SAFETY: never null.
    let error = unsafe { &*crate::last_error::procsync_last_error() };
    // SAFETY: a text that ends in a zero.
    let message = unsafe { std::ffi::CStr::from_ptr(error.message) }.to_str().expect("UTF-8");
    assert!(message.contains("told to") && message.contains("defect"), "{message}");
}

#[test]
fn nothing_but_nulls_is_an_error_except_where_there_is_nothing_to_do() {
    for (name, status) in call_all() {
        let frees = name.ends_with("_close") || name.ends_with("_free");
        // Closing a native semaphore is a step of its life, which frees nothing.
        let nothing_to_do =
            frees && name != "procsync_native_close" || name == "procsync_set_interrupt";
        match status {
            procsync_status::PROCSYNC_OK => assert!(nothing_to_do, "{name}"),
            procsync_status::PROCSYNC_INVALID_HANDLE
            | procsync_status::PROCSYNC_INVALID_ARGUMENT => {
                assert!(!nothing_to_do, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn every_status_has_its_name() {
    let header = include_str!("../include/procsync.h");
    let values = header.split_once("enum procsync_status\n").expect("it is there").1;
    let values = values.split_once("};").expect("it ends").0;
    let declared = values.lines().filter_map(|line| line.trim().strip_suffix(','));
    let mut count = 0;
    for line in declared.filter(|line| line.contains(" = ")) {
        let (name, number) = line.split_once(" = ").expect("just seen");
        let number: i32 = number.parse().expect("a number");
        // SAFETY: a text that ends in a zero.
        let text =
            unsafe { std::ffi::CStr::from_ptr(crate::version::procsync_status_name(number)) };
        assert_eq!(text.to_str(), Ok(name));
        count += 1;
    }
    assert_eq!(count, procsync_status::ALL.len());
}
