//! `procsync run`: exclusion, exit codes, what the command inherits, what outlives whom.

use crate::support::{Place, Running, eventually, signal};
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;

const ENTERS_AND_LEAVES: &str = "echo in >>log; sleep 0.02; echo out >>log";

#[test]
fn two_commands_never_run_at_once_under_one_mutex() {
    let place = Place::new();
    let mut all: Vec<Running> =
        (0..6).map(|_| place.start(&["run", "m", "--", "sh", "-c", ENTERS_AND_LEAVES])).collect();
    for running in &mut all {
        assert!(running.end().success());
    }
    assert_eq!(place.lines("log"), ["in", "out"].repeat(6));
}

#[test]
fn without_the_mutex_they_do() {
    // That the test above can fail.
    let place = Place::new();
    let script =
        "echo in >>log; until [ $(wc -l <log) -ge 2 ]; do sleep 0.01; done; echo out >>log";
    let start = |name| place.start(&["run", name, "--", "sh", "-c", script]);
    let mut all = [start("a"), start("b")];
    for running in &mut all {
        assert!(running.end().success());
    }
    assert_eq!(place.lines("log"), ["in", "in", "out", "out"]);
}

#[test]
fn as_many_commands_run_at_once_as_there_are_permits_each_with_its_own() {
    let place = Place::new();
    // Each pair of commands waits for each other inside, so that two are seen to be in at once.
    let script = "echo in $PROCSYNC_PERMIT >>log; \
        until [ -e in.0 ] && [ -e in.1 ]; do >in.$PROCSYNC_PERMIT; sleep 0.01; done; \
        sleep 0.02; echo out $PROCSYNC_PERMIT >>log";
    let mut all: Vec<Running> = (0..6)
        .map(|_| place.start(&["run", "--permits", "2", "s", "--", "sh", "-c", script]))
        .collect();
    for running in &mut all {
        assert!(running.end().success());
    }
    let mut inside = HashSet::new();
    let lines = place.lines("log");
    assert_eq!(lines.len(), 12);
    for line in &lines {
        match line.split_once(' ').unwrap() {
            ("in", permit) => assert!(inside.insert(permit), "two have permit {permit}: {lines:?}"),
            ("out", permit) => assert!(inside.remove(permit)),
            _ => panic!("{line}"),
        }
        assert!(inside.iter().all(|permit| ["0", "1"].contains(permit)), "{lines:?}");
    }
}

#[test]
fn the_commands_status_is_passed_through() {
    let place = Place::new();
    for status in [0, 1, 7, 75, 255] {
        let done = place.run(&["run", "m", "--", "sh", "-c", &format!("exit {status}")]);
        assert_eq!(done.code, Some(status), "{}", done.stderr);
        assert_eq!(done.stderr, "");
    }
    for (name, number) in [("TERM", 15), ("KILL", 9), ("ABRT", 6)] {
        let done = place.run(&["run", "m", "--", "sh", "-c", &format!("kill -{name} $$")]);
        assert_eq!(done.code, Some(128 + number), "{name}");
    }
}

#[test]
fn what_the_command_reads_and_writes_is_not_touched() {
    let place = Place::new();
    let done = place.run_by_shell("echo hello | $PROCSYNC run m -- sh -c 'cat; echo oh >&2'");
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("hello\n", "oh\n"));
}

#[test]
fn what_cannot_be_had_in_time_is_75_and_the_message_names_the_holder() {
    let place = Place::new();
    let holder = place.hold(&[], "m");
    let permits = place.hold(&["--permits", "1"], "s");
    for (name, kind, options, holder) in
        [("m", "mutex", &[][..], &holder), ("s", "semaphore", &["--permits", "1"], &permits)]
    {
        for patience in [&["--try"][..], &["-n"], &["--timeout", "0.05"], &["-w", "0"]] {
            let arguments = [&["run"], patience, options, &[name, "--", "touch", "ran"]].concat();
            let done = place.run(&arguments);
            assert_eq!(done.code, Some(75), "{arguments:?}");
            for part in [
                format!("procsync: {kind} \"{name}\": "),
                format!("by pid {} (", holder.procsync.pid()),
                "run".to_owned(),
            ] {
                assert!(done.stderr.contains(&part), "{part} in {}", done.stderr);
            }
        }
    }
    assert!(!place.file("ran").exists());
}

#[test]
fn one_who_waits_gets_it_when_the_holder_ends() {
    let place = Place::new();
    for options in [&[][..], &["--permits", "1"]] {
        let mut holder = place.hold(options, "x");
        let waiting = [&["run", "-w", "60"], options, &["x", "--", "true"]].concat();
        let mut waiter = place.start(&waiting);
        eventually("the waiter to be seen", || {
            let object = place.look("x").unwrap();
            object["waiters"][0]["pid"] == waiter.pid()
        });
        holder.let_go();
        assert!(waiter.end().success());
        assert!(holder.procsync.end().success());
    }
    assert_eq!(place.files(), [""; 0], "whoever left last took the name along");
}

#[test]
fn verbose_says_what_is_waited_for_who_holds_it_and_what_was_got() {
    let place = Place::new();
    let holder = place.hold(&[], "m");
    let mut command = place.procsync(&["run", "--verbose", "m", "--", "true"]);
    let said = place.file("said");
    command.stderr(fs::File::create(&said).unwrap());
    let mut waiter = Running::new(&mut command);
    eventually("the wait to be mentioned", || !place.lines("said").is_empty());
    let expected = format!("by pid {} (", holder.procsync.pid());
    let waiting = place.lines("said").remove(0);
    assert!(waiting.starts_with("procsync: mutex \"m\": waiting; held for "), "{waiting}");
    assert!(waiting.contains(&expected), "{waiting}");
    holder.let_go();
    assert!(waiter.end().success());
    let got = place.lines("said").remove(1);
    assert!(got.starts_with("procsync: mutex \"m\": got it after "), "{got}");
    assert!(got.ends_with(", grant 2"), "{got}");

    let done = place.run(&["run", "-v", "--permits", "3", "s", "--", "true"]);
    assert!(done.stderr.trim_end().ends_with(", permit 0"), "{}", done.stderr);
}

#[test]
fn a_timeout_after_a_mentioned_wait_is_told_as_a_whole() {
    let place = Place::new();
    let _holder = place.hold(&[], "m");
    let done = place.run(&["run", "-v", "-w", "1.3", "m", "--", "true"]);
    assert_eq!(done.code, Some(75));
    let lines: Vec<_> = done.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let waited = lines[1].rsplit_once("gave up after ").unwrap().1;
    let seconds: f64 = waited.strip_suffix(" s").unwrap().parse().unwrap();
    assert!(seconds >= 1.2, "{waited}");
}

#[test]
fn it_stays_held_when_procsync_is_killed_until_the_command_ends() {
    let place = Place::new();
    for options in [&[][..], &["--permits", "1"]] {
        let mut holder = place.hold(options, "x");
        let killed = holder.procsync.pid();
        signal(killed, libc::SIGKILL);
        assert_eq!(holder.procsync.end().signal(), Some(libc::SIGKILL));

        let again = [&["run"], options, &["--try", "x", "--", "true"]].concat();
        assert_eq!(place.run(&again).code, Some(75));
        let object = place.look("x").unwrap();
        assert_eq!(object["holders"][0]["pid"], killed);
        assert_eq!(object["holders"][0]["dead"], false);

        let waiting = [&["run"], options, &["x", "--", "true"]].concat();
        let mut command = place.procsync(&waiting);
        command.stderr(fs::File::create(place.file("said")).unwrap());
        let mut waiter = Running::new(&mut command);
        eventually("the waiter to be seen", || {
            place.look("x").unwrap()["waiters"][0]["pid"] == waiter.pid()
        });
        holder.let_go();
        assert!(waiter.end().success());
        // Nobody has released it: procsync could not, and the command does not know of it.
        let said = place.lines("said").concat();
        assert!(said.contains(&format!("abandoned by pid {killed}, ")), "{said}");
    }
}

#[test]
fn a_waiter_is_told_that_the_holder_was_killed() {
    let place = Place::new();
    for options in [&[][..], &["--permits", "1"]] {
        let mut holder = place.hold(options, "x");
        let mut command = place.procsync(&[&["run"], options, &["x", "--", "true"]].concat());
        command.stderr(fs::File::create(place.file("said")).unwrap());
        let mut waiter = Running::new(&mut command);
        eventually("the waiter to be seen", || {
            place.look("x").unwrap()["waiters"][0]["pid"] == waiter.pid()
        });
        let killed = holder.procsync.pid();
        signal(killed, libc::SIGKILL);
        signal(holder.command, libc::SIGKILL);
        holder.procsync.end();
        assert!(waiter.end().success());
        let said = place.lines("said").concat();
        assert!(said.contains(&format!("abandoned by pid {killed}, which died")), "{said}");
    }
}

#[test]
fn it_is_free_when_the_command_is_killed() {
    let place = Place::new();
    let mut holder = place.hold(&[], "m");
    signal(holder.command, libc::SIGKILL);
    assert_eq!(holder.procsync.end().code(), Some(137));
    let done = place.run(&["run", "--try", "m", "--", "true"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
}

#[test]
fn what_the_command_leaves_in_the_background_holds_nothing() {
    let place = Place::new();
    fs::write(place.file("keep"), "").unwrap();
    let script = "(while [ -e keep ]; do sleep 0.01; done; >gone) >/dev/null 2>&1 &";
    // A second user keeps the object, so that it is the same one afterwards.
    let other = place.hold(&["--permits", "2"], "s");
    let run = ["run", "--permits", "2", "--try", "s", "--"];
    let done = place.run_by_shell(&format!("$PROCSYNC {} sh -c '{script}'", run.join(" ")));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let done = place.run(&[&run[..], &["true"]].concat());
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert!(!place.file("gone").exists(), "it was still there");
    fs::remove_file(place.file("keep")).unwrap();
    eventually("it to end", || place.file("gone").exists());
    other.let_go();
}

#[test]
fn a_command_that_cannot_be_started_is_126_or_127_and_leaves_nothing_held() {
    let place = Place::new();
    fs::write(place.file("plain"), "not a program").unwrap();
    for (command, code) in [("no-such-command-anywhere", 127), ("./none", 127), ("./plain", 126)] {
        let done = place.run(&["run", "m", "--", command]);
        assert_eq!(done.code, Some(code), "{command}");
        assert!(done.stderr.contains(&format!("cannot run {command}: ")), "{}", done.stderr);
        assert_eq!(place.look("m"), None);
    }
}

#[test]
fn a_script_without_an_interpreters_line_is_run_by_the_shell_as_everywhere() {
    let place = Place::new();
    fs::write(place.file("script"), "exit 9\n").unwrap();
    fs::set_permissions(place.file("script"), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(place.run(&["run", "m", "--", "./script"]).code, Some(9));
}

#[test]
fn the_command_knows_what_it_has() {
    let place = Place::new();
    let show = "echo ${PROCSYNC_NAME-none} ${PROCSYNC_PERMIT-none} ${PROCSYNC_GRANT-none} \
                $PROCSYNC_HELD";
    let mutex = place.run(&["run", "/jobs", "--", "sh", "-c", show]);
    assert_eq!(mutex.stdout, "jobs none 1 jobs\n");
    let _first = place.hold(&["--permits", "2"], "gpus");
    let permit = place.run(&["run", "--permits", "2", "gpus", "--", "sh", "-c", show]);
    assert_eq!(permit.stdout, "gpus 1 none gpus:1\n");
    let nested = format!(
        "$PROCSYNC run a -- $PROCSYNC run --permits 3 b -- \
         $PROCSYNC run --scope machine --mode 600 c -- sh -c '{show}'"
    );
    assert_eq!(place.run_by_shell(&nested).stdout, "c 0 1 a b:0 machine/c\n");
}

#[test]
fn another_number_of_permits_is_an_error_that_names_both() {
    let place = Place::new();
    let _holder = place.hold(&["--permits", "2"], "s");
    let done = place.run(&["run", "--permits", "3", "s", "--", "true"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("its capacity is 2, not 3"), "{}", done.stderr);
    let done = place.run(&["run", "s", "--", "true"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("another kind of object, a semaphore"), "{}", done.stderr);
}

#[test]
fn a_machine_wide_object_has_the_mode_that_was_asked_for() {
    let place = Place::new();
    let machine = ["run", "--scope", "machine", "--mode", "660", "m", "--"];
    let script = "ls -l objects/procsync.m | cut -c1-10";
    let done = place.run(&[&machine[..], &["sh", "-c", script]].concat());
    assert_eq!(done.stdout, "-rw-rw----\n", "{}", done.stderr);
    // A user's own object of the same name is another one.
    let arguments = [&machine[..], &[env!("CARGO_BIN_EXE_procsync")]].concat();
    assert_eq!(place.run(&[&arguments[..], &["run", "-n", "m", "true"]].concat()).code, Some(0));
    let nested = [&arguments[..], &["run", "-n"], &machine[1..], &["true"]].concat();
    assert_eq!(place.run(&nested).code, Some(75));
}

#[test]
fn arguments_that_make_no_sense_are_2() {
    let place = Place::new();
    for arguments in [
        &["run"][..],
        &["run", "m"],
        &["run", "-w", "-1", "m", "--", "touch", "ran"],
        &["run", "-w", "nan", "m", "--", "touch", "ran"],
        &["run", "-n", "-w", "1", "m", "--", "touch", "ran"],
        &["run", "--permits", "0", "m", "--", "touch", "ran"],
        &["run", "--mode", "666", "m", "--", "touch", "ran"],
        &["run", "--scope", "machine", "m", "--", "touch", "ran"],
        &["run", "m", "-c", "touch ran", "--", "touch", "ran"],
        &["run", "-E", "256", "m", "--", "touch", "ran"],
        &["try", "-w", "1", "m", "--", "touch", "ran"],
        &["hold", "m"],
        &[],
    ] {
        let done = place.run(arguments);
        assert_eq!(done.code, Some(2), "{arguments:?}");
        assert!(!done.stderr.is_empty());
    }
    assert_eq!(place.run(&["--help"]).code, Some(0));
    assert_eq!(place.run(&["run", "not a name", "--", "true"]).code, Some(1));
    assert!(!place.file("ran").exists());
}

#[test]
fn the_librarys_log_is_shown_if_it_is_asked_for() {
    let place = Place::new();
    let log = |level: &str| {
        place.run_by_shell(&format!("PROCSYNC_LOG={level} $PROCSYNC run m -- true")).stderr
    };
    let debug = log("debug");
    assert!(debug.contains("DEBUG") && debug.contains("mutex \"m\""), "{debug}");
    assert_eq!(log("error"), "");
    assert!(log("loud").contains("PROCSYNC_LOG=\"loud\" is ignored"));
}

#[test]
fn flocks_habits_are_known() {
    let place = Place::new();
    // A command for the shell, on either side of the name.
    for arguments in
        [&["run", "m", "-c", "echo $((1 + 1)) | cat"], &["run", "-c", "echo 2", "m"][..]]
    {
        assert_eq!(place.run(arguments).stdout, "2\n");
    }
    let mut command = place.procsync(&["run", "m", "-c", "no matter"]);
    let output = command.env("SHELL", "/bin/echo").stdout(std::process::Stdio::piped()).output();
    assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), "-c no matter\n");

    let holder = place.hold(&[], "m");
    let code = |arguments: &[&str]| place.run(arguments).code;
    assert_eq!(code(&["run", "-n", "-E", "42", "m", "--", "true"]), Some(42));
    assert_eq!(code(&["run", "-w", "0.05", "-E", "0", "m", "--", "true"]), Some(0));
    assert_eq!(code(&["run", "--nonblock", "m", "--", "true"]), Some(75));
    assert_eq!(code(&["run", "--wait", "0.01", "m", "--", "true"]), Some(75));
    assert_eq!(code(&["try", "m", "--", "true"]), Some(75));
    assert_eq!(code(&["try", "-E", "7", "m", "-c", "true"]), Some(7));
    holder.let_go();
    eventually("it is free", || code(&["try", "m", "--", "true"]) == Some(0));
    assert_eq!(code(&["try", "-E", "7", "m", "-c", "exit 9"]), Some(9), "the command's own");
}

#[test]
fn a_mutex_that_guards_data_is_held_like_any_other() {
    let place = Place::new();
    // The demonstration's mutex guards a number.
    let mut demo = place.start(&["demo"]);
    let mut held = false;
    while demo.child().try_wait().unwrap().is_none() {
        let Some(name) = place.files().into_iter().find(|name| name.ends_with(".count")) else {
            continue;
        };
        let done = place.run(&["run", &name, "--", "true"]);
        // It may have gone meanwhile; then this one made another, without data.
        assert_eq!(
            (done.code, done.stderr.contains("data size")),
            (Some(0), false),
            "{}",
            done.stderr
        );
        held = true;
    }
    assert!(held, "{:?}", place.files());
}

#[test]
fn a_wait_of_more_than_a_second_tells_that_it_is_a_deadlock() {
    let place = Place::new();
    let first = "until [ -e b ]; do sleep 0.01; done; exec $PROCSYNC run -v -w 20 b -- true";
    let second = ">b; exec $PROCSYNC run -v -w 20 a -- true";
    let start = |name: &str, script: &str, said: &str| {
        let mut command = place.procsync(&["run", name, "--", "sh", "-c", script]);
        command.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync"));
        command.stderr(fs::File::create(place.file(said)).unwrap());
        Running::new(&mut command)
    };
    let mut both = [start("a", first, "first"), start("b", second, "second")];
    let told =
        |said: &str| place.lines(said).iter().any(|line| line.contains("this is a deadlock: "));
    eventually("both to be told", || told("first") && told("second"));
    let found = place.run(&["deadlocks"]);
    assert_eq!(found.code, Some(3), "{}", found.stderr);
    assert!(found.stdout.starts_with("deadlock of 4, as it seems\n"), "{}", found.stdout);
    assert!(found.stdout.contains(" waits for its command to end, below which waits pid "));
    for running in &both {
        signal(running.pid(), libc::SIGTERM);
    }
    for running in &mut both {
        running.end();
    }
    eventually("nobody to wait", || place.run(&["deadlocks"]).code == Some(0));
}
