//! Objects are made, opened, closed and removed: what a short-lived process pays for using a name at all.

use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contender::{Lock, LockJob, Place, with_lock};
use crate::crew::Crew;
use crate::histogram::Histogram;
use crate::scratch::Created;
use crate::table::{Column, Figures, Table};
use crate::trouble::Trouble;
use crate::worker::{self, Worker};

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    let rows = bench.rounds("open", bench.settings.runs, &bench.shared_locks(), |name| {
        with_lock(name, Measure { bench })
    })?;
    let columns = vec![
        Column::lower("create + open + close + remove, µs"),
        Column::lower("open + close one in use, µs"),
    ];
    tables.push(Table { workload: "open".into(), setting: String::new(), columns, rows });
    Ok(())
}

struct Measure<'a> {
    bench: &'a Bench,
}

impl LockJob for Measure<'_> {
    type Output = Result<Figures, Trouble>;

    fn run<L: Lock>(self) -> Self::Output {
        let time = self.bench.settings.time(0.5);
        let scratch = &self.bench.scratch;
        let whole_life = median_us(time, || {
            let created = Created::new(scratch.place(), L::create)?;
            drop(L::attach(created.place())?);
            Ok(())
        })?;

        let place = scratch.place();
        let mut created = Created::new(place.clone(), L::create)?;
        let mut crew = Crew::new(self.bench)?;
        crew.spawn(L::NAME, worker::Task::Open(Task { place: place.clone() }))?;
        crew.await_ready(1)?;
        created.close();
        let opening = median_us(time, || L::attach(&place).map(drop))?;
        crew.finish::<()>()?;
        Ok(vec![whole_life, opening].into())
    }
}

/// Repeats the step for some time; what it takes, in microseconds.
fn median_us(time: Duration, mut step: impl FnMut() -> io::Result<()>) -> Result<f64, Trouble> {
    let mut steps = Histogram::new();
    let begin = Instant::now();
    while begin.elapsed() < time {
        let begin = Instant::now();
        step()?;
        steps.record(begin.elapsed().as_nanos() as u64);
    }
    Ok(steps.quantile(0.5) / 1e3)
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    place: Place,
}

/// The worker's part: to have the object open. For a second opening in one process, a contender may well do nothing.
pub(crate) fn work(worker: &Worker, task: Task) -> io::Result<()> {
    with_lock(&worker.contender, Keep { worker, place: task.place })
}

struct Keep<'a> {
    worker: &'a Worker,
    place: Place,
}

impl LockJob for Keep<'_> {
    type Output = io::Result<()>;

    fn run<L: Lock>(self) -> Self::Output {
        let _lock = L::attach(&self.place)?;
        self.worker.ready_to_start();
        Ok(())
    }
}
