//! What the verbs do, a file for each.

mod bench;
mod create;
mod deadlocks;
mod demo;
mod doctor;
mod jobserver;
mod ls;
mod native;
mod pages;
mod patience;
mod reap;
mod rm;
mod run;
mod show;
mod signal;
mod top;

use crate::cli::{self, Listed, Verb};
use crate::exit::{Exit, Failure};
use crate::report::Row;
use crate::sys::{Inherited, Running};
use crate::text::Paint;
use procsync::Scope;
use procsync::inspect::Inspector;
use std::process::Command;

pub(crate) fn run(verb: &Verb, paint: Paint) -> Result<Exit, Failure> {
    match verb {
        Verb::Run(arguments) => run::run(arguments),
        Verb::Try(arguments) => run::try_run(arguments),
        Verb::Ls(arguments) => ls::run(arguments, paint),
        Verb::Show(arguments) => show::run(arguments, paint),
        Verb::Wait(arguments) => signal::wait(arguments),
        Verb::Post(arguments) => signal::post(arguments),
        Verb::Set(arguments) => signal::set(arguments),
        Verb::Clear(arguments) => signal::clear(arguments),
        Verb::Create(arguments) => create::run(arguments),
        Verb::Rm(arguments) => rm::run(arguments),
        Verb::Reap(arguments) => reap::run(arguments),
        Verb::Deadlocks(arguments) => deadlocks::run(arguments, paint),
        Verb::Bench(arguments) => bench::run(arguments),
        Verb::BenchWorker(arguments) => bench::worker(arguments),
        Verb::Doctor(arguments) => doctor::run(arguments, paint),
        Verb::Top(arguments) => top::run(arguments),
        Verb::Demo => demo::run(),
        Verb::Completions(arguments) => pages::completions(arguments),
        Verb::Man(arguments) => pages::man(arguments),
        Verb::DemoWorker(arguments) => demo::worker::run(arguments),
        Verb::Jobserver(arguments) => jobserver::run(arguments),
    }
}

/// Where to look for an object that is not to be created: its mode plays no part.
fn existing(scope: cli::Scope) -> Scope {
    match scope {
        cli::Scope::User => Scope::User,
        cli::Scope::Machine => Scope::Machine { mode: 0o600 },
    }
}

fn scopes(listed: Listed) -> &'static [cli::Scope] {
    match listed {
        Listed::User => &[cli::Scope::User],
        Listed::Machine => &[cli::Scope::Machine],
        Listed::All => &[cli::Scope::User, cli::Scope::Machine],
    }
}

/// All objects of these scopes.
fn look(inspector: &mut Inspector, listed: Listed) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for scope in scopes(listed) {
        let found = inspector.list(existing(*scope))?;
        rows.extend(found.into_iter().map(|looked| Row { scope: scope.as_str(), looked }));
    }
    Ok(rows)
}

/// Runs a command to its end, passes signals on to it, and answers how it ended.
fn run_to_end(command: Command, inherited: Inherited) -> Result<Exit, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let running = Running::start(command, inherited).map_err(|error| {
        Failure::new(Exit::of_start(&error), format!("cannot run {program}: {error}"))
    })?;
    let status = running.wait().map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot wait for {program}: {error}"))
    })?;
    Ok(Exit::from(status))
}
