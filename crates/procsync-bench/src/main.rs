//! procsync and its peers, doing the same work side by side in one run.
//!
//! Absolute figures move from machine to machine and from hour to hour; a ratio between two contenders measured in the
//! same run moves far less. So every contender takes its turn in every round, and every figure is a median over runs.
//!
//! - [`contender`]: what is measured, behind two small traits. One file each.
//! - [`workload`]: what they are made to do. One file each.
//! - [`crew`] and [`worker`]: the other processes, which are this program executed again.
//! - [`results`], [`targets`], [`report`] and [`plot`]: from results to documentation.
//! - [`mod@bench`], [`table`], [`machine`]: taking turns, tables, and what the machine was like meanwhile.

#[cfg(target_os = "linux")]
mod amount;
#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod busy;
#[cfg(target_os = "linux")]
mod cli;
#[cfg(target_os = "linux")]
mod contender;
#[cfg(target_os = "linux")]
mod control;
#[cfg(target_os = "linux")]
mod crew;
#[cfg(target_os = "linux")]
mod histogram;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod plot;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod results;
#[cfg(target_os = "linux")]
mod scratch;
#[cfg(target_os = "linux")]
mod shared;
#[cfg(target_os = "linux")]
mod statistics;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod targets;
#[cfg(target_os = "linux")]
mod trouble;
#[cfg(target_os = "linux")]
mod worker;
#[cfg(target_os = "linux")]
mod workload;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    cli::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    use std::io::Write as _;
    // Nothing useful is left to do if standard error is gone too.
    let _ =
        writeln!(std::io::stderr(), "procsync-bench: the peers it measures exist on Linux only");
    std::process::ExitCode::from(2)
}
