//! The library as users get it, a place for its objects, and other people's tools.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Only a true failure lasts so long: a build on a machine that does other things too.
const LIMIT: Duration = Duration::from_secs(1_200);

pub(crate) fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn root() -> PathBuf {
    crate_folder().join("../..").canonicalize().unwrap()
}

/// Where the tests' own files are: Cargo's place for that, in the target directory.
fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn cargo(arguments: &[&str]) {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo was told the target directory, by whatever way; this is inside it.
    let target = scratch().parent().unwrap();
    command.current_dir(root()).args(arguments).env("CARGO_TARGET_DIR", target);
    let done = run(&mut command);
    assert!(done.status.success(), "cargo {arguments:?}: {done:?}");
}

/// Where the library is installed, by the command with which users install it.
pub(crate) fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = scratch().join("c-prefix");
        let _ = fs::remove_dir_all(&prefix);
        let text = prefix.to_str().unwrap();
        cargo(&["run", "--quiet", "--package", "xtask", "--", "install", "--prefix", text]);
        prefix
    })
}

pub(crate) fn library() -> PathBuf {
    prefix().join("lib/libprocsync.so")
}

/// The command line.
pub(crate) fn command_line() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        cargo(&["build", "--quiet", "--release", "--locked", "--package", "procsync-cli"]);
        scratch().parent().unwrap().join("release/procsync")
    })
}

/// A place of a test's own for files and objects; it goes with this.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command that finds the library and puts its objects here.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.0.path())
            .env("PROCSYNC_DIR", self.0.path())
            .env("PROCSYNC_LIBRARY", library())
            .env("LD_LIBRARY_PATH", prefix().join("lib"))
            .env_remove("PROCSYNC_SPIN");
        command
    }
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn succeeded(self) -> Done {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        self
    }
}

/// Runs a command to its end, or ends it.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Done {
    // Into files: what the command leaves behind could keep a pipe open for ever.
    let folder = tempfile::tempdir().unwrap();
    let (out, error) = (folder.path().join("out"), folder.path().join("error"));
    command
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&error).unwrap());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let began = Instant::now();
    let mut status = None;
    while began.elapsed() < LIMIT {
        status = child.try_wait().unwrap();
        if status.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let Some(status) = status else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("{command:?} does not end\n{}\n{}", text(&out), text(&error));
    };
    Done { status, stdout: text(&out), stderr: text(&error) }
}

/// Whether a tool is there; if it is not, says that the test is skipped.
pub(crate) fn has(test: &str, tool: &str) -> bool {
    let answers = Command::new(tool)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !answers {
        skip(test, &format!("there is no {tool}"));
    }
    answers
}

/// Says that this machine cannot run a test, and why.
pub(crate) fn skip(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {why}");
    if let Some(log) = std::env::var_os("PROCSYNC_SKIP_LOG") {
        let log = fs::OpenOptions::new().append(true).create(true).open(log);
        writeln!(log.expect("the list of skipped tests"), "{test}: {why}").expect("it is written");
    }
}

/// How a program is linked with the library.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    Shared,
    Static,
}

/// Compiles a program against the installed library. C or C++ by the file's name.
#[track_caller]
pub(crate) fn compile(place: &Place, source: &Path, linked: Linked, flags: &[&str]) -> PathBuf {
    let plus = source.extension() == Some(OsStr::new("cpp"));
    let program = place.file(source.file_stem().unwrap().to_str().unwrap());
    let mut command = Command::new(if plus { "g++" } else { "cc" });
    if !flags.iter().any(|flag| flag.starts_with("-std=")) {
        command.arg(if plus { "-std=c++17" } else { "-std=c11" });
    }
    command
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-O1", "-pthread"])
        .args(flags)
        .arg("-I")
        .arg(prefix().join("include"))
        .arg(source)
        .arg("-o")
        .arg(&program);
    match linked {
        Linked::Shared => {
            command.arg("-L").arg(prefix().join("lib")).arg("-lprocsync");
        }
        Linked::Static => {
            let package = fs::read_to_string(prefix().join("lib/pkgconfig/procsync.pc")).unwrap();
            let private = package.lines().find_map(|line| line.strip_prefix("Libs.private: "));
            command.arg(prefix().join("lib/libprocsync.a"));
            command.args(private.expect("what a static program needs").split(' '));
        }
    }
    run(&mut command).succeeded();
    program
}
