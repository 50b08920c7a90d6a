//! Processes count together under one lock: how much they get done, how evenly, how long one waits for its turn, and
//! whether the lock excludes at all.
//!
//! The processes are spread evenly over the processors and stay there. Left to the scheduler, two that wake each other
//! often share one processor, where they hardly ever meet: many more operations, and nothing learnt.
//!
//! Turn after turn without any work between, who has just let go is the first to come back: the more unfair the lock, the
//! more gets done. So they also do it with some work of their own between turns.

use std::fmt;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::bench::{Bench, Settings};
use crate::busy::busy;
use crate::contender::{Lock, LockJob, Place, with_lock};
use crate::crew::Crew;
use crate::histogram::Histogram;
use crate::scratch::Created;
use crate::sys::{self, now_ns};
use crate::table::{Column, Figures, Table};
use crate::trouble::{Trouble, sleep};
use crate::worker::{self, Worker};

/// Every so many turns, how long the wait was: looking at the clock each time would cost as much as the fast locks do.
/// What one look costs, 20 to 30 ns, is part of every wait.
const SAMPLED: u64 = 64;

/// There are many settings of this one, so each gets a little less time.
const SHORTER: f64 = 0.8;

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    let cpus = sys::allowed_cpus()?;
    let settings = &bench.settings;
    for (processes, work) in every_setting(settings) {
        let noun = if processes == 1 { "process" } else { "processes" };
        let setting = format!("{processes} {noun}, {work}");
        let title = format!("contended, {setting}");
        let measure = |name: &str| with_lock(name, Measure { bench, processes, work, cpus: &cpus });
        let rows = bench.rounds(&title, settings.runs, &bench.shared_locks(), measure)?;
        let columns = vec![
            Column::higher("k ops/s"),
            Column::higher("slowest / fastest process").alone(),
            Column::lower("wait p50, ns").alone(),
            Column::lower("wait p99, ns"),
            Column::lower("longest wait, µs").largest(),
        ];
        tables.push(Table { workload: "contended".into(), setting, columns, rows });
    }
    Ok(())
}

/// What a worker does besides taking turns, in steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Work {
    /// While it holds the lock.
    inside: u32,
    /// Between two turns.
    between: u32,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Work { inside: 0, between: 0 } => f.write_str("turn after turn"),
            Work { inside: 0, between } => write!(f, "{between} steps of own work between turns"),
            Work { inside, .. } => write!(f, "{inside} steps of work inside"),
        }
    }
}

/// Short turns with every amount of own work between them. Long ones with as much between as inside, for who has just let
/// go should not be the only one that is ever there in time.
fn every_setting(settings: &Settings) -> Vec<(usize, Work)> {
    let work = settings.inside.iter().flat_map(|&inside| {
        let between = if inside == 0 { settings.between.clone() } else { vec![inside] };
        between.into_iter().map(move |between| Work { inside, between })
    });
    work.flat_map(|work| settings.processes.iter().map(move |&processes| (processes, work)))
        .collect()
}

struct Measure<'a> {
    bench: &'a Bench,
    processes: usize,
    work: Work,
    cpus: &'a [usize],
}

impl LockJob for Measure<'_> {
    type Output = Result<Figures, Trouble>;

    fn run<L: Lock>(self) -> Self::Output {
        let lock = Created::new(self.bench.scratch.place(), L::create)?;
        let mut crew = Crew::new(self.bench)?;
        for &cpu in self.cpus.iter().cycle().take(self.processes) {
            let task = Task { place: lock.place().clone(), cpu, work: self.work };
            crew.spawn(L::NAME, worker::Task::Contended(task))?;
        }
        crew.await_ready(self.processes)?;

        let begin = Instant::now();
        crew.control().start(1);
        sleep(self.bench.settings.time(SHORTER))?;
        let seconds = begin.elapsed().as_secs_f64();

        let waits_of_each = crew.finish::<Histogram>()?;
        let mut waits = Histogram::new();
        waits_of_each.iter().for_each(|one| waits.merge(one));
        let control = crew.control();
        let lines = &control.reports[..self.processes];
        let done = || lines.iter().map(|line| line.0.operations.load(Relaxed));
        exact(done().sum(), control.protected.0.load(Relaxed))?;

        let (all, slowest, fastest) = (done().sum::<u64>(), done().min(), done().max());
        let columns = vec![
            all as f64 / seconds / 1e3,
            slowest.unwrap_or(0) as f64 / fastest.unwrap_or(0).max(1) as f64,
            waits.quantile(0.5),
            waits.quantile(0.99),
            waits.largest() as f64 / 1e3,
        ];
        Ok(Figures { columns, durations: Some(waits) })
    }
}

/// Whether what all have counted together is what each has counted for itself: if not, two were inside at once.
fn exact(separately: u64, together: u64) -> Result<(), Trouble> {
    if separately == together {
        return Ok(());
    }
    let why = format!("does not exclude: {together} counted together, {separately} separately");
    Err(Trouble::Failed(why))
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    place: Place,
    /// The only processor to run on.
    cpu: usize,
    work: Work,
}

/// The worker's part. It reports how long it waited, turn by turn.
pub(crate) fn work(worker: &Worker, task: Task) -> io::Result<Histogram> {
    sys::pin_to(task.cpu)?;
    with_lock(&worker.contender, Count { worker, task })
}

struct Count<'a> {
    worker: &'a Worker,
    task: Task,
}

impl LockJob for Count<'_> {
    type Output = io::Result<Histogram>;

    fn run<L: Lock>(self) -> Self::Output {
        let lock = L::attach(&self.task.place)?;
        let control = &self.worker.control;
        let own = &self.worker.line().operations;
        let mut waits = Histogram::new();
        self.worker.ready_to_start();

        for turn in 0u64.. {
            let held = if turn % SAMPLED == 0 {
                let begin = now_ns();
                let held = lock.lock();
                waits.record(now_ns() - begin);
                held
            } else {
                lock.lock()
            };
            // In two steps on purpose.
            let count = control.protected.0.load(Relaxed);
            busy(self.task.work.inside);
            control.protected.0.store(count + 1, Relaxed);
            drop(held);
            own.store(turn + 1, Relaxed);
            if control.is_stopped() {
                break;
            }
            busy(self.task.work.between);
        }
        Ok(waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_increment_is_a_failure() {
        assert!(exact(7, 7).is_ok());
        assert!(exact(7, 6).is_err());
        assert!(exact(6, 7).is_err());
    }
}
