//! A holder is killed while another process waits: how long until that one is inside.

use std::fs;
use std::hint::black_box;
use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bench::{Bench, Entrant};
use crate::contender::{Lock, LockJob, Place, with_lock};
use crate::crew::{Crew, PATIENCE};
use crate::histogram::Histogram;
use crate::machine;
use crate::scratch::Created;
use crate::statistics::{largest, quantile};
use crate::sys::now_ns;
use crate::table::{Column, Figures, Table};
use crate::trouble::{Trouble, poll, sleep};
use crate::worker::{self, Worker};

/// So many times what a large holder uses must be free: one is still dying while the next one starts.
const SPARE: f64 = 2.5;

/// For filling memory. A virtual machine may have to be given it first, which takes long.
const PER_GIB: Duration = Duration::from_secs(30);

/// A large holder takes longer to start and to die, so that fewer must do.
fn kills_of(mib: usize, kills_of_small: usize) -> usize {
    kills_of_small.div_ceil(if mib > 1024 { 10 } else { 3 })
}

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    let kills = bench.settings.kills;
    let small = ("small holder".to_owned(), 0, kills);
    let large = bench
        .settings
        .big_mib
        .iter()
        .map(|&mib| (format!("holder with {mib} MiB in use"), mib, kills_of(mib, kills)));
    for (setting, mib, kills) in [small].into_iter().chain(large) {
        let mut entrants = bench.shared_locks();
        entrants.iter_mut().for_each(mark_those_who_never_recover);
        if machine::available_mib() < mib as f64 * SPARE {
            entrants.iter_mut().for_each(|entrant| entrant.1 = entrant.1.or(Some("no memory")));
        }
        let setting = format!("{setting}, {kills} kills a run");
        let title = format!("recovery, {setting}");
        let rows = bench.rounds(&title, bench.settings.runs, &entrants, |name| {
            with_lock(name, Measure { bench, mib, kills })
        })?;
        let columns = vec![
            Column::lower("killed → next one inside p50, µs"),
            Column::lower("p99, µs"),
            Column::lower("longest, µs").largest(),
        ];
        tables.push(Table { workload: "recovery".into(), setting, columns, rows });
    }
    Ok(())
}

fn mark_those_who_never_recover((entry, why_not): &mut Entrant) {
    if !entry.recovers {
        *why_not = why_not.or(Some("never"));
    }
}

struct Measure<'a> {
    bench: &'a Bench,
    mib: usize,
    kills: usize,
}

impl LockJob for Measure<'_> {
    type Output = Result<Figures, Trouble>;

    fn run<L: Lock>(self) -> Self::Output {
        let lock = Created::new(self.bench.scratch.place(), L::create)?;
        let mut crew = Crew::new(self.bench)?;
        let task = |part| worker::Task::Recovery(Task { place: lock.place().clone(), part });
        let waiter = crew.spawn(L::NAME, task(Part::Wait))?;
        let mut took_us = Vec::with_capacity(self.kills);
        for kill in 0..self.kills {
            let holder = crew.spawn(L::NAME, task(Part::Hold { mib: self.mib }))?;
            let patience = PATIENCE + PER_GIB * self.mib as u32 / 1024;
            crew.await_for(patience, "the holder has not filled its memory", |control| {
                control.reports[holder].0.step.load(Acquire) >= FILLED
            })?;
            crew.await_that("the holder is not inside", |control| {
                control.reports[holder].0.step.load(Acquire) == HOLDS
            })?;

            let turn = kill as u32 + 1;
            crew.control().start(turn);
            self.await_sleep(&mut crew, waiter, turn)?;
            // Kills must not keep step with a waiter that looks up every so often.
            sleep(Duration::from_secs_f64(0.1 * (kill as f64 * 0.618).fract()))?;

            let killed = now_ns();
            crew.kill(holder)?;
            crew.await_that("nobody has followed a killed holder", |control| {
                control.reports[waiter].0.step.load(Acquire) == inside(turn)
            })?;
            let line = &crew.control().reports;
            took_us.push((line[waiter].0.at.load(Relaxed) - killed) as f64 / 1e3);
            crew.reap(holder)?;
            crew.control().reports[holder].0.step.store(0, Relaxed);
        }
        crew.finish::<()>()?;
        let took = || took_us.iter().copied();
        let columns = vec![quantile(took(), 0.5), quantile(took(), 0.99), largest(took())];
        let mut durations = Histogram::new();
        took().for_each(|us| durations.record((us * 1e3) as u64));
        Ok(Figures { columns, durations: Some(durations) })
    }
}

impl Measure<'_> {
    /// Waits until the waiter is about to lock, and then until the system says that it sleeps, which one that spins or
    /// naps may never do for long enough to be seen.
    fn await_sleep(&self, crew: &mut Crew, waiter: usize, turn: u32) -> Result<(), Trouble> {
        crew.await_that("the waiter has not come", |control| {
            control.reports[waiter].0.step.load(Acquire) == waits(turn)
        })?;
        let status = format!("/proc/{}/stat", crew.pid(waiter));
        poll(Duration::from_millis(50), || Ok(is_asleep(&fs::read_to_string(&status)?)))?;
        Ok(())
    }
}

/// Whether a line of `/proc/<pid>/stat` tells of a process that sleeps. The name before the state may hold anything.
fn is_asleep(status: &str) -> bool {
    let after_name = status.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.trim_start().starts_with('S')
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    place: Place,
    part: Part,
}

#[derive(Serialize, Deserialize)]
enum Part {
    /// Hold the lock, with so much memory in use, until killed.
    Hold { mib: usize },
    /// At every start, lock once.
    Wait,
}

/// The holder's step once its memory is in use.
const FILLED: u32 = 1;

/// The holder's step once it is inside.
const HOLDS: u32 = 2;

/// The waiter's step before it locks for the `turn`-th time.
fn waits(turn: u32) -> u32 {
    2 * turn
}

/// The waiter's step once it was inside for the `turn`-th time.
fn inside(turn: u32) -> u32 {
    2 * turn + 1
}

/// The worker's part.
pub(crate) fn work(worker: &Worker, task: Task) -> io::Result<()> {
    with_lock(&worker.contender, Survive { worker, task })
}

struct Survive<'a> {
    worker: &'a Worker,
    task: Task,
}

impl LockJob for Survive<'_> {
    type Output = io::Result<()>;

    fn run<L: Lock>(self) -> Self::Output {
        let lock = L::attach(&self.task.place)?;
        match self.task.part {
            Part::Hold { mib } => hold(self.worker, &lock, mib),
            Part::Wait => wait_in_turn(self.worker, &lock),
        }
        Ok(())
    }
}

fn hold(worker: &Worker, lock: &impl Lock, mib: usize) {
    // Of ones, not zeros: those the system would promise without giving.
    let memory = black_box(vec![1u8; mib << 20]);
    worker.line().step.store(FILLED, Release);
    let _held = lock.lock();
    worker.line().step.store(HOLDS, Release);
    loop {
        thread::park();
        black_box(&memory);
    }
}

fn wait_in_turn(worker: &Worker, lock: &impl Lock) {
    for turn in 1.. {
        worker.control.await_start(turn);
        if worker.control.is_stopped() {
            return;
        }
        let line = worker.line();
        line.step.store(waits(turn), Release);
        let held = lock.lock();
        line.at.store(now_ns(), Relaxed);
        drop(held);
        line.step.store(inside(turn), Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_stands_behind_the_last_bracket() {
        assert!(is_asleep("17 (a (S) b) S 1 2 3"));
        assert!(!is_asleep("17 (a ) S) R 1 2 3"));
        assert!(!is_asleep(""));
    }

    #[test]
    fn steps_never_repeat() {
        let steps: Vec<u32> = (1..5).flat_map(|turn| [waits(turn), inside(turn)]).collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
    }
}
