//! What was typed, and what becomes of it.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand, ValueEnum as _};

use crate::amount::Amount;
use crate::bench::Bench;
use crate::contender::{GATES, LEFT_OUT, LOCKS, TOKENS};
use crate::machine::Machine;
use crate::report;
use crate::results::Results;
use crate::table::Row;
use crate::trouble::{Trouble, catch_interrupts};
use crate::worker;
use crate::workload::Workload;

/// procsync and its peers, doing the same work side by side
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// What they are made to do; everything if nothing is named
    #[arg(value_enum)]
    workloads: Vec<Workload>,

    /// Who takes part (several with commas); all if nobody is named
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = known_contender)]
    contenders: Vec<String>,

    /// Compare with the first of these that has figures
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = known_contender)]
    #[arg(default_value = "pthread-robust,sem-open")]
    reference: Vec<String>,

    #[command(flatten)]
    amount: Amount,

    /// Write all results, run by run, to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Say who can take part, and measure nothing
    #[arg(long)]
    list: bool,

    #[command(subcommand)]
    other: Option<Other>,
}

#[derive(Subcommand)]
enum Other {
    /// Put the results of runs, as --json has written them, into the documentation, with the targets and pictures
    Report {
        #[arg(required = true)]
        results: Vec<PathBuf>,
        /// The document; the pictures go into a folder beside it that is called like it
        #[arg(long, default_value = "docs/benchmarks.md", value_name = "FILE")]
        document: PathBuf,
        /// Compare with the first of these that has figures
        #[arg(long, value_delimiter = ',', value_name = "NAME")]
        #[arg(default_value = "pthread-robust,sem-open,multiprocessing.Lock,posix_ipc.Semaphore")]
        reference: Vec<String>,
    },
    /// What this program executes itself as
    #[command(hide = true)]
    Worker { assignment: String },
}

pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.other {
        Some(Other::Worker { assignment }) => return worker::main(assignment),
        Some(Other::Report { results, document, reference }) => {
            report::write(results, document, reference).map(|()| Ending::Well)
        }
        None if arguments.list => list().map(|()| Ending::Well),
        None => measure(arguments),
    };
    let ending = done.unwrap_or_else(|error| {
        // Nothing is left to do if even that cannot be written.
        let _ = writeln!(io::stderr(), "procsync-bench: {error}");
        Ending::Failed
    });
    ExitCode::from(match ending {
        Ending::Well => 0,
        Ending::Failed => 1,
        Ending::Interrupted => 130,
    })
}

enum Ending {
    Well,
    Failed,
    Interrupted,
}

fn list() -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for (title, entries) in [("locks", LOCKS), ("tokens", TOKENS), ("gates", GATES)] {
        writeln!(stdout, "{title}:")?;
        for entry in entries {
            let only_if_named = if entry.by_default { "" } else { " (only if named)" };
            writeln!(stdout, "  {:<26}{}{only_if_named}", entry.name, entry.about)?;
        }
    }
    for left_out in LEFT_OUT {
        writeln!(stdout, "without {left_out}")?;
    }
    Ok(())
}

fn measure(arguments: Arguments) -> io::Result<Ending> {
    catch_interrupts()?;
    let workloads = match arguments.workloads.as_slice() {
        [] => Workload::value_variants(),
        named => named,
    };
    let began = Instant::now();
    let bench = Bench::new(arguments.amount.settings(arguments.contenders))?;
    let mut tables = Vec::new();
    let outcome = workloads.iter().try_for_each(|workload| {
        let began = Instant::now();
        let outcome = workload.run(&bench, &mut tables);
        // So that those who have little time know what costs most. A courtesy, like all progress.
        let _ = writeln!(io::stderr(), "{workload:?} took {:.0} s", began.elapsed().as_secs_f64());
        outcome
    });

    // What is complete is shown in any case: it may have taken an hour.
    let complete = outcome.is_ok();
    let (machine, noise) = (Machine::describe(), bench.noise());
    let left_out = LEFT_OUT.iter().map(|&left_out| left_out.to_owned()).collect();
    let settings = bench.settings.clone();
    let (programs, took_seconds) = (String::new(), began.elapsed().as_secs_f64());
    let results =
        Results { machine, noise, left_out, programs, settings, took_seconds, complete, tables };
    show(&results, &arguments.reference)?;
    if let Some(path) = arguments.json {
        fs::write(path, serde_json::to_string_pretty(&results)?)?;
    }
    match outcome {
        Err(Trouble::Interrupted) => Ok(Ending::Interrupted),
        Err(Trouble::Failed(why)) => Err(io::Error::other(why)),
        Ok(()) if results.tables.iter().any(|table| table.rows.iter().any(Row::failed)) => {
            Ok(Ending::Failed)
        }
        Ok(()) => Ok(Ending::Well),
    }
}

fn show(results: &Results, references: &[String]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", results.heading())?;
    for table in &results.tables {
        writeln!(stdout, "\n{}", table.render(references).trim_end())?;
    }
    Ok(())
}

fn known_contender(name: &str) -> Result<String, String> {
    if LOCKS.iter().chain(TOKENS).chain(GATES).any(|entry| entry.name == name) {
        return Ok(name.to_owned());
    }
    Err("no contender has this name; --list shows them".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for wrong in [
            ["--contenders", "nobody"],
            ["--reference", "nobody"],
            ["--seconds", "0"],
            ["--seconds", "NaN"],
            ["--runs", "0"],
            ["--processes", "2,65"],
            ["--kills", "0"],
        ] {
            assert!(
                Arguments::try_parse_from(["bench"].iter().chain(&wrong)).is_err(),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn workloads_are_named_without_ado() {
        let arguments =
            Arguments::try_parse_from(["bench", "pair", "open", "--runs", "2"]).unwrap();
        assert!(arguments.workloads == [Workload::Pair, Workload::Open]);
        assert!(arguments.other.is_none());
    }
}
