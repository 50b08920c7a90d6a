//! `procsync reap`: clears up after the dead.

use super::{existing, scopes};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::text;
use procsync::inspect::{self, Reaped};
use std::io::Write;

pub(crate) fn run(arguments: &cli::Reap) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for scope in scopes(arguments.scope) {
        if arguments.dry_run {
            foretell(*scope)?;
            continue;
        }
        for done in inspect::reap(existing(*scope))? {
            match done {
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

fn foretell(scope: cli::Scope) -> Result<(), Failure> {
    for seen in inspect::list(existing(scope))?.into_iter().flatten() {
        let dead = seen.holders.iter().filter(|holder| holder.dead).count();
        if seen.is_leftover() {
            writeln!(std::io::stdout(), "{}: would be removed, all its users died", seen.name)?;
        } else if dead > 0 {
            let line = format!("{}: {dead} would be taken back from dead holders", seen.name);
            writeln!(std::io::stdout(), "{line}")?;
        }
    }
    Ok(())
}
