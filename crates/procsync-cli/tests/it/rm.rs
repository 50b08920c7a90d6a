//! `procsync rm`: what goes at once, what goes later, what was not there.

use crate::support::{Place, eventually, signal};
use std::fs;

#[test]
fn what_is_in_use_goes_when_its_last_user_leaves() {
    let place = Place::new();
    let mut holder = place.hold(&[], "m");
    let done = place.run(&["rm", "m"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout, "m: in use; it goes when its last user leaves\n");
    assert_eq!(place.run(&["run", "-n", "m", "--", "true"]).code, Some(75), "it is still the one");
    holder.let_go();
    assert!(holder.procsync.end().success());
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn what_nobody_uses_goes_at_once() {
    let place = Place::new();
    let mut holder = place.hold(&[], "m");
    // Nobody was left to take the name along.
    signal(holder.procsync.pid(), libc::SIGKILL);
    signal(holder.command, libc::SIGKILL);
    holder.procsync.end();
    assert_eq!(place.files(), ["m"]);
    eventually("the kernel to close the command's files", || {
        place.look("m").unwrap()["processes"] == 0
    });
    let done = place.run(&["rm", "m"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""), "{}", done.stderr);
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn what_is_damaged_can_be_removed() {
    let place = Place::new();
    drop(place.hold(&[], "m")); // makes the directory
    fs::write(place.object("broken"), "nothing that makes sense").unwrap();
    assert_eq!(place.run(&["rm", "broken"]).code, Some(0));
    assert!(!place.object("broken").exists());
}

#[test]
fn what_is_not_there_is_1_and_the_rest_is_removed() {
    let place = Place::new();
    let done = place.run(&["rm", "nothing"]);
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stderr, "procsync: nothing: there is no such object\n");

    drop(place.hold(&[], "m"));
    fs::write(place.object("broken"), "").unwrap();
    let done = place.run(&["rm", "../secret", "nothing", "broken"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("\"../secret\" cannot be a name"), "{}", done.stderr);
    assert!(!place.object("broken").exists());
}

#[test]
fn a_machine_wide_object_is_removed_only_if_it_is_meant() {
    let place = Place::new();
    let holder = place.hold(&["--scope", "machine", "--mode", "600"], "m");
    assert_eq!(place.run(&["rm", "m"]).code, Some(1));
    let done = place.run(&["rm", "--scope", "machine", "m"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("in use"), "{}", done.stdout);
    holder.let_go();
}
