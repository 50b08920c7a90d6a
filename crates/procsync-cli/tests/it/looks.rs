//! `procsync show`, the columns and colours of `ls`, and `deadlocks`.

use crate::support::{Knot, Place, eventually, has, in_terminal, signal, skip};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

#[test]
fn show_tells_all_about_one_object() {
    let place = Place::new();
    let holder = place.hold(&[], "gpu0");
    let text = place.run(&["show", "gpu0"]).stdout;
    let user = place.run_by_shell("id -un").stdout;
    for part in [
        "name          gpu0\n",
        "kind          mutex\n",
        "state         held\n",
        &format!("holders       pid {} of {} for ", holder.procsync.pid(), user.trim()),
        "procsync run: ",
        "room for      1024 participants\n",
        "acquired so far",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let shown: Value =
        serde_json::from_str(&place.run(&["show", "--json", "gpu0"]).stdout).unwrap();
    assert_eq!(shown, place.look("gpu0").unwrap());
    let done = place.run(&["show", "nothing"]);
    assert_eq!(done.code, Some(1));
    assert_eq!(
        done.stderr,
        "procsync: object \"nothing\": there is no such object; open or create it first\n"
    );
}

#[test]
fn a_holder_that_was_killed_and_left_its_command_is_shown_as_gone() {
    let place = Place::new();
    let mut holder = place.hold(&[], "m");
    signal(holder.procsync.pid(), libc::SIGSTOP);
    eventually("it is shown as stopped", || {
        place.look("m").unwrap()["holders"][0]["condition"] == "stopped"
    });
    signal(holder.procsync.pid(), libc::SIGKILL);
    holder.procsync.end();
    let object = place.look("m").unwrap();
    assert_eq!(object["holders"][0]["condition"], "gone");
    assert!(place.run(&["ls"]).stdout.contains(", gone"));
    let refused = place.run(&["try", "m", "--", "true"]).stderr;
    assert!(refused.contains("which has ended and left it to others"), "{refused}");
    holder.let_go();
}

#[test]
fn the_columns_are_those_that_were_asked_for() {
    let place = Place::new();
    place.run(&["create", "semaphore", "s", "--permits", "7"]);
    let table = place.run(&["ls", "-o", "capacity,name,mode,scope"]).stdout;
    let lines: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [["CAPACITY", "NAME", "MODE", "SCOPE"], ["7", "s", "600", "user"]]);
    assert_eq!(place.run(&["ls", "--noheadings", "-o", "name"]).stdout, "s\n");
    // All that there are can be shown.
    let help = place.run(&["ls", "--output", "nothing"]);
    assert_eq!(help.code, Some(2));
    let known = help.stderr.split_once("possible values: ").unwrap().1.split_once(']').unwrap().0;
    let all = known.replace(", ", ",");
    let head = place.run(&["ls", "-o", &all]).stdout;
    assert_eq!(head.lines().next().unwrap().split_whitespace().count(), 17, "{head}");
}

#[test]
fn colours_are_for_terminals_and_not_if_no_color_is_set() {
    let place = Place::new();
    place.run(&["create", "mutex", "m"]);
    let coloured = "\x1b[32mfree\x1b[0m";
    assert!(!place.run(&["ls"]).stdout.contains('\x1b'));
    assert!(place.run(&["ls", "--color", "always"]).stdout.contains(coloured));
    let on_terminal = |prepare: fn(&mut Command)| {
        let mut command = place.command("sh");
        // What it writes there is read when it is all written.
        command.args(["-c", "$PROCSYNC $WHAT >&0; echo end >&0"]);
        command.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync")).env("WHAT", "ls");
        prepare(&mut command);
        let (mut terminal, mut running) = in_terminal(&mut command);
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("end") {
            let mut buffer = [0; 4_096];
            let got = terminal.read(&mut buffer).unwrap();
            text.extend_from_slice(&buffer[..got]);
        }
        running.end();
        String::from_utf8(text).unwrap()
    };
    assert!(on_terminal(|_| {}).contains(coloured));
    let without = |command: &mut Command| {
        command.env("NO_COLOR", "1");
    };
    let text = on_terminal(without);
    assert!(text.contains("free") && !text.contains('\x1b'), "{text:?}");
    let never = |command: &mut Command| {
        command.env("WHAT", "ls --color never");
    };
    assert!(!on_terminal(never).contains('\x1b'));
}

#[test]
fn a_long_wait_is_mentioned_on_a_terminal_without_being_asked() {
    let place = Place::new();
    let holder = place.hold(&[], "m");
    let mut command = place.command("sh");
    command.args(["-c", "exec $PROCSYNC run -w 1.2 m -- true 2>&0"]);
    command.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync"));
    let (mut terminal, mut running) = in_terminal(&mut command);
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("gave up") {
        let mut buffer = [0; 4_096];
        let got = terminal.read(&mut buffer).unwrap();
        text.extend_from_slice(&buffer[..got]);
    }
    assert_eq!(running.end().code(), Some(75));
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("mutex \"m\": waiting; held for "), "{text}");
    assert!(text.contains(&format!("by pid {} (", holder.procsync.pid())), "{text}");
}

#[test]
fn nobody_who_waits_is_no_deadlock() {
    let place = Place::new();
    let done = place.run(&["deadlocks"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""));
    let done = place.run(&["deadlocks", "--json"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "{\n  \"waits\": [],\n  \"deadlocks\": []\n}\n")
    );
}

#[test]
fn a_deadlock_of_commands_is_told_in_words_json_and_a_drawing() {
    let place = Place::new();
    let knot = Knot::tie(&place);
    let [first, second] = knot.pids();
    let mut found = json!(null);
    eventually("it to be found", || {
        let done = place.run(&["deadlocks", "--json"]);
        found = serde_json::from_str(&done.stdout).unwrap();
        done.code == Some(3)
    });
    assert_eq!(found["waits"].as_array().unwrap().len(), 4, "{found}");
    let deadlock = &found["deadlocks"][0];
    assert_eq!((&deadlock["certain"], &deadlock["also_stuck"]), (&json!(false), &json!([])));
    let cycle = deadlock["cycle"].as_array().unwrap();
    assert_eq!(cycle.len(), 4);
    for (wait, next) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
        assert_eq!(wait["holders"][0]["pid"], next["waiter"]["pid"]);
        let is_command = wait["object"].is_null();
        let pid = wait["waiter"]["pid"].as_u64().unwrap() as u32;
        assert_eq!(is_command, pid == first || pid == second, "{wait}");
    }
    let words = place.run(&["deadlocks"]).stdout;
    assert!(words.starts_with("deadlock of 4, as it seems\n  pid "), "{words}");
    assert!(words.contains(" for mutex \"a\", held by pid "), "{words}");

    let dot = place.run(&["deadlocks", "--dot"]);
    assert_eq!(dot.code, Some(3));
    assert_eq!(dot.stdout.matches("shape=box").count(), 2, "{}", dot.stdout);
    if !has("dot") {
        return skip("a_deadlock_of_commands_is_told_in_words_json_and_a_drawing", "no graphviz");
    }
    let mut drawing = Command::new("dot")
        .arg("-Tplain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drawing.stdin.take().unwrap().write_all(dot.stdout.as_bytes()).unwrap();
    let output = drawing.wait_with_output().unwrap();
    assert!(output.status.success());
    let plain = String::from_utf8(output.stdout).unwrap();
    let count = |kind: &str| plain.lines().filter(|line| line.starts_with(kind)).count();
    assert_eq!((count("node "), count("edge ")), (6, 6), "{plain}");
}
