//! Who holds, who waits, who died: as it is shown. Nothing here decides anything.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A process or thread that holds an object or waits for it.
///
/// Everything in it was written down to be shown, by a process that may be hostile, dead, or in
/// another pid namespace. What decides whether a participant lives is a lock that the kernel keeps
/// (see the crate's documentation), never its pid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Participant {
    /// Its process id, in its own pid namespace.
    pub pid: u32,
    /// Its thread id, in its own pid namespace. 0 if the whole process is meant and no thread of it
    /// is known.
    pub tid: u32,
    /// Its command line if it can be read here, else the name that it left (15 bytes).
    pub command: String,
    /// Since when it holds or waits. The clock that tells it is cheap: ±10 ms.
    pub since: Option<SystemTime>,
    /// It died, and nobody has taken its place yet.
    pub dead: bool,
    /// Its pid means nothing here: it lives in another pid namespace.
    pub foreign_namespace: bool,
}

impl Participant {
    /// How long it holds or waits by now.
    pub fn duration(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed().unwrap_or_default())
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(duration) = self.duration() {
            write!(f, "for {} ", Span(duration))?;
        }
        write!(f, "by pid {}", self.pid)?;
        if !self.command.is_empty() {
            write!(f, " ({})", self.command)?;
        }
        if self.foreign_namespace {
            f.write_str(" of another pid namespace")?;
        }
        if self.dead {
            f.write_str(", which is dead")?;
        }
        Ok(())
    }
}

/// A holder that died while it held.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deceased {
    /// Its process id, in its own pid namespace.
    pub pid: u32,
    /// Its thread id, in its own pid namespace; 0 if it held as a process.
    pub tid: u32,
    /// How it came to let go.
    pub cause: Cause,
    /// When that was noticed.
    pub noticed: Option<SystemTime>,
}

impl fmt::Display for Deceased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)?;
        if self.tid != 0 && self.tid != self.pid {
            write!(f, ", thread {}", self.tid)?;
        }
        f.write_str(match self.cause {
            Cause::Died => ", which died",
            Cause::ThreadExited => ", whose thread exited",
            Cause::Closed => ", which closed the object",
            Cause::Forced => ", from which it was taken by force",
        })
    }
}

/// How a holder came to let go without releasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u32)]
pub enum Cause {
    /// Its process ended.
    Died = 1,
    /// The thread that owned it exited.
    ThreadExited = 2,
    /// The last handle of the process was closed.
    Closed = 3,
    /// Somebody called `force_release`.
    Forced = 4,
}

impl Cause {
    /// What a number in shared memory stands for; a number that stands for nothing is a death.
    pub(crate) fn from_number(number: u32) -> Cause {
        [Cause::ThreadExited, Cause::Closed, Cause::Forced]
            .into_iter()
            .find(|cause| *cause as u32 == number)
            .unwrap_or(Cause::Died)
    }
}

/// Nanoseconds since 1970 as shared memory has them; 0 is none.
pub(crate) fn moment(ns: u64) -> Option<SystemTime> {
    if ns == 0 { None } else { UNIX_EPOCH.checked_add(Duration::from_nanos(ns)) }
}

/// A duration for people: `0.3 s`, `42 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 if self.0 < Duration::from_millis(100) => write!(f, "{} ms", self.0.as_millis()),
            0..10 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            10..120 => write!(f, "{seconds} s"),
            120..7_200 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {} min", seconds / 3_600, seconds / 60 % 60),
        }
    }
}
