//! `procsync run`: holds a mutex or a permit while a command runs.

use crate::cli;
use crate::exit::{Exit, Failure};
use crate::sys::{Inherited, Running};
use crate::text;
use procsync::{
    Deceased, Error, Kind, Mutex, MutexGuard, Object, Ownership, Permit, Result, Scope, Semaphore,
};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a wait lasts before `--verbose` mentions it.
const A_SHORT_WHILE: Duration = Duration::from_millis(200);

pub(crate) fn run(arguments: &cli::Run) -> Result<Exit, Failure> {
    let scope = scope(arguments)?;
    let name = &arguments.name;
    match arguments.permits {
        None => {
            let options = Mutex::<()>::options().ownership(Ownership::Process).scope(scope);
            hold(&options.open(name)?, arguments)
        }
        Some(permits) => hold(&Semaphore::options(permits).scope(scope).open(name)?, arguments),
    }
}

fn scope(arguments: &cli::Run) -> Result<Scope, Failure> {
    match (arguments.place.scope, arguments.mode) {
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

/// What can be held while a command runs.
trait Lock {
    type Held<'a>: Held
    where
        Self: 'a;

    fn object(&self) -> Object;
    fn try_take(&self) -> Result<Option<Self::Held<'_>>>;
    fn take_within(&self, timeout: Duration) -> Result<Self::Held<'_>>;
    /// Who stands in the way, as a message says it after the object's name.
    fn in_the_way(&self) -> String;
}

/// What is held.
trait Held {
    fn abandoned(&self) -> Option<Deceased>;
    /// What keeps it held for as long as the command has it open.
    #[cfg(unix)]
    fn inherited(&self) -> Result<Inherited>;
    #[cfg(not(unix))]
    fn inherited(&self) -> Result<Inherited> {
        Ok(())
    }
    /// What was got, beyond the object's name.
    fn which(&self) -> String;
    /// The index of a permit.
    fn permit(&self) -> Option<u32>;
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

    #[cfg(unix)]
    fn inherited(&self) -> Result<Inherited> {
        self.inheritable()
    }

    fn which(&self) -> String {
        format!("grant {}", self.grant())
    }

    fn permit(&self) -> Option<u32> {
        None
    }
}

impl Held for Permit<'_> {
    fn abandoned(&self) -> Option<Deceased> {
        Permit::abandoned(self)
    }

    #[cfg(unix)]
    fn inherited(&self) -> Result<Inherited> {
        self.inheritable()
    }

    fn which(&self) -> String {
        self.permit().map_or_else(String::new, |index| format!("permit {index}"))
    }

    fn permit(&self) -> Option<u32> {
        self.indexes().first().copied()
    }
}

fn hold<L: Lock>(lock: &L, arguments: &cli::Run) -> Result<Exit, Failure> {
    let object = lock.object();
    let began = Instant::now();
    let held = take(lock, arguments)?;
    if arguments.verbose {
        let waited = text::span(began.elapsed());
        text::say(&format!("{object}: got it after {waited}, {}", held.which()));
    }
    if let Some(deceased) = held.abandoned() {
        text::say(&format!(
            "{object}: abandoned by {deceased}; what it guards may be half changed"
        ));
    }
    let mut words = arguments.command.iter();
    let program = words.next().ok_or_else(|| Failure::new(Exit::Usage, "no command"))?;
    let mut command = Command::new(program);
    command.args(words).env("PROCSYNC_NAME", &object.name);
    if let Some(index) = held.permit() {
        command.env("PROCSYNC_PERMIT", index.to_string());
    }
    let running = Running::start(command, held.inherited()?).map_err(|error| {
        let message = format!("cannot run {}: {error}", program.to_string_lossy());
        Failure::new(Exit::of_start(&error), message)
    })?;
    let status = running.wait().map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("cannot wait for {}: {error}", program.to_string_lossy()),
        )
    })?;
    // Not earlier: it is held while the command runs.
    drop(held);
    Ok(Exit::from(status))
}

fn take<'a, L: Lock>(lock: &'a L, arguments: &cli::Run) -> Result<L::Held<'a>, Failure> {
    // A timeout of nothing comes here as well: a try also looks whether the holder still lives.
    if let Some(held) = lock.try_take()? {
        return Ok(held);
    }
    let timeout = arguments.timeout.unwrap_or(Duration::MAX);
    if arguments.at_once || timeout.is_zero() {
        let message = format!("{}: {}", lock.object(), lock.in_the_way());
        return Err(Failure::new(Exit::NotInTime, message));
    }
    let began = Instant::now();
    let quietly = if arguments.verbose { timeout.min(A_SHORT_WHILE) } else { timeout };
    let rest = timeout.saturating_sub(quietly);
    match lock.take_within(quietly) {
        Err(Error::TimedOut { .. }) if !rest.is_zero() => {}
        other => return Ok(other?),
    }
    text::say(&format!("{}: waiting; {}", lock.object(), lock.in_the_way()));
    Ok(lock.take_within(rest).map_err(|error| match error {
        // Of the whole wait, not of its second part.
        Error::TimedOut { object, holder, .. } => {
            Error::TimedOut { object, waited: began.elapsed(), holder }
        }
        other => other,
    })?)
}
