//! `cargo xtask lint`: everything that can be seen without running the library.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cargo::{self, Workspace};
use crate::report::{Report, Step};
use crate::sh;

/// A file is one idea that fits in a head.
const LONGEST_FILE: usize = 700;

/// Runs every check, also after one has failed; the fastest come first.
pub(crate) fn run(workspace: &Workspace) -> Report {
    let steps = vec![
        Step::new("format", sh::run(&mut workspace.cargo(["fmt", "--all", "--check"]))),
        Step::new("file lengths", file_lengths(&workspace.root().join("crates"))),
        Step::new("clippy", clippy(workspace)),
        Step::new("clippy with loom", clippy_with_loom(workspace)),
        Step::new("clippy for Python", clippy_for_python(workspace)),
        Step::new("documentation", documentation(workspace)),
        dependencies(workspace),
    ];
    Report::new(steps, Vec::new())
}

fn clippy(workspace: &Workspace) -> Result<(), String> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    sh::run(&mut workspace.cargo(arguments))
}

/// What is compiled only for the models would otherwise be seen by no lint. The test profile
/// switches on `cfg(test)`, without which the models are not there.
fn clippy_with_loom(workspace: &Workspace) -> Result<(), String> {
    let library = ["-p", "procsync", "--lib", "--profile", "test"];
    let arguments = ["clippy"].into_iter().chain(library).chain(["--", "-D", "warnings"]);
    sh::run(&mut workspace.cargo_with_loom(arguments))
}

/// The Python package's module is built only with its feature. Told what to build for, it needs no
/// Python here; so also for a kind that few have.
fn clippy_for_python(workspace: &Workspace) -> Result<(), String> {
    let folder = workspace.target().join("python-lint");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (abi, version, flags) in [
        ("gil_enabled", "3.9", ""),
        ("gil_enabled", "3.13", ""),
        ("free_threaded", "3.14", "Py_GIL_DISABLED"),
    ] {
        let file = folder.join(format!("{abi}-{version}.txt"));
        let config = format!(
            "implementation=CPython\nversion={version}\nshared=true\n\
             target_abi=CPython-{abi}-{version}\npointer_width=64\nbuild_flags={flags}\n\
             suppress_build_script_link_lines=false\n"
        );
        fs::write(&file, config).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut command =
            workspace.cargo(["clippy", "-p", "procsync-py", "--features", "extension"]);
        command.args(["--", "-D", "warnings"]);
        command.env("PYO3_CONFIG_FILE", &file).env("CARGO_TARGET_DIR", &folder);
        sh::run(&mut command)?;
    }
    Ok(())
}

fn documentation(workspace: &Workspace) -> Result<(), String> {
    let mut command = workspace.cargo(["doc", "--workspace", "--no-deps"]);
    cargo::add_flags(&mut command, "RUSTDOCFLAGS", &["-D", "warnings"]);
    sh::run(&mut command)
}

fn dependencies(workspace: &Workspace) -> Step {
    let name = "dependencies";
    if !sh::answers(&mut workspace.cargo(["deny", "--version"])) {
        return Step::skipped(name, "cargo-deny is not installed (cargo install cargo-deny)");
    }
    Step::new(name, sh::run(&mut workspace.cargo(["deny", "check"])))
}

fn file_lengths(folder: &Path) -> Result<(), String> {
    let files = rust_files(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut too_long = Vec::new();
    for file in &files {
        let text =
            fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            too_long.push(format!("{} has {lines} lines", file.display()));
        }
    }
    if files.is_empty() {
        Err(format!("no Rust file found below {}", folder.display()))
    } else if too_long.is_empty() {
        Ok(())
    } else {
        Err(format!("more than {LONGEST_FILE} lines: {}", too_long.join(", ")))
    }
}

fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, lines: usize) {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "//\n".repeat(lines)).unwrap();
    }

    #[test]
    fn a_file_of_the_greatest_length_passes() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a/src/lib.rs", LONGEST_FILE);
        assert_eq!(file_lengths(folder.path()), Ok(()));
    }

    #[test]
    fn a_longer_file_is_named_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a/src/lib.rs", 1);
        write(folder.path(), "a/src/deep/long.rs", LONGEST_FILE + 1);
        let error = file_lengths(folder.path()).unwrap_err();
        assert!(error.contains("long.rs has 701 lines"), "{error}");
        assert!(!error.contains("lib.rs"), "{error}");
    }

    #[test]
    fn files_of_other_kinds_may_be_long() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a/src/lib.rs", 1);
        write(folder.path(), "a/results.json", LONGEST_FILE + 1);
        assert_eq!(file_lengths(folder.path()), Ok(()));
    }

    #[test]
    fn looking_in_the_wrong_place_is_not_a_pass() {
        let folder = tempfile::tempdir().unwrap();
        assert!(file_lengths(folder.path()).is_err());
        assert!(file_lengths(&folder.path().join("missing")).is_err());
    }
}
