//! `procsync run` and `procsync try`: hold a mutex, a permit or a unit of one of the system's own
//! semaphores while a command runs.

use super::native;
use super::patience::{Awaited, Limits, take};
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::sys::{self, Inherited};
use crate::text;
use procsync::{
    Deceased, Error, Kind, Mutex, MutexGuard, Object, Ownership, Permit, Result, Scope, Semaphore,
};
use std::process::Command;
use std::time::{Duration, Instant};

/// By this name `deadlocks` knows that a holder waits for its command.
pub(super) const LABEL: &std::ffi::CStr = c"procsync run";

pub(crate) fn run(arguments: &cli::Run) -> Result<Exit, Failure> {
    let limits = Limits::of(&arguments.patience, arguments.what.verbose);
    run_within(&arguments.what, &limits)
}

pub(crate) fn try_run(arguments: &cli::Try) -> Result<Exit, Failure> {
    let (code, verbose) = (arguments.otherwise.code, arguments.what.verbose);
    run_within(&arguments.what, &Limits { at_once: true, timeout: None, code, verbose })
}

fn run_within(what: &cli::Under, limits: &Limits) -> Result<Exit, Failure> {
    if what.native {
        sys::call_this(LABEL);
        return hold(&native::open(what)?, what, limits);
    }
    let scope = scope(what.place.scope, what.mode)?;
    sys::call_this(LABEL);
    match what.permits {
        None => hold(&open_mutex(&what.name, scope)?, what, limits),
        Some(permits) => {
            hold(&Semaphore::options(permits).scope(scope).open(&what.name)?, what, limits)
        }
    }
}

/// Where an object is that may have to be created.
pub(super) fn scope(scope: cli::Scope, mode: Option<u32>) -> Result<Scope, Failure> {
    match (scope, mode) {
        (cli::Scope::User, None) => Ok(Scope::User),
        (cli::Scope::Machine, Some(mode)) => Ok(Scope::Machine { mode }),
        (cli::Scope::User, Some(_)) => Err(Failure::new(
            Exit::Usage,
            "--mode is for --scope machine: others never see a user's own objects",
        )),
        (cli::Scope::Machine, None) => Err(Failure::new(
            Exit::Usage,
            "--scope machine needs --mode, which says who may use it",
        )),
    }
}

/// The mutex of this name, whatever data it guards; a new one guards none.
fn open_mutex(name: &str, scope: Scope) -> Result<Mutex<()>> {
    /// Between the two steps it may come or go; not for ever.
    const TRIES: u32 = 10;
    let options = Mutex::<()>::options().ownership(Ownership::Process).scope(scope);
    for _ in 1..TRIES {
        match options.attach(name) {
            Err(Error::NotFound { .. }) => {}
            other => return other,
        }
        match options.open(name) {
            Err(Error::Mismatch { .. }) => {}
            other => return other,
        }
    }
    options.open(name)
}

/// What can be held while a command runs.
pub(super) trait Lock {
    type Held<'a>: Held
    where
        Self: 'a;

    fn object(&self) -> Object;
    fn try_take(&self) -> Result<Option<Self::Held<'_>>>;
    fn take_within(&self, timeout: Duration) -> Result<Self::Held<'_>>;
    fn in_the_way(&self) -> String;
}

/// What is held.
pub(super) trait Held {
    fn abandoned(&self) -> Option<Deceased>;
    /// What keeps it held for as long as the command has it open.
    fn inherited(&self) -> Result<Inherited>;
    fn which(&self) -> Which;
}

/// What was got, beyond the object's name.
pub(super) enum Which {
    Grant(u64),
    Permit(Option<u32>),
    /// A unit of one of the system's own semaphores: they are all alike.
    Unit,
}

impl Lock for Mutex<()> {
    type Held<'a> = MutexGuard<'a, ()>;

    fn object(&self) -> Object {
        Object { kind: Kind::Mutex, name: self.name().to_owned() }
    }

    fn try_take(&self) -> Result<Option<Self::Held<'_>>> {
        self.try_lock()
    }

    fn take_within(&self, timeout: Duration) -> Result<Self::Held<'_>> {
        self.lock_timeout(timeout)
    }

    fn in_the_way(&self) -> String {
        match self.owner() {
            Some(holder) => format!("held {holder}"),
            // It was let go just now, too late for this try.
            None => "held by another process until just now".to_owned(),
        }
    }
}

impl Lock for Semaphore {
    type Held<'a> = Permit<'a>;

    fn object(&self) -> Object {
        Object { kind: Kind::Semaphore, name: self.name().to_owned() }
    }

    fn try_take(&self) -> Result<Option<Self::Held<'_>>> {
        self.try_acquire()
    }

    fn take_within(&self, timeout: Duration) -> Result<Self::Held<'_>> {
        self.acquire_timeout(timeout)
    }

    fn in_the_way(&self) -> String {
        let capacity = self.capacity();
        let permits = match capacity {
            1 => "its only permit is held".to_owned(),
            _ => format!("all {capacity} permits are held, one of them"),
        };
        match self.holders().unwrap_or_default().into_iter().next() {
            Some(holder) => format!("{permits} {holder}"),
            None => "no permit was free until just now".to_owned(),
        }
    }
}

impl Held for MutexGuard<'_, ()> {
    fn abandoned(&self) -> Option<Deceased> {
        MutexGuard::abandoned(self)
    }

    fn inherited(&self) -> Result<Inherited> {
        sys::inherited_of_mutex(self)
    }

    fn which(&self) -> Which {
        Which::Grant(self.grant())
    }
}

impl Held for Permit<'_> {
    fn abandoned(&self) -> Option<Deceased> {
        Permit::abandoned(self)
    }

    fn inherited(&self) -> Result<Inherited> {
        sys::inherited_of_permit(self)
    }

    fn which(&self) -> Which {
        Which::Permit(self.indexes().first().copied())
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Which::Grant(grant) => write!(f, ", grant {grant}"),
            Which::Permit(Some(index)) => write!(f, ", permit {index}"),
            Which::Permit(None) | Which::Unit => Ok(()),
        }
    }
}

/// A lock, as something to wait for.
pub(super) struct Taking<'a, L>(pub(super) &'a L);

impl<'a, L: Lock> Awaited for Taking<'a, L> {
    type Got = L::Held<'a>;

    fn object(&self) -> Object {
        self.0.object()
    }

    fn try_take(&self) -> Result<Option<Self::Got>> {
        self.0.try_take()
    }

    fn take_within(&self, timeout: Duration) -> Result<Self::Got> {
        self.0.take_within(timeout)
    }

    fn in_the_way(&self) -> String {
        self.0.in_the_way()
    }
}

fn hold<L: Lock>(lock: &L, what: &cli::Under, limits: &Limits) -> Result<Exit, Failure> {
    let object = lock.object();
    let began = Instant::now();
    let held = take(&Taking(lock), limits)?;
    if what.verbose {
        let waited = text::span(began.elapsed());
        text::say(&format!("{object}: got it after {waited}{}", held.which()));
    }
    let mut command = command(what)?;
    tell(&mut command, &object, what.place.scope, &held.which());
    command.env_remove("PROCSYNC_ABANDONED");
    if let Some(deceased) = held.abandoned() {
        text::say(&format!(
            "{object}: abandoned by {deceased}; what it guards may be half changed"
        ));
        command.env("PROCSYNC_ABANDONED", deceased.pid.to_string());
    }
    let exit = super::run_to_end(command, held.inherited()?)?;
    // Not earlier: it is held while the command runs.
    drop(held);
    Ok(exit)
}

fn command(what: &cli::Under) -> Result<Command, Failure> {
    if let Some(line) = &what.shell {
        return Ok(sys::shell(line));
    }
    let mut words = what.command.iter();
    let program = words.next().ok_or_else(|| Failure::new(Exit::Usage, "no command"))?;
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}

/// Tells the command what is held for it.
fn tell(command: &mut Command, object: &Object, scope: cli::Scope, which: &Which) {
    command.env("PROCSYNC_NAME", &object.name);
    let mut held = match scope {
        cli::Scope::User => object.name.clone(),
        cli::Scope::Machine => format!("machine/{}", object.name),
    };
    match which {
        Which::Grant(grant) => {
            command.env("PROCSYNC_GRANT", grant.to_string());
        }
        Which::Permit(Some(index)) => {
            command.env("PROCSYNC_PERMIT", index.to_string());
            held += &format!(":{index}");
        }
        Which::Permit(None) => {}
        Which::Unit => held = format!("native/{}", object.name),
    }
    let before = std::env::var("PROCSYNC_HELD").unwrap_or_default();
    command.env("PROCSYNC_HELD", format!("{before} {held}").trim_start());
}
