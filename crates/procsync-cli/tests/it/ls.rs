//! `procsync ls`: what it shows, to people and to programs.

use crate::support::{Place, eventually};
use serde_json::{Value, json};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{SystemTime, UNIX_EPOCH};

fn parse(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn where_nothing_is_nothing_is_shown() {
    let place = Place::new();
    for scope in ["user", "machine", "all"] {
        let done = place.run(&["ls", "--scope", scope]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert_eq!(done.stdout.lines().count(), 1, "the head only: {}", done.stdout);
        assert_eq!(place.run(&["ls", "--json", "--scope", scope]).stdout, "[]\n");
    }
    assert_eq!(place.files(), [""; 0], "looking makes nothing");
}

#[test]
fn the_table_names_holders_and_waiters_under_their_heads() {
    let place = Place::new();
    let mutex = place.hold(&[], "gpu0");
    let first = place.hold(&["--permits", "3"], "pool");
    let second = place.hold(&["--permits", "3"], "pool");
    let waiter = place.start(&["run", "gpu0", "--", "true"]);
    eventually("the waiter to be seen", || {
        place.look("gpu0").unwrap()["waiters"][0]["pid"] == waiter.pid()
    });
    let table = place.run(&["ls"]).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    let head: Vec<_> = lines[0].split_whitespace().collect();
    assert_eq!(head, ["NAME", "KIND", "STATE", "PROCESSES", "HOLDERS", "WAITERS"]);
    for line in &lines {
        assert_eq!(*line, line.trim_end());
    }
    // The head is ASCII; what is below it need not be.
    let cell = |line: usize, title: &str| -> String {
        lines[line].chars().skip(lines[0].find(title).unwrap()).collect()
    };
    let starts = |line: usize, title: &str, text: &str| {
        assert!(cell(line, title).starts_with(text), "{title}, {text}: {table}");
    };
    for (title, text) in [("NAME", "gpu0 "), ("KIND", "mutex "), ("STATE", "held ")] {
        starts(1, title, text);
    }
    starts(1, "PROCESSES", "2 ");
    starts(1, "HOLDERS", &format!("pid {} (procsync run gpu0 -- sh", mutex.procsync.pid()));
    starts(1, "WAITERS", &format!("1: pid {} (", waiter.pid()));
    for (title, text) in [("NAME", "pool "), ("KIND", "semaphore "), ("STATE", "1 of 3 free ")] {
        starts(2, title, text);
    }
    starts(2, "HOLDERS", &format!("pid {} (", first.procsync.pid()));
    starts(3, "HOLDERS", &format!("pid {} (", second.procsync.pid()));
    assert!(lines[3].trim_start().starts_with("pid "), "a further holder has a line of its own");
}

#[test]
fn json_has_the_fields_that_are_promised() {
    let place = Place::new();
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let holder = place.hold(&[], "gpu0");
    let mut object = place.look("gpu0").unwrap();
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    // What no test knows beforehand is checked, and then set to what it can compare.
    let moment = |value: &mut Value| {
        let seconds = value.as_f64().unwrap();
        assert!((before - 1.0..=after).contains(&seconds), "{before} {seconds} {after}");
        *value = json!("then");
    };
    moment(&mut object["created"]);
    moment(&mut object["acquired"]);
    for person in ["/holders/0", "/participants/0"] {
        let person = object.pointer_mut(person).unwrap();
        moment(&mut person["since"]);
        let command = person["command"].take();
        assert!(command.as_str().unwrap().contains("run gpu0 -- sh -c"), "{command}");
        assert!(person["namespace"].take().as_u64().unwrap() > 0);
        let user = person["user"].take();
        assert_eq!(user.as_str().unwrap(), place.run_by_shell("id -un").stdout.trim());
        let uid = person["uid"].take();
        assert_eq!(uid.to_string(), place.run_by_shell("id -u").stdout.trim());
    }
    assert_eq!(object["path"].take(), place.object("gpu0").to_str().unwrap());
    assert!(object["file_size"].take().as_u64().unwrap() > 0);
    assert!(object["owner"].take().is_u64());
    let pid = holder.procsync.pid();
    let person = |tid: Value| {
        json!({
            "pid": pid,
            "tid": tid,
            "command": null,
            "since": "then",
            "dead": false,
            "foreign_namespace": false,
            "label": "procsync run",
            "uid": null,
            "user": null,
            "namespace": null,
            "condition": "running",
            "as_process": true,
        })
    };
    assert_eq!(
        object,
        json!({
            "scope": "user",
            "name": "gpu0",
            "kind": "mutex",
            "state": {"is": "held"},
            "holders": [person(json!(pid))],
            "waiters": [],
            "processes": 1,
            "persistent": false,
            "created": "then",
            "grants": 1,
            "contended": 0,
            "recovered": 0,
            "deceased": null,
            "acquired": "then",
            "reset": null,
            "participants": [person(json!(null))],
            "slots": 1024,
            "leftover": false,
            "data_size": 0,
            "file_size": null,
            "path": null,
            "owner": null,
            "mode": null,
        })
    );
    let _permit = place.hold(&["--permits", "3"], "pool");
    let pool = place.look("pool").unwrap();
    assert_eq!(pool["kind"], "semaphore");
    assert_eq!(pool["state"], json!({"is": "permits", "available": 2, "capacity": 3}));
}

#[test]
fn every_kind_of_object_is_shown() {
    let place = Place::new();
    // The demonstration has an event, and its mutex has data.
    let mut demo = place.start(&["demo"]);
    let mut kinds = Vec::new();
    while demo.child().try_wait().unwrap().is_none() {
        for object in parse(&place.run(&["ls", "--json"]).stdout) {
            // One that is about to go may be shown with an error instead.
            if let (Some(kind), Some(is)) =
                (object["kind"].as_str(), object["state"]["is"].as_str())
            {
                kinds.push(format!("{kind} {is}"));
            }
        }
    }
    assert!(kinds.iter().any(|kind| kind.starts_with("mutex ")), "{kinds:?}");
    assert!(kinds.iter().any(|kind| kind == "event set"), "{kinds:?}");
}

#[test]
fn a_damaged_file_is_told_and_hides_nothing() {
    let place = Place::new();
    let _holder = place.hold(&[], "whole");
    fs::write(place.object("broken"), "these are not the bytes of an object").unwrap();
    let listing = place.run(&["ls"]);
    assert_eq!(listing.code, Some(0));
    let line = listing.stdout.lines().find(|line| line.starts_with("broken ")).unwrap();
    assert!(line.contains("damaged or not an object of this library"), "{line}");
    assert!(listing.stdout.lines().any(|line| line.starts_with("whole ")));

    let broken = place.look("broken").unwrap();
    assert!(broken["error"].as_str().unwrap().contains("damaged"), "{broken}");
    assert_eq!(broken.get("state"), None);
    assert_eq!(place.look("whole").unwrap()["state"]["is"], "held");
}

#[test]
fn each_scope_has_its_own_objects() {
    let place = Place::new();
    let _own = place.hold(&[], "mine");
    let _all = place.hold(&["--scope", "machine", "--mode", "666"], "ours");
    let names = |scope: &str| -> Vec<String> {
        parse(&place.run(&["ls", "--json", "--scope", scope]).stdout)
            .iter()
            .map(|object| format!("{} {}", object["scope"], object["name"]).replace('"', ""))
            .collect()
    };
    assert_eq!(names("user"), ["user mine"]);
    assert_eq!(names("machine"), ["machine ours"]);
    assert_eq!(names("all"), ["user mine", "machine ours"]);
    let table = place.run(&["ls", "--scope", "all"]).stdout;
    assert!(table.starts_with("SCOPE "), "{table}");
}

#[test]
fn what_a_dead_holder_left_is_shown_as_such() {
    let place = Place::new();
    let mut holder = place.hold(&[], "m");
    crate::support::signal(holder.procsync.pid(), libc::SIGKILL);
    crate::support::signal(holder.command, libc::SIGKILL);
    holder.procsync.end();
    eventually("the kernel to close the command's files", || {
        place.look("m").unwrap()["holders"][0]["dead"] == true
    });
    let table = place.run(&["ls"]).stdout;
    assert!(table.contains("0, left over") && table.contains(", dead"), "{table}");
    let object = place.look("m").unwrap();
    assert_eq!(object["leftover"], true);
    assert_eq!(object["holders"][0]["condition"], "dead");
}

#[test]
fn no_command_line_can_steer_the_terminal() {
    let place = Place::new();
    let hostile = "\x1b[2J\u{9b}31m\u{202e}\r\nroot";
    let script = format!(": {hostile:?}; >inside; while [ -e inside ]; do sleep 0.01; done");
    let mut holder = place.start(&["run", "m", "--", "sh", "-c", &script, hostile]);
    eventually("the command to run", || place.file("inside").exists());
    let refused = place.run(&["run", "--try", "m", "--", "true"]);
    let outputs = [
        place.run(&["ls"]).stdout,
        place.run(&["ls", "--json"]).stdout,
        refused.stderr,
        place.run(&["run", "m2", "--", hostile]).stderr,
    ];
    for output in outputs {
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!output.contains(bad), "{output:?}");
        assert!(!output.starts_with("root") && !output.contains("\nroot"), "{output:?}");
    }
    fs::remove_file(place.file("inside")).unwrap();
    assert!(holder.end().success());
}

#[test]
fn nobody_to_read_on_is_no_failure() {
    let place = Place::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(ours);
    let mut command = place.procsync(&["ls"]);
    let done = command.stdout(OwnedFd::from(theirs)).stderr(std::process::Stdio::piped());
    let done = done.output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
}

#[test]
fn a_directory_that_others_could_change_is_refused() {
    let place = Place::new();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(place.objects(), PermissionsExt::from_mode(0o777)).unwrap();
    let done = place.run(&["ls"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("is refused"), "{}", done.stderr);
}

#[test]
fn ten_thousand_objects_are_listed_in_no_time() {
    let place = Place::new();
    place.run(&["create", "mutex", "m", "--participants", "8"]);
    let bytes = fs::read(place.object("m")).unwrap();
    for number in 1..10_000 {
        fs::write(place.object(&format!("m{number}")), &bytes).unwrap();
    }
    let began = std::time::Instant::now();
    let done = place.run(&["ls", "--noheadings"]);
    let took = began.elapsed();
    assert_eq!(done.stdout.lines().count(), 10_000);
    // 0.08 s where nothing else runs, with the release build. This is so much that only what grows
    // faster than the number of objects takes longer.
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}
