//! The command line's own demonstration, as a newcomer would run it.

use crate::cargo::Workspace;
use crate::report::Step;
use crate::sh;

pub(crate) fn run(workspace: &Workspace) -> Step {
    let result = sh::run(&mut workspace.cargo(["run", "--release", "--", "demo"]));
    Step::new("demo", result)
}
