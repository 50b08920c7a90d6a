//! `procsync jobserver`: gives a build its job slots, as GNU make's job server does, from a
//! semaphore that all builds share.
//!
//! The protocol: whoever wants to run one more job takes a byte out of a pipe, and puts it back when
//! the job is done. One job needs no byte: that the build runs at all is its first slot.
//!
//! Each byte that is out of our hands, in the pipe or taken, is backed by a permit that this process
//! holds, and so is the build itself. Nobody says that he wants a byte before he takes it. So one
//! lies there ready, if a permit can be had, and as soon as it is taken, the next one is fetched. If
//! it is not taken and somebody else waits for permits, it goes back: a slot that this build does
//! not use comes round to the one that does, in a few milliseconds. And one that has more than an
//! equal part of all slots while others wait takes back what its jobs put there, if it is quick
//! enough.
//!
//! The build inherits the open file by which the permits are held. If this process is killed, they
//! stay with the build until that has ended; if all of it is killed, they are free at once.

use super::super::patience::{Limits, take};
use super::super::run::{Taking, scope};
use crate::cli::{self, JobserverStyle};
use crate::exit::{Exit, Failure};
use crate::sys::{self, Running, Tokens};
use crate::text;
use procsync::inspect::Snapshot;
use procsync::{Error, Permit, Scope, Semaphore};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a byte may lie untaken while others wait for a permit.
const PATIENCE: Duration = Duration::from_millis(10);
/// How long to stay away from the semaphore after a permit has gone back unused: the first time, and
/// at most, after many times in a row. A build in a part that cannot be split would else keep one
/// slot coming and going between it and one that could use it.
const MODESTY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));
/// How long a wait for a permit lasts before it is looked whether the build has ended, or has put
/// back what it had.
const SLICE: Duration = Duration::from_millis(50);
/// How long nothing may happen before it is looked whether something did, unnoticed.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is looked for lost tokens, and how often in a row they have to look lost.
const LOST_AFTER: (Duration, u32) = (Duration::from_secs(1), 3);

pub(in crate::command) fn run(arguments: &cli::Jobserver) -> Result<Exit, Failure> {
    let place = scope(arguments.place.scope, arguments.mode)?;
    // So that `deadlocks` knows that it waits for its command.
    sys::call_this(super::super::run::LABEL);
    let semaphore = Semaphore::options(arguments.permits).scope(place).open(&arguments.name)?;
    let limits = Limits { at_once: false, timeout: None, code: 0, verbose: arguments.verbose };
    let first = take(&Taking(&semaphore), &limits)?;
    let failed = |error: io::Error| {
        Failure::new(Exit::Failed, format!("cannot serve jobs to the build: {error}"))
    };
    let mut tokens = Tokens::new().map_err(failed)?;
    let handed_down = match arguments.style {
        JobserverStyle::Fifo => None,
        JobserverStyle::Pipe => {
            let both = tokens.inheritable().map_err(failed)?;
            tokens.forget_path();
            Some(both)
        }
    };
    let mut authority = OsString::new();
    match &handed_down {
        None => {
            authority.push("fifo:");
            authority.push(tokens.path());
        }
        Some((take, put)) => {
            authority.push(format!("{},{}", take.as_raw_fd(), put.as_raw_fd()));
        }
    }
    let flags = make_flags(std::env::var_os("MAKEFLAGS"), arguments.permits, &authority);
    let mut words = arguments.command.iter();
    let program = words.next().ok_or_else(|| Failure::new(Exit::Usage, "no command"))?;
    let mut command = Command::new(program);
    command.args(words);
    command.env("PROCSYNC_NAME", semaphore.name());
    // Make reads the first, cargo the second if there is one.
    command.env("MAKEFLAGS", &flags).env("CARGO_MAKEFLAGS", &flags).env_remove("MFLAGS");
    sys::take_in_orphans().map_err(failed)?;
    let running = Running::start(command, sys::inherited_of_permit(&first)?).map_err(|error| {
        let message = format!("cannot run {}: {error}", program.to_string_lossy());
        Failure::new(Exit::of_start(&error), message)
    })?;
    drop(handed_down);
    let mut server = Server {
        semaphore: &semaphore,
        tokens: &tokens,
        permits: Vec::new(),
        place,
        verbose: arguments.verbose,
        offered: None,
        modest_until: None,
        modesty: MODESTY.0,
        looked_for_lost: Instant::now(),
        looked_lost: (0, u32::MAX),
    };
    let exit = server.serve(running).map_err(|trouble| match trouble {
        Trouble::Library(error) => Failure::from(error),
        Trouble::System(error) => failed(error),
    })?;
    drop(first);
    Ok(exit)
}

/// What make is told through its environment, beside what the user tells it: options as one word
/// without dashes, then long options, and after ` -- ` variables.
fn make_flags(given: Option<OsString>, jobs: u32, authority: &OsStr) -> OsString {
    let given = given.unwrap_or_default().to_string_lossy().into_owned();
    let (options, variables) = match given.split_once(" -- ") {
        Some((options, variables)) => (options, format!(" -- {variables}")),
        None => (given.as_str(), String::new()),
    };
    let is_ours = |word: &&str| !word.starts_with("-j") && !word.starts_with("--jobserver");
    let kept: Vec<_> = options.split(' ').filter(is_ours).collect();
    let mut flags = OsString::from(format!("{} -j{jobs} --jobserver-auth=", kept.join(" ")));
    flags.push(authority);
    flags.push(variables);
    flags
}

enum Trouble {
    Library(Error),
    System(io::Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Library(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::System(error)
    }
}

struct Server<'a> {
    semaphore: &'a Semaphore,
    tokens: &'a Tokens,
    /// One for each token, whether it lies in the pipe or is in use.
    permits: Vec<Permit<'a>>,
    place: Scope,
    verbose: bool,
    /// Since when a token has lain there untaken.
    offered: Option<Instant>,
    /// A permit went back unused: until then others go first.
    modest_until: Option<Instant>,
    modesty: Duration,
    looked_for_lost: Instant,
    /// How often in a row tokens looked lost, and how many at least.
    looked_lost: (u32, u32),
}

impl Server<'_> {
    fn serve(&mut self, mut running: Running) -> Result<Exit, Trouble> {
        let notices = running.notices()?;
        loop {
            if let Some(status) = running.look()? {
                return Ok(Exit::from(status));
            }
            sys::bury_orphans(running.id());
            self.replace_lost()?;
            let lie_there = self.tidy_up()?;
            let now = Instant::now();
            if lie_there > 0 {
                let since = *self.offered.get_or_insert(now);
                let patience = PATIENCE.saturating_sub(now - since);
                if patience.is_zero() && self.others_wait() {
                    if self.take_back()? {
                        self.say("gave an unused slot to others");
                        self.offered = None;
                        self.modest_until = Some(now + self.modesty);
                        self.modesty = (self.modesty * 2).min(MODESTY.1);
                    }
                } else {
                    let longest = if patience.is_zero() { PATIENCE * 2 } else { patience };
                    self.tokens.wait(notices.as_fd(), longest)?;
                }
                continue;
            }
            if self.offered.take().is_some() {
                // It was taken: the build has work.
                self.modesty = MODESTY.0;
            }
            if let Some(left) =
                self.modest_until.and_then(|until| until.checked_duration_since(now))
            {
                self.tokens.wait(notices.as_fd(), left.max(Duration::from_millis(1)))?;
                continue;
            }
            self.modest_until = None;
            if self.permits.len() as u32 + 1 >= self.semaphore.capacity() {
                // All slots of the machine are this build's.
                self.tokens.wait(notices.as_fd(), LOOK)?;
                continue;
            }
            if self.has_more_than_its_share() {
                // The build is quick to take again what it puts there, so this one has to be too.
                self.tokens.wait(notices.as_fd(), SLICE)?;
                if self.take_back()? {
                    self.say("gave a slot to others, who have fewer");
                }
                continue;
            }
            match self.semaphore.acquire_timeout(SLICE) {
                Ok(permit) => {
                    self.permits.push(permit);
                    self.tokens.put()?;
                    self.say("offers one more slot");
                }
                Err(Error::TimedOut { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes back what lies there beyond one, and what nobody was given; answers how many lie there
    /// then.
    fn tidy_up(&mut self) -> Result<u32, Trouble> {
        let mut lie_there = self.tokens.count()?;
        // Somebody put more than he took: those are backed by nothing.
        while lie_there > self.permits.len() as u32 && self.tokens.take()? {
            lie_there = self.tokens.count()?;
        }
        while lie_there > 1 && self.take_back()? {
            self.say("gave back a slot");
            lie_there = self.tokens.count()?;
        }
        Ok(lie_there)
    }

    /// Takes a token away and gives its permit back; false if it was taken by the build first.
    fn take_back(&mut self) -> Result<bool, Trouble> {
        if !self.tokens.take()? {
            return Ok(false);
        }
        self.permits.pop();
        Ok(true)
    }

    /// Whether anybody else waits for a permit.
    fn others_wait(&self) -> bool {
        self.pool().is_some_and(|pool| !pool.waiters.is_empty())
    }

    /// Whether others wait although this build has more than an equal part of all slots: a build
    /// keeps what it has for as long as it has work, and those who came later would get nothing.
    fn has_more_than_its_share(&self) -> bool {
        let Some(pool) = self.pool().filter(|pool| !pool.waiters.is_empty()) else { return false };
        let users: HashSet<_> =
            pool.holders.iter().chain(&pool.waiters).map(|one| (one.namespace, one.pid)).collect();
        let share = (self.semaphore.capacity() as usize / users.len()).max(1);
        self.permits.len() + 1 > share
    }

    fn pool(&self) -> Option<Snapshot> {
        procsync::inspect::show(self.semaphore.name(), self.place).ok()
    }

    /// A job's or sub-make's token is lost if it is killed. That it is lost can be told if more
    /// are out than the processes could have that know the pipe; for some time, because one may
    /// just have been taken, or be about to be put back.
    fn replace_lost(&mut self) -> Result<(), Trouble> {
        let (pause, times) = LOST_AFTER;
        if self.looked_for_lost.elapsed() < pause {
            return Ok(());
        }
        self.looked_for_lost = Instant::now();
        let out = (self.permits.len() as u32).saturating_sub(self.tokens.count()?);
        let lost = match out {
            0 => 0,
            _ => out.saturating_sub(self.tokens.most_in_use(std::process::id())?),
        };
        if lost == 0 {
            self.looked_lost = (0, u32::MAX);
            return Ok(());
        }
        let (seen, least) = (self.looked_lost.0 + 1, self.looked_lost.1.min(lost));
        if seen < times {
            self.looked_lost = (seen, least);
            return Ok(());
        }
        self.looked_lost = (0, u32::MAX);
        for _ in 0..least {
            self.tokens.put()?;
        }
        self.say(&format!("replaced {least} that were lost"));
        Ok(())
    }

    fn say(&self, what: &str) {
        if self.verbose {
            let (held, lie) = (self.permits.len(), self.tokens.count().unwrap_or(0));
            text::say(&format!(
                "jobserver {}: {what}; {held} beyond the first, {lie} of them unused",
                self.semaphore.name()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_tells_make_is_kept() {
        let flags = |given: Option<&str>| make_flags(given.map(Into::into), 4, OsStr::new("3,4"));
        assert_eq!(flags(None), " -j4 --jobserver-auth=3,4");
        assert_eq!(flags(Some("k")), "k -j4 --jobserver-auth=3,4");
        assert_eq!(
            flags(Some("ks -j8 --jobserver-auth=5,6 -- CC=gcc X=-j9")),
            "ks -j4 --jobserver-auth=3,4 -- CC=gcc X=-j9"
        );
    }
}
