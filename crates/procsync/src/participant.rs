//! Who holds, who waits, who died: as it is shown. Nothing here decides anything.

use crate::processes::Processes;
use crate::segment::slots::SlotRecord;
use crate::sys::process;
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
    /// Its command line if it can be read here, else its label.
    pub command: String,
    /// The name that it left (15 bytes): that of the thread that opened the object.
    pub label: String,
    /// Its user, if that can be read here.
    pub user: Option<u32>,
    /// Since when it holds or waits. The clock that tells it is cheap: ±10 ms.
    pub since: Option<SystemTime>,
    /// It died, and nobody has taken its place yet.
    pub dead: bool,
    /// Its pid means nothing here: it lives in another pid namespace.
    pub foreign_namespace: bool,
    /// The number of its pid namespace (`readlink /proc/PID/ns/pid`).
    pub namespace: u64,
    /// How its thread or process is.
    pub condition: Condition,
    /// It holds as a process: any thread of it may release, and `tid` only tells which one took it.
    pub as_process: bool,
}

/// How a participant's thread or process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// It is there, and runs or sleeps.
    Running,
    /// It was stopped, by a signal or a debugger, and holds on meanwhile.
    Stopped,
    /// It has ended and its parent has not noticed. What it held is kept by a process that has
    /// inherited its open file.
    Zombie,
    /// There is no such process or thread any more. What it held is kept by a process that has
    /// inherited its open file.
    Gone,
    /// It died, and the kernel has let go of its slot.
    Dead,
    /// It lives in another pid namespace, from where nothing can be told.
    Elsewhere,
}

impl Condition {
    /// The word that people and JSON see.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Running => "running",
            Condition::Stopped => "stopped",
            Condition::Zombie => "zombie",
            Condition::Gone => "gone",
            Condition::Dead => "dead",
            Condition::Elsewhere => "elsewhere",
        }
    }

    fn of_state(state: Option<char>) -> Condition {
        match state {
            None => Condition::Gone,
            Some('T' | 't') => Condition::Stopped,
            Some('Z' | 'X' | 'x') => Condition::Zombie,
            Some(_) => Condition::Running,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Participant {
    /// Made of what a slot says and what the system knows. `tid` and `since` are those of what it
    /// holds or waits for.
    pub(crate) fn of(
        record: &SlotRecord,
        tid: u32,
        since: u64,
        alive: bool,
        processes: &mut Processes,
    ) -> Participant {
        let foreign_namespace = record.namespace != process::namespace();
        // A thread's slot knows its thread; a process's does not know which one it was.
        let tid = if record.tid != 0 { record.tid } else { tid };
        let seen = if foreign_namespace { None } else { processes.get(record.pid) };
        // The pid may belong to somebody else by now: then it began at another time.
        let seen = seen.filter(|seen| seen.glance.started == record.started);
        let condition = if !alive {
            Condition::Dead
        } else if foreign_namespace {
            Condition::Elsewhere
        } else if record.tid == 0 || tid == record.pid {
            Condition::of_state(seen.map(|seen| seen.glance.state))
        } else {
            let glance = seen.and_then(|_| process::glance_at_thread(record.pid, tid));
            Condition::of_state(glance.map(|glance| glance.state))
        };
        let left = String::from_utf8_lossy(&record.label);
        let label = harmless(left.trim_end_matches('\0'));
        let command = seen.and_then(|seen| seen.command.as_deref()).map(harmless);
        Participant {
            pid: record.pid,
            tid,
            command: command.unwrap_or_else(|| label.clone()),
            label,
            user: seen.and_then(|seen| seen.user),
            since: moment(since),
            dead: !alive,
            foreign_namespace,
            namespace: record.namespace,
            condition,
            as_process: record.tid == 0,
        }
    }

    /// What tells it from all other participants of the machine. No pid alone would: two
    /// containers may both have a process of this pid.
    pub(crate) fn identity(&self) -> (u64, u32, u32) {
        (self.namespace, self.pid, self.tid)
    }

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
        f.write_str(match self.condition {
            Condition::Running | Condition::Elsewhere => "",
            Condition::Stopped => ", which is stopped",
            Condition::Zombie | Condition::Gone => ", which has ended and left it to others",
            Condition::Dead => ", which is dead",
        })
    }
}

/// What others wrote is shown on terminals.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
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
