//! Many wait for a lock that is not let go: what their waiting costs the machine, and how long they then need to pass.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contender::{Lock, LockJob, Place, with_lock};
use crate::control::Control;
use crate::crew::Crew;
use crate::scratch::Created;
use crate::sys::cpu_time_ns;
use crate::table::{Column, Figures, Table};
use crate::trouble::{Trouble, sleep};
use crate::worker::{self, Worker};

/// The waiters are threads of at most so many processes.
const PROCESSES: usize = 8;

/// From the last one's coming until the measurement begins: they are to have fallen asleep.
const SETTLE: Duration = Duration::from_millis(500);

/// Waiting costs little, so it is watched for longer than other things.
const LONGER: f64 = 2.0;

/// A waiter does little, and a thousand of them have to fit.
const STACK: usize = 128 << 10;

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    for &waiters in &bench.settings.waiters {
        let setting = match waiters {
            1 => "1 thread".to_owned(),
            many => format!("{many} threads of {} processes", many.min(PROCESSES)),
        };
        let title = format!("waiters, {setting}");
        let rows = bench.rounds(&title, bench.settings.runs, &bench.shared_locks(), |name| {
            with_lock(name, Measure { bench, waiters })
        })?;
        let columns = vec![
            // No ratio: most who wait use none at all.
            Column::lower("CPU while waiting, % of one").alone(),
            Column::lower("let go → all have passed, ms"),
        ];
        tables.push(Table { workload: "waiters".into(), setting, columns, rows });
    }
    Ok(())
}

struct Measure<'a> {
    bench: &'a Bench,
    waiters: usize,
}

impl LockJob for Measure<'_> {
    type Output = Result<Figures, Trouble>;

    fn run<L: Lock>(self) -> Self::Output {
        let lock = Created::new(self.bench.scratch.place(), L::create)?;
        let held = lock.lock();
        let mut crew = Crew::new(self.bench)?;
        let processes = self.waiters.min(PROCESSES);
        for process in 0..processes {
            // The first ones take what does not divide evenly.
            let threads = (self.waiters + processes - 1 - process) / processes;
            let place = lock.place().clone();
            crew.spawn(L::NAME, worker::Task::Waiters(Task { place, threads }))?;
        }
        crew.await_ready(self.waiters)?;
        sleep(SETTLE)?;

        let begin = (Instant::now(), cpu_seconds(&crew, processes)?);
        sleep(self.bench.settings.time(LONGER))?;
        let used = cpu_seconds(&crew, processes)? - begin.1;
        let percent = used / begin.0.elapsed().as_secs_f64() * 100.0;
        if passed(crew.control()) > 0 {
            return Err(Trouble::Failed("does not exclude: a waiter has passed".to_owned()));
        }

        let begin = Instant::now();
        drop(held);
        let waiters = self.waiters as u64;
        crew.await_that("not all waiters have passed", |control| passed(control) == waiters)?;
        let passing_ms = begin.elapsed().as_secs_f64() * 1e3;
        crew.finish::<()>()?;
        Ok(vec![percent, passing_ms].into())
    }
}

fn passed(control: &Control) -> u64 {
    control.reports.iter().map(|line| line.0.operations.load(Relaxed)).sum()
}

fn cpu_seconds(crew: &Crew, processes: usize) -> io::Result<f64> {
    let all: io::Result<Vec<u64>> =
        (0..processes).map(|process| cpu_time_ns(crew.pid(process))).collect();
    Ok(all?.iter().sum::<u64>() as f64 / 1e9)
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    place: Place,
    threads: usize,
}

/// The worker's part.
pub(crate) fn work(worker: &Worker, task: Task) -> io::Result<()> {
    let wait = || with_lock(&worker.contender, Wait { worker, place: &task.place });
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, wait);
        let threads: io::Result<Vec<_>> = (0..task.threads).map(start).collect();
        for thread in threads? {
            thread.join().map_err(|_| io::Error::other("a waiter panicked"))??;
        }
        worker.control.await_start(1);
        Ok(())
    })
}

struct Wait<'a> {
    worker: &'a Worker,
    place: &'a Place,
}

impl LockJob for Wait<'_> {
    type Output = io::Result<()>;

    fn run<L: Lock>(self) -> Self::Output {
        let lock = L::attach(self.place)?;
        self.worker.ready();
        drop(lock.lock());
        self.worker.line().operations.fetch_add(1, Relaxed);
        Ok(())
    }
}
