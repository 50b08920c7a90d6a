//! What the verbs do, a file for each.

mod demo;
mod ls;
mod rm;
mod run;

use crate::cli::{self, Verb};
use crate::exit::{Exit, Failure};
use procsync::Scope;

pub(crate) fn run(verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Run(arguments) => run::run(arguments),
        Verb::Ls(arguments) => ls::run(arguments),
        Verb::Rm(arguments) => rm::run(arguments),
        Verb::Demo => demo::run(),
        Verb::DemoWorker(arguments) => demo::worker::run(arguments),
    }
}

/// Where to look for an object that is not to be created: its mode plays no part.
fn existing(scope: cli::Scope) -> Scope {
    match scope {
        cli::Scope::User => Scope::User,
        cli::Scope::Machine => Scope::Machine { mode: 0o600 },
    }
}
