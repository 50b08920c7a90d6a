//! What was typed, and what becomes of it.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum as _};
use serde::{Deserialize, Serialize};

use crate::bench::{Bench, Settings};
use crate::contender::{GATES, LEFT_OUT, LOCKS, TOKENS};
use crate::machine::{Machine, NoiseReport};
use crate::report;
use crate::table::{Row, Table};
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

    /// How long one measurement of one contender takes
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    seconds: f64,

    /// How often everything is measured; figures are medians of these
    #[arg(long, default_value_t = 5, value_parser = at_least_one)]
    runs: usize,

    /// contended: how many processes
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,32", value_parser = some_workers)]
    processes: Vec<usize>,

    /// contended: how long each works for itself between two turns, in steps of one to two nanoseconds
    #[arg(long, value_delimiter = ',', default_value = "0,100", value_name = "STEPS")]
    between: Vec<u32>,

    /// contended: how long each works while it holds the lock, in the same steps
    #[arg(long, value_delimiter = ',', default_value = "0,5000", value_name = "STEPS")]
    inside: Vec<u32>,

    /// broadcast: how many processes wait for one signal
    #[arg(long, value_delimiter = ',', default_value = "1,8,64", value_parser = some_workers)]
    listeners: Vec<usize>,

    /// recovery: how many small holders are killed in a run; of large ones, a third as many
    #[arg(long, default_value_t = 30, value_parser = at_least_one)]
    kills: usize,

    /// recovery: how many MiB a large holder has in use
    #[arg(long, value_delimiter = ',', default_value = "512,4096", value_name = "MIB")]
    big: Vec<usize>,

    /// waiters: how many threads wait
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000", value_parser = at_least_one)]
    waiters: Vec<usize>,

    /// objects: how many there are at once
    #[arg(long, value_delimiter = ',', default_value = "1,100,10000", value_parser = at_least_one)]
    objects: Vec<usize>,

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
    /// Put the results of a run, as --json has written them, into the documentation, with pictures
    Report {
        results: PathBuf,
        /// The document; the pictures go into a folder beside it that is called like it
        #[arg(long, default_value = "docs/benchmarks.md", value_name = "FILE")]
        document: PathBuf,
        /// Compare with the first of these that has figures
        #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = known_contender)]
        #[arg(default_value = "pthread-robust,sem-open")]
        reference: Vec<String>,
    },
    /// What this program executes itself as
    #[command(hide = true)]
    Worker { assignment: String },
}

/// Everything that was measured.
#[derive(Serialize, Deserialize)]
pub(crate) struct Results {
    machine: Machine,
    noise: NoiseReport,
    /// Who took no part, and why.
    left_out: Vec<String>,
    settings: Settings,
    complete: bool,
    pub(crate) tables: Vec<Table>,
}

impl Results {
    /// Where and how it was measured: a line for each.
    pub(crate) fn heading(&self) -> String {
        let (runs, seconds) = (self.settings.runs, self.settings.seconds);
        let mut lines = vec![self.machine.render(), self.noise.render()];
        lines.push(format!(
            "medians of {runs} runs of {seconds} s each; the longest is that of all runs"
        ));
        if !self.complete {
            lines.push("**not complete: the run was ended early**".to_owned());
        }
        lines.extend(self.left_out.iter().map(|left_out| format!("without {left_out}")));
        lines.join("\n")
    }
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
    let bench = Bench::new(Settings {
        seconds: arguments.seconds,
        runs: arguments.runs,
        contenders: arguments.contenders,
        processes: arguments.processes,
        between: arguments.between,
        inside: arguments.inside,
        listeners: arguments.listeners,
        kills: arguments.kills,
        big_mib: arguments.big,
        waiters: arguments.waiters,
        objects: arguments.objects,
    })?;
    let mut tables = Vec::new();
    let outcome = workloads.iter().try_for_each(|workload| workload.run(&bench, &mut tables));

    // What is complete is shown in any case: it may have taken an hour.
    let complete = outcome.is_ok();
    let (machine, noise) = (Machine::describe(), bench.noise());
    let left_out = LEFT_OUT.iter().map(|&left_out| left_out.to_owned()).collect();
    let settings = bench.settings.clone();
    let results = Results { machine, noise, left_out, settings, complete, tables };
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

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number <= 3_600.0 => Ok(number),
        _ => Err("a number above 0 and up to 3600".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| "a whole number above 0".to_owned())
}

fn some_workers(text: &str) -> Result<usize, String> {
    let most = crate::control::MOST_WORKERS;
    let number = at_least_one(text)?;
    if number <= most { Ok(number) } else { Err(format!("no more than {most} processes")) }
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
