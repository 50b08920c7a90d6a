//! `procsync reap`: clears up after the dead.

use super::{existing, scopes};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::text;
use procsync::inspect::{self, Reaped, State};
use procsync::{Kind, native};
use std::io::Write;

pub(crate) fn run(arguments: &cli::Reap) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    if let Some(name) = &arguments.missing {
        return give_back_missing(name, arguments);
    }
    for scope in scopes(arguments.scope) {
        if arguments.dry_run {
            foretell(*scope)?;
            continue;
        }
        for done in inspect::reap(existing(*scope))? {
            match done {
                // Its semaphore is gone, nobody need have died.
                Reaped::Removed(object) if object.kind == Kind::Native => {
                    let line = format!("{}: ledger removed, its semaphore is gone", object.name);
                    writeln!(std::io::stdout(), "{}", text::plain(&line))?;
                }
                Reaped::Recovered(object, count) if object.kind == Kind::Native => {
                    let units = if count == 1 { "1 unit" } else { &format!("{count} units") };
                    let line = format!("{}: {units} of dead holders given back", object.name);
                    writeln!(std::io::stdout(), "{}", text::plain(&line))?;
                }
                Reaped::Removed(object) => {
                    writeln!(
                        std::io::stdout(),
                        "{}: removed, all its users had died",
                        object.name
                    )?;
                }
                Reaped::Recovered(object, 1) => {
                    writeln!(std::io::stdout(), "{}: taken back from a dead holder", object.name)?;
                }
                Reaped::Recovered(object, count) => {
                    let line = format!("{}: {count} taken back from dead holders", object.name);
                    writeln!(std::io::stdout(), "{line}")?;
                }
                Reaped::Failed(_, error) => {
                    text::say(&error.to_string());
                    exit = Exit::Failed;
                }
                _ => {}
            }
        }
    }
    Ok(exit)
}

/// Gives back the units of one of the system's own semaphores of which nobody knows who has them.
fn give_back_missing(name: &str, arguments: &cli::Reap) -> Result<Exit, Failure> {
    let mut units = 0;
    for scope in scopes(arguments.scope) {
        if !arguments.dry_run {
            units += native::post_doubtful(name, existing(*scope))?;
        } else if let State::Native(accounts) = inspect::show_native(name, existing(*scope))?.state
        {
            units += accounts.unknown.unwrap_or(accounts.doubtful);
        }
    }
    let done = if arguments.dry_run { "would be given back" } else { "given back" };
    let line = match units {
        0 => format!("{name}: nothing is missing"),
        1 => format!("{name}: 1 unit {done}"),
        more => format!("{name}: {more} units {done}"),
    };
    writeln!(std::io::stdout(), "{}", text::plain(&line))?;
    Ok(Exit::Success)
}

fn foretell(scope: cli::Scope) -> Result<(), Failure> {
    for seen in inspect::list(existing(scope))?.into_iter().flatten() {
        let mut dead = seen.holders.iter().filter(|holder| holder.dead).count();
        if let State::Native(accounts) = seen.state {
            dead += accounts.abandoned as usize;
        }
        if seen.is_leftover() {
            writeln!(std::io::stdout(), "{}: would be removed, all its users died", seen.name)?;
        } else if dead > 0 {
            let line = format!("{}: {dead} would be taken back from dead holders", seen.name);
            writeln!(std::io::stdout(), "{line}")?;
        }
    }
    Ok(())
}
