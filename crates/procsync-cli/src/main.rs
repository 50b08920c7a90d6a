//! The command line of procsync: hold a lock or a permit while a command runs, see who holds what
//! and who waits for it, remove what is left.
//!
//! It holds no policy: it turns what was typed into calls of the library, and what the library
//! answers into text, JSON and exit codes. `docs/cli.md` describes it for users.

mod cli;
mod command;
mod exit;
mod report;
mod sys;
mod text;

use clap::Parser;
use cli::Cli;
use exit::{Exit, Failure};
use std::io::{self, IsTerminal};
use text::Paint;
use tracing_subscriber::filter::LevelFilter;

fn main() {
    let exit = match Cli::try_parse() {
        Ok(cli) => {
            log_if_asked();
            command::run(&cli.verb, Paint::of(cli.color)).unwrap_or_else(report_failure)
        }
        Err(answer) => {
            // Help and the version come this way too. If they cannot be printed, nothing can.
            let _ = answer.print();
            if answer.use_stderr() { Exit::Usage } else { Exit::Success }
        }
    };
    std::process::exit(exit.code());
}

/// Says what went wrong; answers how to exit.
fn report_failure(failure: Failure) -> Exit {
    if let Some(message) = failure.message {
        text::say(&message);
    }
    failure.exit
}

/// `PROCSYNC_LOG=debug` (or `error`, `warn`, `info`, `trace`) shows what the library does.
fn log_if_asked() {
    let Ok(wanted) = std::env::var("PROCSYNC_LOG") else { return };
    match wanted.parse::<LevelFilter>() {
        Ok(level) => {
            tracing_subscriber::fmt()
                .with_max_level(level)
                .with_writer(io::stderr)
                .with_ansi(io::stderr().is_terminal())
                .init();
        }
        Err(_) => {
            let known = "off, error, warn, info, debug, trace";
            text::say(&format!("PROCSYNC_LOG={wanted:?} is ignored; it can be one of {known}"));
        }
    }
}
