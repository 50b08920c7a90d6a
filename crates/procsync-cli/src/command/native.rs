//! The system's own semaphores, held while a command runs, made and removed.

use super::existing;
use super::run::{Held, Lock, Which};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::sys::{self, Inherited};
use procsync::native::{self, NativeOptions, NativeSemaphore};
use procsync::{Deceased, Error, Kind, Object, Result, Scope};
use std::time::Duration;

/// How a semaphore is to be, from what was typed: `scope` is its ledger's.
fn options(units: Option<u32>, scope: cli::Scope, mode: Option<u32>) -> NativeOptions {
    let scope = match (scope, mode) {
        (cli::Scope::Machine, Some(mode)) => Scope::Machine { mode },
        (scope, _) => existing(scope),
    };
    let options = NativeOptions::new().scope(scope).initial(units.unwrap_or(1));
    mode.into_iter().fold(options, NativeOptions::mode)
}

/// One that is open.
pub(super) fn open(what: &cli::Under) -> Result<Native> {
    let options = options(what.permits, what.place.scope, what.mode);
    let semaphore = options.instantiate(&what.name)?;
    semaphore.open()?;
    Ok(Native(semaphore))
}

/// `procsync create native`.
pub(super) fn create(arguments: &cli::Create) -> Result<Exit, Failure> {
    let options = options(arguments.permits, arguments.place.scope, arguments.mode);
    let options = arguments.participants.into_iter().fold(options, NativeOptions::participants);
    let semaphore = options.instantiate(&arguments.name)?;
    let opened = semaphore.open()?;
    semaphore.close()?;
    if !opened.created && !arguments.if_missing {
        let object = Object { kind: Kind::Native, name: semaphore.name().to_owned() };
        return Err(Error::AlreadyExists { object }.into());
    }
    Ok(Exit::Success)
}

/// `procsync rm --native`: whether there was one.
pub(super) fn remove(name: &str, scope: cli::Scope) -> Result<bool> {
    native::unlink(name, existing(scope))
}

/// A semaphore of the system's as something to hold.
pub(super) struct Native(NativeSemaphore);

/// A unit of it.
pub(super) struct Unit<'a> {
    semaphore: &'a NativeSemaphore,
    abandoned: Option<Deceased>,
}

impl Native {
    fn holding(&self, locked: native::Locked) -> Unit<'_> {
        Unit { semaphore: &self.0, abandoned: locked.abandoned }
    }
}

impl Lock for Native {
    type Held<'a> = Unit<'a>;

    fn object(&self) -> Object {
        Object { kind: Kind::Native, name: self.0.name().to_owned() }
    }

    fn try_take(&self) -> Result<Option<Unit<'_>>> {
        Ok(self.0.try_lock()?.map(|locked| self.holding(locked)))
    }

    fn take_within(&self, timeout: Duration) -> Result<Unit<'_>> {
        Ok(self.holding(self.0.lock_for(timeout)?))
    }

    fn in_the_way(&self) -> String {
        let units = match self.0.accounts() {
            Ok(Some(accounts)) => accounts.to_string(),
            _ => "it is held".to_owned(),
        };
        match self.0.holders().unwrap_or_default().into_iter().next() {
            Some(holder) => format!("{units}; held {holder}"),
            None => format!("{units}; whoever holds it does not use procsync"),
        }
    }
}

impl Held for Unit<'_> {
    fn abandoned(&self) -> Option<Deceased> {
        self.abandoned.clone()
    }

    fn inherited(&self) -> Result<Inherited> {
        Ok(sys::INHERITED_OF_THREAD)
    }

    fn which(&self) -> Which {
        Which::Unit
    }
}

impl Drop for Unit<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.semaphore.unlock() {
            crate::text::say(&error.to_string());
        }
    }
}
