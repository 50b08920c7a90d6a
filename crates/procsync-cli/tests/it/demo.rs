//! `procsync demo`: that what it shows is so, and that it leaves nothing behind.

use crate::support::{Place, Running, eventually, signal};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

#[test]
fn the_sum_is_right_although_one_worker_is_killed() {
    let place = Place::new();
    let done = place.run(&["demo"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    for part in ["SIGKILL", " ms later worker ", "had died holding the mutex", "the sum is right"] {
        assert!(done.stdout.contains(part), "{part} in {}", done.stdout);
    }
    assert!(!done.stdout.contains("WRONG"), "{}", done.stdout);
    assert_eq!(done.stderr, "");
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn two_demonstrations_at_once_do_not_meet() {
    let place = Place::new();
    let mut both = [place.start(&["demo"]), place.start(&["demo"])];
    for demo in &mut both {
        assert!(demo.end().success());
    }
}

/// Ends a demonstration by a signal while its workers are at it; answers how it ended.
fn interrupted(place: &Place, number: i32) -> ExitStatus {
    // It may be done before the signal comes. Not every time.
    for _ in 0..20 {
        let mut command = place.procsync(&["demo"]);
        let mut demo = Running::new(command.stdout(Stdio::piped()));
        let mut stdout = BufReader::new(demo.child().stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        signal(demo.pid(), number);
        let status = demo.end();
        if !status.success() {
            return status;
        }
    }
    panic!("every demonstration was done before signal {number} came");
}

#[test]
fn interrupted_it_leaves_nothing_behind() {
    let place = Place::new();
    for number in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        assert_eq!(interrupted(&place, number).code(), Some(128 + number));
        assert_eq!(place.files(), [""; 0]);
    }
}

#[test]
fn killed_its_workers_end_and_leave_nothing_behind() {
    let place = Place::new();
    assert_eq!(interrupted(&place, libc::SIGKILL).signal(), Some(libc::SIGKILL));
    eventually("the workers to end", || place.files().is_empty());
}
