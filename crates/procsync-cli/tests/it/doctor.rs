//! `procsync doctor`: each thing that is wrong is found, and what is well is not.

use crate::support::{Knot, Place, eventually, signal, skip};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

/// Without what the machine that runs the tests may have of its own.
fn findings(place: &Place) -> Vec<Value> {
    let done = place.run(&["doctor", "--json"]);
    let all: Vec<Value> = serde_json::from_str(&done.stdout).unwrap();
    let bad = all.iter().any(|one| one["severity"] != "note");
    assert_eq!(done.code, Some(if bad { 3 } else { 0 }), "{}", done.stdout);
    for one in &all {
        assert!(!one["advice"].as_str().unwrap().is_empty(), "{one}");
    }
    all.into_iter()
        .filter(|one| {
            !["tiny", "full", "life-word", "files"].contains(&one["check"].as_str().unwrap())
        })
        .collect()
}

/// The findings as severity, check and object.
fn brief(place: &Place) -> Vec<Value> {
    findings(place)
        .into_iter()
        .map(|one| json!([one["severity"], one["check"], one["object"]]))
        .collect()
}

#[test]
fn where_all_is_well_nothing_is_found() {
    let place = Place::new();
    assert_eq!(brief(&place), [json!(null); 0]);
    let _holder = place.hold(&[], "m");
    place.run(&["create", "semaphore", "s", "--permits", "3"]);
    assert_eq!(brief(&place), [json!(null); 0]);
}

#[test]
fn holders_that_will_not_let_go_are_found() {
    let place = Place::new();
    let stopped = place.hold(&[], "stopped");
    let zombie = place.hold(&[], "zombie");
    let mut heir = place.hold(&[], "heir");
    signal(stopped.procsync.pid(), libc::SIGSTOP);
    // Killed, and not waited for by its parent, which is this test; its command holds on.
    signal(zombie.procsync.pid(), libc::SIGKILL);
    signal(heir.procsync.pid(), libc::SIGKILL);
    heir.procsync.end();
    let mut expected = vec![
        json!(["note", "heir", "heir"]),
        json!(["note", "stopped", "stopped"]),
        json!(["note", "zombie", "zombie"]),
    ];
    eventually("all three are found", || brief(&place) == expected);
    // Worse if somebody waits for it.
    let waiter = place.start(&["run", "zombie", "--", "true"]);
    expected.rotate_right(1);
    expected[0] = json!(["warning", "zombie", "zombie"]);
    eventually("the waiter is seen", || brief(&place) == expected);
    let words = place.run(&["doctor"]).stdout;
    let held = format!("warning: zombie: held by pid {} (", zombie.procsync.pid());
    assert!(words.starts_with(&held) && words.contains("zombie; 1 waits for it\n"), "{words}");
    assert!(words.contains(&format!("kill -CONT {}", stopped.procsync.pid())), "{words}");
    drop(waiter);
}

#[test]
fn what_is_damaged_left_over_or_open_to_others_is_found() {
    let place = Place::new();
    let mut leftover = place.hold(&[], "leftover");
    signal(leftover.procsync.pid(), libc::SIGKILL);
    signal(leftover.command, libc::SIGKILL);
    leftover.procsync.end();
    fs::write(place.object("broken"), "nothing that makes sense").unwrap();
    place.run(&["create", "event", "open"]);
    fs::set_permissions(place.object("open"), PermissionsExt::from_mode(0o666)).unwrap();
    let expected = [
        json!(["problem", "damaged", "broken"]),
        json!(["warning", "permission", "open"]),
        json!(["note", "leftover", null]),
    ];
    eventually("the kernel to close the command's files", || brief(&place) == expected);
    // What it advises helps.
    assert_eq!(place.run(&["rm", "broken"]).code, Some(0));
    assert_eq!(place.run(&["reap"]).code, Some(0));
    fs::set_permissions(place.object("open"), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(brief(&place), [json!(null); 0]);
}

#[test]
fn too_few_slots_and_files_are_found() {
    let place = Place::new();
    place.run(&["create", "semaphore", "few", "--permits", "9", "--participants", "4"]);
    let holders: Vec<_> = (0..3).map(|_| place.hold(&["--permits", "9"], "few")).collect();
    assert_eq!(brief(&place), [json!(["warning", "slots", "few"])]);
    let last = place.hold(&["--permits", "9"], "few");
    assert_eq!(brief(&place), [json!(["problem", "slots", "few"])]);
    let refused = place.run(&["run", "--permits", "9", "few", "--", "true"]);
    assert!(refused.stderr.contains("all its 4 slots are taken"), "{}", refused.stderr);
    drop((holders, last));

    let done = place.run_by_shell("ulimit -n 40; $PROCSYNC doctor --json");
    let all: Vec<Value> = serde_json::from_str(&done.stdout).unwrap();
    let files = all.iter().find(|one| one["check"] == "files").unwrap();
    assert!(files["text"].as_str().unwrap().contains("may open 40 files"), "{files}");
}

#[test]
fn a_directory_that_cannot_be_used_is_found_once() {
    let place = Place::new();
    fs::set_permissions(place.objects(), PermissionsExt::from_mode(0o777)).unwrap();
    let found = findings(&place);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["check"], &found[0]["severity"]),
        (&json!("directory"), &json!("problem"))
    );
    fs::remove_dir(place.objects()).unwrap();
    assert!(findings(&place).iter().any(|one| one["check"] == "directory"));
}

#[test]
fn a_deadlock_is_found() {
    let place = Place::new();
    let _knot = Knot::tie(&place);
    eventually("it is found", || brief(&place) == [json!(["warning", "deadlock", null])]);
}

#[test]
fn a_tiny_and_a_full_file_system_are_found() {
    let place = Place::new();
    let mount = "mount -t tmpfs -o size=2m,mode=700 none objects";
    let mut possible = place.command("unshare");
    match possible.args(["--mount", "sh", "-c", mount]).status() {
        Ok(status) if status.success() => {}
        why => {
            return skip("a_tiny_and_a_full_file_system_are_found", &format!("unshare: {why:?}"));
        }
    }
    let script = format!(
        "{mount} && $PROCSYNC doctor --json && echo , && \
         head -c 1500000 /dev/zero >objects/fill && {{ $PROCSYNC doctor --json || test $? = 3; }}"
    );
    let mut command = place.command("unshare");
    command.args(["--mount", "sh", "-c", &script]);
    command.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync"));
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let both: Vec<Vec<Value>> = serde_json::from_str(&format!("[{text}]")).unwrap();
    let has = |which: usize, severity: &str, check: &str| {
        both[which].iter().any(|one| one["severity"] == severity && one["check"] == check)
    };
    assert!(has(0, "note", "tiny") && !has(0, "problem", "full"), "{text}");
    assert!(has(1, "problem", "full"), "{text}");
}

#[test]
fn participants_of_another_pid_namespace_are_found() {
    let test = "participants_of_another_pid_namespace_are_found";
    let place = Place::new();
    let mut command = place.command("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
    command.args([env!("CARGO_BIN_EXE_procsync"), "run", "m", "--", "sh", "-c"]);
    command.arg(">inside; while [ -e inside ]; do sleep 0.01; done");
    let mut running = crate::support::Running::new(&mut command);
    let mut ended = None;
    eventually("it to run, or not to", || {
        ended = running.child().try_wait().unwrap();
        ended.is_some() || place.file("inside").exists()
    });
    if ended.is_some() {
        return skip(test, "unshare is not allowed");
    }
    assert_eq!(brief(&place), [json!(["note", "namespace", null])]);
    fs::remove_file(place.file("inside")).unwrap();
    running.end();
}
