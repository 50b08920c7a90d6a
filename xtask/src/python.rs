//! `cargo xtask python` and `cargo xtask wheels`: the Python package.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::Workspace;
use crate::report::{Report, SkippedTest, Step};
use crate::sh;
use crate::test::SkipLog;
use crate::test_output::Counts;

/// What the tests need beside the package. numpy is not always to be had; its test says so then.
const TOOLS: [&str; 4] = ["maturin>=1.9,<2", "pytest>=8", "mypy>=1.18", "typing_extensions"];
const NICE_TO_HAVE: &str = "numpy";

/// The versions that wheels are built for.
const OLDEST: u32 = 9;
const NEWEST: u32 = 13;

const TESTS: &str = "crates/procsync-py/tests";
const EXAMPLES: &str = "crates/procsync-py/examples";

/// Builds the package, installs it in a virtual environment of its own, and tests it with one
/// Python.
pub(crate) fn run(workspace: &Workspace) -> Result<Report, String> {
    let Some(python) = chosen() else {
        let why = "no Python 3.9 or newer, as python3 or in PROCSYNC_PYTHON";
        return Ok(Step::skipped("python", why).into());
    };
    let log = SkipLog::new(workspace)?;
    let folder = workspace.target().join("python");
    let mut steps = Vec::new();
    match prepared(workspace, &python, &folder, &mut steps) {
        Ok(venv) => {
            steps.push(pytest(workspace, &venv, &log, "python tests", None));
            steps.extend(types(workspace, &venv));
        }
        Err(error) => steps.push(Step::new("python environment", Err(error))),
    }
    Ok(Report::new(steps, log.read()?))
}

/// Builds wheels for each Python that is here, and tests each with its own; then the sdist.
pub(crate) fn wheels(workspace: &Workspace) -> Result<Report, String> {
    let log = SkipLog::new(workspace)?;
    let folder = workspace.target().join("wheels");
    let _ = fs::remove_dir_all(&folder);
    let (mut steps, mut skipped, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for minor in OLDEST..=NEWEST {
        match version(minor) {
            Some(python) => found.push((minor, python)),
            None => {
                let line = format!("wheel for 3.{minor}: there is no python3.{minor} here");
                skipped.extend(SkippedTest::read(&line));
            }
        }
    }
    if found.is_empty() {
        return Ok(Step::skipped("wheels", "there is no Python from 3.9 to 3.13 here").into());
    }
    let mut environments = Vec::new();
    for (minor, python) in &found {
        let venv = folder.join(format!("venv-3.{minor}"));
        let built = environment(python, &venv, &TOOLS)
            .and_then(|()| build_wheel(workspace, &venv, &folder.join("dist")));
        steps.push(Step::new("wheel built", built.as_ref().map(|_| ()).map_err(Clone::clone)));
        environments.extend(built.ok().map(|wheel| (venv, wheel)));
    }
    let dist = folder.join("dist");
    for (venv, wheel) in &environments {
        match install(venv, &[wheel.to_string_lossy().as_ref()]) {
            Ok(()) => steps.push(pytest(workspace, venv, &log, "tests of a wheel", Some(&dist))),
            Err(error) => steps.push(Step::new("wheel installed", Err(error))),
        }
    }
    steps.push(Step::new("sdist", sdist(workspace, &found[0].1, &folder)));
    skipped.extend(log.read()?);
    Ok(Report::new(steps, skipped))
}

/// The Python to test with: `PROCSYNC_PYTHON`, else `python3`.
pub(crate) fn chosen() -> Option<PathBuf> {
    let python = env::var_os("PROCSYNC_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    sh::answers(Command::new(&python).args(["-c", "import sys; assert sys.version_info >= (3, 9)"]))
        .then_some(python)
}

/// A Python of this version: on the PATH, or one of pyenv's.
fn version(minor: u32) -> Option<PathBuf> {
    let mut candidates = vec![PathBuf::from(format!("python3.{minor}"))];
    let pyenv = env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let prefix = format!("3.{minor}.");
    candidates.extend(versions.into_iter().flatten().filter_map(|entry| {
        let entry = entry.ok()?;
        let is_it = entry.file_name().to_string_lossy().starts_with(&prefix);
        is_it.then(|| entry.path().join("bin/python"))
    }));
    let check = format!("import sys; assert sys.version_info[:2] == (3, {minor})");
    candidates.into_iter().find(|python| sh::answers(Command::new(python).args(["-c", &check])))
}

/// The Python of a virtual environment.
pub(crate) fn python_of(venv: &Path) -> PathBuf {
    if cfg!(windows) { venv.join("Scripts/python.exe") } else { venv.join("bin/python") }
}

/// Makes a virtual environment with some packages, unless it is there.
fn environment(python: &Path, venv: &Path, packages: &[&str]) -> Result<(), String> {
    if !sh::answers(Command::new(python_of(venv)).args(["-m", "pip", "--version"])) {
        let _ = fs::remove_dir_all(venv);
        sh::run(Command::new(python).args(["-m", "venv"]).arg(venv)).map_err(|error| {
            format!("{error}; on Debian, the package python3-venv may be missing")
        })?;
    }
    install(venv, packages)?;
    if sh::run(&mut pip(venv, &["--only-binary", ":all:", NICE_TO_HAVE])).is_err() {
        eprintln!("xtask: {NICE_TO_HAVE} cannot be had for this Python; its test will say so");
    }
    Ok(())
}

fn pip(venv: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(python_of(venv));
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    command.args(arguments);
    command
}

/// Installs packages into a virtual environment.
pub(crate) fn install(venv: &Path, packages: &[&str]) -> Result<(), String> {
    sh::run(&mut pip(venv, packages))
}

/// An environment in which this tree's package is installed.
fn prepared(
    workspace: &Workspace,
    python: &Path,
    folder: &Path,
    steps: &mut Vec<Step>,
) -> Result<PathBuf, String> {
    let venv = folder.join("venv");
    environment(python, &venv, &TOOLS)?;
    let wheel = build_wheel(workspace, &venv, &folder.join("dist"));
    steps.push(Step::new("python package", wheel.as_ref().map(|_| ()).map_err(Clone::clone)));
    let wheel = wheel?;
    install(&venv, &["--force-reinstall", "--no-deps", wheel.to_string_lossy().as_ref()])?;
    Ok(venv)
}

/// An environment below `folder` with this tree's package and what it takes to build it.
pub(crate) fn with_this_package(
    workspace: &Workspace,
    python: &Path,
    folder: &Path,
) -> Result<PathBuf, String> {
    let venv = folder.join("venv");
    environment(python, &venv, &TOOLS[..1])?;
    let wheel = build_wheel(workspace, &venv, &folder.join("dist"))?;
    install(&venv, &["--force-reinstall", "--no-deps", wheel.to_string_lossy().as_ref()])?;
    Ok(venv)
}

/// Builds a wheel with the environment's own Python; answers its file.
fn build_wheel(workspace: &Workspace, venv: &Path, dist: &Path) -> Result<PathBuf, String> {
    let before = wheels_in(dist);
    let mut command = Command::new(python_of(venv));
    command.current_dir(workspace.root());
    command.args(["-m", "maturin", "build", "--release", "--locked", "--interpreter"]);
    command.arg(python_of(venv)).arg("--out").arg(dist);
    command.env("CARGO_TARGET_DIR", workspace.target());
    sh::run(&mut command)?;
    let after = wheels_in(dist);
    let made = after.iter().find(|wheel| !before.contains(wheel)).or(after.last());
    made.cloned().ok_or_else(|| format!("no wheel in {}", dist.display()))
}

/// The newest last.
fn wheels_in(dist: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dist).into_iter().flatten().flatten();
    let mut wheels: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .collect();
    wheels.sort_by_key(|path| path.metadata().and_then(|facts| facts.modified()).ok());
    wheels
}

fn pytest(
    workspace: &Workspace,
    venv: &Path,
    log: &SkipLog,
    name: &'static str,
    wheels: Option<&Path>,
) -> Step {
    // So that the tests can share objects with the command line.
    let built = sh::run(&mut workspace.cargo(["build", "-p", "procsync-cli"]));
    let mut command = Command::new(python_of(venv));
    command.current_dir(workspace.root());
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS]);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env(SkipLog::VARIABLE, log.path());
    if built.is_ok() {
        command.env("PROCSYNC_COMMAND", workspace.target().join("debug/procsync"));
    }
    if let Some(wheels) = wheels {
        command.env("PROCSYNC_WHEELS", wheels);
        for minor in OLDEST..=NEWEST {
            if let Some(python) = version(minor) {
                command.env(format!("PROCSYNC_PYTHON_3_{minor}"), python);
            }
        }
    }
    Step::of_counted_tests(name, sh::run_reading(&mut command), Counts::of_pytest)
}

/// Do the stubs say what the module has, and are they and the examples sound?
fn types(workspace: &Workspace, venv: &Path) -> [Step; 2] {
    let python = |arguments: &[&str]| {
        let mut command = Command::new(python_of(venv));
        command.current_dir(workspace.root()).args(arguments);
        sh::run(&mut command)
    };
    [
        Step::new("python stubs", python(&["-m", "mypy.stubtest", "procsync"])),
        Step::new(
            "python types",
            python(&["-m", "mypy", "--strict", "-p", "procsync"])
                .and_then(|()| python(&["-m", "mypy", "--strict", EXAMPLES])),
        ),
    ]
}

/// Makes the source distribution, and installs from it as a user without a clone does.
fn sdist(workspace: &Workspace, python: &Path, folder: &Path) -> Result<(), String> {
    let venv = folder.join("venv-sdist");
    environment(python, &venv, &TOOLS[..1])?;
    let out = folder.join("sdist");
    let mut command = Command::new(python_of(&venv));
    command.current_dir(workspace.root()).args(["-m", "maturin", "sdist", "--out"]).arg(&out);
    sh::run(&mut command)?;
    let mut made = fs::read_dir(&out).map_err(|error| error.to_string())?.flatten();
    let made = made.next().ok_or("no sdist was made")?.path();
    let mut command = pip(&venv, &[made.to_string_lossy().as_ref()]);
    // Built in its own folder, so that nothing of this tree can help.
    command.env_remove("CARGO_TARGET_DIR");
    sh::run(&mut command)?;
    let mut command = Command::new(python_of(&venv));
    command.current_dir(folder);
    sh::run(command.args(["-c", "import procsync; procsync.Lock().acquire()"]))
}
