//! Every check of this project as one program: what a continuous-integration job does, anyone can
//! do at home with `cargo xtask <verb>`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this program does")]

mod arm64;
mod bench;
mod cargo;
mod ci;
mod crash;
mod demo;
mod header;
mod hotpaths;
#[cfg(unix)]
mod install;
mod lint;
mod loom;
mod macos;
mod python;
mod report;
mod sh;
mod test;
mod test_output;
mod toolchain;
mod windows;

#[cfg(unix)]
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cargo::Workspace;

/// The project's checks.
#[derive(Parser)]
#[command(name = "cargo xtask", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Prove the tree: unit, integration and documentation tests, then the loom models
    Test,
    /// Format, file lengths, clippy (with real atomics and with loom's), documentation, dependencies
    Lint,
    /// Check the raw algorithms' models in every interleaving that the preemption bound allows
    Loom {
        /// Run the tests whose path contains this, instead of every model
        #[arg(default_value = loom::EVERY_MODEL)]
        filter: String,
    },
    /// Build and run the benchmarks; `bench python` those of Python's locks, `--with iceoryx2` with one peer more
    Bench {
        /// Arguments for the benchmark program; --help shows them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the Python package, install it in a virtual environment, test it and its types
    Python,
    /// Wheels for Python 3.9 to 3.13 and the sdist, each tested with its own Python
    Wheels,
    /// Kill a process at every instruction of every operation, and look what is left
    Crash {
        /// Arguments for the program that does it; --sample is what continuous integration does
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Write procsync.h, and the Dart declarations, anew from the C interface's code
    Header,
    /// Build libprocsync for C and C++ and install it, with its headers and its pkg-config file
    #[cfg(unix)]
    Install {
        /// The directory under which lib/ and include/ are, /usr/local for example
        #[arg(long)]
        prefix: PathBuf,
    },
    /// Count the instructions of the hot paths, and compare them with those recorded
    Hotpaths {
        /// Record them instead
        #[arg(long)]
        record: bool,
    },
    /// Clippy for macOS, and for the library on musl and on a system that is not supported
    Macos,
    /// The library's unit tests and contract suite for 64-bit ARM, under emulation; not part of `ci`
    Arm64,
    /// Build the library, its tests and the command line for Windows, and run the tests under Wine
    Windows {
        /// Run the integration tests whose path contains this, instead of a choice that takes minutes
        filter: Option<String>,
    },
    /// Everything that continuous integration does: lint, test, macos, python, the hot
    /// paths, a sample of kills, the demo, then the tests for Windows
    Ci,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether everything held; an error if it could not even be tried.
fn run(verb: &Verb) -> Result<bool, String> {
    let workspace = Workspace::find()?;
    let report = match verb {
        Verb::Test => test::run(&workspace)?,
        Verb::Lint => lint::run(&workspace),
        Verb::Loom { filter } => loom::run(&workspace, filter).into(),
        Verb::Bench { arguments } => return Ok(bench::run(&workspace, arguments)),
        Verb::Python => python::run(&workspace)?,
        Verb::Wheels => python::wheels(&workspace)?,
        Verb::Crash { arguments } => return Ok(crash::run(&workspace, arguments)),
        Verb::Header => header::run(&workspace).into(),
        #[cfg(unix)]
        Verb::Install { prefix } => install::run(&workspace, prefix).into(),
        Verb::Hotpaths { record } => hotpaths::run(&workspace, *record)?,
        Verb::Macos => macos::run(&workspace),
        Verb::Arm64 => arm64::run(&workspace)?,
        Verb::Windows { filter } => windows::run(&workspace, filter.as_deref())?,
        Verb::Ci => ci::run(&workspace)?,
    };
    print!("{report}");
    Ok(report.succeeded())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_of_the_benchmarks_reach_the_benchmarks() {
        let arguments =
            Arguments::try_parse_from(["xtask", "bench", "--rounds", "3", "mutex"]).unwrap();
        let Verb::Bench { arguments } = arguments.verb else { panic!("another verb") };
        assert_eq!(arguments, ["--rounds", "3", "mutex"]);
    }

    #[test]
    fn loom_without_a_filter_runs_every_model() {
        let arguments = Arguments::try_parse_from(["xtask", "loom"]).unwrap();
        let Verb::Loom { filter } = arguments.verb else { panic!("another verb") };
        assert_eq!(filter, "model");
    }
}
