//! Everything that can exclude, under one roof, for the promises that all of them make.

use crate::child::{Helper, Role};
use crate::support::LIMIT;
use procsync::{
    Deceased, Mutex, MutexGuard, Ownership, Permit, ReentrantMutex, ReentrantMutexGuard, Result,
    Semaphore, TokenSemaphore,
};
use std::time::Duration;

/// A way to exclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Mutex,
    ProcessMutex,
    Reentrant,
    Semaphore,
    Tokens,
}

impl Way {
    pub(crate) const ALL: [Way; 5] =
        [Way::Mutex, Way::ProcessMutex, Way::Reentrant, Way::Semaphore, Way::Tokens];
    /// Those that know their holder, and so can take back what a dead one held.
    pub(crate) const OWNED: [Way; 4] =
        [Way::Mutex, Way::ProcessMutex, Way::Reentrant, Way::Semaphore];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Way::Mutex => "mutex",
            Way::ProcessMutex => "process-mutex",
            Way::Reentrant => "reentrant",
            Way::Semaphore => "semaphore",
            Way::Tokens => "tokens",
        }
    }

    pub(crate) fn parse(text: &str) -> Way {
        Way::ALL.into_iter().find(|way| way.as_str() == text).expect("a known way to exclude")
    }
}

/// An open object.
pub(crate) enum AnyLock {
    Mutex(Mutex<u64>),
    Reentrant(ReentrantMutex),
    Semaphore(Semaphore),
    Tokens(TokenSemaphore),
}

/// What is held. Given back when this goes.
#[allow(dead_code, reason = "the permit is there to be dropped")]
pub(crate) enum Held<'a> {
    Mutex(MutexGuard<'a, u64>),
    Reentrant(ReentrantMutexGuard<'a>),
    Permit(Permit<'a>),
    Token(TokenTaken<'a>),
}

pub(crate) struct TokenTaken<'a>(&'a TokenSemaphore);

impl Drop for TokenTaken<'_> {
    fn drop(&mut self) {
        self.0.post(1).expect("there is room for the token that was taken");
    }
}

impl Held<'_> {
    /// The holder before this one, if it died.
    pub(crate) fn abandoned(&self) -> Option<Deceased> {
        match self {
            Held::Mutex(guard) => guard.abandoned(),
            Held::Reentrant(guard) => guard.abandoned(),
            Held::Permit(permit) => permit.abandoned(),
            Held::Token(_) => None,
        }
    }
}

impl AnyLock {
    pub(crate) fn open(way: Way, name: &str) -> Result<AnyLock> {
        Ok(match way {
            Way::Mutex => AnyLock::Mutex(Mutex::open(name)?),
            Way::ProcessMutex => {
                AnyLock::Mutex(Mutex::options().ownership(Ownership::Process).open(name)?)
            }
            Way::Reentrant => AnyLock::Reentrant(ReentrantMutex::open(name)?),
            Way::Semaphore => AnyLock::Semaphore(Semaphore::open(name, 1)?),
            Way::Tokens => AnyLock::Tokens(TokenSemaphore::open(name, 1)?),
        })
    }

    /// Waits as long as it takes.
    pub(crate) fn hold(&self) -> Result<Held<'_>> {
        Ok(match self {
            AnyLock::Mutex(mutex) => Held::Mutex(mutex.lock()?),
            AnyLock::Reentrant(mutex) => Held::Reentrant(mutex.lock()?),
            AnyLock::Semaphore(semaphore) => Held::Permit(semaphore.acquire()?),
            AnyLock::Tokens(tokens) => {
                tokens.wait()?;
                Held::Token(TokenTaken(tokens))
            }
        })
    }

    pub(crate) fn hold_within(&self, time: Duration) -> Result<Held<'_>> {
        Ok(match self {
            AnyLock::Mutex(mutex) => Held::Mutex(mutex.lock_timeout(time)?),
            AnyLock::Reentrant(mutex) => Held::Reentrant(mutex.lock_timeout(time)?),
            AnyLock::Semaphore(semaphore) => Held::Permit(semaphore.acquire_timeout(time)?),
            AnyLock::Tokens(tokens) => {
                tokens.wait_timeout(time)?;
                Held::Token(TokenTaken(tokens))
            }
        })
    }

    pub(crate) fn try_hold(&self) -> Result<Option<Held<'_>>> {
        Ok(match self {
            AnyLock::Mutex(mutex) => mutex.try_lock()?.map(Held::Mutex),
            AnyLock::Reentrant(mutex) => mutex.try_lock()?.map(Held::Reentrant),
            AnyLock::Semaphore(semaphore) => semaphore.try_acquire()?.map(Held::Permit),
            AnyLock::Tokens(tokens) => tokens.try_wait()?.then(|| Held::Token(TokenTaken(tokens))),
        })
    }
}

/// A helper that opens, holds and releases as it is told.
pub(crate) fn start_user(way: Way, name: &str) -> Helper {
    let mut user = Helper::start("user", &[way.as_str(), name]);
    assert_eq!(user.hear(), "open");
    user
}

/// Role: a user of one object. Arguments: the way, the name.
///
/// `hold`, `hold within MILLISECONDS` and `try` answer `held` with the pid of the dead holder
/// before (or 0), `busy`, or `error` with the text; `release` answers `released`.
pub(crate) fn user(role: &mut Role) {
    let lock = AnyLock::open(Way::parse(role.argument(0)), role.argument(1)).expect("it opens");
    role.say("open");
    let mut held = None;
    while let Some(line) = role.hear() {
        let answer = match line.split_once(" within ") {
            Some((_, time)) => {
                lock.hold_within(Duration::from_millis(time.parse().expect("a time"))).map(Some)
            }
            None if line == "hold" => lock.hold().map(Some),
            None if line == "try" => lock.try_hold(),
            None => {
                assert_eq!(line, "release");
                held = None;
                role.say("released");
                continue;
            }
        };
        match answer {
            Ok(Some(now)) => {
                role.say(&format!("held {}", now.abandoned().map_or(0, |dead| dead.pid)));
                held = Some(now);
            }
            Ok(None) => role.say("busy"),
            Err(error) => role.say(&format!("error {error}")),
        }
    }
    drop(held);
}

/// Sees that a helper is let in, and who died before it (0: nobody).
#[track_caller]
pub(crate) fn assert_held(answer: &str, dead: u32) {
    assert_eq!(answer, format!("held {dead}"));
}

#[allow(dead_code, reason = "for the tests that wait in this process")]
pub(crate) const PATIENT: Duration = LIMIT;
