//! `procsync top`: the objects, live.

mod model;
mod view;

use super::look;
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::sys::{self, Input};
use model::{Model, Step};
use procsync::inspect::Inspector;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How soon a signal to end is heeded.
const HEEDED_WITHIN: Duration = Duration::from_millis(250);

pub(crate) fn run(arguments: &cli::Top) -> Result<Exit, Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let message = "top needs a terminal; `procsync ls` writes to anything";
        return Err(Failure::new(Exit::Failed, message));
    }
    let ended = Arc::new(AtomicBool::new(false));
    for signal in sys::ENDS {
        signal_hook::flag::register(*signal, Arc::clone(&ended)).map_err(failed)?;
    }
    // Before the screen is changed: a directory that cannot be read is told in plain words.
    let mut inspector = Inspector::new();
    let mut model = Model::new(arguments);
    model.take(look(&mut inspector, arguments.scope)?, &mut inspector, Instant::now());
    let mut terminal = ratatui::try_init().map_err(failed)?;
    let outcome = watch(&mut terminal, &mut model, &mut inspector, arguments, &ended);
    ratatui::restore();
    outcome
}

fn failed(error: io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("the terminal cannot be used: {error}"))
}

fn watch(
    terminal: &mut DefaultTerminal,
    model: &mut Model,
    inspector: &mut Inspector,
    arguments: &cli::Top,
    ended: &AtomicBool,
) -> Result<Exit, Failure> {
    let mut next = Instant::now() + arguments.interval;
    terminal.draw(|frame| view::draw(frame, model)).map_err(failed)?;
    while !ended.load(Ordering::Relaxed) {
        let now = Instant::now();
        let mut changed = false;
        if now >= next {
            if !model.is_paused() {
                model.take(look(inspector, arguments.scope)?, inspector, now);
                changed = true;
            }
            // One that was stopped does not make up for what it missed.
            next = now + arguments.interval;
        }
        let patience = next.saturating_duration_since(now).min(HEEDED_WITHIN);
        if changed {
            // To be shown first.
        } else if sys::wait_for_input(patience) == Input::Gone {
            break;
        } else if event::poll(Duration::ZERO).map_err(failed)? {
            match event::read().map_err(failed)? {
                Event::Key(key) if model.press(key) == Step::Quit => break,
                _ => changed = true,
            }
        }
        if changed {
            terminal.draw(|frame| view::draw(frame, model)).map_err(failed)?;
        }
    }
    Ok(Exit::Success)
}
