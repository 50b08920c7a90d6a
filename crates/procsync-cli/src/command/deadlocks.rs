//! `procsync deadlocks`: who waits for each other.

use super::{existing, scopes};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::report::json;
use crate::text::{Paint, Style, plain};
use procsync::inspect::{self, Deadlock};
use std::io::Write;

pub(crate) fn run(arguments: &cli::Deadlocks, paint: Paint) -> Result<Exit, Failure> {
    let scopes: Vec<_> = scopes(arguments.scope).iter().copied().map(existing).collect();
    let graph = inspect::wait_graph(&scopes)?;
    let text = if arguments.json {
        json::of_graph(&graph)
    } else if arguments.dot {
        graph.to_dot()
    } else {
        graph.deadlocks.iter().map(|deadlock| in_words(deadlock, paint)).collect()
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if graph.deadlocks.is_empty() { Exit::Success } else { Exit::Found })
}

fn in_words(deadlock: &Deadlock, paint: Paint) -> String {
    let title = match (deadlock.cycle.len(), deadlock.certain) {
        (1, true) => "deadlock: one waits for itself".to_owned(),
        (1, false) => "deadlock, as it seems: one waits for itself".to_owned(),
        (count, true) => format!("deadlock of {count}"),
        (count, false) => format!("deadlock of {count}, as it seems"),
    };
    let mut text = paint.paint(&title, Style::Bad);
    text.push('\n');
    for wait in &deadlock.cycle {
        text += &format!("  {}\n", plain(&wait.to_string()));
    }
    if !deadlock.certain {
        text += "  (another thread of one of them may let go, or a command may end by itself)\n";
    }
    for wait in &deadlock.also_stuck {
        text += &format!("  behind them: {}\n", plain(&wait.to_string()));
    }
    text
}
