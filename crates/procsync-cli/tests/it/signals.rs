//! Signals and `procsync run`: who gets which, and how often.

use crate::support::{
    Place, Running, eventually, ignoring_children, in_terminal, signal, signal_group, state_of,
};
use std::fs;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};

/// A command that writes down each signal that it gets, and ends by USR1.
const WRITES_DOWN: &str = "\
    for s in INT TERM HUP QUIT USR2 WINCH; do trap \"echo $s >>log\" $s; done; \
    trap 'echo USR1 >>log; exit 3' USR1; \
    echo ready >>log; while :; do sleep 0.01; done";

fn log_has(place: &Place, lines: &[&str]) {
    let awaited = format!("the log to be {lines:?}");
    eventually(&awaited, || {
        let log = place.lines("log");
        assert!(log.len() <= lines.len(), "{log:?} is more than {lines:?}");
        log == lines
    });
}

#[test]
fn signals_are_passed_on_to_the_command() {
    let place = Place::new();
    let mut running = place.start(&["run", "m", "--", "sh", "-c", WRITES_DOWN]);
    let mut expected = vec!["ready"];
    log_has(&place, &expected);
    for (name, number) in [
        ("INT", libc::SIGINT),
        ("TERM", libc::SIGTERM),
        ("HUP", libc::SIGHUP),
        ("QUIT", libc::SIGQUIT),
        ("USR2", libc::SIGUSR2),
        ("WINCH", libc::SIGWINCH),
        ("USR1", libc::SIGUSR1),
    ] {
        signal(running.pid(), number);
        expected.push(name);
        log_has(&place, &expected);
    }
    assert_eq!(running.end().code(), Some(3));
}

#[test]
fn a_signal_that_ends_the_command_ends_procsync_as_a_shell_would_say() {
    let place = Place::new();
    let mut holder = place.hold(&[], "m");
    signal(holder.procsync.pid(), libc::SIGTERM);
    assert_eq!(holder.procsync.end().code(), Some(128 + libc::SIGTERM));
    assert_eq!(state_of(holder.command), None, "the command is gone");
    assert_eq!(place.look("m"), None, "and with it the mutex");
}

#[test]
fn who_still_waits_dies_of_a_signal_in_the_usual_way() {
    let place = Place::new();
    let mut holder = place.hold(&[], "m");
    for number in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR1] {
        let mut waiter = place.start(&["run", "m", "--", "touch", "ran"]);
        eventually("the waiter to be seen", || {
            place.look("m").unwrap()["waiters"][0]["pid"] == waiter.pid()
        });
        signal(waiter.pid(), number);
        assert_eq!(waiter.end().signal(), Some(number));
    }
    holder.let_go();
    assert!(holder.procsync.end().success());
    assert!(!place.file("ran").exists());
}

/// Two signals of one number that come at the same time are one. So procsync stands still until
/// the command has written down the first, and only then gets to pass on a second.
fn while_stopped(procsync: u32, act: impl FnOnce()) {
    signal(procsync, libc::SIGSTOP);
    eventually("procsync to stop", || state_of(procsync) == Some('T'));
    act();
    signal(procsync, libc::SIGCONT);
}

#[test]
fn what_is_typed_at_the_terminal_comes_to_the_command_once() {
    let place = Place::new();
    let mut command = place.procsync(&["run", "m", "--", "sh", "-c", WRITES_DOWN]);
    let (mut keyboard, mut running) = in_terminal(&mut command);
    log_has(&place, &["ready"]);
    while_stopped(running.pid(), || {
        // Control-C, then Control-backslash.
        keyboard.write_all(b"\x03").unwrap();
        log_has(&place, &["ready", "INT"]);
        keyboard.write_all(b"\x1c").unwrap();
        log_has(&place, &["ready", "INT", "QUIT"]);
    });
    // The lowest number is taken first: when this one is through, so is what came before.
    signal(running.pid(), libc::SIGUSR1);
    log_has(&place, &["ready", "INT", "QUIT", "USR1"]);
    assert_eq!(running.end().code(), Some(3));
}

#[test]
fn a_command_in_a_group_of_its_own_gets_what_is_typed_too() {
    let place = Place::new();
    let arguments = ["run", "m", "--", "setsid", "sh", "-c", WRITES_DOWN];
    let mut command = place.procsync(&arguments);
    let (mut keyboard, mut running) = in_terminal(&mut command);
    log_has(&place, &["ready"]);
    keyboard.write_all(b"\x03").unwrap();
    log_has(&place, &["ready", "INT"]);
    signal(running.pid(), libc::SIGUSR1);
    assert_eq!(running.end().code(), Some(3));
}

#[test]
fn what_the_command_sends_to_its_whole_group_does_not_come_back_to_it() {
    let place = Place::new();
    let sends = "echo ready >>log; until [ -e go ]; do sleep 0.01; done; kill -HUP 0";
    let script = WRITES_DOWN.replace("echo ready >>log", sends);
    let mut command = place.procsync(&["run", "m", "--", "sh", "-c", &script]);
    let mut running = Running::new(command.process_group(0));
    log_has(&place, &["ready"]);
    while_stopped(running.pid(), || {
        fs::write(place.file("go"), "").unwrap();
        log_has(&place, &["ready", "HUP"]);
    });
    signal(running.pid(), libc::SIGUSR1);
    log_has(&place, &["ready", "HUP", "USR1"]);
    assert_eq!(running.end().code(), Some(3));
}

#[test]
fn what_somebody_else_sends_to_the_group_comes_twice() {
    // As the documentation says; and so the tests above would see it if it did.
    let place = Place::new();
    let mut command = place.procsync(&["run", "m", "--", "sh", "-c", WRITES_DOWN]);
    let mut running = Running::new(command.process_group(0));
    log_has(&place, &["ready"]);
    while_stopped(running.pid(), || {
        signal_group(running.pid(), libc::SIGHUP);
        log_has(&place, &["ready", "HUP"]);
    });
    log_has(&place, &["ready", "HUP", "HUP"]);
    signal(running.pid(), libc::SIGUSR1);
    assert_eq!(running.end().code(), Some(3));
}

#[test]
fn what_was_ignored_stays_ignored() {
    let place = Place::new();
    let done = place.run_by_shell(
        "trap '' HUP USR2; exec $PROCSYNC run m -- \
         sh -c 'kill -HUP $$; kill -USR2 $PPID; echo alive; kill -USR1 $$'",
    );
    assert_eq!(done.stdout, "alive\n");
    assert_eq!(done.code, Some(128 + libc::SIGUSR1), "what was not ignored is not");
}

#[test]
fn a_status_is_had_even_if_children_are_ignored() {
    let place = Place::new();
    let mut command = place.procsync(&["run", "m", "--", "sh", "-c", "exit 5"]);
    let mut running = Running::new(ignoring_children(&mut command));
    assert_eq!(running.end().code(), Some(5));
}

#[test]
fn children_that_procsync_was_born_with_do_not_confuse_it() {
    let place = Place::new();
    // `exec` gives procsync the shell's child, which ends long before the command.
    let done = place
        .run_by_shell("(sleep 0.05; exit 8) & exec $PROCSYNC run m -- sh -c 'sleep 0.2; exit 5'");
    assert_eq!(done.code, Some(5), "{}", done.stderr);
}

#[test]
fn a_stopped_job_holds_on_and_can_be_continued() {
    let place = Place::new();
    let mut command = place.procsync(&["run", "m", "--", "sh", "-c", WRITES_DOWN]);
    let mut running = Running::new(command.process_group(0));
    log_has(&place, &["ready"]);
    let group = running.pid();

    signal_group(group, libc::SIGTSTP);
    eventually("procsync to stop", || state_of(group) == Some('T'));
    assert_eq!(place.run(&["run", "--try", "m", "--", "true"]).code, Some(75));

    signal_group(group, libc::SIGCONT);
    eventually("procsync to go on", || state_of(group) == Some('S'));
    signal(group, libc::SIGUSR1);
    log_has(&place, &["ready", "USR1"]);
    assert_eq!(running.end().code(), Some(3));
}
