//! `procsync ls`: what there is, who holds it, who waits.

use super::look;
use crate::cli::{self, Column, Listed};
use crate::exit::{Exit, Failure};
use crate::report::{json, table};
use crate::text::Paint;
use procsync::inspect::Inspector;
use std::io::Write;

const COLUMNS: [Column; 6] = [
    Column::Name,
    Column::Kind,
    Column::State,
    Column::Processes,
    Column::Holders,
    Column::Waiters,
];

pub(crate) fn run(arguments: &cli::Ls, paint: Paint) -> Result<Exit, Failure> {
    let rows = look(&mut Inspector::new(), arguments.scope)?;
    let text = if arguments.json {
        json::of(&rows)
    } else {
        let mut columns = arguments.columns.clone();
        if columns.is_empty() {
            columns.extend((arguments.scope == Listed::All).then_some(Column::Scope));
            columns.extend(COLUMNS);
        }
        table::of(&rows, &columns, !arguments.noheadings, paint)
    };
    std::io::stdout().write_all(text.as_bytes())?;
    // A damaged object is part of the answer, not a failure to give one.
    Ok(Exit::Success)
}
