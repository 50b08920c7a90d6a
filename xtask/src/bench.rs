//! `cargo xtask bench`: procsync and its peers, doing the same work.

use crate::cargo::Workspace;
use crate::sh;

/// Answers whether the benchmarks ran through; they say themselves what went wrong.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> bool {
    let mut command =
        workspace.cargo(["run", "--release", "-p", "procsync-bench", "--features", "peers", "--"]);
    sh::run(command.args(arguments)).inspect_err(|error| eprintln!("xtask: {error}")).is_ok()
}
