//! The system's own named semaphores.

use std::fmt;
use std::time::Duration;

#[cfg(unix)]
mod posix;
#[cfg(unix)]
pub(crate) use posix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

#[cfg(not(any(unix, windows)))]
mod other;
#[cfg(not(any(unix, windows)))]
pub(crate) use other::*;

/// A name as the system takes it, with its prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SystemName(pub(crate) String);

/// How an open ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// There was none; it was made with the count asked for.
    Created,
    /// There was one, whose count is as it was.
    Found,
}

/// How a wait ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    Granted,
    TimedOut,
    /// A signal was handled meanwhile. Nothing was taken.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "no other wait tells of it"))]
    Interrupted,
}

/// A system call that failed, and what the system said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) call: &'static str,
    pub(crate) code: i32,
}

/// Which of the semaphores that bore a name one after the other this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incarnation {
    pub(crate) device: u64,
    pub(crate) number: u64,
}

/// What is known of a name without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It is there; which one it is, where the system tells.
    There(Option<Incarnation>),
    Gone,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = std::io::Error::from_raw_os_error(self.code);
        write!(f, "{} failed: {} ({}): {error}", self.call, self.code_name(), self.code)
    }
}

impl Refused {
    /// What the system calls it, `EACCES` say.
    pub(crate) fn code_name(&self) -> &'static str {
        name_of_code(self.code)
    }
}

/// The pauses between the tries of one who cannot wait with a time limit.
#[derive(Debug)]
#[cfg_attr(not(target_vendor = "apple"), allow(dead_code))] // others wait with a time limit
pub(crate) struct Pauses(Duration);

#[cfg_attr(not(target_vendor = "apple"), allow(dead_code))]
impl Pauses {
    /// Short at first: most holders let go soon.
    pub(crate) const SHORTEST: Duration = Duration::from_micros(50);
    /// No longer: this is how late one may be.
    pub(crate) const LONGEST: Duration = Duration::from_millis(5);

    pub(crate) fn new() -> Self {
        Pauses(Pauses::SHORTEST)
    }

    /// The next one; each is half as long again as the one before.
    pub(crate) fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 3 / 2).min(Pauses::LONGEST);
        now
    }
}

#[cfg(test)]
mod tests;
