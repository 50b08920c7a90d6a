//! `cargo xtask loom`: the raw algorithms, in every interleaving up to a bound.

use std::env;

use crate::cargo::Workspace;
use crate::report::Step;
use crate::sh;

/// Models are in modules of this name, beside the algorithms.
pub(crate) const EVERY_MODEL: &str = "model";

/// Each further preemption multiplies the interleavings. Loom's own advice is two or three, which
/// finds most errors in a fraction of the time.
const PREEMPTIONS: &str = "3";
const PREEMPTIONS_VARIABLE: &str = "LOOM_MAX_PREEMPTIONS";

/// Runs the models whose path contains `filter`.
pub(crate) fn run(workspace: &Workspace, filter: &str) -> Step {
    let mut command =
        workspace.cargo_with_loom(["test", "--release", "-p", "procsync", "--lib", "--", filter]);
    if env::var_os(PREEMPTIONS_VARIABLE).is_none() {
        command.env(PREEMPTIONS_VARIABLE, PREEMPTIONS);
    }
    Step::of_tests("loom models", sh::run_reading(&mut command))
}
