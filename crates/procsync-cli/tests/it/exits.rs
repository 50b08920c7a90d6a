//! The exit codes: each one that the documentation's table has, and no other.

use crate::support::{Place, eventually, signal};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// The numbers in the first column of the table.
fn documented() -> BTreeSet<i32> {
    let path = format!("{}/../../docs/cli.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let table = text.split("## Exit codes").nth(1).unwrap().split("## ").next().unwrap();
    let first = |line: &str| line.strip_prefix("| ")?.split(' ').next()?.parse().ok();
    // "128 + N" is a rule and not a number.
    table.lines().filter_map(first).filter(|code| *code != 128).collect()
}

#[test]
fn each_end_has_its_code() {
    let place = Place::new();
    place.run(&["create", "mutex", "m"]);
    place.run(&["create", "event", "e"]);
    fs::write(place.file("plain"), "not a program").unwrap();
    fs::set_permissions(place.file("plain"), PermissionsExt::from_mode(0o600)).unwrap();
    let holder = place.hold(&[], "held");
    let mut seen = BTreeSet::new();
    for (arguments, code) in [
        (&["ls"][..], 0),
        (&["show", "m"], 0),
        (&["reap"], 0),
        (&["deadlocks"], 0),
        (&["set", "e"], 0),
        (&["wait", "e"], 0),
        (&["clear", "e"], 0),
        (&["--version"], 0),
        (&["run", "m", "--", "true"], 0),
        (&["show", "nothing"], 1),
        (&["rm", "nothing"], 1),
        (&["set", "nothing"], 1),
        (&["post", "e"], 1),
        (&["create", "mutex", "m"], 1),
        (&["run", "e", "--", "true"], 1),
        (&["run", "not a name", "--", "true"], 1),
        (&["jobserver", "m", "--permits", "2", "--", "true"], 1),
        (&["top"], 1),
        (&["sing"], 2),
        (&["run", "m"], 2),
        (&["ls", "-o", "nothing"], 2),
        (&["create", "semaphore", "s"], 2),
        (&["jobserver", "pool", "--", "true"], 2),
        (&["man", "sing"], 2),
        (&["run", "-n", "held", "--", "true"], 75),
        (&["run", "-w", "0.01", "held", "--", "true"], 75),
        (&["try", "held", "--", "true"], 75),
        (&["wait", "-n", "e"], 75),
        (&["run", "m", "--", "./plain"], 126),
        (&["jobserver", "pool", "--permits", "2", "--", "./plain"], 126),
        (&["run", "m", "--", "./nothing"], 127),
        (&["jobserver", "pool", "--permits", "2", "--", "./nothing"], 127),
    ] {
        let done = place.run(arguments);
        assert_eq!(done.code, Some(code), "{arguments:?}: {}", done.stderr);
        seen.insert(code);
    }
    // What is found: a holder that is damaged is bad news.
    fs::write(place.object("broken"), "damaged").unwrap();
    assert_eq!(place.run(&["doctor"]).code, Some(3));
    seen.insert(3);
    assert_eq!(seen, documented());
    // What the user chose, what the command chose, what a signal chose.
    for (arguments, code) in [
        (&["run", "-n", "-E", "9", "held", "--", "true"][..], 9),
        (&["wait", "-n", "-E", "0", "e"], 0),
        (&["run", "m", "-c", "exit 75"], 75),
        (&["jobserver", "pool", "--permits", "2", "--", "sh", "-c", "exit 5"], 5),
        (&["run", "m", "-c", "kill -9 $$"], 137),
        (&["jobserver", "pool", "--permits", "2", "--", "sh", "-c", "kill -15 $$"], 143),
    ] {
        assert_eq!(place.run(arguments).code, Some(code), "{arguments:?}");
    }
    // A signal to procsync comes to the build.
    let script = ">inside; while :; do sleep 0.01; done";
    let mut build = place.start(&["jobserver", "pool", "--permits", "2", "--", "sh", "-c", script]);
    eventually("it runs", || place.file("inside").exists());
    signal(build.pid(), libc::SIGTERM);
    assert_eq!(build.end().code(), Some(143));
    drop(holder);
}
