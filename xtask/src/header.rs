//! `cargo xtask header`: procsync.h anew, from the C interface's code.

use crate::cargo::Workspace;
use crate::report::Step;
use crate::sh;

/// The test that otherwise checks the committed header; told so, it writes it.
const TEST: &str = "header::the_header_is_what_the_code_says";
const WRITE: &str = "PROCSYNC_WRITE_HEADER";

pub(crate) fn run(workspace: &Workspace) -> Step {
    let mut command =
        workspace.cargo(["test", "-p", "procsync-c", "--test", "it", "--", "--exact", TEST]);
    Step::of_tests("header", sh::run_reading(command.env(WRITE, "1")))
}
