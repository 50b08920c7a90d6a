//! A wait that has lasted for long looks whether it will last for ever.

use super::Segment;
use super::waiting::Stop;
use crate::error::Error;
use crate::inspect::{Deadlock, wait_graph};
use crate::kind::Kind;
use crate::segment::place::Scope;
use crate::sys::process;
use std::sync::atomic::Ordering;

const SECOND: u64 = 1_000_000_000;
/// All objects of the machine are read for a check, so there are fewer the longer it lasts.
const LONGEST_PAUSE: u64 = 60 * SECOND;

/// When to look next, on the monotonic clock, and how long to wait after that.
#[derive(Debug)]
pub(super) struct Suspicion {
    next: u64,
    pause: u64,
}

impl Suspicion {
    /// Of a wait that began then; none: it is not wanted, or nobody holds what is waited for.
    pub(super) fn of(segment: &Segment, began: u64) -> Option<Suspicion> {
        let has_holders =
            matches!(segment.kind(), Kind::Mutex | Kind::ReentrantMutex | Kind::Semaphore);
        let wanted = has_holders && segment.detects_deadlocks.load(Ordering::Relaxed);
        wanted.then_some(Suspicion { next: began + SECOND, pause: SECOND })
    }

    /// Looks if it is time to; answers when it is next. The calling thread has to be shown as
    /// waiting.
    pub(super) fn check(&mut self, segment: &Segment, now: u64) -> Result<u64, Stop> {
        if now < self.next {
            return Ok(self.next);
        }
        self.next = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        match deadlock_of_this_thread() {
            None => Ok(self.next),
            Some(deadlock) => {
                let (object, deadlock) = (segment.object(), Box::new(deadlock));
                Err(Stop::Failed(Error::Deadlock { object, deadlock }))
            }
        }
    }
}

/// The deadlock in whose cycle this thread is, if there is no doubt. What cannot be read decides
/// nothing: then the wait goes on.
#[cold]
fn deadlock_of_this_thread() -> Option<Deadlock> {
    let me = (process::namespace(), process::pid(), process::tid());
    let graph = wait_graph(&[Scope::User, Scope::Machine { mode: 0o600 }]).ok()?;
    let mut certain = graph.deadlocks.into_iter().filter(|deadlock| deadlock.certain);
    certain.find(|deadlock| deadlock.cycle.iter().any(|wait| wait.waiter.identity() == me))
}
