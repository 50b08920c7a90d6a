//! `cargo xtask macos`: what cannot be run here is compiled at least, as strictly as what can.

use crate::cargo::Workspace;
use crate::report::{Report, Step};
use crate::sh;
use crate::toolchain::Toolchain;

const MACOS: &str = "aarch64-apple-darwin";
/// Linux with another C library than glibc, where a thread's death is not told.
const MUSL: &str = "x86_64-unknown-linux-musl";
/// A system for which there is nothing but "unsupported".
const OTHER: &str = "x86_64-unknown-freebsd";

pub(crate) fn run(workspace: &Workspace) -> Report {
    let everything = ["-p", "procsync", "-p", "procsync-c", "-p", "procsync-cli"];
    let library = ["-p", "procsync"];
    let steps = vec![
        lint(workspace, "macOS: library, C API, command line", MACOS, &everything, &[]),
        lint(workspace, "macOS: the library's tests", MACOS, &library, &["--all-targets"]),
        lint(workspace, "Linux with musl: library", MUSL, &library, &[]),
        lint(workspace, "FreeBSD: library, that says it is unsupported", OTHER, &library, &[]),
    ];
    Report::new(steps, Vec::new())
}

fn lint(
    workspace: &Workspace,
    name: &'static str,
    target: &'static str,
    packages: &[&str],
    more: &[&str],
) -> Step {
    let toolchain = match Toolchain::for_target(target) {
        Ok(toolchain) => toolchain,
        Err(why) => return Step::skipped(name, &why),
    };
    if toolchain.has_clippy() {
        let mut command = toolchain.cargo(workspace, "clippy");
        command.args(packages).args(more).args(["--", "-D", "warnings"]);
        return Step::new(name, sh::run(&mut command));
    }
    // Without lints, at least what the compiler itself warns of.
    let mut command = toolchain.cargo(workspace, "check");
    command.args(packages).args(more);
    crate::cargo::add_flags(&mut command, "RUSTFLAGS", &["-D", "warnings"]);
    Step::new(name, sh::run(&mut command))
}
