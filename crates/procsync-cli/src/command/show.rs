//! `procsync show`: all about one object.

use super::existing;
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::report::{Row, details, json};
use crate::text::Paint;
use procsync::inspect;
use std::io::Write;

pub(crate) fn run(arguments: &cli::Show, paint: Paint) -> Result<Exit, Failure> {
    let scope = arguments.place.scope;
    let show = if arguments.native { inspect::show_native } else { inspect::show };
    let seen = show(&arguments.name, existing(scope))?;
    let text = if arguments.json {
        json::of_one(&Row { scope: scope.as_str(), looked: Ok(seen) })
    } else {
        details::of(&seen, paint)
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}
