//! One thread locks and unlocks, nobody else is there: what a lock costs where it is not needed just now.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::contender::{Lock, LockJob, with_lock};
use crate::scratch::Created;
use crate::statistics::median;
use crate::table::{Column, Figures, Outcome, Table};
use crate::trouble::Trouble;

/// A run is cut into so many slices, between which the contenders change: a run of one contender in one piece would be
/// at the mercy of what the machine did just then.
const SLICES: usize = 10;

/// Between two looks at the clock, which costs more than a pair.
const BATCH: u32 = 1_000;

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    let slice = bench.settings.time(1.0 / SLICES as f64);
    let rounds = bench.settings.runs * SLICES;
    let mut rows = bench
        .rounds("pair", rounds, &bench.locks(), |name| with_lock(name, Pair { bench, slice }))?;
    for row in &mut rows {
        if let Outcome::Runs(slices) = &mut row.outcome {
            let of_one_run = |run: &[Vec<f64>]| vec![median(run.iter().map(|slice| slice[0]))];
            *slices = slices.chunks(SLICES).map(of_one_run).collect();
        }
    }
    let columns = vec![Column::lower("ns per lock + unlock")];
    tables.push(Table { workload: "pair".into(), setting: String::new(), columns, rows });
    Ok(())
}

struct Pair<'a> {
    bench: &'a Bench,
    slice: Duration,
}

impl LockJob for Pair<'_> {
    type Output = Result<Figures, Trouble>;

    fn run<L: Lock>(self) -> Self::Output {
        let created = Created::new(self.bench.scratch.place(), L::create)?;
        let lock: &L = &created;
        let (begin, mut batches) = (Instant::now(), 0);
        let elapsed = loop {
            for _ in 0..BATCH {
                drop(black_box(lock).lock());
            }
            batches += 1;
            let elapsed = begin.elapsed();
            if elapsed >= self.slice {
                break elapsed;
            }
        };
        Ok(vec![elapsed.as_nanos() as f64 / (f64::from(BATCH) * f64::from(batches))].into())
    }
}
