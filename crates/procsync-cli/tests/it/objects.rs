//! `procsync create`, `wait`, `post`, `set`, `clear` and `reap`.

use crate::support::{Place, Running, eventually, signal};
use serde_json::json;
use std::fs;

#[test]
fn each_kind_is_created_and_stays() {
    let place = Place::new();
    for (arguments, kind, state) in [
        (&["mutex", "m"][..], "mutex", json!({"is": "free"})),
        (&["reentrant-mutex", "r"], "reentrant mutex", json!({"is": "free"})),
        (
            &["semaphore", "s", "--permits", "3"],
            "semaphore",
            json!({"is": "permits", "available": 3, "capacity": 3}),
        ),
        (&["tokens", "t", "--count", "2"], "token semaphore", json!({"is": "tokens", "count": 2})),
        (&["event", "e"], "event", json!({"is": "unset"})),
        (&["event", "a", "--auto"], "event", json!({"is": "unset"})),
    ] {
        let create = [&["create"], arguments].concat();
        let done = place.run(&create);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{create:?}");
        let seen = place.look(arguments[1]).unwrap();
        assert_eq!((&seen["kind"], &seen["state"]), (&json!(kind), &state));
        assert_eq!((&seen["persistent"], &seen["leftover"]), (&json!(true), &json!(false)));
        // A second time only if that is meant.
        let done = place.run(&create);
        assert_eq!(done.code, Some(1));
        assert!(done.stderr.contains("exists already"), "{}", done.stderr);
        assert_eq!(place.run(&[&create[..], &["--if-missing"]].concat()).code, Some(0));
    }
    assert_eq!(place.look("a").unwrap()["reset"], "auto");
    assert_eq!(place.look("e").unwrap()["reset"], "manual");
    let other = ["create", "semaphore", "s", "--permits", "4", "--if-missing"];
    assert!(place.run(&other).stderr.contains("its capacity is 3, not 4"));
}

#[test]
fn a_shared_memory_is_created_and_removed_with_its_file() {
    let place = Place::new();
    let name = format!("cli-test-memory-{}", std::process::id());
    assert_eq!(place.run(&["create", "memory", &name, "--bytes", "5000"]).code, Some(0));
    let seen = place.look(&name).unwrap();
    assert_eq!(seen["state"], json!({"is": "memory", "bytes": 5000}));
    let file = std::path::Path::new("/dev/shm").join(&name);
    assert_eq!(fs::metadata(&file).unwrap().len(), 5000);
    assert_eq!(place.run(&["rm", &name]).code, Some(0));
    assert!(!file.exists());
}

#[test]
fn what_is_missing_or_makes_no_sense_in_create_is_2() {
    let place = Place::new();
    for arguments in [
        &["semaphore", "x"][..],
        &["memory", "x"],
        &["mutex", "x", "--permits", "2"],
        &["event", "x", "--count", "2"],
        &["tokens", "x", "--auto"],
        &["semaphore", "x", "--permits", "0"],
        &["mutex", "x", "--mode", "666"],
        &["door", "x"],
    ] {
        let done = place.run(&[&["create"], arguments].concat());
        assert_eq!(done.code, Some(2), "{arguments:?}: {}", done.stderr);
        assert!(!done.stderr.is_empty());
    }
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn tokens_are_posted_and_taken() {
    let place = Place::new();
    place.run(&["create", "tokens", "jobs"]);
    let mut waiter = place.start(&["wait", "jobs"]);
    eventually("the waiter to be seen", || {
        place.look("jobs").unwrap()["waiters"][0]["pid"] == waiter.pid()
    });
    assert_eq!(place.run(&["post", "jobs", "--count", "3"]).code, Some(0));
    assert!(waiter.end().success());
    for code in [0, 0, 75] {
        assert_eq!(place.run(&["wait", "-n", "jobs"]).code, Some(code));
    }
    let done = place.run(&["wait", "-w", "0.02", "-E", "9", "jobs"]);
    assert_eq!(done.code, Some(9));
    assert!(done.stderr.starts_with("procsync: token semaphore \"jobs\": gave up after "));
}

#[test]
fn events_are_set_cleared_and_waited_for() {
    let place = Place::new();
    place.run(&["create", "event", "ready"]);
    place.run(&["create", "event", "once", "--auto"]);
    let mut waiters: Vec<Running> = (0..2).map(|_| place.start(&["wait", "ready"])).collect();
    eventually("both to be seen", || {
        place.look("ready").unwrap()["waiters"].as_array().unwrap().len() == 2
    });
    assert_eq!(place.run(&["set", "ready", "once"]).code, Some(0));
    for waiter in &mut waiters {
        assert!(waiter.end().success());
    }
    for (name, codes) in [("ready", [0, 0]), ("once", [0, 75])] {
        for code in codes {
            assert_eq!(place.run(&["wait", "--try", name]).code, Some(code), "{name}");
        }
    }
    assert_eq!(place.run(&["clear", "ready"]).code, Some(0));
    let done = place.run(&["wait", "-n", "ready"]);
    assert_eq!(done.code, Some(75));
    assert_eq!(done.stderr, "procsync: event \"ready\": it is not set\n");
}

#[test]
fn a_wait_of_more_than_a_second_is_mentioned_if_asked() {
    let place = Place::new();
    place.run(&["create", "event", "ready"]);
    let mut command = place.procsync(&["wait", "-v", "ready"]);
    command.stderr(fs::File::create(place.file("said")).unwrap());
    let mut waiter = Running::new(&mut command);
    eventually("it to be mentioned", || !place.lines("said").is_empty());
    assert_eq!(place.lines("said"), ["procsync: event \"ready\": waiting; it is not set"]);
    place.run(&["set", "ready"]);
    assert!(waiter.end().success());
}

#[test]
fn what_is_not_there_or_of_another_kind_is_1_and_told() {
    let place = Place::new();
    place.run(&["create", "mutex", "m"]);
    for (arguments, part) in [
        (&["wait", "none"][..], "there is no such object"),
        (&["post", "none"], "there is no such object"),
        (&["set", "none"], "there is no such object"),
        (&["wait", "m"], "m is a mutex; wait is for events and tokens"),
        (&["post", "m"], "another kind of object, a mutex"),
        (&["clear", "m"], "another kind of object, a mutex"),
    ] {
        let done = place.run(arguments);
        assert_eq!(done.code, Some(1), "{arguments:?}");
        assert!(done.stderr.contains(part), "{part} in {}", done.stderr);
    }
}

#[test]
fn reap_clears_up_after_the_dead_and_says_what_it_did() {
    let place = Place::new();
    place.run(&["create", "semaphore", "stays", "--permits", "2"]);
    let mut holders = [place.hold(&[], "gone"), place.hold(&["--permits", "2"], "stays")];
    let _living = place.hold(&[], "used");
    for holder in &mut holders {
        signal(holder.procsync.pid(), libc::SIGKILL);
        signal(holder.command, libc::SIGKILL);
        holder.procsync.end();
    }
    eventually("the kernel to close the commands' files", || {
        ["gone", "stays"].iter().all(|name| place.look(name).unwrap()["holders"][0]["dead"] == true)
    });
    let before = place.files().len();
    let foretold = place.run(&["reap", "--dry-run"]);
    assert_eq!(
        foretold.stdout,
        "gone: would be removed, all its users died\n\
         stays: 1 would be taken back from dead holders\n"
    );
    assert_eq!(place.files().len(), before);
    let done = place.run(&["reap"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        done.stdout,
        "gone: removed, all its users had died\nstays: taken back from a dead holder\n"
    );
    let mut left = place.files();
    left.sort();
    assert_eq!(left, ["stays", "used"]);
    assert_eq!(place.look("stays").unwrap()["state"]["available"], 2);
    assert_eq!(place.run(&["reap", "--scope", "all"]).stdout, "");
}
