//! `cargo xtask header`: procsync.h anew, from the C interface's code, and what is made of it.

use crate::cargo::Workspace;
use crate::report::Step;
use crate::sh;

/// The tests that otherwise check the committed files; told so, they write them.
const TESTS: &str = "header::";
const WRITE: &str = "PROCSYNC_WRITE_HEADER";

pub(crate) fn run(workspace: &Workspace) -> Step {
    let mut command = workspace.cargo(["test", "-p", "procsync-c", "--test", "it", "--", TESTS]);
    Step::of_tests("header", sh::run_reading(command.env(WRITE, "1")))
}
