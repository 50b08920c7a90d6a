//! Waiting as the user wants it: how long, and saying for whom.

use crate::exit::{Exit, Failure};
use crate::text;
use procsync::inspect::{Deadlock, WaitGraph};
use procsync::{Error, Object, Result, Scope};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a wait lasts before it is mentioned.
const A_WHILE: Duration = Duration::from_secs(1);

/// How a wait goes and what becomes of it.
pub(super) struct Limits {
    pub(super) at_once: bool,
    pub(super) timeout: Option<Duration>,
    /// The exit code of a wait in vain.
    pub(super) code: u8,
    pub(super) verbose: bool,
}

impl Limits {
    pub(super) fn of(patience: &crate::cli::Patience, verbose: bool) -> Limits {
        let (at_once, timeout) = (patience.at_once, patience.timeout);
        Limits { at_once, timeout, code: patience.otherwise.code, verbose }
    }

    fn in_vain(&self, message: String) -> Failure {
        Failure::new(Exit::Otherwise(self.code), message)
    }
}

/// What is waited for.
pub(super) trait Awaited {
    type Got;
    fn object(&self) -> Object;
    fn try_take(&self) -> Result<Option<Self::Got>>;
    fn take_within(&self, timeout: Duration) -> Result<Self::Got>;
    /// Who stands in the way, as a message says it after the object's name.
    fn in_the_way(&self) -> String;
}

/// Waits within the limits.
pub(super) fn take<A: Awaited>(awaited: &A, limits: &Limits) -> Result<A::Got, Failure> {
    // A timeout of nothing comes here as well: a try also looks whether the holder still lives.
    if let Some(got) = awaited.try_take()? {
        return Ok(got);
    }
    let timeout = limits.timeout.unwrap_or(Duration::MAX);
    if limits.at_once || timeout.is_zero() {
        return Err(limits.in_vain(format!("{}: {}", awaited.object(), awaited.in_the_way())));
    }
    let began = Instant::now();
    let failed = |error: Error| match error {
        // Of the whole wait, not of its second part.
        Error::TimedOut { object, holder, .. } => {
            let waited = began.elapsed();
            limits.in_vain(Error::TimedOut { object, waited, holder }.to_string())
        }
        other => Failure::from(other),
    };
    let mentions = limits.verbose || std::io::stderr().is_terminal();
    let quietly = if mentions { timeout.min(A_WHILE) } else { timeout };
    let rest = timeout.saturating_sub(quietly);
    match awaited.take_within(quietly) {
        Err(Error::TimedOut { .. }) if !rest.is_zero() => {}
        other => return other.map_err(failed),
    }
    let object = awaited.object();
    text::say(&format!("{object}: waiting; {}", awaited.in_the_way()));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if let Some(deadlock) = deadlock_here(&over) {
                text::say(&format!("{object}: this is a deadlock: {deadlock}"));
            }
        });
        let got = awaited.take_within(rest);
        over.store(true, Ordering::Relaxed);
        got
    })
    .map_err(failed)
}

/// The deadlock that this process is in. In a thread of its own, because it has to be seen waiting;
/// which takes a moment, because no wait is shown that has just begun.
fn deadlock_here(over: &AtomicBool) -> Option<String> {
    const LOOKS: u32 = 5;
    const PAUSE: Duration = Duration::from_millis(40);
    let scopes = [Scope::User, Scope::Machine { mode: 0o600 }];
    for _ in 0..LOOKS {
        std::thread::sleep(PAUSE);
        if over.load(Ordering::Relaxed) {
            return None;
        }
        let graph = procsync::inspect::wait_graph(&scopes).ok()?;
        if let Some(deadlock) = stuck_here(&graph) {
            return Some(deadlock.to_string());
        }
    }
    None
}

fn stuck_here(graph: &WaitGraph) -> Option<&Deadlock> {
    let here = std::process::id();
    graph.deadlocks.iter().find(|deadlock| {
        let mut waits = deadlock.cycle.iter().chain(&deadlock.also_stuck);
        waits.any(|wait| wait.waiter.pid == here && !wait.waiter.foreign_namespace)
    })
}
