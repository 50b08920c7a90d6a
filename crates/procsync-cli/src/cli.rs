//! What can be typed. What it means is in `command`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::time::Duration;

/// Locks and semaphores by name, for the shell: hold one while a command runs, see who holds and
/// who waits.
#[derive(Debug, Parser)]
#[command(name = "procsync", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Hold a mutex, or one of N permits, while a command runs
    Run(Run),
    /// List the objects: state, who holds them, who waits
    Ls(Ls),
    /// Remove objects
    Rm(Rm),
    /// Show what happens when a holder is killed: eight processes count, one of them is shot
    Demo,
    #[command(hide = true)]
    DemoWorker(DemoWorker),
}

#[derive(Debug, Args)]
#[command(override_usage = "procsync run [OPTIONS] NAME -- COMMAND...")]
#[command(after_help = "\
The exit status is the command's, or 128 + N if signal N killed it. Of procsync itself: 75 if the \
mutex or permit could not be had in time, 126 if the command cannot be executed, 127 if it was not \
found, 2 if these arguments make no sense, 1 for any other error.

The command finds PROCSYNC_NAME in its environment, and with --permits PROCSYNC_PERMIT: which \
permit it has, from 0 to N-1.")]
pub(crate) struct Run {
    /// Give up at once if it cannot be had now
    #[arg(long = "try", short = 'n', conflicts_with = "timeout")]
    pub(crate) at_once: bool,

    /// Give up after so many seconds (fractions are allowed)
    #[arg(
        long,
        short = 'w',
        value_name = "SECONDS",
        value_parser = seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,

    /// Let at most N run at once (a semaphore) instead of one (a mutex)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) permits: Option<u32>,

    /// Say on standard error what is waited for, who holds it, and when it was got
    #[arg(long, short)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Who may use a machine-wide object that this creates, as in chmod(1), like 666 or 660
    #[arg(long, value_name = "OCTAL", value_parser = mode, required_if_eq("scope", "machine"))]
    pub(crate) mode: Option<u32>,

    /// The name of the mutex or semaphore
    pub(crate) name: String,

    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// An array of objects for programs (docs/cli.md describes the fields)
    #[arg(long)]
    pub(crate) json: bool,

    /// Whose objects
    #[arg(long, value_enum, default_value_t = Listed::User)]
    pub(crate) scope: Listed,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    #[command(flatten)]
    pub(crate) place: Place,

    /// The names of the objects
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
}

/// Where an object is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Whose object
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// This user's
    User,
    /// The whole machine's
    Machine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// This user's
    User,
    /// The whole machine's
    Machine,
    /// Both
    All,
}

/// One of the processes of the demonstration.
#[derive(Debug, Args)]
pub(crate) struct DemoWorker {
    /// What the names of the demonstration's objects begin with
    pub(crate) prefix: String,
    /// How often it counts
    pub(crate) counts: u64,
    /// To stop inside, in the middle of a count, after so many
    #[arg(long)]
    pub(crate) stop_after: Option<u64>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number of seconds".to_owned())?;
    if seconds.is_nan() || seconds < 0.0 {
        return Err("it must be 0 or more seconds".to_owned());
    }
    // What is too long to be told is for ever, as in the library.
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode & !0o666 == 0 && mode & 0o600 == 0o600 => Ok(mode),
        _ => Err("it must be octal, between 600 and 666, made of the digits 0, 2, 4, 6".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn run(arguments: &[&str]) -> Result<Run, clap::Error> {
        let all = ["procsync", "run"].iter().chain(arguments);
        match Cli::try_parse_from(all)?.verb {
            Verb::Run(run) => Ok(run),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_the_name_is_the_commands_whatever_it_looks_like() {
        for typed in [
            &["-n", "gpu0", "--", "train", "-n", "--", "--timeout"][..],
            &["-n", "gpu0", "train", "-n", "--", "--timeout"],
            &["gpu0", "-n", "--", "train", "-n", "--", "--timeout"],
        ] {
            let run = run(typed).unwrap();
            assert!(run.at_once, "{typed:?}");
            assert_eq!(run.name, "gpu0");
            assert_eq!(run.command, ["train", "-n", "--", "--timeout"], "{typed:?}");
        }
        assert_eq!(run(&["gpu0", "--", "-x"]).unwrap().command, ["-x"]);
        assert!(run(&["gpu0"]).is_err());
        assert!(run(&["gpu0", "--"]).is_err());
    }

    #[test]
    fn timeouts_are_numbers_from_zero_on() {
        let timeout = |text| run(&["-w", text, "x", "--", "y"]).map(|run| run.timeout.unwrap());
        assert_eq!(timeout("0").unwrap(), Duration::ZERO);
        assert_eq!(timeout("0.25").unwrap(), Duration::from_millis(250));
        assert_eq!(timeout("1e300").unwrap(), Duration::MAX);
        assert_eq!(timeout("inf").unwrap(), Duration::MAX);
        for bad in ["-1", "-0.5", "NaN", "-inf", "soon", ""] {
            assert!(timeout(bad).is_err(), "{bad:?}");
        }
        assert!(run(&["-n", "-w", "1", "x", "--", "y"]).is_err(), "at once, or within a time");
    }

    #[test]
    fn modes_are_octal_and_only_for_the_machine() {
        let mode =
            |text| run(&["--scope", "machine", "--mode", text, "x", "--", "y"]).map(|run| run.mode);
        assert_eq!(mode("666").unwrap(), Some(0o666));
        assert_eq!(mode("0660").unwrap(), Some(0o660));
        assert_eq!(mode("0o600").unwrap(), Some(0o600));
        for bad in ["777", "066", "888", "1666", "rw"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
        assert!(run(&["--scope", "machine", "x", "--", "y"]).is_err(), "who may use it is missing");
    }

    #[test]
    fn there_is_at_least_one_permit() {
        assert!(run(&["--permits", "0", "x", "--", "y"]).is_err());
        assert_eq!(run(&["--permits", "4", "x", "--", "y"]).unwrap().permits, Some(4));
    }
}
