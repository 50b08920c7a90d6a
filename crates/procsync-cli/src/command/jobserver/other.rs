//! Systems without what a job server needs: Linux tells who takes and puts tokens, whose processes
//! have the pipe open, and leaves orphans to the server. GNU make for Windows speaks another protocol.

use crate::cli;
use crate::exit::{Exit, Failure};

pub(in crate::command) fn run(_arguments: &cli::Jobserver) -> Result<Exit, Failure> {
    let message = "jobserver works on Linux only; `procsync run --permits N NAME -- make` limits how \
                   many builds run at once";
    Err(Failure::new(Exit::Failed, message))
}
