//! `cargo xtask windows`: the library, its tests and the command line, built for Windows and run
//! under Wine.
//!
//! Rust's own distribution has no standard library for Windows where there is no rustup to fetch one;
//! Debian has the compiler with its sources, a linker for Windows, and Wine. The standard library
//! is built from the sources, for the target that Debian's Wine 8 can run: `x86_64-win7-windows-gnu`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cargo::Workspace;
use crate::report::{Report, Step};
use crate::sh;
use crate::test::SkipLog;

const TARGET: &str = "x86_64-win7-windows-gnu";
const BUILD: &str = "build for Windows";
const UNIT_TESTS: &str = "unit tests under Wine";
const INTEGRATION_TESTS: &str = "integration tests under Wine";
const COMMAND_LINE_TESTS: &str = "command line's tests under Wine";

/// Debian's packages of what is needed.
const PACKAGES: [&str; 7] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "gcc-mingw-w64-x86-64",
    "wine",
    "wine64",
    "libc6-dev",
];
/// Where these put things.
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
const LINKER: &str = "x86_64-w64-mingw32-gcc";
const WINE: [&str; 2] = ["/usr/lib/wine/wine64", "/usr/bin/wine64"];
const WINE_SERVER: [&str; 2] = ["/usr/lib/wine/wineserver64", "/usr/bin/wineserver"];

/// What is left out unless it is asked for: starting a process under Wine takes tenths of a second,
/// and these do little else.
const LONG: [&str; 2] = ["hostile_memory", "lifetime_race"];
/// How many seconds the storm of kills takes, unless the environment says so.
const STORM: (&str, &str) = ("PROCSYNC_STORM_SECONDS", "5");

/// Builds and runs the tests: those of the integration tests whose path contains `filter`, or a choice.
pub(crate) fn run(workspace: &Workspace, filter: Option<&str>) -> Result<Report, String> {
    if let Err(why) = make_ready() {
        let steps = [BUILD, UNIT_TESTS, INTEGRATION_TESTS, COMMAND_LINE_TESTS];
        let steps = steps.into_iter().map(|name| Step::skipped(name, &why)).collect();
        return Ok(Report::new(steps, Vec::new()));
    }
    let log = SkipLog::new(workspace)?;
    let programs = match build(workspace) {
        Ok(programs) => programs,
        Err(why) => return Ok(Step::new(BUILD, Err(why)).into()),
    };
    let wine = Wine { directory: workspace.target().join("windows") };
    let mut steps = vec![Step::new(BUILD, Ok(()))];
    for Program { kind, name, path } in &programs {
        steps.push(match (kind.as_str(), name.as_str()) {
            ("lib", _) => wine.test(UNIT_TESTS, path, &log, &[]),
            ("test", OF_COMMAND_LINE) => wine.test(COMMAND_LINE_TESTS, path, &log, &[]),
            ("test", _) => {
                let choice: Vec<_> = match filter {
                    Some(filter) => vec![filter],
                    None => LONG.iter().flat_map(|test| ["--skip", *test]).collect(),
                };
                wine.test(INTEGRATION_TESTS, path, &log, &choice)
            }
            // The command line itself, which its tests run.
            _ => continue,
        });
    }
    drop(wine);
    Ok(Report::new(steps, log.read()?))
}

/// Installs what is missing, if this may; else says what it is.
fn make_ready() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("only from Linux".to_owned());
    }
    let Err(missing) = missing() else { return Ok(()) };
    let may_install = sh::answers(Command::new("sh").args(["-c", "[ \"$(id -u)\" -eq 0 ]"]))
        && sh::answers(Command::new("apt-get").arg("--version"));
    if may_install {
        let apt = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments).stdin(Stdio::null());
            sh::run(&mut command)
        };
        let install = ["install", "-y", "-q", "--no-install-recommends"];
        let installed = apt(&["update", "-q"])
            .and_then(|()| apt(&[&install[..], &PACKAGES].concat()))
            .map_err(|why| format!("apt-get: {why}"));
        installed.and_then(|()| self::missing())
    } else {
        Err(format!("{missing}; on Debian 12: apt-get install {}", PACKAGES.join(" ")))
    }
}

fn missing() -> Result<(), String> {
    let sources = "/usr/lib/rustlib/src/rust/library/Cargo.lock";
    for path in [CARGO, RUSTC] {
        if !sh::answers(clean(&mut Command::new(path)).arg("--version")) {
            return Err(format!("no {path}"));
        }
    }
    // Where the compiler keeps the sources that its own standard library is built from.
    let output = clean(&mut Command::new(RUSTC)).args(["--print", "sysroot"]).output();
    let root = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let root = PathBuf::from(root.unwrap_or_default());
    if !root.join("lib/rustlib/src/rust/library").is_dir() && !Path::new(sources).exists() {
        return Err("no sources of Rust's standard library".to_owned());
    }
    if !sh::answers(Command::new(LINKER).arg("--version")) {
        return Err(format!("no {LINKER}"));
    }
    first(&WINE).map(drop).ok_or_else(|| "no wine64".to_owned())
}

fn first(paths: &[&'static str]) -> Option<&'static str> {
    paths.iter().find(|path| Path::new(path).exists()).copied()
}

/// Without what the Cargo that runs this program tells those that it starts: they are another
/// compiler's.
fn clean(command: &mut Command) -> &mut Command {
    let ours = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO") && name != "CARGO_HOME" || name.starts_with("RUST")
    };
    env::vars_os().map(|(name, _)| name).filter(ours).for_each(|name| _ = command.env_remove(name));
    command.env_remove("LD_LIBRARY_PATH")
}

/// The tests of the command line that are for every system.
const OF_COMMAND_LINE: &str = "anywhere";

/// A built program.
struct Program {
    kind: String,
    name: String,
    path: PathBuf,
}

/// Builds the library's tests, the command line and its tests; answers the programs.
fn build(workspace: &Workspace) -> Result<Vec<Program>, String> {
    let tests = ["test", "--no-run", "-p", "procsync", "--lib", "--test", "*"];
    let command_line = ["test", "--no-run", "-p", "procsync-cli", "--test", OF_COMMAND_LINE];
    let mut programs = cargo(workspace, &tests)?;
    programs.extend(cargo(workspace, &command_line)?);
    if programs.len() == 4 { Ok(programs) } else { Err("some programs were not built".to_owned()) }
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<Vec<Program>, String> {
    let standard_library = ["-Zbuild-std=std,panic_unwind,test", "--target", TARGET];
    eprintln!("\n$ cargo {} {}", arguments.join(" "), standard_library.join(" "));
    let mut command = Command::new(CARGO);
    clean(&mut command)
        .current_dir(workspace.root())
        .env("CARGO_TARGET_DIR", workspace.target().join("windows"))
        .env("CARGO_TARGET_X86_64_WIN7_WINDOWS_GNU_LINKER", LINKER)
        // Half the time, and nobody looks into these programs with a debugger.
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env("RUSTC", RUSTC)
        // The first argument of `standard_library` is for developers of Rust as yet.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(arguments)
        .args(standard_library)
        .args(["--locked", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cannot run {CARGO}: {error}"))?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    Ok(programs(&String::from_utf8_lossy(&output.stdout)))
}

/// The programs that Cargo's messages tell of, those with unit tests first.
fn programs(messages: &str) -> Vec<Program> {
    let mut programs: Vec<_> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let path = message["executable"].as_str()?.into();
            let kind = message["target"]["kind"][0].as_str()?.to_owned();
            let name = message["target"]["name"].as_str()?.to_owned();
            Some(Program { kind, name, path })
        })
        .collect();
    programs.sort_by_key(|program| program.kind != "lib");
    programs
}

/// A Windows of its own, which ends when this goes.
struct Wine {
    directory: PathBuf,
}

/// As Windows calls a path of this system.
fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

impl Wine {
    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        clean(command)
            .env("WINEPREFIX", self.directory.join("wine"))
            // What Wine says of what it lacks for a desktop is of no interest here.
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
            .env("RUST_BACKTRACE", "1")
            // For what tests put up with from Wine only.
            .env("PROCSYNC_TEST_WINE", "1")
            .stdin(Stdio::null())
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(first(&WINE).unwrap_or("wine64"));
        self.environment(&mut command).arg(program);
        command
    }

    fn test(&self, name: &'static str, program: &Path, log: &SkipLog, which: &[&str]) -> Step {
        let mut command = self.command(program);
        command
            .env(SkipLog::VARIABLE, windows_path(log.path()))
            .arg("--test-threads=3")
            .args(which);
        if env::var_os(STORM.0).is_none() {
            command.env(STORM.0, STORM.1);
        }
        Step::of_tests(name, sh::run_reading(&mut command))
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        if let Some(server) = first(&WINE_SERVER) {
            let _ = self.environment(&mut Command::new(server)).arg("-k").status();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_found_in_cargos_messages() {
        let messages = r#"
            {"reason":"compiler-artifact","executable":null,"target":{"kind":["lib"],"name":"a"}}
            {"reason":"compiler-artifact","executable":"/t/it-1.exe","target":{"kind":["test"],"name":"it"}}
            {"reason":"compiler-artifact","executable":"/t/a-2.exe","target":{"kind":["lib"],"name":"a"}}
            no message"#;
        let programs = programs(messages);
        let text = |program: &Program| {
            format!("{} {} {}", program.kind, program.name, program.path.display())
        };
        let found: Vec<_> = programs.iter().map(text).collect();
        assert_eq!(found, ["lib a /t/a-2.exe", "test it /t/it-1.exe"]);
    }
}
