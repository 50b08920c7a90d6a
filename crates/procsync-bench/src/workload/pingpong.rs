//! Two processes wake each other in turn by two counts of tokens: how long a signal takes there and back.

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contender::{Place, Tokens, TokensJob, with_tokens};
use crate::crew::Crew;
use crate::histogram::Histogram;
use crate::scratch::Created;
use crate::sys;
use crate::table::{Column, Figures, Table};
use crate::trouble::{Trouble, sleep};
use crate::worker::{self, Worker};

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    let cpus = sys::allowed_cpus()?;
    let first = cpus.first().copied();
    let (setting, alone) = ("two CPUs", "one CPU only");
    let placements = [
        (setting, [first, cpus.get(1).copied()], (cpus.len() < 2).then_some(alone)),
        ("one CPU", [first, first], None),
        ("wherever they like", [None, None], None),
    ];
    for (setting, cpus, why_not) in placements {
        let mut entrants = bench.tokens();
        entrants.iter_mut().for_each(|entrant| entrant.1 = entrant.1.or(why_not));
        let title = format!("pingpong, {setting}");
        let rows = bench.rounds(&title, bench.settings.runs, &entrants, |name| {
            with_tokens(name, Measure { bench, cpus })
        })?;
        let columns = vec![
            Column::lower("round trip p50, µs"),
            Column::lower("p99, µs"),
            Column::lower("longest, µs").largest(),
        ];
        tables.push(Table {
            workload: "pingpong".into(),
            setting: setting.to_owned(),
            columns,
            rows,
        });
    }
    Ok(())
}

struct Measure<'a> {
    bench: &'a Bench,
    cpus: [Option<usize>; 2],
}

impl TokensJob for Measure<'_> {
    type Output = Result<Figures, Trouble>;

    fn run<T: Tokens>(self) -> Self::Output {
        let there = Created::new(self.bench.scratch.place(), T::create)?;
        let back = Created::new(self.bench.scratch.place(), T::create)?;
        let mut crew = Crew::new(self.bench)?;
        for (serves, cpu) in [true, false].into_iter().zip(self.cpus) {
            let (there, back) = (there.place().clone(), back.place().clone());
            crew.spawn(T::NAME, worker::Task::PingPong(Task { serves, there, back, cpu }))?;
        }
        crew.await_ready(2)?;
        crew.control().start(1);
        sleep(self.bench.settings.time(1.0))?;
        let mut trips = Histogram::new();
        crew.finish::<Histogram>()?.iter().for_each(|one| trips.merge(one));
        let columns = vec![
            trips.quantile(0.5) / 1e3,
            trips.quantile(0.99) / 1e3,
            trips.largest() as f64 / 1e3,
        ];
        Ok(Figures { columns, durations: Some(trips) })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    /// One of the two begins and looks at the clock; the other only answers.
    serves: bool,
    there: Place,
    back: Place,
    /// The only processor to run on.
    cpu: Option<usize>,
}

/// The worker's part. It reports how long each round trip took, if it is the one that serves.
pub(crate) fn work(worker: &Worker, task: Task) -> io::Result<Histogram> {
    if let Some(cpu) = task.cpu {
        sys::pin_to(cpu)?;
    }
    with_tokens(&worker.contender, Play { worker, task })
}

struct Play<'a> {
    worker: &'a Worker,
    task: Task,
}

impl TokensJob for Play<'_> {
    type Output = io::Result<Histogram>;

    fn run<T: Tokens>(self) -> Self::Output {
        let Task { there, back, .. } = &self.task;
        let mut trips = Histogram::new();
        if self.task.serves {
            let (there, back) = (T::attach_to_post(there)?, T::attach(back)?);
            self.worker.ready_to_start();
            serve(self.worker, &there, &back, &mut trips);
        } else {
            let (there, back) = (T::attach(there)?, T::attach_to_post(back)?);
            self.worker.ready_to_start();
            answer(self.worker, &there, &back);
        }
        Ok(trips)
    }
}

/// What the one that serves puts into its line for the other: no more comes after this.
const LAST: u32 = 1;

fn serve(worker: &Worker, there: &impl Tokens, back: &impl Tokens, trips: &mut Histogram) {
    let last = &worker.control.reports[0].0.step;
    loop {
        let begin = sys::now_ns();
        there.post();
        back.wait();
        trips.record(sys::now_ns() - begin);
        if worker.control.is_stopped() {
            break;
        }
    }
    // Not by the stop flag, which the other might see before this one does: the token then would never be answered.
    last.store(LAST, Relaxed);
    there.post();
}

fn answer(worker: &Worker, there: &impl Tokens, back: &impl Tokens) {
    let last = &worker.control.reports[0].0.step;
    loop {
        there.wait();
        // The token orders what was stored before it.
        if last.load(Relaxed) == LAST {
            return;
        }
        back.post();
    }
}
