//! Processes count together under one lock: how much they get done, how evenly, how long one waits for its turn, and
//! whether the lock excludes at all.
//!
//! The processes are spread evenly over the processors and stay there. Left to the scheduler, two that wake each other
//! often share one processor, where they hardly ever meet: many more operations, and nothing learnt.
//!
//! Turn after turn without any work between, who has just let go is the first to come back: the more unfair the lock, the
//! more gets done. So they also do it with some work of their own between turns.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::busy::busy;
use crate::contender::{Lock, LockJob, Place, with_lock};
use crate::crew::Crew;
use crate::histogram::Histogram;
use crate::scratch::Created;
use crate::sys::{self, now_ns};
use crate::table::{Column, Table};
use crate::trouble::{Trouble, sleep};
use crate::worker::{self, Worker};

/// Every so many turns, how long the wait was: looking at the clock each time would cost as much as the fast locks do.
/// What one look costs, 20 to 30 ns, is part of every wait.
const SAMPLED: u64 = 64;

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    let cpus = sys::allowed_cpus()?;
    let settings = &bench.settings;
    let every_setting = settings
        .between
        .iter()
        .flat_map(|&between| settings.processes.iter().map(move |&processes| (processes, between)));
    for (processes, between) in every_setting {
        let noun = if processes == 1 { "process" } else { "processes" };
        let setting = match between {
            0 => format!("{processes} {noun}, turn after turn"),
            steps => format!("{processes} {noun}, {steps} steps of own work between turns"),
        };
        let title = format!("contended, {setting}");
        let measure = |name| with_lock(name, Measure { bench, processes, between, cpus: &cpus });
        let rows = bench.rounds(&title, settings.runs, &bench.shared_locks(), measure)?;
        let columns = vec![
            Column::higher("k ops/s"),
            Column::higher("slowest / fastest process").alone(),
            Column::lower("wait p50, ns").alone(),
            Column::lower("wait p99, ns"),
            Column::lower("longest wait, µs").largest(),
        ];
        tables.push(Table { workload: "contended", setting, columns, rows });
    }
    Ok(())
}

struct Measure<'a> {
    bench: &'a Bench,
    processes: usize,
    between: u32,
    cpus: &'a [usize],
}

impl LockJob for Measure<'_> {
    type Output = Result<Vec<f64>, Trouble>;

    fn run<L: Lock>(self) -> Self::Output {
        let lock = Created::new(self.bench.scratch.place(), L::create)?;
        let mut crew = Crew::new(self.bench)?;
        for &cpu in self.cpus.iter().cycle().take(self.processes) {
            let (place, between) = (lock.place().clone(), self.between);
            let task = Task { place, cpu, between };
            crew.spawn(L::NAME, worker::Task::Contended(task))?;
        }
        crew.await_ready(self.processes)?;

        let begin = Instant::now();
        crew.control().start(1);
        sleep(self.bench.settings.time(1.0))?;
        let seconds = begin.elapsed().as_secs_f64();

        let waits_of_each = crew.finish::<Histogram>()?;
        let mut waits = Histogram::new();
        waits_of_each.iter().for_each(|one| waits.merge(one));
        let control = crew.control();
        let lines = &control.reports[..self.processes];
        let done = || lines.iter().map(|line| line.0.operations.load(Relaxed));
        exact(done().sum(), control.protected.0.load(Relaxed))?;

        let (all, slowest, fastest) = (done().sum::<u64>(), done().min(), done().max());
        Ok(vec![
            all as f64 / seconds / 1e3,
            slowest.unwrap_or(0) as f64 / fastest.unwrap_or(0).max(1) as f64,
            waits.quantile(0.5),
            waits.quantile(0.99),
            waits.largest() as f64 / 1e3,
        ])
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
    /// Steps of own work between two turns.
    between: u32,
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
            control.protected.0.store(count + 1, Relaxed);
            drop(held);
            own.store(turn + 1, Relaxed);
            if control.is_stopped() {
                break;
            }
            busy(self.task.between);
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
