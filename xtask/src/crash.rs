//! `cargo xtask crash`: a process is killed at every instruction of every operation.

use crate::cargo::Workspace;
use crate::report::Step;
use crate::sh;

/// What continuous integration has time for: all points of what is short, a sample of the rest.
const SAMPLE: &str = "--sample";

/// Answers whether everything held; the program says itself what did not.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> bool {
    let arguments = arguments.iter().map(String::as_str);
    kill(workspace, arguments).inspect_err(|error| eprintln!("xtask: {error}")).is_ok()
}

pub(crate) fn sample(workspace: &Workspace) -> Step {
    Step::new("kills at a sample of instructions", kill(workspace, [SAMPLE].into_iter()))
}

fn kill<'a>(workspace: &Workspace, arguments: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut command = workspace.cargo(["run", "--release", "-p", "procsync-crash", "--"]);
    sh::run(command.args(arguments))
}
