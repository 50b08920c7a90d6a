//! What can be asked for, and the table at the end.
#![allow(unsafe_code)] // personality, affinity, the environment

use crate::scenario::{self, Scenario};
use crate::sweep::{Findings, Stride, sweep};
use clap::Parser;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::SystemTime;

/// Kills a process at every instruction of every operation, and looks what is left.
#[derive(Parser, Debug)]
#[command(name = "procsync-crash", version)]
struct Arguments {
    /// Only the operations whose name contains one of these
    operations: Vec<String>,
    /// Every point of acquire and release of the mutex and the permit, and a sample of the rest
    #[arg(long, conflicts_with = "every")]
    sample: bool,
    /// Every so many instructions
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// The first instruction; with --sample and --every a random one if nothing is said
    #[arg(long)]
    first: Option<u64>,
    /// List the operations
    #[arg(long)]
    list: bool,
}

/// Set in the run whose memory is laid out the same every time.
const SETTLED: &str = "PROCSYNC_CRASH_SETTLED";

pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "procsync-crash: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let wanted = |scenario: &Scenario| {
        let operations = &arguments.operations;
        operations.is_empty() || operations.iter().any(|text| scenario.name.contains(&**text))
    };
    let scenarios: Vec<_> = scenario::all().into_iter().filter(wanted).collect();
    if arguments.list {
        scenarios.iter().for_each(|scenario| say(scenario.name));
        return Ok(true);
    }
    if scenarios.is_empty() {
        return Err("there is no such operation; --list has them".to_owned());
    }
    settle();
    let base = base()?;
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("PROCSYNC_DIR", base.path()) };
    // Most instructions would be pauses, and the fewest places worth dying at.
    // SAFETY: as above.
    unsafe { std::env::set_var("PROCSYNC_SPIN", "never") };
    let (mut passed, mut failed, mut all) = (0, 0, Findings::default());
    say("operation                                                points   calls  slowest    took");
    for scenario in &scenarios {
        let stride = stride(arguments, scenario);
        let findings = match sweep(scenario, base.path(), stride) {
            Ok(findings) => findings,
            Err(why) => return Ok(skip(&why)),
        };
        row(scenario.name, stride, &findings);
        if findings.failures.is_empty() {
            passed += 1
        } else {
            failed += 1
        }
        all.points += findings.points;
        all.calls = all.calls.max(findings.calls);
        all.doubtful += findings.doubtful;
        all.slowest = all.slowest.max(findings.slowest);
        all.took += findings.took;
        all.failures.extend(findings.failures);
    }
    row("all", Stride { every: 1, first: 0 }, &all);
    say(
        "in doubt: points at which a unit of the system's own semaphore was gone until somebody said so",
    );
    say("slowest: the longest time from the death to the moment when somebody who waited was in");
    say(&format!("{passed} passed, {failed} failed"));
    Ok(failed == 0)
}

fn stride(arguments: &Arguments, scenario: &Scenario) -> Stride {
    let every = match arguments {
        Arguments { sample: true, .. } => scenario.sample,
        Arguments { every, .. } => *every,
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let random = u64::from(now.subsec_nanos()) / 1_000 % every;
    Stride { every, first: arguments.first.unwrap_or(random) }
}

fn row(name: &str, stride: Stride, findings: &Findings) {
    let mut note = String::new();
    if stride.every > 1 {
        note = format!("  (1 of {}, from {})", stride.every, stride.first);
    }
    if findings.doubtful > 0 {
        note += &format!("  in doubt: {}", findings.doubtful);
    }
    say(&format!(
        "{name:<55} {:>7} {:>7} {:>7.1}ms {:>6.1}s{note}",
        findings.points,
        findings.calls,
        findings.slowest.as_secs_f64() * 1e3,
        findings.took.as_secs_f64(),
    ));
    if name != "all" {
        findings.failures.iter().for_each(|failure| say(&format!("  FAILED {failure}")));
    }
}

fn say(line: &str) {
    // A closed terminal must not end the sweep.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Says loudly that nothing was proved.
fn skip(why: &str) -> bool {
    say(&format!("SKIPPED: procsync-crash: {why}"));
    say("0 passed, 0 failed, 1 skipped");
    true
}

/// Has the memory laid out the same in every run, so that the same instructions come in the same
/// order, and keeps to one CPU: tracer and victim take turns, and to wake another CPU each time
/// takes many times as long.
fn settle() {
    // SAFETY: sched_getcpu has no arguments.
    if let Ok(cpu) = usize::try_from(unsafe { libc::sched_getcpu() }) {
        // SAFETY: cpu_set_t is a plain array of integers, for which all zeros is a value.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is initialized, and its size bounds the number.
        unsafe { libc::CPU_SET(cpu, &mut set) };
        // SAFETY: the set has the size given. If it fails, it is only slower.
        unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    }
    if std::env::var_os(SETTLED).is_some() {
        return;
    }
    // SAFETY: plain system call.
    if unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) } == -1 {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Comes back only if it cannot be done; then the layout differs from run to run, and no more.
    let _ = Command::new(program).args(std::env::args_os().skip(1)).env(SETTLED, "1").exec();
}

fn base() -> Result<tempfile::TempDir, String> {
    let above = ["/dev/shm", "/tmp"].map(Path::new).into_iter().find(|path| path.is_dir());
    let above = above.ok_or("there is no directory for temporary files")?;
    let made = tempfile::Builder::new()
        .prefix("procsync-crash-")
        .permissions(PermissionsExt::from_mode(0o700))
        .tempdir_in(above);
    made.map_err(|error| format!("{}: {error}", above.display()))
}
