//! `procsync rm`: removes objects by name.

use super::existing;
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::text;
use procsync::Removal;
use std::io::Write;

/// Removes all that can be removed, also after one could not.
pub(crate) fn run(arguments: &cli::Rm) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for name in &arguments.names {
        if arguments.native {
            match super::native::remove(name, arguments.place.scope) {
                Ok(true) => {}
                Ok(false) => {
                    text::say(&format!("{name}: there is no such semaphore"));
                    exit = Exit::Failed;
                }
                Err(error) => {
                    text::say(&error.to_string());
                    exit = Exit::Failed;
                }
            }
            continue;
        }
        match procsync::remove(name, existing(arguments.place.scope)) {
            Ok(Some(Removal::Done)) => {}
            Ok(Some(Removal::WhenLastUserLeaves)) => {
                // The name was found, so it is one that is safe to print.
                let line = format!("{name}: in use; it goes when its last user leaves");
                writeln!(std::io::stdout(), "{line}")?;
            }
            Ok(None) => {
                text::say(&format!("{name}: there is no such object"));
                exit = Exit::Failed;
            }
            Err(error) => {
                text::say(&error.to_string());
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}
