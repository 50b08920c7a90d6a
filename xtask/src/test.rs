//! `cargo xtask test`: everything that proves the tree.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use crate::cargo::Workspace;
use crate::loom;
use crate::report::{Report, SkippedTest, Step};
use crate::sh;

const INTEGRATION_TESTS: &str = "integration tests";

/// Runs every kind of test, also after one has failed.
pub(crate) fn run(workspace: &Workspace) -> Result<Report, String> {
    let log = SkipLog::new(workspace)?;
    let steps = vec![
        cargo_test(workspace, &log, "unit tests", &["--lib", "--bins"]),
        integration_tests(workspace, &log),
        // The C library is none that Rust code could use, so it has no such tests.
        cargo_test(workspace, &log, "documentation tests", &["--doc", "--exclude", "procsync-c"]),
        loom::run(workspace, loom::EVERY_MODEL),
    ];
    Ok(Report::new(steps, log.read()?))
}

fn integration_tests(workspace: &Workspace, log: &SkipLog) -> Step {
    if !cfg!(target_os = "linux") {
        return Step::skipped(INTEGRATION_TESTS, "they need Linux");
    }
    if !workspace.has_integration_tests() {
        return Step::new(INTEGRATION_TESTS, Err("there are none, so nothing is proved".into()));
    }
    cargo_test(workspace, log, INTEGRATION_TESTS, &["--test", "*"])
}

fn cargo_test(workspace: &Workspace, log: &SkipLog, name: &'static str, which: &[&str]) -> Step {
    let arguments = ["test", "--workspace", "--no-fail-fast"];
    let mut command = workspace.cargo(arguments.iter().chain(which).copied());
    command.env(SkipLog::VARIABLE, &log.path);
    Step::of_tests(name, sh::run_reading(&mut command))
}

/// Where a test that cannot run here says so. A file, for what a passing test prints is not shown.
pub(crate) struct SkipLog {
    path: PathBuf,
}

impl SkipLog {
    /// Names the file to the tests. Each line that they append is `test: why`.
    pub(crate) const VARIABLE: &str = "PROCSYNC_SKIP_LOG";

    pub(crate) fn new(workspace: &Workspace) -> Result<SkipLog, String> {
        let log = SkipLog { path: workspace.target().join(format!("skipped-{}", process::id())) };
        fs::create_dir_all(workspace.target())
            .and_then(|()| fs::write(&log.path, ""))
            .map_err(|error| log.error(&error))?;
        Ok(log)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn read(&self) -> Result<Vec<SkippedTest>, String> {
        let text = fs::read_to_string(&self.path).map_err(|error| self.error(&error))?;
        Ok(SkippedTest::read(&text))
    }

    fn error(&self, error: &io::Error) -> String {
        format!("the list of skipped tests, {}: {error}", self.path.display())
    }
}

impl Drop for SkipLog {
    fn drop(&mut self) {
        // Nobody reads it again; if it stays, it is one small file among the build's.
        let _ = fs::remove_file(&self.path);
    }
}
