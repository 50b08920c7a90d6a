//! There are many objects at once: what each one's first use costs, what using them in turn does, and what one
//! more does.

use std::hint::black_box;
use std::io;
use std::time::Instant;

use crate::bench::Bench;
use crate::contender::{Lock, LockJob, with_lock};
use crate::histogram::Histogram;
use crate::scratch::Created;
use crate::sys;
use crate::table::{Column, Figures, Table};
use crate::trouble::{Trouble, check_interrupt};

/// Open files that the program itself needs.
const OWN_FILES: usize = 64;

pub(crate) fn run(bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
    // Some contenders keep a file open for each object.
    let files = sys::raise_file_limit()?;
    for &objects in &bench.settings.objects {
        let noun = if objects == 1 { "object" } else { "objects" };
        let setting = format!("{objects} {noun}");
        let title = format!("objects, {setting}");
        let mut entrants = bench.shared_locks();
        if objects.saturating_add(OWN_FILES) > files {
            entrants.iter_mut().for_each(|entrant| entrant.1 = entrant.1.or(Some("file limit")));
        }
        let rows = bench.rounds(&title, bench.settings.runs, &entrants, |name| {
            with_lock(name, Measure { bench, objects })
        })?;
        let columns = vec![
            Column::lower("first lock + unlock, µs"),
            Column::lower("ns per lock + unlock, in turn"),
            Column::lower("create + remove one more p50, µs"),
        ];
        tables.push(Table { workload: "objects".into(), setting, columns, rows });
    }
    Ok(())
}

struct Measure<'a> {
    bench: &'a Bench,
    objects: usize,
}

impl LockJob for Measure<'_> {
    type Output = Result<Figures, Trouble>;

    fn run<L: Lock>(self) -> Self::Output {
        let scratch = &self.bench.scratch;
        let objects: io::Result<Vec<_>> =
            (0..self.objects).map(|_| Created::new(scratch.place(), L::create)).collect();
        let objects = objects?;

        let begin = Instant::now();
        objects.iter().for_each(|lock| drop(lock.lock()));
        let first_us = begin.elapsed().as_secs_f64() * 1e6 / self.objects as f64;

        let time = self.bench.settings.time(0.5);
        let (begin, mut pairs) = (Instant::now(), 0u64);
        let in_turn = loop {
            for object in &objects {
                let lock: &L = object;
                drop(black_box(lock).lock());
            }
            pairs += objects.len() as u64;
            // Looking at the clock costs more than a pair.
            let rounds_are_short = objects.len() < 1_000 && pairs % 1_000 >= objects.len() as u64;
            if rounds_are_short {
                continue;
            }
            check_interrupt()?;
            if begin.elapsed() >= time {
                break begin.elapsed().as_nanos() as f64 / pairs as f64;
            }
        };

        let mut one_more = Histogram::new();
        let begin = Instant::now();
        while begin.elapsed() < time {
            let begin = Instant::now();
            drop(Created::new(scratch.place(), L::create)?);
            one_more.record(begin.elapsed().as_nanos() as u64);
        }
        Ok(vec![first_us, in_turn, one_more.quantile(0.5) / 1e3].into())
    }
}
