//! `cargo xtask arm64`: the library's unit tests and contract suite, built for 64-bit ARM and run
//! under qemu's emulation of that processor.
//!
//! The system below is the real one: files, locks, signals and processes are the kernel's own. But
//! qemu passes neither lists of robust futexes on nor `futex_waitv`, so there are no life words, which
//! the library finds out as on a machine that lacks them. The other tests between processes are not
//! run: many of them time what happens, or trace and confine processes, which the emulation is too
//! slow for or cannot do.

use std::path::Path;
use std::process::Command;

use crate::cargo::Workspace;
use crate::report::{Report, Step};
use crate::sh;
use crate::test::SkipLog;
use crate::toolchain::{Toolchain, install};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64-static";
/// Where the C library for ARM is.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";
const PACKAGES: [&str; 3] = ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user-static"];

/// What the tests of the contract suite are called, and of the helpers and the exactness that it needs.
const CONTRACT: [&str; 3] = ["contract_", "child::", "exactness::"];

pub(crate) fn run(workspace: &Workspace) -> Result<Report, String> {
    let log = SkipLog::new(workspace)?;
    let steps = match tools() {
        Err(why) => vec![Step::skipped("tests for arm64", &why)],
        Ok(toolchain) => vec![
            Step::new("arm64: the list that life words hang on", robust_list(workspace)),
            test(workspace, &toolchain, &log, "arm64: unit tests", &["--lib"], &[]),
            test(
                workspace,
                &toolchain,
                &log,
                "arm64: contract suite",
                &["--test", "it"],
                &CONTRACT,
            ),
        ],
    };
    Ok(Report::new(steps, log.read()?))
}

fn tools() -> Result<Toolchain, String> {
    let toolchain = Toolchain::for_target(TARGET)?;
    let are_there = || {
        Path::new(LIBRARIES).is_dir()
            && [LINKER, EMULATOR]
                .iter()
                .all(|tool| sh::answers(Command::new(tool).arg("--version")))
    };
    if are_there() || (install(&PACKAGES) && are_there()) {
        return Ok(toolchain);
    }
    Err(format!("no {LINKER}, {EMULATOR} or {LIBRARIES}: `apt-get install {}`", PACKAGES.join(" ")))
}

/// Whether glibc keeps the links of robust mutexes there where `sys/life/linux.rs` says. The emulator
/// has no such lists, so the compiler is asked.
fn robust_list(workspace: &Workspace) -> Result<(), String> {
    const PROGRAM: &str = "\
        #include <pthread.h>\n\
        #include <stddef.h>\n\
        #define AT(field, place) _Static_assert(offsetof(struct __pthread_mutex_s, field) == place, #field)\n\
        AT(__lock, 0);\n\
        AT(__list.__prev, 24);\n\
        AT(__list.__next, 32);\n";
    let file = workspace.target().join("robust_list.c");
    std::fs::write(&file, PROGRAM).map_err(|error| format!("{}: {error}", file.display()))?;
    sh::run(Command::new(LINKER).args(["-fsyntax-only", "-Werror"]).arg(&file))
}

fn test(
    workspace: &Workspace,
    toolchain: &Toolchain,
    log: &SkipLog,
    name: &'static str,
    which: &[&str],
    filters: &[&str],
) -> Step {
    let emulator = format!("{EMULATOR} -L {LIBRARIES}");
    let mut command = toolchain.cargo(workspace, "test");
    command.args(["-p", "procsync", "--no-fail-fast"]).args(which).arg("--").args(filters);
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER);
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", &emulator);
    // The tests start themselves again.
    command.env("PROCSYNC_TEST_EMULATOR", &emulator);
    command.env(SkipLog::VARIABLE, log.path());
    Step::of_tests(name, sh::run_reading(&mut command))
}
