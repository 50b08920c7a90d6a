//! `procsync ls`: what there is, who holds it, who waits.

mod json;
mod table;

use super::existing;
use crate::cli::{self, Listed};
use crate::exit::{Exit, Failure};
use procsync::inspect::{self, Snapshot};
use std::io::Write;

/// An object, or why it cannot be shown.
struct Row {
    scope: &'static str,
    looked: procsync::Result<Snapshot>,
}

pub(crate) fn run(arguments: &cli::Ls) -> Result<Exit, Failure> {
    let scopes: &[_] = match arguments.scope {
        Listed::User => &[("user", cli::Scope::User)],
        Listed::Machine => &[("machine", cli::Scope::Machine)],
        Listed::All => &[("user", cli::Scope::User), ("machine", cli::Scope::Machine)],
    };
    let mut rows = Vec::new();
    for (name, scope) in scopes {
        let found = inspect::list(existing(*scope))?;
        rows.extend(found.into_iter().map(|looked| Row { scope: name, looked }));
    }
    let text = if arguments.json {
        json::of(&rows)
    } else {
        table::of(&rows, arguments.scope == Listed::All)
    };
    std::io::stdout().write_all(text.as_bytes())?;
    // A damaged object is part of the answer, not a failure to give one.
    Ok(Exit::Success)
}
