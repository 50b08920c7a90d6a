//! Kills a process at every single instruction of every operation of procsync, and has other
//! processes look what is left.
//!
//! For each operation and each of its instructions, from the first to the last: a fresh process is
//! made ready, traced to just before that instruction, and killed there. Then other processes, one of
//! which waits already where that makes sense, must find the object right: never two holders, no
//! permit lost, who waits inside in time, no leftover that stands in the way.
//!
//! - [`victim`]: a process that is stopped at an instruction and dies there (ptrace(2)).
//! - [`actor`] and [`object`]: the others, who use the object as they are told.
//! - [`crew`]: the processes around one point, and what they have to agree on.
//! - [`scenario`]: the operations, each with what has to be right afterwards. One file a kind.
//! - [`sweep`]: every point of a scenario, or every so many.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod actor;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod cli;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod crew;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod object;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod scenario;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod sweep;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod victim;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn main() -> std::process::ExitCode {
    cli::main()
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn main() -> std::process::ExitCode {
    use std::io::Write as _;
    // Nothing useful is left to do if standard output is gone too.
    let _ = writeln!(
        std::io::stdout(),
        "SKIPPED: procsync-crash: single steps are known for Linux on x86-64 and arm64 only\n\
         0 passed, 0 failed, 1 skipped"
    );
    std::process::ExitCode::SUCCESS
}
