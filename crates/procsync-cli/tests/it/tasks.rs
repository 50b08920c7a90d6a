//! The pages in `docs/tasks`: each command in them is run, and says what the page says.
//!
//! In a block marked `console`, a line that begins with `$ ` is a command, and the lines below it are
//! what it prints. `…` stands for anything within a line, and alone on a line for any lines.

use crate::support::{Place, has, skip};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

/// A command and what it is to print.
struct Step {
    command: String,
    prints: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let path = format!("{}/../../docs/tasks/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(kind) => inside = kind == "console",
            None if !inside => {}
            None => match line.strip_prefix("$ ") {
                Some(command) => {
                    steps.push(Step { command: command.to_owned(), prints: Vec::new() });
                }
                None => steps.last_mut().expect("a command first").prints.push(line.to_owned()),
            },
        }
    }
    assert!(steps.len() > 3, "{page} has commands");
    steps
}

/// Whether a line is as the page says it.
fn fits(line: &str, wanted: &str) -> bool {
    let mut parts = wanted.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn all_fit(lines: &[&str], wanted: &[String]) -> bool {
    match (lines, wanted) {
        (_, [only]) if only == "…" => true,
        ([], wanted) => wanted.iter().all(|line| line == "…"),
        (_, []) => false,
        (lines, [first, rest @ ..]) if first == "…" => {
            all_fit(lines, rest) || all_fit(&lines[1..], wanted)
        }
        ([line, lines @ ..], [first, rest @ ..]) => {
            // Columns are as wide as what is in them.
            let one_blank = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            fits(&one_blank(line), &one_blank(first)) && all_fit(lines, rest)
        }
    }
}

/// Runs a page's commands one after the other in one shell, where these programs are.
fn run(page: &str, programs: &[(&str, &str)]) {
    let place = Place::new();
    for (name, text) in programs {
        // A comment to make, too.
        fs::write(place.file(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(place.file(name), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let steps = steps(page);
    let mark = |number: usize| format!("@@@ {number}");
    let mut script = String::new();
    for (number, step) in steps.iter().enumerate() {
        // The page's next command sees how this one ended.
        script += &format!("{}\n_s=$?; echo '{}'; (exit $_s)\n", step.command, mark(number));
    }
    let mut command = place.command("sh");
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_procsync")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", own.display())).env("SHELL", "/bin/sh");
    fs::write(place.file("script"), script).unwrap();
    // Into a file: what runs in the background may hold a pipe open.
    let printed = fs::File::create(place.file("printed")).unwrap();
    command.args(["./script"]).stdin(Stdio::null());
    command.stdout(printed.try_clone().unwrap()).stderr(printed);
    crate::support::Running::new(&mut command).end();
    let printed = fs::read_to_string(place.file("printed")).unwrap();
    let mut lines = printed.lines();
    for (number, step) in steps.iter().enumerate() {
        let mark = mark(number);
        let mut of_step = Vec::new();
        loop {
            let line =
                lines.next().unwrap_or_else(|| panic!("{page}: {}: {printed}", step.command));
            if line == mark {
                break;
            }
            of_step.push(line);
        }
        assert!(
            all_fit(&of_step, &step.prints),
            "{page}: `{}` is to print\n{}\nand prints\n{}",
            step.command,
            step.prints.join("\n"),
            of_step.join("\n")
        );
    }
}

#[test]
fn serialize_cron_jobs() {
    run(
        "cron.md",
        &[
            ("backup", "echo backup done"),
            (
                "slow-backup",
                ">started; until [ -e enough ]; do sleep 0.01; done; echo slow backup done",
            ),
            ("killed-backup", "kill -9 $$"),
        ],
    );
}

#[test]
fn many_workers_on_a_few_gpus() {
    run(
        "gpus.md",
        &[
            ("train", "echo training $1 on GPU $CUDA_VISIBLE_DEVICES"),
            (
                "long-train",
                "echo $$ >>pids; echo GPU $PROCSYNC_PERMIT; \
                 until [ -e enough ]; do sleep 0.01; done",
            ),
        ],
    );
}

#[test]
fn who_blocks_the_deploy() {
    if !has("dot") {
        return skip("who_blocks_the_deploy", "no graphviz");
    }
    run(
        "who-blocks.md",
        &[
            ("migrate", ">migrating; until [ -e migrated ]; do sleep 0.01; done"),
            ("deploy", "echo deployed"),
        ],
    );
}

#[test]
fn a_pool_of_build_slots() {
    if !has("make") || !has("cargo") {
        return skip("a_pool_of_build_slots", "no make or no cargo");
    }
    let jobs = "all: a b c d\n\t@echo built\na b c d:\n\t@true\n\
                slow: w x y z\nw x y z:\n\t@sleep 60\n";
    run("build-slots.md", &[("Makefile", jobs)]);
}

#[test]
fn what_fits_is_told_from_what_does_not() {
    assert!(fits("held for 3 s by pid 8 (x)", "held for … by pid … (x)"));
    assert!(!fits("held for 3 s by pid 8 (y)", "held for … by pid … (x)"));
    assert!(fits("abc", "abc") && !fits("abcd", "abc") && !fits("ab", "abc"));
    let wanted = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(all_fit(&["a", "b", "c"], &wanted(&["a", "…"])));
    assert!(all_fit(&["a", "b", "c"], &wanted(&["…", "c"])));
    assert!(!all_fit(&["a", "b"], &wanted(&["a"])));
    assert!(!all_fit(&["a"], &wanted(&["a", "b"])));
    assert!(!all_fit(&[], &wanted(&["a"])));
}
