//! One process opens a gate for which others wait: how long until the first and the last of them has passed.
//!
//! Two gates take turns. While the others wait at one, the other one is closed, which nobody waits at then.

use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contender::{Gate, GateJob, Place, with_gate};
use crate::control::Control;
use crate::crew::Crew;
use crate::histogram::Histogram;
use crate::scratch::Created;
use crate::sys::now_ns;
use crate::table::{Column, Figures, Table};
use crate::trouble::{Trouble, check_interrupt};
use crate::worker::{self, Worker};

/// From the last one's coming until the gate opens: they are to have fallen asleep, for each has much to do less than
/// this before it does.
const SETTLE: Duration = Duration::from_millis(2);

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    for &listeners in &bench.settings.listeners {
        let noun = if listeners == 1 { "process" } else { "processes" };
        let setting = format!("{listeners} {noun}");
        let title = format!("broadcast, {setting}");
        let rows = bench.rounds(&title, bench.settings.runs, &bench.gates(), |name| {
            with_gate(name, Measure { bench, listeners })
        })?;
        let columns = vec![
            Column::lower("the call, p50, µs"),
            Column::lower("open → first one through p50, µs"),
            Column::lower("open → last one through p50, µs"),
            Column::lower("p99, µs"),
            Column::lower("longest, µs").largest(),
        ];
        tables.push(Table { workload: "broadcast".into(), setting, columns, rows });
    }
    Ok(())
}

struct Measure<'a> {
    bench: &'a Bench,
    listeners: usize,
}

impl GateJob for Measure<'_> {
    type Output = Result<Figures, Trouble>;

    fn run<G: Gate>(self) -> Self::Output {
        let first = Created::new(self.bench.scratch.place(), G::create)?;
        let second = Created::new(self.bench.scratch.place(), G::create)?;
        let gates = [&first, &second];
        let mut crew = Crew::new(self.bench)?;
        for _ in 0..self.listeners {
            let places = gates.map(|gate| gate.place().clone());
            crew.spawn(G::NAME, worker::Task::Broadcast(Task { gates: places }))?;
        }
        crew.await_ready(self.listeners)?;

        let (mut call, mut to_first, mut to_last) =
            (Histogram::new(), Histogram::new(), Histogram::new());
        let (begin, time) = (Instant::now(), self.bench.settings.time(1.0));
        let mut round = 0;
        loop {
            round += 1;
            let gate = gates[round as usize % 2];
            self.await_all(&mut crew, waits(round), "not all have come to the gate")?;
            thread::sleep(SETTLE);
            if self.reached(crew.control(), passed(round)) > 0 {
                return Err(Trouble::Failed("somebody has passed a closed gate".to_owned()));
            }
            // In the last round they are told to end when they have passed.
            let last = begin.elapsed() >= time;
            if last {
                crew.control().reports[0].0.operations.store(LAST, Release);
            }
            let opened = now_ns();
            gate.open(self.listeners as u32);
            let returned = now_ns();
            self.await_all(&mut crew, passed(round), "not all have passed an open gate")?;
            call.record(returned - opened);
            let at = || self.lines(crew.control()).map(|line| line.at.load(Relaxed));
            // A clock that is read on two processors may differ by a few nanoseconds.
            to_first.record(at().min().unwrap_or(opened).saturating_sub(opened));
            to_last.record(at().max().unwrap_or(opened).saturating_sub(opened));
            gate.shut();
            if last {
                break;
            }
            check_interrupt()?;
        }
        crew.finish::<()>()?;
        let columns = vec![
            call.quantile(0.5) / 1e3,
            to_first.quantile(0.5) / 1e3,
            to_last.quantile(0.5) / 1e3,
            to_last.quantile(0.99) / 1e3,
            to_last.largest() as f64 / 1e3,
        ];
        Ok(Figures { columns, durations: Some(to_last) })
    }
}

impl Measure<'_> {
    fn lines<'a>(&self, control: &'a Control) -> impl Iterator<Item = &'a crate::control::Report> {
        control.reports[..self.listeners].iter().map(|line| &line.0)
    }

    /// How many have come so far.
    fn reached(&self, control: &Control, step: u32) -> usize {
        self.lines(control).filter(|line| line.step.load(Acquire) >= step).count()
    }

    fn await_all(&self, crew: &mut Crew, step: u32, why_not: &str) -> Result<(), Trouble> {
        crew.await_that(why_not, |control| self.reached(control, step) == self.listeners)
    }
}

/// What the first line's operations say when there is no further round.
const LAST: u64 = 1;

/// A listener's step before it waits for the `round`-th time.
fn waits(round: u32) -> u32 {
    2 * round
}

/// A listener's step once it has passed for the `round`-th time.
fn passed(round: u32) -> u32 {
    2 * round + 1
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    gates: [Place; 2],
}

/// The worker's part.
pub(crate) fn work(worker: &Worker, task: Task) -> io::Result<()> {
    with_gate(&worker.contender, Listen { worker, task })
}

struct Listen<'a> {
    worker: &'a Worker,
    task: Task,
}

impl GateJob for Listen<'_> {
    type Output = io::Result<()>;

    fn run<G: Gate>(self) -> Self::Output {
        let [first, second] = &self.task.gates;
        let gates = [G::attach(first)?, G::attach(second)?];
        let (line, control) = (self.worker.line(), &self.worker.control);
        self.worker.ready();
        for round in 1.. {
            line.step.store(waits(round), Release);
            gates[round as usize % 2].pass();
            line.at.store(now_ns(), Relaxed);
            // Ordered before the opening by whoever opened the gate.
            let last = control.reports[0].0.operations.load(Acquire) == LAST;
            line.step.store(passed(round), Release);
            if last {
                break;
            }
        }
        // Until everybody is to finish: one that ends before has failed.
        control.await_start(1);
        Ok(())
    }
}
