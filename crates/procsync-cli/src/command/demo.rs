//! `procsync demo`: what happens to those who wait when the holder is killed.
//!
//! Nothing is pretended: the workers are processes that share nothing but names, the one that dies
//! gets SIGKILL between reading the count and writing it back, and every number printed was counted
//! or measured.

mod crew;
pub(super) mod worker;

use crate::exit::{Exit, Failure};
use crate::text;
use crew::{Crew, Message};
use procsync::{Error, Event, Mutex, Reset, Scope, inspect};
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const WORKERS: usize = 8;
/// The one that is to die.
const DOOMED: usize = 3;
/// How often each worker counts: enough that all of them are at it at the same time.
const COUNTS: u64 = 50_000;
/// After how many counts the doomed one stops inside.
const STOPS_AFTER: u64 = 1_000;
/// Far more than anything here takes: what is not there by then will never be.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Result<Exit, Failure> {
    let prefix = prefix();
    let objects = Objects::create(&prefix)?;
    // Dropped before the objects, also on the way out of a failure: whoever leaves an object last
    // takes its name along.
    let mut crew = Crew::start(&prefix)?;
    let tally = story(&objects, &mut crew)?;
    let mut right = crew.end()? && told_once(&tally, crew.pid(DOOMED))?;
    right &= sum_is_right(&objects, &tally)?;
    drop(crew);
    drop(objects);
    right &= nothing_is_left(&prefix)?;
    Ok(if right { Exit::Success } else { Exit::Failed })
}

/// Names that no other demonstration has, not even one in another pid namespace.
fn prefix() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("demo-{}-{:08x}", std::process::id(), now.subsec_nanos())
}

fn count_name(prefix: &str) -> String {
    format!("{prefix}.count")
}

fn start_name(prefix: &str) -> String {
    format!("{prefix}.start")
}

/// What the workers share.
struct Objects {
    count: Mutex<u64>,
    start: Event,
}

impl Objects {
    fn create(prefix: &str) -> procsync::Result<Objects> {
        let count = Mutex::create(&count_name(prefix))?;
        let start = Event::create(&start_name(prefix), Reset::Manual)?;
        Ok(Objects { count, start })
    }
}

/// What the workers have said so far.
#[derive(Default)]
struct Tally {
    ready: usize,
    /// What the doomed one had counted when it stopped inside.
    inside: Option<u64>,
    /// When the doomed one was killed.
    killed_at: Option<Duration>,
    done: [Option<u64>; WORKERS],
    /// Who was told when it got in that which process had died holding the mutex.
    told: Vec<(usize, Duration, u32)>,
}

impl Tally {
    fn note(&mut self, worker: usize, message: Message) -> Result<(), Failure> {
        match message {
            Message::Ready => self.ready += 1,
            Message::Inside { counted } => self.inside = Some(counted),
            Message::Told { at, deceased } => self.told.push((worker, at, deceased)),
            Message::Done { counted } => self.done[worker] = Some(counted),
            Message::Ended if self.done[worker].is_some() => {}
            Message::Ended if worker == DOOMED && self.killed_at.is_some() => {}
            Message::Ended => return Err(failed(format!("worker {worker} ended too early"))),
            Message::Garbled(line) => {
                return Err(failed(format!("worker {worker} said {line:?}")));
            }
        }
        Ok(())
    }

    fn survivors_at_work(&self) -> usize {
        (0..WORKERS).filter(|worker| *worker != DOOMED && self.done[*worker].is_none()).count()
    }
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Failed, message)
}

/// One line of the story.
fn tell(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{}", text::plain(line))?)
}

fn story(objects: &Objects, crew: &mut Crew) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    crew.listen(&mut tally, "all workers to be there", |tally| Ok(tally.ready == WORKERS))?;
    let name = objects.count.name();
    tell(&format!("{WORKERS} processes count to {COUNTS} each, under the mutex {name:?}."))?;
    objects.start.set()?;

    crew.listen(&mut tally, "the doomed worker to be inside", |tally| Ok(tally.inside.is_some()))?;
    // While it is inside, the others come to wait one after the other. What is to be measured is
    // what they wait for then.
    crew.listen(&mut tally, "the others to wait", |tally| {
        let waiters = inspect::show(name, Scope::User)?.waiters.len();
        Ok(waiters >= tally.survivors_at_work())
    })?;
    let waiting = tally.survivors_at_work();
    let doomed = crew.pid(DOOMED);
    let counted = tally.inside.unwrap_or_default();
    tell(&format!(
        "Worker {DOOMED} (pid {doomed}) has stopped inside, having read the count and not written \
         it back, after {counted} counts; {waiting} others wait."
    ))?;
    if waiting == 0 {
        return Err(failed(
            "all others were done before: there is nothing to be seen; run it again",
        ));
    }
    let killed_at = crew.kill(DOOMED)?;
    tally.killed_at = Some(killed_at);
    tell(&format!("Killed pid {doomed} ({}).", crate::sys::KILL))?;

    crew.listen(&mut tally, "the survivors to finish", |tally| Ok(tally.survivors_at_work() == 0))?;
    if let Some((next, at, deceased)) = tally.told.first() {
        tell(&format!(
            "{} later worker {next} (pid {}) was inside, and was told that pid {deceased} had died \
             holding the mutex.",
            exactly(at.saturating_sub(killed_at)),
            crew.pid(*next)
        ))?;
    }
    tell(&format!("The {} survivors have counted to the end.", WORKERS - 1))?;
    Ok(tally)
}

/// A time as it was measured.
fn exactly(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

/// Whether exactly one survivor was told who died, and whether that is true.
fn told_once(tally: &Tally, doomed: u32) -> Result<bool, Failure> {
    let right = matches!(tally.told[..], [(_, _, deceased)] if deceased == doomed);
    if !right {
        let told = tally.told.len();
        tell(&format!("WRONG: {told} workers were told that somebody died; it is to be one."))?;
    }
    Ok(right)
}

fn sum_is_right(objects: &Objects, tally: &Tally) -> Result<bool, Failure> {
    let guard = objects.count.lock_timeout(PATIENCE)?;
    let count = guard.get();
    drop(guard);
    let survivors: u64 = tally.done.iter().flatten().sum();
    let doomed = tally.inside.unwrap_or_default();
    let sum = survivors + doomed;
    let verdict = if count == sum { "the sum is right" } else { "WRONG, counts were lost" };
    tell(&format!(
        "The mutex holds {count}; the survivors made {survivors} counts and the killed one \
         {doomed}, together {sum}: {verdict}."
    ))?;
    Ok(count == sum)
}

fn nothing_is_left(prefix: &str) -> Result<bool, Failure> {
    let mut right = true;
    for name in [count_name(prefix), start_name(prefix)] {
        match inspect::show(&name, Scope::User) {
            Err(Error::NotFound { .. }) => {}
            Ok(_) => {
                tell(&format!("WRONG: {name:?} is still there."))?;
                right = false;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(right)
}
