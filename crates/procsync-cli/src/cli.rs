//! What can be typed. What it means is in `command`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Locks, semaphores and events by name, for the shell: hold one while a command runs, signal, see
/// who holds and who waits.
#[derive(Debug, Parser)]
#[command(name = "procsync", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Colours: on a terminal unless NO_COLOR is set, always, or never
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Hold a mutex, or one of N permits, while a command runs
    Run(Run),
    /// The same, if it can be had at once
    Try(Try),
    /// List the objects: state, who holds them, who waits
    Ls(Ls),
    /// Show all about one object
    Show(Show),
    /// Watch the objects: holders, waiters, rates
    Top(Top),
    /// Wait until an event is set, or take a token
    Wait(Wait),
    /// Add tokens
    Post(Post),
    /// Set events
    Set(Names),
    /// Clear events
    Clear(Names),
    /// Create an object that stays until it is removed
    Create(Create),
    /// Remove objects
    Rm(Rm),
    /// Clear up after the dead: remove what all users left by dying, take back what dead ones hold
    Reap(Reap),
    /// Find those who wait for each other
    Deadlocks(Deadlocks),
    /// Look for what is wrong on this machine, and say what to do
    Doctor(Doctor),
    /// A quick look at how fast this machine is
    Bench(Bench),
    /// Give a build (make, cargo) its job slots from a semaphore that all builds share
    Jobserver(Jobserver),
    /// Show what happens when a holder is killed: eight processes count, one of them is shot
    Demo,
    /// Print a script that completes procsync's arguments in a shell
    Completions(Completions),
    /// Print a manual page
    Man(Man),
    #[command(hide = true)]
    DemoWorker(DemoWorker),
    #[command(hide = true)]
    BenchWorker(BenchWorker),
}

#[derive(Debug, Args)]
#[command(override_usage = "procsync run [OPTIONS] NAME -- COMMAND...\n       \
    procsync run [OPTIONS] NAME -c 'SHELL COMMAND'")]
#[command(after_help = ABOUT_EXITS)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) patience: Patience,
    #[command(flatten)]
    pub(crate) what: Under,
}

#[derive(Debug, Args)]
#[command(override_usage = "procsync try [OPTIONS] NAME -- COMMAND...\n       \
    procsync try [OPTIONS] NAME -c 'SHELL COMMAND'")]
#[command(after_help = ABOUT_EXITS)]
pub(crate) struct Try {
    #[command(flatten)]
    pub(crate) otherwise: Otherwise,
    #[command(flatten)]
    pub(crate) what: Under,
}

const ABOUT_EXITS: &str = "\
The exit status is the command's, or 128 + N if signal N killed it. Of procsync itself: 75 (or what \
-E says) if the mutex or permit could not be had in time, 126 if the command cannot be executed, 127 \
if it was not found, 2 if these arguments make no sense, 1 for any other error.

The command finds in its environment: PROCSYNC_NAME; with --permits PROCSYNC_PERMIT, which permit it \
has, from 0 to N-1, else PROCSYNC_GRANT, a number that only grows; PROCSYNC_HELD, all that is held \
for it; PROCSYNC_ABANDONED, the process id of the last holder if that one died.";

/// How long to wait.
#[derive(Debug, Args)]
pub(crate) struct Patience {
    /// Give up at once if it cannot be had now
    #[arg(long = "try", short = 'n', visible_alias = "nonblock", conflicts_with = "timeout")]
    pub(crate) at_once: bool,

    /// Give up after so many seconds (fractions are allowed)
    #[arg(
        long,
        short = 'w',
        visible_alias = "wait",
        value_name = "SECONDS",
        value_parser = seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) otherwise: Otherwise,
}

/// What becomes of a wait that was in vain.
#[derive(Debug, Args)]
pub(crate) struct Otherwise {
    /// The exit code if it could not be had in time
    #[arg(
        long = "conflict-exit-code",
        short = 'E',
        value_name = "CODE",
        default_value_t = 75,
        value_parser = clap::value_parser!(u8)
    )]
    pub(crate) code: u8,
}

/// What runs, and what is held meanwhile.
#[derive(Debug, Args)]
pub(crate) struct Under {
    /// Let at most N run at once (a semaphore) instead of one (a mutex)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) permits: Option<u32>,

    /// Hold one of the system's own semaphores (sem_open), as other software does that has no
    /// procsync. With --permits: how many units it has if this makes it. --mode: its mode, by default 644
    #[arg(long)]
    pub(crate) native: bool,

    /// Say on standard error what is waited for, who holds it, and when it was got
    #[arg(long, short)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Who may use a machine-wide object that this creates, as in chmod(1), like 666 or 660
    #[arg(long, value_name = "OCTAL", value_parser = mode, required_if_eq("scope", "machine"))]
    pub(crate) mode: Option<u32>,

    /// Have the shell (the one that SHELL names, else /bin/sh) run this
    #[arg(
        long = "command",
        short = 'c',
        value_name = "SHELL COMMAND",
        conflicts_with = "command",
        required_unless_present = "command"
    )]
    pub(crate) shell: Option<OsString>,

    /// The name of the mutex or semaphore
    pub(crate) name: String,

    /// The command and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// An array of objects for programs (docs/cli.md describes the fields)
    #[arg(long, conflicts_with = "columns")]
    pub(crate) json: bool,

    /// Whose objects
    #[arg(long, value_enum, default_value_t = Listed::User)]
    pub(crate) scope: Listed,

    /// Which columns, with commas between them
    #[arg(long = "output", short = 'o', value_enum, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) columns: Vec<Column>,

    /// No line with the columns' titles
    #[arg(long)]
    pub(crate) noheadings: bool,
}

/// What can be shown of each object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    Scope,
    Name,
    Kind,
    State,
    Processes,
    Holders,
    Waiters,
    /// How long ago it was made
    Age,
    /// How many permits there are
    Capacity,
    /// How often a mutex was acquired
    Grants,
    /// How often somebody had to sleep for it
    Contended,
    /// How often something was taken back from a dead holder
    Recovered,
    /// Bytes of data
    Size,
    /// Living participants, and how many there can be
    Slots,
    /// Whose file it is
    Owner,
    /// Who may use it
    Mode,
    /// Its file
    Path,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// For programs (docs/cli.md describes the fields)
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) place: Place,

    /// One of the system's own semaphores, also if an object has the same name
    #[arg(long)]
    pub(crate) native: bool,

    /// The name of the object
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Whose objects
    #[arg(long, value_enum, default_value_t = Listed::User)]
    pub(crate) scope: Listed,

    /// Look again after so many seconds
    #[arg(long, short, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub(crate) interval: Duration,

    /// Only objects whose name, kind or holders contain this
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) filter: String,

    /// What to sort by
    #[arg(long, short, value_enum, default_value_t = Sort::Name)]
    pub(crate) sort: Sort,
}

/// What the rows of `top` can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// The name
    Name,
    /// How many wait
    Waiters,
    /// How long the longest wait has lasted
    Waited,
    /// How long it has been held
    Held,
    /// How often it is acquired
    Rate,
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    #[command(flatten)]
    pub(crate) patience: Patience,

    /// Say on standard error what is waited for
    #[arg(long, short)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) place: Place,

    /// The name of the event or token semaphore
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Post {
    /// How many tokens to add
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,

    #[command(flatten)]
    pub(crate) place: Place,

    /// The name of the token semaphore
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Names {
    #[command(flatten)]
    pub(crate) place: Place,

    /// The names of the objects
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    #[command(flatten)]
    pub(crate) place: Place,

    /// The system's own semaphores, and their ledgers
    #[arg(long)]
    pub(crate) native: bool,

    /// The names of the objects
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// How many permits a semaphore has, or units one of the system's own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) permits: Option<u32>,

    /// How many tokens there are at first
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u32>,

    /// How many bytes a shared memory has
    #[arg(long, value_name = "N")]
    pub(crate) bytes: Option<u64>,

    /// Each wait for the event consumes its setting
    #[arg(long)]
    pub(crate) auto: bool,

    /// How many participants can use it at once
    #[arg(long, value_name = "N")]
    pub(crate) participants: Option<u32>,

    /// It is no error if it is there already, with the same properties
    #[arg(long)]
    pub(crate) if_missing: bool,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Who may use a machine-wide object, or one of the system's own semaphores, as in chmod(1), like 666
    /// or 660
    #[arg(long, value_name = "OCTAL", value_parser = mode, required_if_eq("scope", "machine"))]
    pub(crate) mode: Option<u32>,

    /// What to create
    #[arg(value_enum)]
    pub(crate) kind: Creatable,

    /// What to call it
    pub(crate) name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Creatable {
    /// One holder at a time
    Mutex,
    /// One holder at a time, who may lock it in layers
    ReentrantMutex,
    /// So many holders at a time as --permits says
    Semaphore,
    /// Things to hand over, --count of them at first
    Tokens,
    /// Something that has happened or not
    Event,
    /// --bytes that everybody sees
    Memory,
    /// One of the system's own semaphores (sem_open), with --permits units
    Native,
}

#[derive(Debug, Args)]
pub(crate) struct Reap {
    /// Whose objects
    #[arg(long, value_enum, default_value_t = Listed::User)]
    pub(crate) scope: Listed,

    /// Only say what would be done
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,

    /// Give back what is missing of one of the system's own semaphores: only if you know that no
    /// program holds it that has no procsync
    #[arg(long, value_name = "NAME")]
    pub(crate) missing: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Deadlocks {
    /// For programs (docs/cli.md describes the fields)
    #[arg(long)]
    pub(crate) json: bool,

    /// Everybody who waits, drawn in the language of Graphviz
    #[arg(long, conflicts_with = "json")]
    pub(crate) dot: bool,

    /// Whose objects
    #[arg(long, value_enum, default_value_t = Listed::All)]
    pub(crate) scope: Listed,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// For programs (docs/cli.md describes the fields)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// How long each measurement lasts
    #[arg(long, value_name = "SECONDS", default_value = "0.3", value_parser = interval)]
    pub(crate) each: Duration,

    /// For programs (docs/cli.md describes the fields)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(override_usage = "procsync jobserver [OPTIONS] NAME --permits N -- COMMAND...")]
pub(crate) struct Jobserver {
    /// How many jobs may run at once, over all builds that share the name
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) permits: u32,

    /// How the command is given its slots
    #[arg(long, value_enum, default_value_t = JobserverStyle::Pipe)]
    pub(crate) style: JobserverStyle,

    /// Say on standard error what is taken and given back
    #[arg(long, short)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Who may use a machine-wide object that this creates, as in chmod(1), like 666 or 660
    #[arg(long, value_name = "OCTAL", value_parser = mode, required_if_eq("scope", "machine"))]
    pub(crate) mode: Option<u32>,

    /// The name of the semaphore
    pub(crate) name: String,

    /// The build and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum JobserverStyle {
    /// A named pipe: GNU make 4.4 and newer, cargo
    Fifo,
    /// Two inherited descriptors: every GNU make since 3.78, cargo
    Pipe,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// For which shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write the pages of all verbs into this directory instead
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "verb")]
    pub(crate) directory: Option<PathBuf>,

    /// The page of which verb (default: the page of procsync)
    pub(crate) verb: Option<String>,
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

impl Scope {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Scope::User => "user",
            Scope::Machine => "machine",
        }
    }
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
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

/// The other process of a measurement.
#[derive(Debug, Args)]
pub(crate) struct BenchWorker {
    /// What the names of the objects begin with
    pub(crate) prefix: String,
    /// What it does
    pub(crate) part: String,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number of seconds".to_owned())?;
    if seconds.is_nan() || seconds < 0.0 {
        return Err("it must be 0 or more seconds".to_owned());
    }
    // What is too long to be told is for ever, as in the library.
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn interval(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        time if (0.05..=3_600.0).contains(&time.as_secs_f64()) => Ok(time),
        _ => Err("it must be between 0.05 and 3600 seconds".to_owned()),
    }
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
            assert!(run.patience.at_once, "{typed:?}");
            assert_eq!(run.what.name, "gpu0");
            assert_eq!(run.what.command, ["train", "-n", "--", "--timeout"], "{typed:?}");
        }
        assert_eq!(run(&["gpu0", "--", "-x"]).unwrap().what.command, ["-x"]);
        assert!(run(&["gpu0"]).is_err());
        assert!(run(&["gpu0", "--"]).is_err());
    }

    #[test]
    fn timeouts_are_numbers_from_zero_on() {
        let timeout =
            |text| run(&["-w", text, "x", "--", "y"]).map(|run| run.patience.timeout.unwrap());
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
        let mode = |text| {
            run(&["--scope", "machine", "--mode", text, "x", "--", "y"]).map(|run| run.what.mode)
        };
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
        assert_eq!(run(&["--permits", "4", "x", "--", "y"]).unwrap().what.permits, Some(4));
    }

    #[test]
    fn a_shell_command_stands_on_either_side_of_the_name_and_excludes_another() {
        for typed in [&["-c", "echo a b", "gpu0"][..], &["gpu0", "-c", "echo a b"]] {
            assert_eq!(run(typed).unwrap().what.shell.unwrap(), "echo a b", "{typed:?}");
        }
        assert!(run(&["-c", "echo", "gpu0", "--", "echo"]).is_err());
        assert!(run(&["-E", "300", "gpu0", "--", "true"]).is_err());
        assert_eq!(run(&["-E", "9", "gpu0", "--", "true"]).unwrap().patience.otherwise.code, 9);
    }
}
