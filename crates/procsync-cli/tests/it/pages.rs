//! `procsync completions` and `procsync man`.

use crate::support::{Place, has, skip};
use std::fs;

const VERBS: [&str; 19] = [
    "run",
    "try",
    "ls",
    "show",
    "top",
    "wait",
    "post",
    "set",
    "clear",
    "create",
    "rm",
    "reap",
    "deadlocks",
    "doctor",
    "bench",
    "jobserver",
    "demo",
    "completions",
    "man",
];

#[test]
fn every_shell_gets_its_completions() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = place.run(&["completions", shell]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        for verb in VERBS {
            assert!(done.stdout.contains(verb), "{verb} for {shell}");
        }
    }
    assert_eq!(place.run(&["completions", "tcsh"]).code, Some(2));
    if !has("bash") {
        return skip("every_shell_gets_its_completions", "no bash");
    }
    // A shell that understands it completes with it.
    let mut command = place.command("bash");
    command.args([
        "-c",
        "eval \"$($PROCSYNC completions bash)\"; \
         COMP_WORDS=(procsync dead); COMP_CWORD=1; _procsync procsync dead procsync; \
         echo ${COMPREPLY[@]}",
    ]);
    command.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync"));
    let output = command.stdout(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "deadlocks\n");
}

#[test]
fn there_is_a_manual_page_for_procsync_and_for_each_verb() {
    let place = Place::new();
    let whole = place.run(&["man"]);
    assert_eq!(whole.code, Some(0));
    assert!(whole.stdout.contains(".TH procsync 1"), "{}", whole.stdout);
    let page = place.run(&["man", "run"]).stdout;
    assert!(page.contains("procsync\\-run") && page.contains("\\-\\-permits"), "{page}");
    assert_eq!(place.run(&["man", "sing"]).code, Some(2));
    assert_eq!(place.run(&["man", "--directory", "pages"]).code, Some(0));
    let mut names: Vec<_> = fs::read_dir(place.file("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected: Vec<_> = VERBS.iter().map(|verb| format!("procsync-{verb}.1")).collect();
    expected.push("procsync.1".to_owned());
    expected.sort();
    assert_eq!(names, expected);
}
