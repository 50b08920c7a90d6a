//! The programs in tests/c, in all the ways in which they can be built and watched.

use crate::toolbox::{Done, Linked, Place, compile, crate_folder, has, run, skip};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn source(file: &str) -> PathBuf {
    crate_folder().join("tests/c").join(file)
}

/// Compiles a program, runs all of its tests, and sees that none was left out.
fn all_pass(file: &str, linked: Linked, flags: &[&str], under: &[&str]) {
    let place = Place::new();
    let source = source(file);
    let program = compile(&place, &source, linked, flags);
    let mut command = match under.split_first() {
        None => place.command(&program),
        Some((tool, arguments)) => {
            let mut command = place.command(tool);
            command.args(arguments).arg(&program);
            command
        }
    };
    each_was_run(&source, run(&mut command));
}

fn each_was_run(source: &Path, done: Done) {
    let done = done.succeeded();
    let text = fs::read_to_string(source).unwrap();
    let tests =
        text.lines().filter_map(|line| line.trim().strip_prefix("TEST(")?.strip_suffix("),"));
    let expected: Vec<_> = tests.map(|test| format!("ok {test}")).collect();
    let seen: Vec<_> = done.stdout.lines().collect();
    assert!(!expected.is_empty() && seen == expected, "{seen:?}");
}

/// The programs in C.
const PROGRAMS: [&str; 6] =
    ["objects.c", "around.c", "processes.c", "signals.c", "rare.c", "native.c"];

#[test]
fn every_object_in_one_process() {
    all_pass("objects.c", Linked::Shared, &[], &[]);
}

#[test]
fn what_is_around_the_objects() {
    all_pass("around.c", Linked::Shared, &[], &[]);
}

#[test]
fn every_object_between_processes() {
    all_pass("processes.c", Linked::Shared, &[], &[]);
}

#[test]
fn signals() {
    all_pass("signals.c", Linked::Shared, &[], &[]);
}

#[test]
fn the_systems_own_semaphores() {
    all_pass("native.c", Linked::Shared, &[], &[]);
}

#[test]
fn what_seldom_happens() {
    all_pass("rare.c", Linked::Shared, &[], &[]);
}

#[test]
fn the_static_library_is_the_same() {
    for file in PROGRAMS {
        all_pass(file, Linked::Static, &[], &[]);
    }
}

#[test]
fn the_header_is_good_in_old_and_new_c() {
    for standard in ["-std=c99", "-std=c11", "-std=c17", "-std=c2x"] {
        let place = Place::new();
        let file = place.file("empty.c");
        fs::write(&file, "#include <procsync.h>\nint main(void) { return 0; }\n").unwrap();
        compile(&place, &file, Linked::Shared, &[standard]);
    }
}

#[test]
fn c_plus_plus_from_its_oldest_standard_to_its_newest() {
    if !has("programs::c_plus_plus_from_its_oldest_standard_to_its_newest", "g++") {
        return;
    }
    let place = Place::new();
    let file = place.file("empty.cpp");
    fs::write(&file, "#include <procsync.hpp>\nint main() { return 0; }\n").unwrap();
    compile(&place, &file, Linked::Shared, &["-std=c++11"]);
    for standard in ["-std=c++14", "-std=c++20"] {
        all_pass("plusplus.cpp", Linked::Shared, &[standard], &[]);
    }
}

const SANITIZE: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Whether the compiler can do it and a program runs that was compiled so.
fn sanitizers_work(compiler: &str, suffix: &str) -> bool {
    let place = Place::new();
    let (file, program) = (place.file(&format!("empty.{suffix}")), place.file("empty"));
    fs::write(&file, "int main() { return 0; }\n").unwrap();
    let mut compilation = Command::new(compiler);
    compilation.args(SANITIZE).arg(&file).arg("-o").arg(&program);
    run(&mut compilation).status.success() && run(&mut Command::new(program)).status.success()
}

#[test]
fn the_address_sanitizer_finds_nothing() {
    let test = "programs::the_address_sanitizer_finds_nothing";
    if !sanitizers_work("cc", "c") {
        return skip(test, "the C compiler has no address sanitizer that works here");
    }
    for file in PROGRAMS {
        all_pass(file, Linked::Shared, &SANITIZE, &[]);
    }
    if has(test, "g++") {
        all_pass("plusplus.cpp", Linked::Shared, &SANITIZE, &[]);
    }
}

/// What is forgotten on purpose in a forked child is a leak there, so leaks are counted only where
/// nothing forks.
#[test]
fn valgrind_finds_nothing() {
    let test = "programs::valgrind_finds_nothing";
    if !has(test, "valgrind") {
        return;
    }
    let valgrind = ["valgrind", "--quiet", "--error-exitcode=99"];
    let leaks = [
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect",
        "--errors-for-leak-kinds=definite,indirect",
    ];
    for file in ["objects.c", "around.c"] {
        all_pass(file, Linked::Shared, &[], &[&valgrind[..], &leaks].concat());
    }
    for file in ["processes.c", "signals.c", "rare.c", "native.c"] {
        all_pass(file, Linked::Shared, &[], &[&valgrind[..], &["--leak-check=no"]].concat());
    }
    if has(test, "g++") {
        all_pass("plusplus.cpp", Linked::Shared, &[], &[&valgrind[..], &leaks].concat());
    }
}
