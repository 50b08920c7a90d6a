//! `procsync wait`, `post`, `set` and `clear`: events and tokens.

use super::existing;
use super::patience::{Awaited, Limits, take};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::text;
use procsync::{Error, Event, Kind, Object, Reset, Result, Scope, TokenSemaphore};
use std::time::Duration;

/// What can be waited for.
enum What {
    Event(Event),
    Tokens(TokenSemaphore),
}

impl Awaited for What {
    type Got = ();

    fn object(&self) -> Object {
        let (kind, name) = match self {
            What::Event(event) => (Kind::Event, event.name()),
            What::Tokens(tokens) => (Kind::TokenSemaphore, tokens.name()),
        };
        Object { kind, name: name.to_owned() }
    }

    fn try_take(&self) -> Result<Option<()>> {
        let got = match self {
            What::Event(event) => event.try_wait()?,
            What::Tokens(tokens) => tokens.try_wait()?,
        };
        Ok(got.then_some(()))
    }

    fn take_within(&self, timeout: Duration) -> Result<()> {
        match self {
            What::Event(event) => event.wait_timeout(timeout),
            What::Tokens(tokens) => tokens.wait_timeout(timeout),
        }
    }

    fn in_the_way(&self) -> String {
        match self {
            What::Event(_) => "it is not set".to_owned(),
            What::Tokens(_) => "there is no token".to_owned(),
        }
    }
}

pub(crate) fn wait(arguments: &cli::Wait) -> Result<Exit, Failure> {
    let what = open(arguments)?;
    take(&what, &Limits::of(&arguments.patience, arguments.verbose))?;
    Ok(Exit::Success)
}

fn open(arguments: &cli::Wait) -> Result<What, Failure> {
    let (name, scope) = (&arguments.name, existing(arguments.place.scope));
    match TokenSemaphore::options(0).scope(scope).attach(name) {
        Ok(tokens) => return Ok(What::Tokens(tokens)),
        Err(Error::WrongKind { found: Kind::Event, .. }) => {}
        Err(Error::WrongKind { found, .. }) => {
            let message = format!(
                "{name} is a {found}; wait is for events and tokens (procsync run holds a mutex or \
                 permit while a command runs)"
            );
            return Err(Failure::new(Exit::Failed, message));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(What::Event(event(name, scope)?))
}

/// As it is: an event that is attached to has the reset that it was made with.
fn event(name: &str, scope: Scope) -> Result<Event> {
    Event::options(Reset::Manual).scope(scope).attach(name)
}

pub(crate) fn post(arguments: &cli::Post) -> Result<Exit, Failure> {
    let scope = existing(arguments.place.scope);
    TokenSemaphore::options(0).scope(scope).attach(&arguments.name)?.post(arguments.count)?;
    Ok(Exit::Success)
}

pub(crate) fn set(arguments: &cli::Names) -> Result<Exit, Failure> {
    each(arguments, |name, scope| event(name, scope)?.set())
}

pub(crate) fn clear(arguments: &cli::Names) -> Result<Exit, Failure> {
    each(arguments, |name, scope| event(name, scope)?.clear())
}

/// Does it to all, also after it could not be done to one.
fn each(arguments: &cli::Names, act: impl Fn(&str, Scope) -> Result<()>) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for name in &arguments.names {
        if let Err(error) = act(name, existing(arguments.place.scope)) {
            text::say(&error.to_string());
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}
